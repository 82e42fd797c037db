"""How the window is arranged: where the studies lie, what room they have, and what is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow

from napari_echo.core.clip import EchoClip
from napari_echo.core.labels import Segmentation
from napari_echo.core.prediction import Prediction
from napari_echo.gui import arranging
from napari_echo.gui.arranging import Geometry, arrange
from napari_echo.gui.preferences import read_number
from napari_echo.gui.review import CURVES_DOCK, STUDIES_DOCK, EchoReview
from napari_echo.workflow.session import Session

Reviewed = tuple[napari.Viewer, EchoReview]
Dock = Callable[[Session], Reviewed]


def shown(reviewed: Reviewed, qtbot: QtBot) -> QMainWindow:
    """Show the window as `napari-echo open` does, and wait until it is laid out."""
    viewer, review = reviewed
    viewer.window.show()
    arrange(viewer, review)
    main = review.bottom.dock(STUDIES_DOCK)
    assert main is not None
    window = main.parent()
    assert isinstance(window, QMainWindow)
    qtbot.waitExposed(window)
    qtbot.wait(100)
    return window


@pytest.fixture
def folder(clip: EchoClip, tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    folder.mkdir()
    for name in ("a", "b", "c"):
        np.save(folder / f"{name}.npy", clip.frames)
    return folder


def test_the_studies_lie_beside_the_picture_and_the_layers_behind_them(
    dock: Dock, session: Session, qtbot: QtBot
) -> None:
    _, review = reviewed = dock(session)
    window = shown(reviewed, qtbot)
    studies = review.bottom.dock(STUDIES_DOCK)
    assert studies is not None
    assert window.dockWidgetArea(studies) == Qt.DockWidgetArea.LeftDockWidgetArea
    assert review.bottom.is_on_top(STUDIES_DOCK)
    assert review.bottom.is_on_top(CURVES_DOCK)
    assert (window.width(), window.height()) == arranging.SIZE
    assert studies.height() > 0.6 * arranging.SIZE[1]
    for name in ("layer list", "layer controls"):
        layers = window.findChild(QDockWidget, name)
        assert isinstance(layers, QDockWidget)
        assert layers in window.tabifiedDockWidgets(studies)
        # Napari's menu shows them.
        layers.toggleViewAction().trigger()
        layers.toggleViewAction().trigger()
        layers.raise_()
        qtbot.waitUntil(lambda dock=layers: not dock.visibleRegion().isEmpty())


def test_the_first_window_is_no_larger_than_the_screen(
    dock: Dock, session: Session, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arranging, "SIZE", (5000, 4000))
    window = shown(dock(session), qtbot)
    screen = window.screen()
    assert screen is not None
    room = screen.availableGeometry()
    assert window.width() == room.width()
    # The title comes on top of it.
    assert window.height() == room.height() - arranging.TITLE


def test_a_key_gives_the_studies_most_of_the_window_until_a_clip_is_opened(
    dock: Dock, session: Session, qtbot: QtBot, folder: Path
) -> None:
    viewer, review = reviewed = dock(session)
    shown(reviewed, qtbot)
    review.studying.open_paths([folder])
    qtbot.waitUntil(lambda: len(review.session.studies) == 3 and session.clip is not None)
    studies = review.bottom.dock(STUDIES_DOCK)
    assert studies is not None
    before = studies.width()
    press = viewer.window._qt_viewer.canvas._key_map_handler.press_key
    press("Shift-T")
    qtbot.waitUntil(lambda: studies.width() > 1.4 * before)
    press("Shift-T")
    qtbot.waitUntil(lambda: abs(studies.width() - before) < 4)
    press("Shift-T")
    qtbot.waitUntil(lambda: studies.width() > 1.4 * before)
    table = review.studies_panel.table
    table.selectRow(2)
    qtbot.keyClick(table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: session.clip is not None and session.clip.name == "c.npy")
    qtbot.waitUntil(lambda: abs(studies.width() - before) < 4)


def test_the_room_that_a_reader_gives_is_his_the_next_time(
    dock: Dock, make_session: Callable[..., Session], qtbot: QtBot
) -> None:
    _, review = first = dock(make_session())
    window = shown(first, qtbot)
    studies = review.bottom.dock(STUDIES_DOCK)
    assert studies is not None
    before = studies.width()
    splitter = QPoint(studies.geometry().right() + 3, studies.geometry().center().y())
    handle, left = window.windowHandle(), Qt.MouseButton.LeftButton
    qtbot.mousePress(handle, left, pos=splitter)
    for step in (20, 40, 60):
        qtbot.mouseMove(handle, splitter + QPoint(step, 0))
        qtbot.wait(20)
    qtbot.mouseRelease(handle, left, pos=splitter + QPoint(60, 0))
    qtbot.waitUntil(lambda: studies.width() > before + 40)
    given = studies.width()
    qtbot.waitUntil(lambda: read_number("window/width beside", 0, 0, 9999) == given)
    _, again = second = dock(make_session())
    shown(second, qtbot)
    studies = again.bottom.dock(STUDIES_DOCK)
    assert studies is not None
    assert abs(studies.width() - given) < 4


def test_a_window_is_as_large_as_it_was_when_it_was_closed(qtbot: QtBot) -> None:
    for before, after in ((arranging.SIZE, (1100, 740)), ((1100, 740), (1000, 700))):
        window = QMainWindow()
        qtbot.addWidget(window)
        Geometry(window)
        window.show()
        assert (window.width(), window.height()) == before
        window.resize(*after)
        window.close()


def test_what_is_done_folds_and_keeps_the_next_action_in_sight(
    dock: Dock,
    session: Session,
    qtbot: QtBot,
    clip: EchoClip,
    truth: Segmentation,
    said_by: Callable[..., Prediction],
) -> None:
    _, review = reviewed = dock(session)
    shown(reviewed, qtbot)
    review.verbs.adopt(clip, truth)
    qtbot.waitUntil(lambda: not review.verbs.later.holding)
    assert not review.model_panel.folded
    assert review.marks_panel.folded
    assert session.pack is not None
    session.set_prediction(said_by(session.pack.id, clip, truth))
    assert review.model_panel.folded
    assert "model" in review.model_panel.gist.full_text()
    assert not review.marks_panel.folded
    qtbot.wait(100)
    for panel in (review.clip_panel, review.measures_panel, review.correct_panel):
        corner = panel.mapTo(review.column, panel.rect().bottomLeft())
        assert 0 <= corner.y() <= review.column.height()
    # Whoever opens it himself keeps it open.
    review.model_panel.heading.click()
    session.set_prediction(said_by(session.pack.id, clip, truth, 1))
    assert not review.model_panel.folded


def test_a_tool_that_is_begun_at_once_is_not_ended_by_what_is_made_in_advance(
    dock: Dock,
    session: Session,
    qtbot: QtBot,
    clip: EchoClip,
    truth: Segmentation,
    said_by: Callable[..., Prediction],
) -> None:
    _, review = dock(session)
    review.verbs.adopt(clip, truth)
    qtbot.waitUntil(lambda: not review.jobs.busy)
    assert session.pack is not None
    session.set_prediction(said_by(session.pack.id, clip, truth))
    review.contour_tool.begin()
    points = review.contour_tool.points
    assert points is not None
    qtbot.wait(1000)
    assert review.contour_tool.points is points
    assert review.viewer.layers.selection.active is points


def test_a_shorter_clip_may_follow_a_longer_one(
    dock: Dock, session: Session, qtbot: QtBot, clip: EchoClip, truth: Segmentation
) -> None:
    _, review = dock(session)
    review.verbs.adopt(clip, truth)
    review.layers.go_to(len(clip) - 1)
    qtbot.wait(50)
    short = EchoClip.from_frames(clip.frames[:4], fps=20.0)
    review.verbs.adopt(short, Segmentation(truth.labels[:4], truth.annotated[:4], "ground truth"))
    assert "truth" in review.legend.whose.text()
