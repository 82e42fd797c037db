"""The tab "Models": what is drawn beside the table, and what it says where nothing can be."""

from __future__ import annotations

from collections.abc import Callable

import napari
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import LV, Segmentation
from napari_echo.core.prediction import Prediction
from napari_echo.gui.model_colors import color_of
from napari_echo.gui.panels.models import ModelsPanel
from napari_echo.gui.review import EchoReview
from napari_echo.metrics.overlap import dice
from napari_echo.workflow.session import Session

Dock = Callable[[Session], tuple[napari.Viewer, EchoReview]]
PAINTED = 4


def said(panel: ModelsPanel) -> str:
    """What it says without a plot; empty where it has one."""
    panel.refresh()
    assert panel.chart.isHidden() is not panel.empty.isHidden()
    return "" if panel.empty.isHidden() else panel.empty.text()


@pytest.fixture
def panel(dock: Dock, session: Session) -> ModelsPanel:
    _, review = dock(session)
    return review.models_panel


def test_it_says_what_to_do_while_there_is_nothing_to_plot(
    panel: ModelsPanel,
    session: Session,
    clip: EchoClip,
    truth: Segmentation,
    said_by: Callable[..., Prediction],
) -> None:
    assert "Open a clip" in said(panel)
    assert panel.table.isHidden()
    session.open_clip(clip)
    assert "Run a model" in said(panel)
    session.set_prediction(said_by("a", clip, truth))
    assert "second model" in said(panel)
    assert not panel.table.isHidden()
    session.close_clip()
    assert "Open a clip" in said(panel)


def test_one_model_is_compared_with_the_truth_frame_by_frame(
    panel: ModelsPanel,
    session: Session,
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
    said_by: Callable[..., Prediction],
    qtbot: QtBot,
) -> None:
    session.open_clip(clip, truth=truth, key_frames=key_frames)
    prediction = said_by("a", clip, truth, 2)
    session.set_prediction(prediction)
    qtbot.waitUntil(lambda: session.report is not None, timeout=20000)
    assert said(panel) == ""
    pairs = zip(prediction.segmentation.labels == LV, truth.labels == LV, strict=True)
    wanted = [dice(ours, theirs) for ours, theirs in pairs]
    assert panel._dice.yData == pytest.approx(wanted)
    assert panel._dice.opts["pen"].color().name() == color_of(session.slot("a"))
    assert panel._dice.opts["symbol"] is None
    assert f"{min(wanted):.2f} at frame {int(np.argmin(wanted))}" in panel.told.full_text()
    assert "ground truth" in panel.told.full_text()


def test_without_truth_one_model_is_compared_with_what_the_reader_drew(
    panel: ModelsPanel,
    session: Session,
    clip: EchoClip,
    truth: Segmentation,
    said_by: Callable[..., Prediction],
    qtbot: QtBot,
) -> None:
    session.open_clip(clip)
    prediction = said_by("a", clip, truth)
    session.set_prediction(prediction)
    corrections = session.corrections
    corrections.start("prediction", prediction, None)
    draft = corrections.draft
    assert draft is not None
    assert "second model" in said(panel)

    def paint(column: int) -> float:
        draft.labels[PAINTED, 20:40, column] = LV
        corrections.touch(PAINTED)
        found = dice(prediction.segmentation.labels[PAINTED] == LV, draft.labels[PAINTED] == LV)
        assert found < 1
        return found

    def plotted(wanted: float) -> bool:
        panel.refresh()
        values = panel._dice.yData
        return values is not None and values[PAINTED] == pytest.approx(wanted)

    first = paint(60)
    qtbot.waitUntil(lambda: plotted(first), timeout=20000)
    assert said(panel) == ""
    assert "Dice with the correction" in panel.told.full_text()
    values = panel._dice.yData
    assert np.flatnonzero(np.isfinite(values)).tolist() == [PAINTED]
    # A frame that alone was drawn is a point.
    assert panel._dice.opts["symbol"] == "o"
    second = paint(62)
    # What was found stays in sight until the next is there.
    assert said(panel) == ""
    qtbot.waitUntil(lambda: plotted(second), timeout=20000)
    corrections.discard()
    assert "second model" in said(panel)
