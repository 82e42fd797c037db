"""Edits that outlive a crash, undo that stays on its clip, and forks, in the real window."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import napari
import numpy as np
import pytest
from napari.layers import Labels
from pytestqt.qtbot import QtBot

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import Segmentation
from napari_echo.core.revision import Revision
from napari_echo.gui.review import EchoReview
from napari_echo.io.camus import write_camus
from napari_echo.io.labelled import LabelledClip
from napari_echo.io.store import LabelStore
from napari_echo.workflow.journal import JournalFolder
from napari_echo.workflow.session import Session

PATIENCE_MS = 20_000
Reviewed = tuple[napari.Viewer, EchoReview]


@pytest.fixture
def wait(qtbot: QtBot) -> Callable[[EchoReview], None]:
    def until_idle(review: EchoReview) -> None:
        qtbot.waitUntil(
            lambda: not (review.jobs.busy or review.background.busy or review.verbs.later.holding),
            timeout=PATIENCE_MS,
        )

    return until_idle


@pytest.fixture
def reviewed(
    dock: Callable[[Session], Reviewed],
    session: Session,
    wait: Callable[[EchoReview], None],
    clip_file: Path,
    truth: Segmentation,
) -> Reviewed:
    """A clip is open, with truth to start a correction from."""
    viewer, review = dock(session)
    open_clip(review, wait, clip_file, truth)
    return viewer, review


def open_clip(
    review: EchoReview, wait: Callable[[EchoReview], None], path: Path, truth: Segmentation
) -> None:
    review.studying.open_paths([path])
    wait(review)
    wait(review)
    review.session.set_truth(truth)


def start(review: EchoReview) -> Labels:
    panel = review.correct_panel
    panel.start_from.setCurrentIndex(panel.start_from.findData("truth"))
    panel.action.click()
    layer = review.layers.find("correction")
    assert isinstance(layer, Labels)
    return layer


def press(viewer: napari.Viewer, layer: Labels, key: str) -> None:
    """Press a key as the canvas does."""
    viewer.layers.selection.active = layer
    viewer.window._qt_viewer.canvas._key_map_handler.press_key(key)


def test_keys_undo_a_stroke_across_frames_and_over_a_commit(
    reviewed: Reviewed, wait: Callable[[EchoReview], None], truth: Segmentation
) -> None:
    viewer, review = reviewed
    corrections = review.session.corrections
    layer = start(review)
    for frame in (2, 5):
        review.layers.go_to(frame)
        layer.paint((frame, 5, 5), 1)
    review.correct_panel.commit.click()
    wait(review)
    wait(review)
    assert corrections.uncommitted == ()
    review.layers.go_to(0)
    press(viewer, layer, "Control-Z")
    assert corrections.uncommitted == (5,)
    assert review.layers.frame == 5
    assert np.array_equal(layer.data[5], truth.labels[5])
    press(viewer, layer, "Control-Z")
    press(viewer, layer, "Control-Z")
    assert corrections.uncommitted == (2, 5)
    assert np.array_equal(layer.data, truth.labels)
    assert not review.correct_panel.undo.isEnabled()
    press(viewer, layer, "Control-Shift-Z")
    review.correct_panel.redo.click()
    assert corrections.uncommitted == ()
    assert layer.data[5, 5, 5] == 1


def test_a_drag_is_one_stroke_and_is_in_the_journal_while_it_lasts(
    reviewed: Reviewed, qtbot: QtBot, truth: Segmentation
) -> None:
    _, review = reviewed
    corrections = review.session.corrections
    layer = start(review)
    layer.brush_size = 3
    with layer.block_history():
        for x in range(5, 30, 5):
            layer.paint((0, 5, x), 2)
            review.noting.note()
        assert review.layers.draft.in_stroke
        assert corrections.draft is not None
        assert corrections.draft.history.can_undo
    layer.paint((0, 40, 5), 3)
    corrections.undo()
    assert layer.data[0, 40, 5] != 3
    assert layer.data[0, 5, 25] == 2
    corrections.undo()
    assert np.array_equal(layer.data, truth.labels)
    assert corrections.uncommitted == ()


def test_a_script_that_writes_into_the_layer_is_noticed(reviewed: Reviewed, qtbot: QtBot) -> None:
    _, review = reviewed
    layer = start(review)
    layer.data[7, 2:5, 2:5] = 1
    qtbot.waitUntil(lambda: review.session.corrections.uncommitted == (7,), timeout=2000)


def test_undo_never_reaches_another_clip(
    reviewed: Reviewed,
    wait: Callable[[EchoReview], None],
    monkeypatch: pytest.MonkeyPatch,
    clip: EchoClip,
    truth: Segmentation,
    tmp_path: Path,
) -> None:
    viewer, review = reviewed
    monkeypatch.setattr(review.verbs, "may_leave", lambda: True)
    first = start(review)
    first.paint((0, 5, 5), 2)
    other = tmp_path / "other.npy"
    np.save(other, clip.frames[::-1])
    open_clip(review, wait, other, truth)
    second = start(review)
    press(viewer, second, "Control-Z")
    first.undo()
    assert np.array_equal(second.data, truth.labels)
    # What was left is offered, by name, to whoever opens that clip again.
    assert "beating.npy" in review.clip_panel.waiting.full_text()
    assert review.session.corrections.recoverable is None
    review.session.corrections.discard()
    review.clip_panel.open_waiting.click()
    wait(review)
    wait(review)
    assert review.correct_panel.recover.isVisibleTo(review)
    review.correct_panel.recover.click()
    wait(review)
    layer = review.layers.find("correction")
    assert layer.data[0, 5, 5] == 2
    assert review.session.corrections.uncommitted == (0,)
    # It says what it started from, which is not there now.
    assert review.session.truth is None
    assert review.correct_panel.start_from.currentText() == "from the ground truth"
    review.session.corrections.discard()
    assert review.correct_panel.start_from.currentText() == "from nothing"


def test_edits_of_a_pair_of_stills_open_as_that_pair(
    dock: Callable[[Session], Reviewed],
    session: Session,
    wait: Callable[[EchoReview], None],
    clip: EchoClip,
    clip_file: Path,
    truth: Segmentation,
    tmp_path: Path,
) -> None:
    ends = [0, 6]
    pair = EchoClip.from_frames(clip.frames[ends], study_id="patient0001", view="A4C")
    labels = Segmentation(truth.labels[ends], truth.annotated[ends], "ground truth")
    item = LabelledClip(pair, labels, KeyFrames((Beat(0, 1),), "traced"), "train")
    root = write_camus(tmp_path / "camus", [item])
    for file in root.rglob("*half_sequence*"):
        file.unlink()
    _, review = dock(session)
    open_clip(review, wait, root, labels)
    start(review).paint((1, 5, 5), 2)
    session.corrections.leave()
    open_clip(review, wait, clip_file, truth)
    assert "patient0001" in review.clip_panel.waiting.full_text()
    review.clip_panel.open_waiting.click()
    wait(review)
    wait(review)
    assert session.clip is not None
    assert session.clip.clip_id == pair.clip_id
    review.correct_panel.recover.click()
    wait(review)
    assert review.layers.find("correction").data[1, 5, 5] == 2


def test_edits_can_be_set_aside(
    reviewed: Reviewed,
    wait: Callable[[EchoReview], None],
    clip_file: Path,
    truth: Segmentation,
    journal: Path,
) -> None:
    _, review = reviewed
    start(review).paint((0, 5, 5), 2)
    review.session.corrections.leave()
    open_clip(review, wait, clip_file, truth)
    panel = review.correct_panel
    assert "frame 0" in panel.waiting_edits.full_text()
    assert "reader" in panel.waiting_edits.full_text()
    assert review.primary_button() is panel.recover
    panel.set_aside.click()
    assert not panel.recover.isVisibleTo(review)
    assert len(list((journal / "set-aside").glob("*.journal"))) == 1
    assert "set-aside" in review.status_panel.message.full_text()


def test_edits_of_a_file_that_changed_are_refused_and_kept(
    reviewed: Reviewed,
    wait: Callable[[EchoReview], None],
    clip: EchoClip,
    clip_file: Path,
    truth: Segmentation,
    journal: Path,
) -> None:
    _, review = reviewed
    start(review).paint((0, 5, 5), 2)
    review.session.corrections.leave()
    np.save(clip_file, clip.frames[::-1])
    refusals: list[str] = []
    review.verbs.refused.disconnect()
    review.verbs.refused.connect(refusals.append)
    open_clip(review, wait, clip_file, truth)
    assert len(refusals) == 1
    assert clip.clip_id in refusals[0]
    assert review.session.require_clip().clip_id in refusals[0]
    assert not review.correct_panel.recover.isVisibleTo(review)
    assert len(list(journal.glob("*.journal"))) == 1


def test_a_commit_that_fails_says_why_and_keeps_the_edits(
    reviewed: Reviewed, wait: Callable[[EchoReview], None], tmp_path: Path, journal: Path
) -> None:
    _, review = reviewed
    (tmp_path / "file").write_text("")
    review.verbs.use_store(LabelStore(tmp_path / "file" / "labels"))
    wait(review)
    refusals: list[str] = []
    review.verbs.refused.disconnect()
    review.verbs.refused.connect(refusals.append)
    start(review).paint((3, 5, 5), 2)
    review.layers.go_to(3)
    review.session.corrections.touch()
    review.correct_panel.commit.click()
    wait(review)
    assert len(refusals) == 1
    assert "no edit is lost" in refusals[0]
    assert str(tmp_path / "file") in refusals[0]
    assert review.session.corrections.uncommitted == (3,)
    review.session.corrections.close()
    assert [replay.uncommitted for replay in JournalFolder(journal).waiting()] == [(3,)]


def test_a_fork_is_shown_and_resolved(
    reviewed: Reviewed, wait: Callable[[EchoReview], None], clip_file: Path, truth: Segmentation
) -> None:
    _, review = reviewed
    corrections, panel = review.session.corrections, review.correct_panel
    start(review).paint((0, 5, 5), 1)
    panel.commit.click()
    wait(review)
    wait(review)
    panel.discard.click()
    (root,) = corrections.revisions
    assert corrections.store is not None
    assert not panel.fork.isVisibleTo(review)

    def rival(reader: str, row: int) -> Revision:
        labels = root.labels.copy()
        labels[:, row, :20] = 1
        return replace(
            root,
            revision_id=uuid.uuid4().hex,
            parent=root.revision_id,
            reader=reader,
            labels=labels,
            committed=datetime.now(UTC),
        )

    ann, ben = rival("Ann", 1), rival("Ben", 2)
    corrections.store.commit(ann)
    corrections.store.commit(ben)
    open_clip(review, wait, clip_file, truth)
    assert panel.fork.isVisibleTo(review)
    assert "LV Dice" in panel.fork.title.full_text()
    assert ["Ann" in text or "Ben" in text for text in panel.fork.texts()] == [True, True]
    assert not panel.fork.resolve.isEnabled()
    panel.start_from.setCurrentIndex(panel.start_from.findData(f"correction {ann.revision_id}"))
    panel.action.click()
    layer = review.layers.find("correction")
    assert layer.data[0, 1, 10] == 1
    assert layer.data[0, 2, 10] != 1
    panel.accept.click()
    panel.fork.resolve.setChecked(True)
    panel.commit.click()
    wait(review)
    wait(review)
    (head,) = corrections.heads
    assert (head.parent, head.supersedes) == (ann.revision_id, (ben.revision_id,))
    assert not panel.fork.isVisibleTo(review)


def test_without_asking_to_a_fork_is_not_resolved(
    reviewed: Reviewed, wait: Callable[[EchoReview], None], clip_file: Path, truth: Segmentation
) -> None:
    _, review = reviewed
    corrections, panel = review.session.corrections, review.correct_panel
    start(review).paint((0, 5, 5), 1)
    panel.commit.click()
    wait(review)
    wait(review)
    panel.discard.click()
    (root,) = corrections.revisions
    other = replace(
        root, revision_id=uuid.uuid4().hex, parent=root.revision_id, committed=datetime.now(UTC)
    )
    assert corrections.store is not None
    corrections.store.commit(other)
    # Someone started from the root, before the other revision came.
    corrections.start("correction", None, None)
    layer = review.layers.find("correction")
    layer.paint((0, 50, 50), 1)
    panel.commit.click()
    wait(review)
    wait(review)
    open_clip(review, wait, clip_file, truth)
    assert len(corrections.fork) == 2


KILLED = """
import os, sys
from pathlib import Path
import numpy as np
from qtpy.QtCore import QTimer
import napari
from napari_echo.core.labels import Segmentation
from napari_echo.gui.app import open_viewer
from napari_echo.io.store import LabelStore
from napari_echo.workflow.session import Session

clip_file, labels = map(Path, sys.argv[1:])
viewer, review = open_viewer(Session(packs=(), store=LabelStore(labels), reader="Ann"))

def edit():
    session = review.session
    if session.clip is None or review.jobs.busy:
        return QTimer.singleShot(50, edit)
    shape = session.clip.frames.shape
    labels, annotated = np.ones(shape, np.uint8), np.ones(shape[0], bool)
    session.set_truth(Segmentation(labels, annotated, "ground truth"))
    session.corrections.start("truth", None, session.truth)
    layer = review.layers.find("correction")
    layer.paint((0, 5, 5), 2)
    review.layers.go_to(4)
    layer.paint((4, 9, 9), 3)
    layer.undo()
    layer.redo()
    review.correct_panel.comment.setText("about the apex")
    print("edited", flush=True)

review.studying.open_paths([clip_file])
QTimer.singleShot(50, edit)
napari.run()
"""


@pytest.mark.slow
def test_a_window_that_is_killed_loses_no_edit(
    dock: Callable[[Session], Reviewed],
    session: Session,
    wait: Callable[[EchoReview], None],
    clip_file: Path,
    truth: Segmentation,
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", KILLED, str(clip_file), str(tmp_path / "labels")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ}) as child:
        assert child.stdout is not None
        try:
            line = b""
            while b"edited" not in line:
                line = child.stdout.readline()
                assert line, "the window ended by itself"
            time.sleep(1.0)
        finally:
            child.send_signal(signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    _, review = dock(session)
    wait(review)
    assert review.clip_panel.waiting.full_text() == "Uncommitted edits in 1 clip: beating.npy"
    review.clip_panel.open_waiting.click()
    wait(review)
    wait(review)
    review.correct_panel.recover.click()
    wait(review)
    layer = review.layers.find("correction")
    assert (layer.data[0, 5, 5], layer.data[4, 9, 9]) == (2, 3)
    assert review.session.corrections.uncommitted == (0, 4)
    assert review.correct_panel.reader.text() == "Ann"
    assert review.correct_panel.comment.text() == "about the apex"
    layer.undo()
    assert review.session.corrections.uncommitted == (0,)
    layer.undo()
    assert (layer.data == 1).all()
