"""The tab "Checks" in the real window: a click on a finding shows whose it is, and its frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import napari
import numpy as np
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import Segmentation
from napari_echo.core.prediction import Prediction
from napari_echo.gui.panels.checks import CHECKS_DOCK
from napari_echo.gui.review import EchoReview
from napari_echo.workflow.session import Session

Dock = Callable[[Session], tuple[napari.Viewer, EchoReview]]
PATIENCE_MS = 20_000
CUT = 3


def _half(prediction: Prediction, frame: int) -> Prediction:
    """The same without the lower half of a ventricle."""
    segmentation = prediction.segmentation
    labels = segmentation.labels.copy()
    labels[frame, labels.shape[1] // 2 :] = 0
    return replace(prediction, segmentation=replace(segmentation, labels=np.asarray(labels)))


def test_a_click_on_a_finding_shows_the_model_that_it_is_of(
    dock: Dock,
    session: Session,
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
    said_by: Callable[..., Prediction],
    qtbot: QtBot,
) -> None:
    viewer, review = dock(session)
    viewer.window._qt_window.show()
    session.open_clip(clip, truth=truth, key_frames=key_frames)
    session.set_prediction(_half(said_by("a", clip, truth), CUT))
    session.add_prediction(_half(said_by("b", clip, truth), CUT + 5))
    review.bottom.show(CHECKS_DOCK)
    tab = review.checks_panel
    qtbot.waitUntil(
        lambda: review.measuring.is_up_to_date and {row.model_id for row in tab.rows} >= {"a", "b"},
        timeout=PATIENCE_MS,
    )

    def press(model: str, frame: int) -> None:
        for place in range(tab.table.rowCount()):
            item = tab.table.item(place, 2)
            of = tab.table.item(place, 0)
            if item and of and item.text() == str(frame) and of.text() == f"model {model}":
                tab.table.scrollToItem(item)
                where = tab.table.visualItemRect(item).center()
                qtbot.mouseClick(tab.table.viewport(), Qt.MouseButton.LeftButton, pos=where)
                return
        raise AssertionError((model, frame))

    def on_show() -> tuple[str, int]:
        assert session.prediction is not None
        return session.prediction.model_id, review.layers.frame

    assert on_show()[0] == "a"
    press("b", CUT + 5)
    assert on_show() == ("b", CUT + 5)
    # It stays chosen, so that the arrow keys go on from it.
    (row,) = {index.row() for index in tab.table.selectedIndexes()}
    chosen = tab.table.item(row, 2)
    assert chosen is not None
    assert chosen.text() == str(CUT + 5)
    qtbot.waitUntil(lambda: review.measuring.is_up_to_date, timeout=PATIENCE_MS)
    press("a", CUT)
    assert on_show() == ("a", CUT)
