"""Commits that go on behind the next clip: of drafts that their reader has left.

A draft that is handed over keeps its journal until its revision is in the
label store. So a commit that fails, or a program that is killed, loses no
edit: the clip offers them when it is opened again.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.revision import Revision, Status
from napari_echo.gui import jobs
from napari_echo.gui.workers import Job, Jobs, Progress
from napari_echo.io.store import LabelStore
from napari_echo.workflow.draft import Draft
from napari_echo.workflow.session import Session

COMMITTING = "Committing"


def commit_job(
    session: Session,
    store: LabelStore,
    clip: EchoClip,
    draft: Draft,
    frames: Iterable[int],
    *,
    comment: str,
    status: Status,
    resolve: bool = False,
    alone: bool = False,
) -> Callable[[], Job[Revision]]:
    """Make the job that writes frames of a draft to the store; the session's reader commits.

    Parameters
    ----------
    session, store, clip, draft
        What is committed, and where to.
    frames : iterable of int
        The frames to commit.
    comment : str
        The reader's remark.
    status : str
        The reader's verdict.
    resolve : bool
        Whether it replaces the other heads of the fork that it goes on from.
    alone : bool
        Whether nobody paints on the draft any more, so that its labels need
        no copy.
    """
    corrections = session.corrections
    frames = tuple(sorted(set(frames)))
    parent = corrections.parent_for(session.reader, draft)
    replaced = {*corrections.own_later(parent, session.reader)}
    if resolve:
        replaced |= set(corrections.rivals(parent))
    return partial(
        jobs.commit,
        store,
        clip,
        draft.labels if alone else _of_frames(draft.labels, frames),
        frames,
        draft.base,
        draft.schema,
        session.key_frames or KeyFrames((), "detected"),
        reader=session.reader,
        started=draft.started,
        seconds=draft.seconds(),
        comment=comment.strip(),
        status=status,
        parent=parent,
        supersedes=tuple(sorted(replaced - {parent or ""})),
        **session.blind.tags(draft.base, parent),
    )


def _of_frames(labels: NDArray[np.uint8], frames: tuple[int, ...]) -> NDArray[np.uint8]:
    """Copy some frames; the others are zeros, which take neither time nor memory."""
    copied = np.zeros(labels.shape, np.uint8)
    for frame in frames:
        copied[frame] = labels[frame]
    return copied


@dataclass(eq=False)
class _Handed:
    clip: EchoClip
    draft: Draft
    job: Callable[[], Job[Revision]]
    revision: Revision | None = None
    error: str = ""
    ended: threading.Event = field(default_factory=threading.Event)


class Committing:
    """Writes drafts that were handed over to the label store, one after the other.

    Parameters
    ----------
    session : Session
        The review.
    runner : Jobs
        What runs the commits; nothing else.

    Signals
    -------
    committed(EchoClip, Revision)
        A revision of a clip that need not be open any more was written.
    failed(str)
        One was not; a sentence.
    """

    committed = Signal(object, object)
    failed = Signal(str)

    def __init__(self, session: Session, runner: Jobs) -> None:
        self.session = session
        self.runner = runner
        self._queue: deque[_Handed] = deque()
        runner.busy_changed.connect(self._go_on)

    @property
    def waiting(self) -> int:
        """How many commits are not yet written."""
        return len(self._queue)

    def add(self, clip: EchoClip, draft: Draft, job: Callable[[], Job[Revision]]) -> None:
        """Commit a draft that was handed over."""
        self._queue.append(_Handed(clip, draft, job))
        self._go_on()

    def _go_on(self) -> None:
        if self.runner.busy:
            return
        while self._queue and self._queue[0].ended.is_set():
            self._take(self._queue.popleft())
        if self._queue:
            self.runner.start(COMMITTING, _noted, self._queue[0], done=lambda _: None)

    def _take(self, handed: _Handed) -> None:
        clip = handed.clip
        self.session.corrections.take_handed(clip, handed.draft, handed.revision)
        if handed.revision is not None:
            self.committed.emit(clip, handed.revision)
        else:
            self.failed.emit(
                f"{handed.error} {clip.name} is not committed: its verdict, comment and labels "
                "are offered when it is open."
            )

    def finish(self, timeout: float = 5.0) -> None:
        """Write what is left before the window closes; what takes too long waits in its journal."""
        while self._queue:
            handed = self._queue.popleft()
            if not self.runner.busy and not handed.ended.is_set():
                for _ in _noted(handed):
                    pass
            handed.ended.wait(timeout)
            self._take(handed)
        self.runner.shut_down()


def _noted(handed: _Handed) -> Generator[Progress, None, None]:
    """Commit, and note how it ended where the main thread finds it, whatever happens."""
    try:
        handed.revision = yield from handed.job()
    except EchoError as error:
        handed.error = str(error)
    except BaseException:
        handed.error = "Nothing was committed, and no edit is lost: the program has a fault."
        raise
    finally:
        handed.ended.set()
