"""Correcting in the real window: contours by mouse, smoothing, copies, propagation, verdicts."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import pytest
from napari.layers import Layer, Points
from napari.utils._test_utils import read_only_mouse_event
from napari.utils.interactions import (
    mouse_double_click_callbacks,
    mouse_move_callbacks,
    mouse_press_callbacks,
    mouse_release_callbacks,
)
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import Segmentation
from napari_echo.gui.draft_layer import MODES
from napari_echo.gui.review import EchoReview
from napari_echo.io.store import LabelStore
from napari_echo.workflow.export_choose import choose
from napari_echo.workflow.journal import JournalFolder
from napari_echo.workflow.session import Session

PATIENCE_MS = 20_000
Reviewed = tuple[napari.Viewer, EchoReview]
ED, ES = 0, 6


@pytest.fixture
def refusals() -> list[str]:
    return []


@pytest.fixture
def reviewed(
    dock: Callable[[Session], Reviewed],
    session: Session,
    clip: EchoClip,
    truth: Segmentation,
    refusals: list[str],
) -> Reviewed:
    viewer, review = dock(session)
    review.verbs.refused.disconnect()
    review.verbs.refused.connect(refusals.append)
    session.open_clip(clip, truth=truth, key_frames=KeyFrames((Beat(ED, ES),), "traced"))
    return viewer, review


def press(viewer: napari.Viewer, key: str) -> None:
    """Press a key as the canvas does."""
    viewer.window._qt_viewer.canvas._key_map_handler.press_key(key)


def mouse(layer: Layer, kind: str, at: np.ndarray, modifiers: tuple[str, ...] = ()) -> None:
    """Let the mouse do something at a place of the clip, (frame, y, x)."""
    event = read_only_mouse_event(
        type=kind,
        is_dragging=kind == "mouse_move",
        position=tuple(np.asarray(at) * layer.scale),
        dims_displayed=[1, 2],
        modifiers=list(modifiers),
    )
    call = {
        "mouse_press": mouse_press_callbacks,
        "mouse_move": mouse_move_callbacks,
        "mouse_release": mouse_release_callbacks,
        "mouse_double_click": mouse_double_click_callbacks,
    }[kind]
    call(layer, event)


def drag(layer: Points, index: int, by: tuple[float, float]) -> None:
    start = layer.data[index].copy()
    mouse(layer, "mouse_press", start)
    for share in (0.3, 0.7, 1.0):
        mouse(layer, "mouse_move", start + share * np.array([0, *by]))
    mouse(layer, "mouse_release", start + np.array([0, *by]))


def lv(review: EchoReview, frame: int) -> np.ndarray:
    draft = review.session.corrections.draft
    assert draft is not None
    return draft.labels[frame] == 1


def test_a_contour_is_dragged_by_its_points_and_the_labels_follow(
    reviewed: Reviewed, truth: Segmentation
) -> None:
    viewer, review = reviewed
    tool, corrections = review.contour_tool, review.session.corrections
    review.layers.go_to(ES)
    press(viewer, "Shift-D")
    points = tool.points
    assert points is not None
    assert viewer.layers.selection.active is points
    assert corrections.uncommitted == ()
    n, before = len(points.data), lv(review, ES).copy()

    side = int(points.data[:, 2].argmax())
    drag(points, side, (0, 8))
    moved = lv(review, ES)
    assert moved.sum() > before.sum() + 20
    assert corrections.uncommitted == (ES,)
    y, x = points.data[side, 1:].round().astype(int)
    assert moved[y, x - 1]
    assert not before[y, x - 1]
    assert np.array_equal(lv(review, ED), truth.labels[ED] == 1)

    # One drag is one stroke, and the points follow what is undone.
    assert len(corrections.draft.history.strokes) == 1
    press(viewer, "Control-Z")
    assert np.array_equal(lv(review, ES), before)
    assert points.data[side, 2] < x - 4
    press(viewer, "Control-Shift-Z")
    assert np.array_equal(lv(review, ES), moved)
    assert abs(points.data[side, 2] - x) < 1

    # Points come by a double-click or Alt and a click on the line, and go by Delete.
    for kind, modifiers in (("mouse_double_click", ()), ("mouse_press", ("Alt",))):
        between = points.data[side : side + 2].mean(axis=0)
        outline = tool._contour.outline()
        nearest = outline[np.linalg.norm(outline - between[1:], axis=1).argmin()]
        mouse(points, kind, np.array([ES, *nearest]), modifiers)
    assert len(points.data) == n + 2
    assert np.array_equal(lv(review, ES), moved)
    points.selected_data = {side}
    press(viewer, "Delete")
    assert len(points.data) == n + 1
    points.selected_data = {0}
    press(viewer, "Delete")
    assert len(points.data) == n + 1

    press(viewer, "Right")
    assert not tool.active
    assert viewer.layers.selection.active is review.layers.find("correction")
    assert not any(isinstance(x, Points) and x.visible for x in viewer.layers)


@pytest.mark.parametrize(
    ("key", "mode"),
    [(Qt.Key.Key_1, "erase"), (Qt.Key.Key_2, "paint"), (Qt.Key.Key_3, "polygon")],
)
def test_the_key_of_another_tool_ends_the_contour_and_takes_that_up(
    reviewed: Reviewed, qtbot: QtBot, key: Qt.Key, mode: str
) -> None:
    viewer, review = reviewed
    tools = review.correct_panel.tools
    viewer.window._qt_window.show()
    canvas = viewer.window._qt_viewer.canvas.native
    qtbot.keyClick(canvas, Qt.Key.Key_D, Qt.KeyboardModifier.ShiftModifier)
    points = review.contour_tool.points
    assert points is not None
    n = len(points.data)
    points.selected_data = {n // 2}
    qtbot.keyClick(canvas, Qt.Key.Key_5)  # napari's: it would move and turn the layer
    assert points.mode == "select"
    assert tools.contour.isChecked()
    qtbot.keyClick(canvas, key)
    assert not review.contour_tool.active
    assert review.session.corrections.uncommitted == ()
    layer = review.layers.draft.layer
    assert viewer.layers.selection.active is layer
    assert layer is not None
    assert layer.mode == mode
    shown = {name: button.isChecked() for name, button in tools._tools.items()}
    assert [MODES[name] for name, on in shown.items() if on] == [mode]
    assert not tools.contour.isChecked()


def test_a_tool_is_shown_only_while_the_mouse_works_with_it(reviewed: Reviewed) -> None:
    viewer, review = reviewed
    tools = review.correct_panel.tools
    tools.brush.click()
    assert tools.brush.isChecked()
    viewer.layers.selection.active = review.layers.find("clip")
    assert not tools.brush.isChecked()
    viewer.layers.selection.active = review.layers.draft.layer
    assert tools.brush.isChecked()


def test_the_layers_of_a_contour_are_made_while_the_reader_looks(
    reviewed: Reviewed, qtbot: QtBot
) -> None:
    viewer, review = reviewed
    names = {"Contour", "Contour points"}

    def hidden() -> set[str]:
        return {x.name for x in viewer.layers if not x.visible}

    active, extent = viewer.layers.selection.active, viewer.dims.range
    qtbot.waitUntil(lambda: names <= hidden(), timeout=PATIENCE_MS)
    assert viewer.layers.selection.active is active
    assert viewer.dims.range == extent
    assert not review.contour_tool.active
    made = [x for x in viewer.layers if x.name in names]
    press(viewer, "Shift-D")
    assert [x for x in viewer.layers if x.name in names] == made
    assert all(x.visible for x in made)
    # Napari's brush darkens what is painted, unless it is told not to.
    assert not viewer.canvas.overlays["_brush_circle"].box


def test_an_empty_frame_is_drawn_by_three_clicks(reviewed: Reviewed, qtbot: QtBot) -> None:
    viewer, review = reviewed
    review.editing.choose("nothing")
    press(viewer, "Shift-D")
    points = review.contour_tool.points
    assert points is not None
    assert points.mode == "add"
    for y, x in ((48, 26), (12, 36), (48, 46)):
        at = np.array([0, y, x])
        mouse(points, "mouse_press", at)
        mouse(points, "mouse_release", at)
    assert points.mode == "select"
    mask = lv(review, 0)
    assert mask[30, 30:42].all()
    assert mask[46, 28:44].all()
    assert not mask[50:].any()
    # One of its points is dragged alone.
    qtbot.waitUntil(lambda: not points.selected_data, timeout=PATIENCE_MS)
    before = points.data.copy()
    drag(points, 3, (0, -5))
    assert np.flatnonzero((points.data != before).any(axis=1)).tolist() == [3]
    assert review.session.corrections.draft.base.kind == "nothing"
    assert review.session.corrections.uncommitted == (0,)


def test_frames_are_copied_smoothed_and_undone_across_frames(
    reviewed: Reviewed, refusals: list[str], truth: Segmentation
) -> None:
    viewer, review = reviewed
    corrections = review.session.corrections
    press(viewer, ",")
    assert refusals == ["There is no frame before the first."]
    review.layers.go_to(3)
    press(viewer, ".")
    assert np.array_equal(lv(review, 3), truth.labels[4] == 1)
    press(viewer, ",")
    assert np.array_equal(lv(review, 3), truth.labels[2] == 1)
    review.layers.go_to(5)
    layer = review.layers.find("correction")
    layer.data[5, 28:31, 22:32] = 1
    corrections.touch(5)
    rough = lv(review, 5).copy()
    press(viewer, "Shift-M")
    assert 0 < (lv(review, 5) ^ rough).sum() < 0.1 * rough.sum()
    assert abs(lv(review, 5).sum() / rough.sum() - 1) < 0.02
    for _ in range(4):
        press(viewer, "Control-Z")
    assert review.layers.frame == 3
    assert corrections.uncommitted == ()
    assert np.array_equal(layer.data, truth.labels)


def test_a_polygon_is_drawn_from_its_button_and_undone(
    reviewed: Reviewed, truth: Segmentation
) -> None:
    viewer, review = reviewed
    tools = review.correct_panel.tools
    tools.structure.setCurrentIndex(tools.structure.findData(2))
    tools.polygon.click()
    layer = review.layers.find("correction")
    assert tools.polygon.isChecked()
    assert (layer.mode, layer.selected_label) == ("polygon", 2)
    layer._overlays["polygon"].points = [(0, 2, 2), (0, 2, 12), (0, 12, 12), (0, 12, 2)]
    press(viewer, "Enter")
    assert (layer.data[0, 3:11, 3:11] == 2).all()
    assert review.session.corrections.uncommitted == (0,)
    press(viewer, "Control-Z")
    assert np.array_equal(layer.data, truth.labels)
    tools.erase.click()
    assert layer.mode == "erase"
    tools.brush_size.setValue(17)
    assert layer.brush_size == 17


def test_propagation_is_shown_then_kept_and_never_over_what_was_corrected(
    reviewed: Reviewed, qtbot: QtBot, refusals: list[str], truth: Segmentation
) -> None:
    viewer, review = reviewed
    corrections, propagating = review.session.corrections, review.propagating
    review.editing.choose("nothing")
    press(viewer, "Shift-F")
    assert "Correct a frame first" in refusals[-1]
    for frame in (2, 9):
        corrections.write({frame: truth.labels[frame]})
    propagate(viewer, review, qtbot)
    assert corrections.uncommitted == (2, 9)
    assert review.layers.find("propagation").visible
    assert review.primary_button() is review.correct_panel.propagate.keep
    press(viewer, "Shift-F")
    assert review.layers.find("propagation") is None
    assert review.primary_button() is not review.correct_panel.propagate.keep

    propagate(viewer, review, qtbot)
    # Corrected while the outcome is shown: it keeps what was drawn.
    corrections.write({5: truth.labels[0]})
    review.correct_panel.propagate.first.setValue(4)
    press(viewer, "Shift-Enter")
    qtbot.waitUntil(lambda: propagating.shown is None, timeout=PATIENCE_MS)
    draft = corrections.draft
    assert corrections.uncommitted == (2, *range(4, 12))
    assert np.array_equal(draft.labels[5], truth.labels[0])
    for frame in (4, 7, 11):
        got, want = draft.labels[frame] == 1, truth.labels[frame] == 1
        assert 2 * (got & want).sum() / (got.sum() + want.sum()) > 0.8
    assert not draft.labels[3].any()
    # What was propagated is no start of the next propagation, and goes by one undo.
    assert propagating.sources() == (2, 5, 9)
    press(viewer, "Control-Z")
    assert corrections.uncommitted == (2, 5, 9)


def propagate(viewer: napari.Viewer, review: EchoReview, qtbot: QtBot) -> None:
    """Propagate by flow what was corrected, until it is shown."""
    review.propagating.method = "flow"
    press(viewer, "Shift-F")
    qtbot.waitUntil(lambda: review.propagating.shown is not None, timeout=PATIENCE_MS)


def test_what_a_propagation_would_give_is_a_dashed_curve_until_it_is_kept_or_dropped(
    reviewed: Reviewed, qtbot: QtBot, truth: Segmentation
) -> None:
    viewer, review = reviewed
    corrections, curves = review.session.corrections, review.curves
    review.editing.choose("nothing")
    for frame in (2, 9):
        review.editing.begin()
        corrections.write({frame: truth.labels[frame]})
    curves.quantity.setCurrentText("area")
    propagate(viewer, review, qtbot)

    # It starts from what was corrected, and is known on every frame.
    title, _, measures = curves.sources()["propagation"]
    area = curves.values(measures)
    true = np.count_nonzero(truth.labels == 1, axis=(1, 2)) * 0.08**2
    assert np.allclose(area[[2, 9]], true[[2, 9]])
    assert np.abs(area / true - 1).max() < 0.35
    curves.quantity.setCurrentText("volume")
    assert np.isfinite(curves.values(measures)).all()
    curves.refresh()
    assert title in curves.legend.text()
    assert "╍" in curves.legend.text()

    # Filled from other frames, it is another curve.
    press(viewer, "Shift-F")
    assert "propagation" not in curves.sources()
    corrections.write({5: truth.labels[0]})
    propagate(viewer, review, qtbot)
    again = curves.sources()["propagation"][2].area
    assert np.isclose(again[5], true[0])
    assert not np.allclose(again, area)

    press(viewer, "Shift-Enter")
    qtbot.waitUntil(lambda: review.propagating.shown is None, timeout=PATIENCE_MS)
    assert "propagation" not in curves.sources()
    qtbot.waitUntil(lambda: review.measuring.is_up_to_date, timeout=PATIENCE_MS)
    kept = curves.sources()["corrected"][2].area
    assert np.allclose(kept, again)
    curves.refresh()
    assert "propagation" not in curves.legend.text()


def test_a_verdict_while_a_propagation_is_kept_takes_all_of_it(
    reviewed: Reviewed, qtbot: QtBot, truth: Segmentation
) -> None:
    viewer, review = reviewed
    corrections = review.session.corrections
    clip = review.session.require_clip()
    review.editing.choose("nothing")
    review.editing.begin()
    corrections.write({3: truth.labels[3]})
    propagate(viewer, review, qtbot)
    press(viewer, "Shift-Enter")
    press(viewer, "Shift-Y")
    qtbot.waitUntil(lambda: review.committing.waiting == 0, timeout=PATIENCE_MS)
    (revision,) = corrections.store.revisions(clip.clip_id)
    assert revision.frames == tuple(range(len(clip)))
    assert (revision.labels == 1).any(axis=(1, 2)).all()
    assert review.propagating.shown is None


def test_undo_while_a_propagation_is_kept_takes_back_what_was_kept(
    reviewed: Reviewed, qtbot: QtBot, truth: Segmentation
) -> None:
    viewer, review = reviewed
    corrections = review.session.corrections
    review.editing.choose("nothing")
    review.editing.begin()
    corrections.write({3: truth.labels[3]})
    propagate(viewer, review, qtbot)
    # As slow as a clip of many large frames.
    corrections.relabelled.connect(lambda *_: time.sleep(0.03))
    press(viewer, "Shift-Enter")
    qtbot.waitUntil(lambda: len(corrections.uncommitted) > 3, timeout=PATIENCE_MS)
    assert review.propagating.filling.busy
    press(viewer, "Control-Z")
    qtbot.wait(300)
    assert corrections.uncommitted == (3,)
    # It is still shown, and can be kept.
    assert review.propagating.shown is not None
    assert not review.layers.draft.in_stroke


def test_what_is_told_counts_right(
    reviewed: Reviewed, qtbot: QtBot, truth: Segmentation, refusals: list[str]
) -> None:
    viewer, review = reviewed
    corrections, told = review.session.corrections, []
    review.verbs.told.connect(told.append)
    review.editing.choose("nothing")
    review.editing.begin()
    press(viewer, "Shift-Y")
    assert refusals[-1] == "Frames 0, 6 have no labels yet: draw them first."
    corrections.write({f: truth.labels[f] for f in range(len(truth.labels)) if f != 7})
    propagate(viewer, review, qtbot)
    assert told[-1].startswith("1 frame filled from frames 0 to 6, 8 to 11 by optical flow: look ")
    press(viewer, "Shift-Enter")
    qtbot.waitUntil(lambda: review.propagating.shown is None, timeout=PATIENCE_MS)
    assert told[-1] == "Kept 1 propagated frame, not committed yet."
    assert review.correct_panel.waiting.full_text() == "to commit: frames 0 to 11"
    press(viewer, "Control-Enter")
    qtbot.waitUntil(lambda: corrections.uncommitted == (), timeout=PATIENCE_MS)
    assert told[-1].startswith("Committed frames 0 to 11 of ")
    assert review.correct_panel.waiting.full_text() == "12 frames committed"


def test_verdicts_commit_behind_the_next_clip(
    dock: Callable[[Session], Reviewed],
    session: Session,
    qtbot: QtBot,
    clip: EchoClip,
    truth: Segmentation,
    tmp_path: Path,
    journal: Path,
) -> None:
    viewer, review = dock(session)
    refusals: list[str] = []
    review.verbs.refused.disconnect()
    review.verbs.refused.connect(refusals.append)
    folder = tmp_path / "clips"
    folder.mkdir()
    for number in range(4):
        np.save(folder / f"clip{number}.npy", np.roll(clip.frames, number, axis=0))
    review.studying.open_paths([folder])
    store = session.corrections.store

    def wait(name: str) -> None:
        def there() -> bool:
            current = session.clip
            return current is not None and name in current.name and not review.jobs.busy

        qtbot.waitUntil(there, timeout=PATIENCE_MS)
        session.set_truth(truth)
        session.set_key_frames(KeyFrames((Beat(ED, ES),), "traced"))

    wait("clip0")
    first = session.clip
    review.correct_panel.comment.setText("fine")
    press(viewer, "Shift-Y")
    wait("clip1")
    second = session.clip
    session.corrections.start("truth", None, session.truth)
    review.layers.find("correction").paint((3, 5, 5), 2)
    press(viewer, "Shift-Y")
    wait("clip2")
    third = session.clip
    press(viewer, "Shift-X")
    wait("clip3")
    qtbot.waitUntil(lambda: review.committing.waiting == 0, timeout=PATIENCE_MS)
    assert refusals == []
    assert session.corrections.uncommitted == ()
    found = {}
    for opened in (first, second, third):
        (found[opened.clip_id],) = store.revisions(opened.clip_id)
    accepted, corrected, rejected = found.values()
    assert (accepted.status, accepted.frames, accepted.comment) == ("accepted", (ED, ES), "fine")
    assert (corrected.status, corrected.frames, corrected.comment) == ("corrected", (ED, 3, ES), "")
    assert corrected.labels[1, 5, 5] == 2
    assert (rejected.status, rejected.frames) == ("rejected", (ED, ES))
    assert choose(third, [rejected]).item is None
    assert JournalFolder(journal).waiting() == []

    # A commit that fails loses nothing: the verdict's frames wait in the journal.
    (tmp_path / "file").write_text("")
    session.corrections.set_store(LabelStore(tmp_path / "file" / "labels"))
    session.corrections.start("truth", None, session.truth)
    review.layers.find("correction").paint((4, 5, 5), 2)
    last = session.clip
    press(viewer, "Shift-S")
    qtbot.waitUntil(lambda: review.committing.waiting == 0, timeout=PATIENCE_MS)
    assert last.name in refusals[-1]
    assert "no edit is lost" in refusals[-1]
    session.corrections.journals.settle(5)
    (replay,) = JournalFolder(journal).waiting()
    assert replay.uncommitted == (ED, 4, ES)


def test_a_double_click_gives_one_verdict(
    make_napari_viewer: Callable[..., napari.Viewer],
    session: Session,
    qtbot: QtBot,
    clip: EchoClip,
    tmp_path: Path,
) -> None:
    viewer = make_napari_viewer(show=True)
    review = EchoReview(viewer, session)
    viewer.window.add_dock_widget(review, name="Echo review", area="right")
    for number in range(3):
        np.save(tmp_path / f"clip{number}.npy", np.roll(clip.frames, number, axis=0))
    review.studying.open_paths([tmp_path])
    runners = (review.jobs, review.studying.ahead)
    # The next clip is decoded: it is there before the second click.
    qtbot.waitUntil(
        lambda: session.clip is not None and not any(r.busy for r in runners), timeout=PATIENCE_MS
    )
    qtbot.wait(100)
    button, left = review.correct_panel.reject, Qt.MouseButton.LeftButton
    window = button.window().windowHandle()
    place = button.mapTo(button.window(), button.rect().center())
    QTest.mouseDClick(window, left, pos=place)
    qtbot.waitUntil(lambda: review.committing.waiting == 0, timeout=PATIENCE_MS)
    assert session.clip is not None
    assert "clip1" in session.clip.name
    (row,) = session.corrections.store.rows()
    assert row.status == "rejected"


def test_going_back_to_an_earlier_revision_replaces_the_later_one(
    reviewed: Reviewed, qtbot: QtBot
) -> None:
    viewer, review = reviewed
    corrections = review.session.corrections
    for x in (5, 15):
        review.editing.paint(2)
        review.layers.find("correction").paint((0, 5, x), 2)
        press(viewer, "Control-Enter")
        qtbot.waitUntil(lambda: corrections.uncommitted == (), timeout=PATIENCE_MS)
    corrections.discard()
    older, newer = corrections.revisions
    key = f"correction {older.revision_id}"
    panel = review.correct_panel
    assert panel.start_from.findData(key) > 0
    review.editing.choose(key)
    review.editing.paint(2)
    layer = review.layers.find("correction")
    assert layer.data[0, 5, 5] == 2
    assert layer.data[0, 5, 15] == 0
    layer.paint((0, 5, 25), 2)
    press(viewer, "Control-Enter")
    qtbot.waitUntil(lambda: corrections.uncommitted == (), timeout=PATIENCE_MS)
    last = corrections.revisions[-1]
    assert (last.parent, last.supersedes) == (older.revision_id, (newer.revision_id,))
    assert [head.revision_id for head in corrections.heads] == [last.revision_id]


def test_the_contour_ends_with_its_clip_and_undo_stays_there(
    reviewed: Reviewed, clip: EchoClip, truth: Segmentation
) -> None:
    viewer, review = reviewed
    press(viewer, "Shift-D")
    points = review.contour_tool.points
    drag(points, 2, (0, -6))
    other = EchoClip.from_frames(clip.frames[::-1].copy(), spacing_mm=clip.spacing_mm)
    review.session.open_clip(other, truth=truth)
    assert not review.contour_tool.active
    press(viewer, "Shift-D")
    press(viewer, "Control-Z")
    layer = review.layers.find("correction")
    assert np.array_equal(layer.data, truth.labels)
    assert review.contour_tool.active


def test_disabled_controls_say_why(dock: Callable[[Session], Reviewed], session: Session) -> None:
    _, review = dock(session)
    panel = review.correct_panel
    for button in (panel.pair, panel.reject, panel.tools.brush, panel.accept, panel.action):
        assert not button.isEnabled()
        assert button.toolTip() == "Open a clip first."
    panel.reader.setText("")
    session.open_clip(EchoClip.from_frames(np.zeros((3, 40, 40), np.uint8)))
    assert "Write your name" in panel.pair.toolTip()
    panel.reader.setText("Ann")
    assert "ED and ES are not known" in panel.pair.toolTip()
    assert panel.reject.isEnabled()
    assert "Correct a frame first" in panel.propagate.button.toolTip()
    assert "two beats" in panel.propagate.beat.toolTip()
