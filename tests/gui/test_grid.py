"""Views side by side, in a real window with a simulated mouse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import napari
import numpy as np
import pytest
from napari.layers import Image, Labels, Layer
from pytestqt.qtbot import QtBot
from vispy.app.canvas import MouseEvent

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import LV, Segmentation
from napari_echo.core.prediction import Prediction
from napari_echo.gui.cells import TAG, CellFrames
from napari_echo.gui.resting import is_resting
from napari_echo.gui.review import EchoReview
from napari_echo.workflow.session import Session

Dock = Callable[[Session], tuple[napari.Viewer, EchoReview]]
Saying = Callable[..., Prediction]
Reviewed = tuple[napari.Viewer, EchoReview]
Toggle = Callable[[EchoReview], None]


@pytest.fixture
def opened(
    dock: Dock,
    session: Session,
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
    said_by: Saying,
    qtbot: QtBot,
) -> Reviewed:
    viewer, review = dock(session)
    viewer.window._qt_window.resize(1000, 800)
    viewer.window._qt_window.show()
    session.open_clip(clip, truth=truth, key_frames=key_frames)
    for shift, name in enumerate("ab"):
        session.add_prediction(said_by(name, clip, truth, shift))
    qtbot.waitUntil(lambda: not review.jobs.busy and not review.comparing.runner.busy)
    return viewer, review


@pytest.fixture
def toggle(qtbot: QtBot) -> Toggle:
    """Switch the views side by side on or off, and wait for all cells."""

    def until_shown(review: EchoReview) -> None:
        review.comparing.toggle_grid()
        wait_for_cells(review, qtbot)

    return until_shown


def wait_for_cells(review: EchoReview, qtbot: QtBot) -> None:
    grid = review.comparing.grid
    qtbot.waitUntil(lambda: grid.cells == (grid.plan() if grid.is_on else ()) and not grid.settling)


def cells_of(viewer: napari.Viewer) -> list[list[str]]:
    """Names of the visible layers of each cell, row by row."""
    found = viewer.canvas.grid.iter_viewboxes(viewer.layers)
    return [
        [viewer.layers[i].name for i in inside if viewer.layers[i].visible]
        for _, inside in found
        if inside
    ]


def test_each_cell_shows_the_clip_with_one_model(
    opened: Reviewed, truth: Segmentation, toggle: Toggle
) -> None:
    viewer, review = opened
    toggle(review)
    cells = cells_of(viewer)
    assert [len(cell) for cell in cells] == [2, 2]
    assert [cell[0].split("  ")[0] for cell in cells] == [f"model {name}" for name in "ab"]
    images = [x for x in viewer.layers if isinstance(x, Image) and TAG in x.metadata]
    assert all(image.name_overlay.visible for image in images)
    # One contrast for all, the hidden clip's among them.
    images[1].contrast_limits = (10, 90)
    clip_layer = review.layers.find("clip")
    assert isinstance(clip_layer, Image)
    assert {tuple(x.contrast_limits) for x in [*images, clip_layer]} == {(10, 90)}
    # What each shows is its own: the second model is a pixel off the first.
    overlays = [x.data for x in viewer.layers if TAG in x.metadata and isinstance(x, Labels)]
    assert all(isinstance(frames, CellFrames) for frames in overlays)
    assert np.array_equal(overlays[1].sources.prediction, np.roll(truth.labels, 1, axis=2))


def test_leaving_the_grid_restores_the_layers_as_they_were(
    opened: Reviewed, toggle: Toggle
) -> None:
    viewer, review = opened
    review.layers.find("clip").gamma = 0.8

    def state() -> object:
        g = viewer.canvas.grid
        return (
            [(x, x.name, x.visible, x.locked) for x in viewer.layers if not is_resting(x)],
            viewer.layers.selection.active,
            (g.enabled, g.stride, g.shape, g.spacing),
            viewer.canvas.overlays.scale_bar.position,
        )

    before = state()
    toggle(review)
    assert state() != before
    toggle(review)
    assert state() == before
    # What a model says of the clip is not left in the list.
    cells = [x for x in viewer.layers if TAG in x.metadata]
    assert not any(x.visible or "model" in x.name for x in cells)
    # Nothing is made anew to show them again.
    toggle(review)
    assert [x for x in viewer.layers if TAG in x.metadata] == cells
    assert all(x.visible for x in cells)


def test_cells_are_kept_while_they_are_off_and_go_with_the_review(
    opened: Reviewed, toggle: Toggle
) -> None:
    viewer, review = opened

    def made() -> list[Layer]:
        return [x for x in viewer.layers if TAG in x.metadata]

    active = viewer.layers.selection.active
    assert not made()
    toggle(review)
    before = made()
    assert list(viewer.layers)[:4] == before
    toggle(review)
    assert made() == before
    assert not any(x.visible for x in made())
    assert viewer.layers.selection.active is active
    toggle(review)
    assert made() == before
    review.tear_down()
    assert not made()


def test_cells_come_one_by_one_and_may_be_left_before_all_are_there(
    opened: Reviewed, toggle: Toggle, qtbot: QtBot
) -> None:
    viewer, review = opened
    grid = review.comparing.grid
    before = [(x, x.visible) for x in viewer.layers if not is_resting(x)]

    def half_there() -> bool:
        return bool(grid.cells) and sum(map(len, cells_of(viewer))) == 1

    grid.set_on(True)
    qtbot.waitUntil(half_there)
    assert grid.settling
    toggle(review)
    assert not grid.is_on
    assert [(x, x.visible) for x in viewer.layers if not is_resting(x)] == before
    cells = [x for x in viewer.layers if TAG in x.metadata]
    assert not any(x.visible or "model" in x.name for x in cells)
    toggle(review)
    assert [len(cell) for cell in cells_of(viewer)] == [2, 2]


def test_cells_that_come_first_show_the_whole_clip_as_later(
    opened: Reviewed,
    session: Session,
    clip: EchoClip,
    truth: Segmentation,
    said_by: Saying,
    toggle: Toggle,
) -> None:
    viewer, review = opened
    for name in "cd":
        session.add_prediction(said_by(name, clip, truth))

    def look() -> tuple[float, list[list[str]]]:
        return float(viewer.scene.camera.zoom), cells_of(viewer)

    alone = viewer.scene.camera.zoom
    toggle(review)
    first = look()
    toggle(review)
    assert viewer.scene.camera.zoom == pytest.approx(alone)
    toggle(review)
    assert look() == first
    assert first[0] < 0.7 * alone


def test_what_is_switched_on_meanwhile_waits_for_the_one_view(
    opened: Reviewed, toggle: Toggle
) -> None:
    viewer, review = opened
    layer = viewer.add_points(np.zeros((1, 3)), name="mine", visible=False)
    toggle(review)
    number = len(cells_of(viewer))
    layer.visible = True
    viewer.add_points(np.zeros((1, 3)), name="another")
    assert len(cells_of(viewer)) == number
    toggle(review)
    assert layer.visible
    assert viewer.layers["another"].visible


def test_naparis_own_switch_leaves_the_grid(opened: Reviewed, toggle: Toggle) -> None:
    viewer, review = opened
    toggle(review)
    viewer.canvas.grid.enabled = False
    assert not review.comparing.grid.is_on
    assert not any(x.visible for x in viewer.layers if TAG in x.metadata)


def test_the_grid_follows_the_models_and_waits_for_those_of_the_next_clip(
    opened: Reviewed,
    session: Session,
    clip: EchoClip,
    said_by: Saying,
    toggle: Toggle,
    qtbot: QtBot,
) -> None:
    viewer, review = opened
    toggle(review)
    assert len(cells_of(viewer)) == 2
    assert len(cells_of(viewer)) == 2
    wider = np.pad(clip.frames[:9], ((0, 0), (0, 0), (0, 8)))
    other = EchoClip.from_frames(wider, fps=20.0, spacing_mm=(0.5, 0.5))
    session.open_clip(other)
    assert not viewer.canvas.grid.enabled
    assert int(viewer.dims.nsteps[0]) == 9
    long = Segmentation(np.zeros(wider.shape, np.uint8), np.ones(9, bool), "ground truth")
    for name in "xy":
        session.add_prediction(said_by(name, other, long))
    wait_for_cells(review, qtbot)
    assert [cell[0] for cell in cells_of(viewer)] == ["model x", "model y"]
    # A model that is left alone needs no grid.
    session.keep_predictions({"y"})
    assert not viewer.canvas.grid.enabled


def test_model_truth_and_correction_side_by_side(
    opened: Reviewed, session: Session, toggle: Toggle, qtbot: QtBot
) -> None:
    viewer, review = opened
    review.comparing.grid.set_contents("references")
    toggle(review)
    assert [cell[0].split("  ")[0] for cell in cells_of(viewer)] == ["model a", "Ground truth"]
    review.editing.choose("prediction")
    review.editing.begin()
    wait_for_cells(review, qtbot)
    cells = cells_of(viewer)
    assert [cell[0].split("  ")[0] for cell in cells] == ["model a", "Ground truth", "Corrected"]
    assert cells[2][1] == "Correction"
    session.corrections.discard()
    assert len(cells_of(viewer)) == 2


def test_the_contour_ends_where_cells_begin_and_the_brush_paints_in_them(
    opened: Reviewed, session: Session, qtbot: QtBot
) -> None:
    viewer, review = opened
    press = viewer.window._qt_viewer.canvas._key_map_handler.press_key
    refused: list[str] = []
    review.verbs.refused.disconnect()
    review.verbs.refused.connect(refused.append)
    review.comparing.grid.set_contents("references")
    review.editing.choose("prediction")
    press("Shift-D")
    assert review.contour_tool.active
    press("Shift-W")
    wait_for_cells(review, qtbot)
    assert viewer.canvas.grid.enabled
    assert not review.contour_tool.active
    layer = review.layers.draft.layer
    assert viewer.layers.selection.active is layer
    press("2")
    assert layer is not None
    assert layer.mode == "paint"
    assert review.correct_panel.tools.brush.isChecked()
    # In cells it would be a cell of its own.
    press("Shift-D")
    assert not review.contour_tool.active
    assert refused == ["Go back to one view first (Shift-W): a contour is dragged there."]
    press("Shift-W")
    assert not any(x.visible for x in viewer.layers if x.name.startswith("Contour"))


def drag(viewer: napari.Viewer, start: np.ndarray, end: np.ndarray) -> None:
    """Drag the mouse over the canvas, from a place to another (x, y in pixels)."""
    canvas = viewer.window._qt_viewer.canvas
    press = MouseEvent(type="mouse_press", pos=start, button=1, buttons=[1], modifiers=[])
    canvas._on_mouse_press(press)
    for place in np.linspace(start, end, 5):
        canvas._on_mouse_move(
            MouseEvent(
                type="mouse_move",
                pos=place,
                button=1,
                buttons=[1],
                modifiers=[],
                press_event=press,
                last_event=press,
            )
        )
    canvas._on_mouse_release(
        MouseEvent(
            type="mouse_release", pos=end, button=1, buttons=[], modifiers=[], press_event=press
        )
    )


@pytest.mark.parametrize("cell", [0, 1, 2])
def test_a_stroke_in_any_cell_paints_the_correction_at_that_place(
    opened: Reviewed, session: Session, qtbot: QtBot, cell: int, toggle: Toggle
) -> None:
    viewer, review = opened
    review.comparing.grid.set_contents("references")
    toggle(review)
    review.editing.choose("prediction")
    review.editing.begin()
    wait_for_cells(review, qtbot)
    viewer.reset_view()
    qtbot.wait(50)
    layer = review.layers.find("correction")
    assert isinstance(layer, Labels)
    review.layers.draft.paint_with(LV)
    layer.brush_size = 3
    frame = 4
    review.layers.go_to(frame)
    before = layer.data[frame].copy()
    canvas = viewer.window._qt_viewer.canvas
    canvas.on_draw(None)
    view = canvas.grid_views[cell]
    # From a place in the frame (row, column) to one on the canvas, by the cell's own camera.
    place = {}
    for name, (row, column) in {"start": (50.0, 8.0), "end": (50.0, 20.0)}.items():
        world = (column * 0.8, row * 0.8, 0, 1)
        inside = (view.transform * view.scene.transform).map(world)
        place[name] = np.array(inside[:2])
    drag(viewer, place["start"], place["end"])
    changed = np.argwhere(layer.data[frame] != before)
    assert len(changed)
    assert abs(changed[:, 0] - 50).max() <= 2
    assert changed[:, 1].min() == pytest.approx(8, abs=2)
    assert changed[:, 1].max() == pytest.approx(20, abs=2)
    assert session.corrections.uncommitted == (frame,)
    # Its outline is drawn in the other cells, too.
    overlay = next(x for x in viewer.layers if TAG in x.metadata and isinstance(x, Labels))
    row, column = (changed[len(changed) // 2] - overlay.data.offset) * overlay.data.factor
    near = overlay.data[frame][row - 12 : row + 13, column - 12 : column + 13]
    assert (near == overlay.data._hard).any()
    session.corrections.undo()
    assert np.array_equal(layer.data[frame], before)


def test_one_model_cannot_be_shown_side_by_side(
    dock: Dock, session: Session, clip: EchoClip, truth: Segmentation, said_by: Saying
) -> None:
    _, review = dock(session)
    told: list[str] = []
    review.verbs.refused.connect(told.append)
    review.comparing.toggle_grid()
    session.open_clip(clip)
    session.set_prediction(replace(said_by("a", clip, truth), model_name="alone"))
    review.comparing.toggle_grid()
    assert told == [
        "Open a clip first.",
        "Tick and run a second model first: models are shown side by side.",
    ]
    assert not review.model_panel.side_by_side.isEnabled()
