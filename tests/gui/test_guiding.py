"""What the window says is next, keeps in its place, and does not lose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtGui import QCloseEvent
from qtpy.QtWidgets import QMessageBox

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import LV, Segmentation
from napari_echo.gui.review import EchoReview
from napari_echo.gui.wording import short_names
from napari_echo.workflow.session import Session

PATIENCE_MS = 20_000
Reviewed = tuple[napari.Viewer, EchoReview]
ED, ES = 0, 6


@pytest.fixture
def reviewed(
    dock: Callable[[Session], Reviewed],
    session: Session,
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
) -> Reviewed:
    viewer, review = dock(session)
    review.verbs.refused.disconnect()
    session.open_clip(clip, truth=truth, key_frames=key_frames)
    return viewer, review


@pytest.fixture
def refusals(reviewed: Reviewed) -> list[str]:
    told: list[str] = []
    reviewed[1].verbs.refused.connect(told.append)
    return told


@pytest.fixture
def files(clip: EchoClip, tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    folder.mkdir()
    for index, name in enumerate(("a", "b")):
        np.save(folder / f"{name}.npy", np.roll(clip.frames, index, axis=2))
    return folder


def wait(review: EchoReview, qtbot: QtBot) -> None:
    runners = (review.jobs, review.background, review.measuring.runner)
    qtbot.waitUntil(
        lambda: not (any(r.busy for r in runners) or review.verbs.later.holding),
        timeout=PATIENCE_MS,
    )


# What is next -----------------------------------------------------------------------


def test_nothing_that_is_not_drawn_can_be_accepted_and_the_tool_is_lit(
    reviewed: Reviewed, truth: Segmentation
) -> None:
    _, review = reviewed
    panel = review.correct_panel
    review.editing.choose("nothing")
    review.editing.begin()
    assert not panel.pair.isEnabled()
    assert panel.pair.toolTip() == "Frames 0, 6 have no labels yet: draw them first."
    assert review.primary_button() is panel.tools.contour
    assert panel.tools.contour.property("primary")
    # The sentence below says the same.
    assert review.status_panel.message.full_text() == panel.pair.toolTip()

    for frame in (ED, ES):
        review.session.corrections.write({frame: truth.labels[frame]})
    assert panel.pair.isEnabled()
    assert review.primary_button() is panel.pair
    assert "accept ED and ES" in review.status_panel.message.full_text()


def test_labels_that_lack_es_cannot_be_accepted(
    reviewed: Reviewed, clip: EchoClip, truth: Segmentation, key_frames: KeyFrames
) -> None:
    _, review = reviewed
    labels = truth.labels.copy()
    labels[ES] = 0
    annotated = truth.annotated.copy()
    sparse = Segmentation(labels, annotated, "ground truth")
    review.session.open_clip(clip, truth=sparse, key_frames=key_frames)
    review.editing.choose("truth")
    assert review.editing.obstacle("accepted").startswith("Frame 6 has no labels yet")
    assert not review.editing.obstacle("rejected")


def test_a_start_is_chosen_for_one_clip(
    reviewed: Reviewed, clip: EchoClip, truth: Segmentation
) -> None:
    _, review = reviewed
    review.editing.choose("nothing")
    review.session.open_clip(clip, truth=truth)
    choice = review.editing.choice()
    assert choice is not None
    assert choice.start == "truth"
    assert review.correct_panel.start_from.currentData() == "truth"


def test_another_clip_shows_the_top_of_the_dock(
    reviewed: Reviewed, qtbot: QtBot, clip: EchoClip, truth: Segmentation
) -> None:
    viewer, review = reviewed
    viewer.window.show()
    viewer.window.resize(900, 500)
    bar = review.column.verticalScrollBar()
    assert bar is not None
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    bar.setValue(bar.maximum())
    review.session.open_clip(clip, truth=truth)
    qtbot.waitUntil(lambda: bar.value() == 0)


# What keeps its place ---------------------------------------------------------------


def test_the_legend_stays_however_much_there_is_to_say(reviewed: Reviewed, qtbot: QtBot) -> None:
    viewer, review = reviewed
    viewer.window.show()
    qtbot.wait(50)
    places = set()
    for words in (1, 20, 60):
        review.status_panel.tell("a word " * words)
        qtbot.wait(20)
        places.add((review.legend.y(), review.status_panel.height()))
    assert len(places) == 1


def test_rows_of_measures_keep_their_place(reviewed: Reviewed, qtbot: QtBot) -> None:
    viewer, review = reviewed
    viewer.window.show()
    wait(review, qtbot)
    panel, session = review.measures_panel, review.session
    qtbot.waitUntil(lambda: panel.shown("EF", "truth") != "", timeout=PATIENCE_MS)
    before = panel.sizeHint().height()
    session.set_key_frames(KeyFrames((Beat(3, 3),), "set by reader"))
    wait(review, qtbot)
    qtbot.waitUntil(lambda: panel.shown("EF", "truth") == "", timeout=PATIENCE_MS)
    assert panel.cells[1, 0].isVisible()
    assert panel.band.full_text().startswith("No EF: ES of this beat is to be set.")
    assert panel.jump["ES"].text() == "ES"
    assert panel.sizeHint().height() >= before


def test_long_names_are_cut_in_the_middle() -> None:
    text = "/data/of/a/long/folder/with/many/parts/labels cannot be written: disk full."
    assert short_names(text) == "…/labels cannot be written: disk full."
    name = "patient-0001-with-a-very-long-name-of-it.dcm"
    assert short_names(f"{name}: broken.") == "patient-0001-wit…-name-of-it.dcm: broken."
    assert short_names("Frame 3 is ED.") == "Frame 3 is ED."


# Going to a frame while the clip is played ------------------------------------------


def test_a_jump_stops_the_playing_and_stays(reviewed: Reviewed, qtbot: QtBot) -> None:
    viewer, review = reviewed
    viewer.window.show()
    dims = viewer.window._qt_viewer.dims
    assert dims.slider_widgets[0].fps == 20.0  # the clip's own rate
    dims.play(0)
    qtbot.waitUntil(lambda: review.layers.frame in (2, 3), timeout=PATIENCE_MS)
    assert review.playing.running
    review.measures_panel.go("ES")
    qtbot.wait(200)
    assert not review.playing.running
    assert review.layers.frame == ES


# ED and ES that a reader sets -------------------------------------------------------


def test_a_frame_is_not_ed_and_es(reviewed: Reviewed, refusals: list[str]) -> None:
    _, review = reviewed
    session, told = review.session, []
    review.verbs.told.connect(told.append)
    review.measuring.set_key_frame(0, "ED", ES)
    assert session.key_frames is not None
    assert session.key_frames.beats == (Beat(ED, ES),)
    assert "Frame 6 is ES of this beat" in refusals[0]
    # A clip may begin at ES.
    review.measuring.set_key_frame(0, "ED", 9)
    assert session.key_frames.beats == (Beat(9, ES),)
    assert "after ES 6" in told[-1]


def test_ed_and_es_of_a_clip_that_was_left_are_offered_again(
    reviewed: Reviewed, qtbot: QtBot, files: Path
) -> None:
    _, review = reviewed
    session, panel = review.session, review.correct_panel
    review.studying.open_paths([files])
    qtbot.waitUntil(
        lambda: session.clip is not None and session.clip.name == "a.npy", timeout=PATIENCE_MS
    )
    wait(review, qtbot)
    review.measuring.set_key_frame(0, "ED", 2)
    review.measuring.set_key_frame(0, "ES", 8)
    review.studying.step(1)
    qtbot.waitUntil(
        lambda: session.clip is not None and session.clip.name == "b.npy", timeout=PATIENCE_MS
    )
    wait(review, qtbot)
    qtbot.waitUntil(lambda: "a.npy" in review.clip_panel.waiting.full_text(), timeout=PATIENCE_MS)
    review.clip_panel.open_waiting.click()
    qtbot.waitUntil(
        lambda: session.clip is not None and session.clip.name == "a.npy", timeout=PATIENCE_MS
    )
    wait(review, qtbot)
    assert "ED 2, ES 8" in panel.waiting_edits.full_text()
    assert review.primary_button() is panel.recover
    panel.recover.click()
    assert session.key_frames is not None
    assert session.key_frames.beats == (Beat(2, 8),)
    assert session.corrections.recoverable is None
    # They are not committed yet, and kept on.
    qtbot.waitUntil(lambda: session.corrections.kept_key_frames is not None, timeout=PATIENCE_MS)


def test_ed_and_es_that_are_committed_are_not_offered(
    reviewed: Reviewed, qtbot: QtBot, truth: Segmentation
) -> None:
    _, review = reviewed
    session = review.session
    session.set_key_frames(KeyFrames((Beat(2, 8),), "set by reader"))
    qtbot.waitUntil(lambda: session.corrections.kept_key_frames is not None, timeout=PATIENCE_MS)
    assert "ED and ES that you set" in review.correct_panel.commit.toolTip()
    review.editing.choose("truth")
    review.correct_panel.pair.click()
    qtbot.waitUntil(lambda: not review.committing.waiting, timeout=PATIENCE_MS)
    wait(review, qtbot)
    review.noting.note()
    assert session.corrections.kept_key_frames is None
    session.close_clip()
    session.corrections.journals.settle(5)
    assert session.corrections.journals.waiting() == []


# Blind, and the end -----------------------------------------------------------------


def test_a_key_for_what_is_hidden_switches_nothing_for_later(
    reviewed: Reviewed, clip: EchoClip, truth: Segmentation
) -> None:
    _, review = reviewed
    review.readers.read_blind(True)
    review.session.open_clip(clip, truth=truth)
    showing = review.layers.showing
    assert showing.is_on("truth")
    review.legend.toggle("truth")
    assert showing.is_on("truth")
    assert "read blind" in review.status_panel.message.full_text()


class ByTheReader(QCloseEvent):
    """The close event of a window's own button."""

    def spontaneous(self) -> bool:
        return True


@pytest.mark.parametrize("answer", ["Cancel", "Close"])
def test_who_closes_the_window_in_a_correction_is_told(
    reviewed: Reviewed, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    viewer, review = reviewed
    review.editing.choose("truth")
    review.editing.begin()
    review.session.corrections.write({3: np.full_like(review.session.truth.labels[3], LV)})
    asked: list[str] = []

    def press(box: QMessageBox) -> int:
        asked.append(box.text())
        return int(QMessageBox.StandardButton[answer].value)

    monkeypatch.setattr(QMessageBox, "exec", press)
    window = viewer.window._qt_window
    closed: list[bool] = []
    event = ByTheReader()
    with monkeypatch.context() as patched:
        patched.setattr(window, "close", lambda: closed.append(True))
        assert review.closing.eventFilter(window, event)
        assert not event.isAccepted()
        qtbot.wait(1)
    # Then it closes by itself, and napari does not ask once more.
    assert closed == [True] * (answer == "Close")
    assert "Frame 3 of" in asked[0]
    assert "Nothing is lost" in asked[0]
    review.session.corrections.discard()
    assert not review.closing.eventFilter(window, ByTheReader())
    assert len(asked) == 1
