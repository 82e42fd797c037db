"""What is drawn over a clip, which of it is on, and how the reader switches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import napari
import numpy as np
import pytest
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from napari_echo.core.clip import EchoClip
from napari_echo.core.labels import CAMUS_SCHEMA, IGNORE, LV, Segmentation
from napari_echo.core.params import HardnessParams
from napari_echo.gui.key_list import KeyList
from napari_echo.gui.keys import ACTIONS
from napari_echo.gui.layers import ReviewLayers
from napari_echo.gui.overlays import (
    FALSE_NEGATIVE,
    FALSE_POSITIVE,
    HARD,
    OVERLAYS,
    TRUTH,
    Overlay,
    OverlayFrames,
    Sources,
)
from napari_echo.gui.review import EchoReview
from napari_echo.gui.showing import Showing
from napari_echo.workflow.mark import mark
from napari_echo.workflow.predict import predict
from napari_echo.workflow.session import Session

# Deuteranopia, severity 1, on linear RGB: Machado, Oliveira and Fernandes, IEEE TVCG 15(6), 2009.
DEUTERANOPIA = np.array(
    [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]
)
SIZE = 400


def square(low: int, high: int) -> NDArray[np.uint8]:
    labels = np.zeros((2, SIZE, SIZE), np.uint8)
    labels[:, low:high, low:high] = LV
    return labels


def frames(*shown: Overlay, truth: NDArray[np.uint8] | None = None) -> OverlayFrames:
    truth = square(100, 200) if truth is None else truth
    predicted = square(120, 220)
    hardness = np.zeros(truth.shape, np.float32)
    hardness[:, 300:] = 1
    sources = Sources(
        shape=(2, SIZE, SIZE),
        structures=CAMUS_SCHEMA.structures,
        truth=truth,
        prediction=predicted,
        annotated=np.array([True, False]),
        compared=predicted,
        hardness=hardness,
        hard=hardness > 0.5,
    )
    return OverlayFrames(sources, frozenset(shown))


def color(drawn: OverlayFrames, y: int, x: int, frame: int = 0) -> tuple[float, ...]:
    return drawn.palette()[int(uncut(drawn)[frame, y, x])]


def uncut(drawn: OverlayFrames) -> NDArray[np.uint8]:
    """As large as the clip is."""
    out = np.zeros(
        (len(drawn), *(drawn.factor * side for side in drawn.sources.shape[1:])), np.uint8
    )
    out[:, *(slice(drawn.factor * s.start, drawn.factor * s.stop) for s in drawn.area)] = drawn
    return out


def rgb(name: str) -> tuple[float, ...]:
    return tuple(int(name[i : i + 2], 16) / 255 for i in (1, 3, 5))


def test_the_difference_says_what_is_too_much_and_what_is_missing() -> None:
    drawn = frames("difference")
    assert color(drawn, 210, 210)[:3] == pytest.approx(rgb(FALSE_POSITIVE))
    assert color(drawn, 110, 110)[:3] == pytest.approx(rgb(FALSE_NEGATIVE))
    assert color(drawn, 150, 150)[3] == 0
    assert color(drawn, 250, 250)[3] == 0
    # A frame without truth has no difference.
    assert not drawn[1].any()


def test_pixels_that_truth_leaves_out_are_neither_right_nor_wrong() -> None:
    truth = square(100, 200)
    truth[0, 205:215, 205:215] = IGNORE
    drawn = frames("difference", "truth", truth=truth)
    assert color(drawn, 210, 210)[3] == 0
    assert color(drawn, 203, 203)[:3] == pytest.approx(rgb(FALSE_POSITIVE))


def test_truth_is_a_contour_that_hides_no_fill() -> None:
    drawn = frames("truth", "prediction")
    assert color(drawn, 100, 150) == pytest.approx((*rgb(TRUTH), 1.0))
    assert color(drawn, 150, 150)[:3] == pytest.approx(rgb(CAMUS_SCHEMA.structures[0].color))
    assert color(drawn, 150, 150)[3] < 0.5


def test_hardness_is_brighter_where_it_is_harder_and_its_limit_is_a_line() -> None:
    assert color(frames("hardness"), 350, 50)[3] > 0.5
    assert color(frames("hardness"), 50, 50)[3] == 0
    outline = frames("hard pixels")
    assert color(outline, 300, 50)[:3] == pytest.approx(rgb(HARD))
    assert color(outline, 350, 50)[3] == 0


def test_false_positives_and_negatives_differ_to_a_colour_blind_reader() -> None:
    fill = rgb(CAMUS_SCHEMA.structures[0].color)

    def seen(color: tuple[float, ...]) -> NDArray[np.float64]:
        """CIELAB of what a deuteranope sees (D65)."""
        import cv2

        given = np.asarray(color)
        linear = np.where(given <= 0.04045, given / 12.92, ((given + 0.055) / 1.055) ** 2.4)
        blind = np.clip(DEUTERANOPIA @ linear, 0, 1)
        srgb = np.where(blind <= 0.0031308, 12.92 * blind, 1.055 * blind ** (1 / 2.4) - 0.055)
        return np.asarray(cv2.cvtColor(srgb.astype(np.float32)[None, None], cv2.COLOR_RGB2LAB))

    def on_grey(color: tuple[float, ...], opacity: float) -> tuple[float, ...]:
        return tuple(opacity * c + (1 - opacity) * 0.3 for c in color)

    positive, negative = (on_grey(rgb(c), 0.75) for c in (FALSE_POSITIVE, FALSE_NEGATIVE))
    assert np.linalg.norm(seen(positive) - seen(negative)) > 50
    # Beside the prediction's fill, too; 10 is plain to see.
    assert np.linalg.norm(seen(positive) - seen(on_grey(fill, 0.35))) > 10


def test_a_coarse_clip_has_lines_finer_than_its_pixels() -> None:
    small = np.zeros((1, 100, 100), np.uint8)
    small[:, 20:60, 20:60] = LV
    sources = Sources((1, 100, 100), truth=small, annotated=np.array([True]))
    drawn = OverlayFrames(sources, frozenset({"truth"}))
    assert drawn.factor == 4
    whole = uncut(drawn)[0]
    white = whole == whole[80, 120]
    assert white[80:240, 80:240].any()
    assert not white[84:236, 84:236].any()


def test_it_is_sliced_as_an_array_is() -> None:
    drawn = frames(*OVERLAYS)
    whole = np.asarray(drawn)
    assert whole.shape == drawn.shape
    assert whole.dtype == drawn.dtype
    assert np.array_equal(drawn[1, 3:9, :], whole[1, 3:9, :])
    assert np.array_equal(drawn[:, 7], whole[:, 7])
    assert np.array_equal(drawn[-1], whole[-1])


def test_it_is_as_large_as_what_is_drawn_and_nothing_is_cut_off(full: Session) -> None:
    sources = Showing(full).sources()
    assert sources is not None
    # What is being painted on may reach anywhere.
    free = replace(sources, painted=frozenset(OVERLAYS))
    for shown in [(name,) for name in OVERLAYS] + [OVERLAYS]:
        cut, entire = (OverlayFrames(given, frozenset(shown)) for given in (sources, free))
        assert np.array_equal(uncut(cut), np.asarray(entire))
        assert np.asarray(cut).any()
    assert OverlayFrames(sources, frozenset({"truth"})).size < entire.size / 2


def test_what_is_empty_can_be_drawn(full: Session) -> None:
    sources = Sources((1, 100, 100), truth=np.zeros((1, 100, 100), np.uint8))
    assert not np.asarray(OverlayFrames(sources, frozenset({"truth"}))).any()


# What is on ---------------------------------------------------------------------


@pytest.fixture
def full(session: Session, clip: EchoClip, truth: Segmentation) -> Session:
    session.open_clip(clip, truth=truth)
    pack = session.packs[0]
    session.set_prediction(predict(clip, session.make_predictor(pack, session.predict_params)))
    params = HardnessParams()
    session.set_marks(*mark(session.prediction, truth, params), params)
    return session


def test_what_is_on_is_there_the_next_time(full: Session) -> None:
    showing = Showing(full)
    assert showing.shown == {"truth", "prediction", "hard pixels"}
    showing.toggle("difference")
    showing.toggle("hard pixels")
    assert Showing(full).shown == {"truth", "prediction", "difference"}


def test_all_go_off_and_come_back_as_they_were(full: Session) -> None:
    showing = Showing(full)
    showing.toggle("truth")
    before = showing.shown
    showing.toggle_all()
    assert not showing.shown
    # For a look only.
    assert Showing(full).shown == before
    showing.toggle_all()
    assert showing.shown == before


def test_the_prediction_steps_aside_for_a_correction(full: Session) -> None:
    showing = Showing(full)
    full.corrections.start("prediction", full.prediction, full.truth)
    assert "prediction" not in showing.shown
    showing.toggle("prediction")
    assert "prediction" in showing.shown
    showing.toggle("prediction")
    full.corrections.discard()
    assert "prediction" in showing.shown


def test_the_difference_follows_the_brush(full: Session) -> None:
    from napari.components import ViewerModel

    layers = ReviewLayers(ViewerModel(), full)
    layers._show_clip()
    layers.showing.toggle("difference")
    full.corrections.start("truth", full.prediction, full.truth)
    drawn = layers.find("overlays").data
    y, x = 5, 5
    place = (
        0,
        *((at - start) * drawn.factor + 1 for at, start in zip((y, x), drawn.offset, strict=True)),
    )
    assert drawn.palette()[int(drawn[place])][3] == 0
    layers.find("correction").paint((0, y, x), LV)
    full.corrections.touch(0)
    painted = color(drawn, y * drawn.factor + 1, x * drawn.factor + 1)
    assert painted[:3] == pytest.approx(rgb(FALSE_POSITIVE))


# By key and click -----------------------------------------------------------------


def test_each_overlay_has_a_key_and_a_place_in_the_legend(
    dock: Callable[[Session], tuple[napari.Viewer, EchoReview]], full: Session, qtbot: QtBot
) -> None:
    clip, truth = full.clip, full.truth
    viewer, review = dock(full)
    full.open_clip(clip, truth=truth)
    viewer.window._qt_window.show()
    canvas = viewer.window._qt_viewer.canvas.native
    shift = Qt.KeyboardModifier.ShiftModifier
    none = Qt.KeyboardModifier.NoModifier
    pressed: dict[Overlay, tuple[Qt.Key, Qt.KeyboardModifier]] = {
        "truth": (Qt.Key.Key_G, none),
        "prediction": (Qt.Key.Key_Q, none),
        "difference": (Qt.Key.Key_U, none),
        "hardness": (Qt.Key.Key_H, none),
        "hard pixels": (Qt.Key.Key_H, shift),
    }
    for name, (key, modifier) in pressed.items():
        before = review.layers.showing.is_on(name)
        qtbot.keyClick(canvas, key, modifier)
        assert review.layers.showing.is_on(name) is not before
        button = review.legend.buttons[name]
        assert button.isChecked() is not before
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        assert review.layers.showing.is_on(name) is before
    layer = review.layers.find("overlays")
    assert layer.visible
    qtbot.keyClick(canvas, Qt.Key.Key_G, shift)
    assert not layer.visible
    qtbot.keyClick(canvas, Qt.Key.Key_G, shift)
    assert layer.visible
    # What cannot be seen says why.
    assert "model" in review.legend.buttons["prediction"].toolTip()


def test_the_list_names_every_key_as_it_is_bound(qtbot: QtBot) -> None:
    from napari.utils.action_manager import action_manager

    from napari_echo.gui import keys

    keys.register()
    listed = KeyList()
    qtbot.addWidget(listed)
    rows = [row for _, group in listed.rows() for row in group]
    assert {action.title for action in ACTIONS} <= {what for _, what in rows}
    assert ("Shift-G", "All overlays off, and on again") in rows
    action = next(a for a in ACTIONS if a.name == "truth")
    action_manager.unbind_shortcut(action.id)
    try:
        action_manager.bind_shortcut(action.id, "Alt-G")
        rows = [row for _, group in listed.rows() for row in group]
        assert ("Alt-G", "Ground truth") in rows
    finally:
        action_manager.unbind_shortcut(action.id)
        action_manager.bind_shortcut(action.id, action.key)
    listed.toggle()
    assert listed.isVisible()
    qtbot.keyClick(listed, Qt.Key.Key_Slash)
    assert not listed.isVisible()
