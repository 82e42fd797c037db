"""The whole review in a napari window, every part of it real but the size."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import napari
import numpy as np
import pytest
from napari.layers import Labels
from napari.utils.notifications import notification_manager
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QMessageBox, QPushButton

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import Segmentation
from napari_echo.gui.exporting import ExportChoice
from napari_echo.gui.layer_data import KEY, clip_layer_data
from napari_echo.gui.review import CURVES_DOCK, EchoReview
from napari_echo.io.clipset import open_clipset
from napari_echo.workflow.session import Session

PATIENCE_MS = 20_000
Reviewed = tuple[napari.Viewer, EchoReview]


class SlowEngine:
    """Scores nothing as LV, one batch for every `step`: a model that takes its time."""

    def __init__(self) -> None:
        self.gate = threading.Semaphore(0)
        self.calls = 0

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        self.calls += 1
        assert self.gate.acquire(timeout=PATIENCE_MS / 1000)
        return np.zeros((len(batch), 4, 16, 16), np.float32)

    def step(self, batches: int = 1) -> None:
        self.gate.release(batches)


@pytest.fixture
def reviewed(dock: Callable[[Session], Reviewed], session: Session) -> Reviewed:
    return dock(session)


@pytest.fixture
def wait(qtbot: QtBot) -> Callable[[EchoReview], None]:
    def until_idle(review: EchoReview) -> None:
        qtbot.waitUntil(
            lambda: (
                not (review.jobs.busy or review.verbs.later.holding)
                and review.measuring.is_up_to_date
            ),
            timeout=PATIENCE_MS,
        )

    return until_idle


@pytest.fixture
def sentences() -> Iterator[list[str]]:
    """What napari notifies of during the test."""
    heard: list[str] = []

    def hear(notification: object) -> None:
        heard.append(str(getattr(notification, "message", notification)))

    notification_manager.notification_ready.connect(hear)
    yield heard
    notification_manager.notification_ready.disconnect(hear)


def roles(viewer: napari.Viewer) -> list[str]:
    return [x.metadata[KEY]["role"] for x in viewer.layers if KEY in x.metadata]


def primary(review: EchoReview) -> list[QPushButton]:
    return [b for b in review.findChildren(QPushButton) if b.property("primary")]


def correction(review: EchoReview) -> Labels:
    layer = review.layers.find("correction")
    assert isinstance(layer, Labels)
    return layer


def test_the_whole_way_from_a_file_to_a_labelled_set(
    reviewed: Reviewed, wait: Callable[[EchoReview], None], clip_file: Path, tmp_path: Path
) -> None:
    viewer, review = reviewed
    session = review.session
    assert primary(review) == [review.clip_panel.action]
    assert not review.model_panel.action.isEnabled()
    assert review.model_panel.action.toolTip() == "Open a clip first."

    review.studying.open_paths([clip_file])
    wait(review)
    wait(review)
    assert session.clip is not None
    assert session.clip.source == clip_file
    assert roles(viewer) == ["clip"]
    assert primary(review) == [review.model_panel.action]

    review.model_panel.action.click()
    wait(review)
    assert roles(viewer) == ["clip", "overlays"]
    assert session.key_frames is not None
    assert session.key_frames.origin == "detected"
    assert session.measures["prediction"].ef is not None
    assert review.measures_panel.shown("EF", "prediction") != ""
    assert primary(review) == [review.marks_panel.action]

    review.marks_panel.action.click()
    wait(review)
    assert review.layers.showing.shown >= {"prediction", "hard pixels"}
    assert "hard" in review.marks_panel.share.full_text()
    assert primary(review) == [review.correct_panel.pair]

    review.correct_panel.action.click()
    assert not review.correct_panel.commit.isEnabled()
    review.layers.go_to(4)
    review.editing.paint(2)
    correction(review).paint((4, 10, 10), correction(review).selected_label)
    assert primary(review) == [review.correct_panel.pair]
    assert review.correct_panel.commit.isEnabled()
    before = session.measures["prediction"]

    review.correct_panel.comment.setText("a wall where there is none")
    review.correct_panel.commit.click()
    wait(review)
    wait(review)
    (revision,) = session.corrections.revisions
    assert revision.frames == (4,)
    assert (revision.reader, revision.status) == ("reader", "corrected")
    assert revision.comment == "a wall where there is none"
    assert revision.labels[0, 10, 10] == 2
    assert session.corrections.store is not None
    assert len(session.corrections.store.revisions(session.clip.clip_id)) == 1
    assert np.array_equal(session.measures["prediction"].volume, before.volume)
    assert "correction" in session.measures
    assert primary(review) == [review.export_panel.action]

    out = tmp_path / "labelled"
    review.export_panel.exchange.export(ExportChoice(out))
    wait(review)
    (entry,) = open_clipset(out).entries
    assert tuple(entry.labelled_frames) == (4,)
    assert np.array_equal(open_clipset(out).labels(entry)[0], revision.labels[0])
    assert str(out) in review.export_panel.where.full_text()


def test_a_model_that_is_asked_for_at_once_runs_when_the_clip_is_there(
    dock: Callable[[Session], Reviewed],
    session: Session,
    wait: Callable[[EchoReview], None],
    qtbot: QtBot,
    clip: EchoClip,
) -> None:
    _, review = dock(session)
    refusals: list[str] = []
    review.verbs.refused.connect(refusals.append)
    review.verbs.adopt(clip)
    assert review.jobs.busy  # what the label store holds of it is still looked up
    review.verbs.predict()
    qtbot.waitUntil(lambda: session.prediction is not None, timeout=PATIENCE_MS)
    assert refusals == []
    wait(review)


def test_a_cancelled_prediction_leaves_nothing_and_can_be_run_again(
    dock: Callable[[Session], Reviewed],
    make_session: Callable[..., Session],
    wait: Callable[[EchoReview], None],
    qtbot: QtBot,
    clip: EchoClip,
) -> None:
    engine = SlowEngine()
    viewer, review = dock(make_session(engine))
    review.verbs.adopt(clip)
    wait(review)
    review.model_panel.action.click()
    assert not review.model_panel.action.isEnabled()
    engine.step()
    qtbot.waitUntil(lambda: engine.calls == 2, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: "4/12" in review.status_panel.message.full_text(), timeout=PATIENCE_MS)
    review.verbs.predict()  # pressed once more, it is not to run once more
    review.status_panel.cancel.click()
    assert not review.status_panel.cancel.isEnabled()
    engine.step()
    wait(review)
    assert review.session.prediction is None
    assert roles(viewer) == ["clip"]
    assert "cancelled" in review.status_panel.message.full_text()
    assert engine.calls == 2

    review.model_panel.action.click()
    engine.step(3)
    wait(review)
    assert review.session.prediction is not None


def test_closing_the_window_stops_the_job(
    dock: Callable[[Session], Reviewed],
    make_session: Callable[..., Session],
    wait: Callable[[EchoReview], None],
    qtbot: QtBot,
    clip: EchoClip,
) -> None:
    engine = SlowEngine()
    viewer, review = dock(make_session(engine))
    session = review.session
    review.verbs.adopt(clip)
    wait(review)
    review.model_panel.action.click()
    qtbot.waitUntil(lambda: engine.calls == 1, timeout=PATIENCE_MS)
    viewer.close()
    engine.step(3)
    qtbot.wait(200)
    assert engine.calls == 1
    assert session.prediction is None


def test_taking_the_dock_away_stops_the_job_and_closes_the_curves(
    dock: Callable[[Session], Reviewed],
    make_session: Callable[..., Session],
    wait: Callable[[EchoReview], None],
    qtbot: QtBot,
    clip: EchoClip,
) -> None:
    engine = SlowEngine()
    viewer, review = dock(make_session(engine))
    review.verbs.adopt(clip)
    wait(review)
    review.model_panel.action.click()
    qtbot.waitUntil(lambda: engine.calls == 1, timeout=PATIENCE_MS)
    viewer.window.remove_dock_widget(review)
    engine.step(3)
    qtbot.wait(200)
    assert engine.calls == 1
    assert review.session.prediction is None
    assert CURVES_DOCK not in viewer.window.dock_widgets
    assert roles(viewer) == ["clip"]
    review.deleteLater()
    qtbot.wait(20)


def test_a_bad_file_is_told_in_one_sentence_and_changes_nothing(
    reviewed: Reviewed,
    wait: Callable[[EchoReview], None],
    sentences: list[str],
    clip: EchoClip,
    tmp_path: Path,
) -> None:
    viewer, review = reviewed
    review.verbs.adopt(clip)
    wait(review)
    bad = tmp_path / "broken.avi"
    bad.write_bytes(b"RIFF\x00\x00\x00\x00AVI nothing")
    review.studying.open_paths([bad])
    wait(review)
    assert review.session.clip is clip
    assert roles(viewer) == ["clip"]
    (sentence,) = sentences
    assert "broken.avi" in sentence
    assert "\n" not in sentence
    message = review.status_panel.message
    assert message.full_text() == sentence
    assert message.text().replace("\u200b", "") == sentence  # none of it is cut off


def test_a_clip_opened_by_napari_is_adopted_with_its_truth(
    reviewed: Reviewed,
    wait: Callable[[EchoReview], None],
    qtbot: QtBot,
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
) -> None:
    viewer, review = reviewed
    data, kwargs, _ = clip_layer_data(clip, truth=truth, key_frames=key_frames)
    viewer.add_image(data, **kwargs)
    qtbot.waitUntil(lambda: "truth" in review.session.measures, timeout=PATIENCE_MS)
    assert roles(viewer) == ["clip", "overlays"]
    assert review.session.measures["truth"].ef is not None
    wait(review)
    review.model_panel.action.click()
    wait(review)
    # Traced frames are kept: the model is measured at the same ones.
    assert review.session.key_frames is key_frames
    assert review.session.report is not None
    assert "/" in review.measures_panel.shown("Dice ED/ES", "prediction")
    review.marks_panel.criterion.setCurrentText("error")
    review.marks_panel.action.click()
    wait(review)
    assert review.session.hardness is not None
    assert review.session.hardness.criterion == "error"


def test_the_error_without_truth_says_why_it_cannot_be_marked(
    reviewed: Reviewed, wait: Callable[[EchoReview], None], clip: EchoClip
) -> None:
    _, review = reviewed
    review.verbs.adopt(clip)
    wait(review)
    review.model_panel.action.click()
    wait(review)
    review.marks_panel.criterion.setCurrentText("error")
    assert not review.marks_panel.action.isEnabled()
    assert "ground truth" in review.marks_panel.action.toolTip()


def test_deleting_the_clip_layer_ends_the_review(
    reviewed: Reviewed, wait: Callable[[EchoReview], None], clip: EchoClip
) -> None:
    viewer, review = reviewed
    review.verbs.adopt(clip)
    wait(review)
    review.model_panel.action.click()
    wait(review)
    viewer.layers.remove(review.layers.find("clip"))
    assert review.session.clip is None
    assert roles(viewer) == []
    assert primary(review) == [review.clip_panel.action]


def test_changing_a_limit_marks_again(
    reviewed: Reviewed, wait: Callable[[EchoReview], None], qtbot: QtBot, clip: EchoClip
) -> None:
    _, review = reviewed
    panel, session = review.marks_panel, review.session
    review.verbs.adopt(clip)
    wait(review)
    review.model_panel.action.click()
    wait(review)
    panel.action.click()
    wait(review)
    assert session.hard_pixels is not None
    panel.value.setValue(0.0)
    qtbot.waitUntil(lambda: session.hardness_params.threshold == 0.0, timeout=PATIENCE_MS)
    panel.rule.setCurrentIndex(panel.rule.findData("share"))
    panel.rule.activated.emit(panel.rule.currentIndex())
    panel.value.setValue(3.0)
    qtbot.waitUntil(lambda: session.hardness_params.rule == "share", timeout=PATIENCE_MS)
    assert session.hardness_params.share == pytest.approx(0.03)
    assert session.hard_pixels.share == pytest.approx(0.03, abs=0.001)


def test_ed_and_es_can_be_set_and_are_jumped_to(
    reviewed: Reviewed,
    wait: Callable[[EchoReview], None],
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
) -> None:
    _, review = reviewed
    panel = review.measures_panel
    review.verbs.adopt(clip, truth, key_frames)
    wait(review)
    wait(review)
    ef = review.session.measures["truth"].ef
    panel.jump["ES"].click()
    assert review.layers.frame == 6
    review.layers.go_to(3)
    panel.set_here["ES"].click()
    wait(review)
    assert review.session.key_frames is not None
    assert review.session.key_frames.origin == "set by reader"
    assert review.session.key_frames.beats[0].es == 3
    assert review.session.measures["truth"].ef != ef
    assert panel.jump["ES"].text() == "ES 3"


def test_an_earlier_days_revision_is_found_in_the_store(
    dock: Callable[[Session], Reviewed],
    make_session: Callable[..., Session],
    wait: Callable[[EchoReview], None],
    clip: EchoClip,
) -> None:
    _, first = dock(make_session())
    first.verbs.adopt(clip)
    wait(first)
    first.model_panel.action.click()
    wait(first)
    first.correct_panel.action.click()
    first.correct_panel.accept.click()
    first.correct_panel.commit.click()
    wait(first)
    wait(first)
    assert first.session.corrections.revisions[0].status == "accepted"

    _, second = dock(make_session())
    second.verbs.adopt(clip)
    wait(second)
    (found,) = second.session.corrections.revisions
    assert found.revision_id == first.session.corrections.revisions[0].revision_id
    assert second.correct_panel.start_from.currentData() == "correction"
    # Frames that nobody corrected are the new prediction's.
    second.model_panel.action.click()
    wait(second)
    assert np.isfinite(second.session.measures["correction"].area).all()


@pytest.mark.parametrize(
    ("answer", "stays", "waiting"),
    [("Cancel", True, 0), ("Discard", False, 0), ("Save", False, 1)],
)
@pytest.mark.parametrize("way", ["napari", "widget"])
def test_strokes_are_not_lost_without_asking(
    reviewed: Reviewed,
    wait: Callable[[EchoReview], None],
    qtbot: QtBot,
    clip: EchoClip,
    clip_file: Path,
    way: str,
    answer: str,
    stays: bool,
    waiting: int,
) -> None:
    viewer, review = reviewed
    review.verbs.adopt(clip)
    wait(review)
    review.model_panel.action.click()
    wait(review)
    review.correct_panel.action.click()
    correction(review).paint((0, 5, 5), 2)
    np.save(clip_file, clip.frames[::-1])

    def press() -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        button = box.button(QMessageBox.StandardButton[answer])
        assert button is not None
        button.click()

    QTimer.singleShot(300, press)
    if way == "napari":
        viewer.open(clip_file, plugin="napari-echo")
    else:
        review.studying.open_paths([clip_file])
    qtbot.wait(600)
    wait(review)
    assert (review.session.clip is clip) is stays
    assert len([r for r in roles(viewer) if r == "clip"]) == 1
    assert ("correction" in roles(viewer)) is stays
    wait(review)
    assert len(review.session.corrections.waiting) == waiting


def test_nothing_of_the_dock_is_cut_off(
    dock: Callable[[Session], Reviewed],
    session: Session,
    wait: Callable[[EchoReview], None],
    qtbot: QtBot,
    clip: EchoClip,
    truth: Segmentation,
) -> None:
    viewer, review = dock(session)
    viewer.window.resize(1280, 800)
    viewer.window.show()
    qtbot.wait(100)
    beats = KeyFrames((Beat(0, 3), Beat(4, 6), Beat(10, 11)), "traced")
    review.verbs.adopt(clip, truth, beats)
    wait(review)
    wait(review)
    for button in (review.model_panel.action, review.marks_panel.action):
        button.click()
        wait(review)
    review.correct_panel.action.click()
    review.correct_panel.accept.click()
    review.correct_panel.commit.click()
    wait(review)
    wait(review)
    for theme in ("light", "dark"):
        viewer.theme = theme
        qtbot.wait(50)
        for button in review.findChildren(QPushButton):
            if button.isVisible():
                text = button.fontMetrics().horizontalAdvance(button.text())
                assert text <= button.width(), button.text()
                right = button.mapTo(review, button.rect().bottomRight())
                assert right.x() < review.width(), button.text()
                # Sections scroll; the one that is next is brought up.
                below = review.legend.isAncestorOf(button) or review.status_panel.isAncestorOf(
                    button
                )
                if below:
                    assert right.y() < review.height(), button.text()
                elif button is review.primary_button():
                    assert right.y() < review.legend.y(), button.text()
        for cell in review.measures_panel.cells.values():
            if cell.isVisible():
                assert cell.fontMetrics().horizontalAdvance(cell.text()) <= cell.width()
