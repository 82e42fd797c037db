"""The curves below the canvas."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt

from napari_echo.core.clip import EchoClip
from napari_echo.core.hardness import HardnessMap, HardPixels
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import Segmentation
from napari_echo.core.params import HardnessParams
from napari_echo.core.prediction import Prediction
from napari_echo.gui.curves import QUANTITIES, CurvesWidget
from napari_echo.gui.model_colors import color_of
from napari_echo.workflow.measure import measure
from napari_echo.workflow.session import Session


@pytest.fixture
def curves(qtbot: QtBot, session: Session) -> CurvesWidget:
    widget = CurvesWidget(session, lambda: 3)
    qtbot.addWidget(widget)
    widget.resize(700, 180)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


@pytest.fixture
def measured(
    session: Session, clip: EchoClip, truth: Segmentation, key_frames: KeyFrames
) -> Session:
    session.open_clip(clip, truth=truth, key_frames=key_frames)
    session.set_measures({"truth": measure(clip, truth, key_frames)}, None)
    return session


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_each_quantity_is_plotted_with_its_unit(
    curves: CurvesWidget, measured: Session, quantity: str
) -> None:
    curves.quantity.setCurrentText(quantity)
    curves.refresh()
    plotted = curves._curves["truth"].yData
    assert np.array_equal(plotted, getattr(measured.measures["truth"], quantity))
    unit = {"volume": "ml", "area": "cm2", "length": "cm"}[quantity]
    assert f"({unit})" in curves.plot.getPlotItem().getAxis("left").labelText
    assert "truth" in curves.legend.text()
    assert "corrected" not in curves.legend.text()


def test_sparse_truth_shows_as_points(
    curves: CurvesWidget, session: Session, clip: EchoClip, truth: Segmentation
) -> None:
    two = np.zeros(len(clip), bool)
    two[[0, 6]] = True
    labels = truth.labels.copy()
    labels[~two] = 0
    sparse = Segmentation(labels, two, "ground truth")
    session.open_clip(clip, truth=sparse)
    session.set_measures({"truth": measure(clip, sparse, KeyFrames((), "traced"))}, None)
    curves.refresh()
    assert curves._curves["truth"].opts["symbol"] == "o"


def test_key_frames_and_the_cursor_are_marked(curves: CurvesWidget, measured: Session) -> None:
    curves.refresh()
    assert [line.value() for line in curves._marks] == [0, 6]
    measured.set_key_frames(KeyFrames((Beat(1, 5), Beat(7, 9)), "set by reader"))
    curves.refresh()
    assert [line.value() for line in curves._marks] == [1, 5, 7, 9]
    assert curves._cursor.value() == 3


def test_the_hardness_of_each_frame_is_plotted(curves: CurvesWidget, measured: Session) -> None:
    clip = measured.require_clip()
    scores = np.linspace(0, 0.4, len(clip)).astype(np.float32)
    measured.set_marks(
        HardnessMap(np.zeros(clip.frames.shape, np.float32), np.ones(len(clip), bool), "entropy"),
        HardPixels(np.zeros(clip.frames.shape, bool), 0.0, scores),
        HardnessParams(),
    )
    curves.refresh()
    assert np.allclose(curves._hardness.yData, scores)
    assert "hardness" in curves.legend.text()


@pytest.mark.parametrize("frame", [0, 4, 11])
def test_a_click_asks_for_the_frame_under_it(
    curves: CurvesWidget, measured: Session, qtbot: QtBot, frame: int
) -> None:
    wanted: list[int] = []
    curves.refresh()
    curves.frame_wanted.connect(wanted.append)
    box = curves.plot.getPlotItem().vb
    middle = np.mean(box.viewRange()[1])
    scene = box.mapViewToScene(_point(frame + 0.2 if frame < 11 else frame - 0.2, middle))
    place: QPoint = curves.plot.mapFromScene(scene)
    qtbot.mouseClick(curves.plot.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert wanted == [frame]


def test_every_model_has_a_curve_in_its_colour(
    curves: CurvesWidget,
    measured: Session,
    clip: EchoClip,
    truth: Segmentation,
    said_by: Callable[..., Prediction],
) -> None:
    key_frames = measured.key_frames
    for shift, name in enumerate("abcd"):
        prediction = said_by(name, clip, truth, shift)
        measured.add_prediction(prediction)
        measured.set_model_measures(name, measure(clip, prediction.segmentation, key_frames), None)
    curves.refresh()
    colors = {key: curves._curves[key].opts["pen"].color().name() for key in "abcd"}
    assert colors == {key: color_of(measured.slot(key)) for key in "abcd"}
    assert len(set(colors.values())) == 4
    # The legend's six lines fit below the choice of the quantity.
    assert curves.legend.sizeHint().height() + curves.quantity.sizeHint().height() < 160
    measured.keep_predictions({"b"})
    curves.refresh()
    assert set(curves._curves) == {"b", "truth"}


def test_a_hidden_tab_computes_nothing_until_it_is_seen(
    curves: CurvesWidget, measured: Session, qtbot: QtBot
) -> None:
    qtbot.waitUntil(lambda: "truth" in curves._curves)
    curves.hide()
    measured.set_key_frames(KeyFrames((Beat(2, 8),), "set by reader"))
    qtbot.wait(20)
    assert [line.value() for line in curves._marks] == [0, 6]
    curves.show()
    qtbot.waitUntil(lambda: [line.value() for line in curves._marks] == [2, 8])


def test_closing_the_clip_empties_the_plot(curves: CurvesWidget, measured: Session) -> None:
    curves.refresh()
    measured.close_clip()
    curves.refresh()
    assert curves._curves == {}
    assert curves._marks == []
    assert curves.legend.text() == ""


def _point(x: float, y: float) -> object:
    from qtpy.QtCore import QPointF

    return QPointF(x, float(y))
