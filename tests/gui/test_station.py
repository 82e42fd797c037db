"""A whole review in the real window by keys and mouse, and the window closed in the middle."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import napari
import numpy as np
import pytest
from napari.layers import Points
from napari.utils._test_utils import read_only_mouse_event
from napari.utils.interactions import (
    mouse_move_callbacks,
    mouse_press_callbacks,
    mouse_release_callbacks,
)
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QThreadPool, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication

from napari_echo.gui.review import EchoReview
from napari_echo.io.clipset import write_clipset
from napari_echo.io.labelled import LabelledClip
from napari_echo.io.store import LabelStore
from napari_echo.io.store_verify import verify
from napari_echo.phantom.generate import generate
from napari_echo.phantom.params import PhantomParams
from napari_echo.workflow.journal import JournalFolder
from napari_echo.workflow.session import Session

PATIENCE_MS = 20_000
N, SIZE, FPS = 5, (48, 56), 8.0
Reviewed = tuple[napari.Viewer, EchoReview]
Scores = NDArray[np.float32]


class Hands:
    """What a reader does: keys and drags on the canvas, and waiting."""

    def __init__(self, viewer: napari.Viewer, review: EchoReview, qtbot: QtBot) -> None:
        self.viewer, self.review, self.qtbot = viewer, review, qtbot
        self.session = review.session
        self.refused: list[str] = []
        review.verbs.refused.disconnect()
        review.verbs.refused.connect(self.refused.append)

    def until(self, what: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(lambda: bool(self.refused) or what(), timeout=PATIENCE_MS)
        assert self.refused == []

    def idle(self) -> None:
        review = self.review
        runners = (review.jobs, review.studying.ahead, review.editing.ahead)
        self.until(
            lambda: (
                not any(r.busy for r in runners)
                and review.measuring.is_up_to_date
                and review.committing.waiting == 0
            )
        )

    def press(self, key: str) -> None:
        self.viewer.window._qt_viewer.canvas._key_map_handler.press_key(key)

    def go(self, key: str, place: int) -> None:
        """Press a key, and wait for the clip that it leads to."""
        self.press(key)
        wanted = self.session.studies.items[place]
        self.until(lambda: self.session.studies.current is wanted and not self.review.jobs.busy)
        # What lies hidden of the clip before must not stretch napari's slider or its view.
        clip = self.session.require_clip()
        assert self.viewer.dims.range[0].stop == len(clip) - 1
        pixel = self.review.layers.find("clip").scale[1:]
        seen = np.ptp(self.viewer.layers.extent.world[:, 1:], axis=0)
        assert (np.abs(seen / pixel - clip.frame_shape) < 1.01).all()

    def run_model(self) -> None:
        self.press("W")
        self.until(lambda: self.session.prediction is not None)
        self.idle()

    def drop(self, folder: Path) -> None:
        """Drop a folder on the canvas."""
        target = self.viewer.window._qt_viewer
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(folder))])
        action, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
        keys = Qt.KeyboardModifier.NoModifier
        # Qt drops where it was dragged to.
        enter = QDragEnterEvent(QPoint(9, 9), action, mime, button, keys)
        QApplication.sendEvent(target, enter)
        assert enter.isAccepted()
        QApplication.sendEvent(target, QDropEvent(QPointF(9, 9), action, mime, button, keys))

    def drag(self, by: float = 7.0) -> None:
        """Drag the rightmost point of the contour to the right."""
        self.press("Shift-D")
        points = self.review.contour_tool.points
        assert isinstance(points, Points)
        start = points.data[int(points.data[:, 2].argmax())].copy()
        for kind, share, call in (
            ("mouse_press", 0.0, mouse_press_callbacks),
            ("mouse_move", 0.5, mouse_move_callbacks),
            ("mouse_move", 1.0, mouse_move_callbacks),
            ("mouse_release", 1.0, mouse_release_callbacks),
        ):
            event = read_only_mouse_event(
                type=kind,
                is_dragging=kind == "mouse_move",
                position=tuple((start + np.array([0, 0, share * by])) * points.scale),
                dims_displayed=[1, 2],
                modifiers=[],
            )
            call(points, event)
        self.press("Escape")

    @property
    def frame(self) -> int:
        return self.review.layers.frame

    @property
    def labels(self) -> NDArray[np.uint8]:
        draft = self.session.corrections.draft
        assert draft is not None
        return draft.labels


@pytest.fixture(scope="module")
def beats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five small phantoms, a beat each."""

    def made(seed: int) -> LabelledClip:
        params = PhantomParams.sample(seed)
        cycle = replace(params.cycle, beats=1.05, fps=FPS, start_phase=0.0)
        phantom = generate(seed, size=SIZE, params=replace(params, cycle=cycle))
        return LabelledClip(phantom.clip, phantom.truth, phantom.key_frames, "val", phantom.ef)

    return write_clipset(tmp_path_factory.mktemp("phantoms") / "beats", map(made, range(N)))


def test_a_review_of_five_clips(
    dock: Callable[[Session], Reviewed],
    session: Session,
    qtbot: QtBot,
    beats: Path,
    journal: Path,
) -> None:
    hands = Hands(*dock(session), qtbot)
    review, corrections, store = hands.review, session.corrections, session.corrections.store
    assert store is not None
    hands.drop(beats)
    hands.until(lambda: session.clip is not None and len(session.studies) == N)
    items = session.studies.items
    pairs, clips = [], []

    def arrive() -> None:
        """Run the model, and look at ED and ES."""
        hands.run_model()
        clips.append(session.require_clip())
        pair = review.editing.pair()
        assert pair is not None
        for key, frame in (("J", pair.ed), ("K", pair.es)):
            hands.press(key)
            assert hands.frame == frame
        pairs.append((pair.ed, pair.es))

    # The first is right, and the second after its ES was dragged.
    arrive()
    hands.go("Shift-Y", 1)
    arrive()
    before = session.prediction.segmentation.labels[pairs[1][1]].copy()
    hands.drag()
    dragged = hands.labels.copy()
    assert (dragged[pairs[1][1]] != before).any()
    assert corrections.uncommitted == (pairs[1][1],)
    hands.go("Shift-Y", 2)

    # Undo has nothing to undo here, and the clip before stays what it was.
    assert corrections.draft is None
    hands.press("Control-Z")
    assert corrections.draft is None
    hands.idle()
    assert np.array_equal(store.revisions(clips[1].clip_id)[0].labels, _frames(dragged, pairs[1]))

    # The third is of no use; the fourth is for somebody else to say.
    arrive()
    hands.go("Shift-X", 3)
    arrive()
    hands.press("Shift-C")
    comment = review.correct_panel.comment
    qtbot.keyClicks(comment, "apex cut off")
    hands.go("Shift-S", 4)
    assert comment.text() == ""

    # Back and forth: what was drawn meanwhile is undone here alone.
    hands.go("Shift-N", 3)
    hands.go("N", 4)
    arrive()
    ed, es = pairs[4]
    for key in ("J", "K"):
        hands.press(key)
        hands.drag()
    assert corrections.uncommitted == (ed, es)
    start = session.prediction.segmentation.labels
    for _ in range(4):
        hands.press("Control-Z")
    assert np.array_equal(hands.labels, start)
    for _ in range(4):
        hands.press("Control-Shift-Z")
    assert corrections.uncommitted == (ed, es)

    # The last one by propagation, committed without leaving it.
    review.propagating.method = "flow"
    hands.press("Shift-F")
    hands.until(lambda: review.propagating.shown is not None)
    hands.press("Shift-Enter")
    hands.until(lambda: review.propagating.shown is None)
    every = tuple(range(len(clips[4])))
    assert corrections.uncommitted == every
    last = hands.labels.copy()
    hands.press("Shift-Y")
    hands.until(lambda: len(store.rows()) == N)
    hands.idle()

    found = {}
    for clip in clips:
        (found[clip.clip_id],) = store.revisions(clip.clip_id)
    revisions = list(found.values())
    statuses = ["accepted", "corrected", "rejected", "second reader", "corrected"]
    assert [r.status for r in revisions] == statuses
    assert [r.reader for r in revisions] == ["reader"] * N
    assert [r.comment for r in revisions] == ["", "", "", "apex cut off", ""]
    assert [r.frames for r in revisions] == [*pairs[:4], every]
    for revision, pair in zip(revisions, pairs, strict=True):
        assert revision.key_frames is not None
        assert [(b.ed, b.es) for b in revision.key_frames.beats] == [pair]
    assert np.array_equal(revisions[4].labels, last)
    assert JournalFolder(journal).waiting() == []

    hands.go("Shift-N", 3)

    # What the table tells of them.
    rows = review.studies_panel.rows
    hands.until(lambda: rows.verdict(items[4]).status == "corrected")
    assert [rows.verdict(item).status for item in items] == statuses
    assert [rows.cell(item, "reader").text for item in items] == ["reader"] * N
    assert rows.cell(items[3], "comment").text == "apex cut off"


def _frames(labels: NDArray[np.uint8], frames: tuple[int, ...]) -> NDArray[np.uint8]:
    return labels[list(frames)]


def test_closing_the_window_while_a_model_runs_leaves_nothing_half_done(
    dock: Callable[[Session], Reviewed],
    make_session: Callable[..., Session],
    engine: Callable[[Scores], Scores],
    qtbot: QtBot,
    beats: Path,
    journal: Path,
    tmp_path: Path,
) -> None:
    running, gate = threading.Event(), threading.Semaphore(0)
    slow = threading.Event()

    def held(batch: Scores) -> Scores:
        if slow.is_set():
            running.set()
            assert gate.acquire(timeout=20)
        return engine(batch)

    threads = set(threading.enumerate())
    session = make_session(held)
    hands = Hands(*dock(session), qtbot)
    review = hands.review
    hands.drop(beats)
    hands.until(lambda: session.clip is not None and len(session.studies) == N)
    hands.run_model()
    first, pair = session.require_clip(), review.editing.pair()
    assert pair is not None
    hands.go("Shift-Y", 1)
    second = session.require_clip()
    hands.press("K")
    hands.drag()
    drawn = hands.labels.copy()
    frame = hands.frame
    slow.set()
    hands.press("W")
    hands.until(running.is_set)
    with qtbot.captureExceptions() as errors:
        hands.viewer.close()
        gate.release(99)
        assert QThreadPool.globalInstance().waitForDone(PATIENCE_MS)
        qtbot.wait(50)
    assert errors == []
    assert set(threading.enumerate()) <= threads
    assert session.prediction is None
    assert hands.refused == []

    # The verdict before is whole, the stroke is in the journal, and nothing else is written.
    folder = tmp_path / "labels"
    store = LabelStore(folder)
    (revision,) = store.revisions(first.clip_id)
    assert (revision.status, revision.frames) == ("accepted", (pair.ed, pair.es))
    assert store.revisions(second.clip_id) == []
    verified = verify(folder)
    assert (verified.whole, verified.findings) == (1, ())
    (replay,) = JournalFolder(journal).waiting()
    assert (replay.clip_id, replay.uncommitted) == (second.clip_id, (frame,))
    assert np.array_equal(replay.labels()[frame], drawn[frame])
