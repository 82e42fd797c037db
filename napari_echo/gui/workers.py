"""The threads of a review: the one module that starts, cancels and ends them.

A job is a generator. It runs in a worker thread, yields `Progress`, and
returns its outcome; only the handlers here, on the main thread, hand that
outcome on. One job runs at a time.
"""

from __future__ import annotations

import atexit
import time
import weakref
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, TypeVar

from psygnal import Signal
from qtpy.compat import isalive
from qtpy.QtCore import QCoreApplication, QObject, QThreadPool
from superqt.utils import GeneratorWorker, create_worker

from napari_echo.core.errors import EchoError
from napari_echo.gui.time_left import TimeLeft

LAST_WAIT_MS = 5000
"""So long the program waits at its end for jobs that were asked to stop."""

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True)
class Progress:
    """How far a job is: `done` of `total` (0 where unknown), doing `what`.

    `found` is a part of its outcome that is handed on at once, and stays where
    the job is cancelled later.
    """

    done: int
    total: int
    what: str
    found: Any = field(default=None, repr=False, compare=False)


Job = Generator[Progress, None, T]


@dataclass(frozen=True)
class _Failure:
    message: str


class _Worker(GeneratorWorker):  # type: ignore[type-arg]
    """A worker that ends quietly where the program ends before it does."""

    def run(self) -> None:
        """Run the job; its last signals have no sender any more where Qt is gone."""
        try:
            super().run()
        except RuntimeError:
            if isalive(self.signals):  # type: ignore[no-untyped-call]
                raise
        finally:
            # What a job that was stopped has open must not wait for the end of the program.
            self._gen.close()


_workers: weakref.WeakSet[_Worker] = weakref.WeakSet()


def stop_all() -> None:
    """Ask all jobs to stop, and wait for them: a thread must not outlive the program."""
    for worker in tuple(_workers):
        worker.quit()
    pool = QThreadPool.globalInstance()
    if _workers and pool is not None:
        pool.waitForDone(LAST_WAIT_MS)


atexit.register(stop_all)


def shown(steps: Generator[S, None, T], tell: Callable[[S], Progress]) -> Job[T]:
    """Run the steps of a workflow as a job: `tell` says of each how far it is."""
    with closing(steps):
        while True:
            try:
                step = next(steps)
            except StopIteration as end:
                outcome: T = end.value
                return outcome
            yield tell(step)


class Jobs(QObject):
    """Runs the jobs of one review, one at a time.

    Signals
    -------
    busy_changed()
        A job began or ended.
    progressed(Progress)
        The running job came on.
    failed(str)
        A job ended with an `EchoError`; its sentence.
    cancelled(str)
        A job was cancelled; its title.

    Attributes
    ----------
    seconds : dict of str to float
        How long each job took, by its title.
    seconds_left : float or None
        How long the running job will still take, where its rate is steady.

    An error that is no `EchoError` is a fault of the program: napari shows
    it with its traceback.
    """

    busy_changed = Signal()
    progressed = Signal(Progress)
    failed = Signal(str)
    cancelled = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker: Any = None
        self._done: Callable[[Any], None] | None = None
        self._found: Callable[[Any], None] | None = None
        self._title = ""
        self._began = 0.0
        self.seconds: dict[str, float] = {}
        self._time_left = TimeLeft()
        self.seconds_left: float | None = None
        app = QCoreApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(stop_all)
        # Outlives this object, to stop the job when the window is destroyed.
        running: list[Any] = []
        self.destroyed.connect(lambda: [worker.quit() for worker in running])
        self._running = running

    @property
    def title(self) -> str:
        """What is being done; empty when idle."""
        return self._title if self.busy else ""

    @property
    def busy(self) -> bool:
        """Whether a job runs."""
        return self._worker is not None

    @property
    def cancelling(self) -> bool:
        """Whether the running job was asked to stop."""
        return self._worker is not None and bool(self._worker.abort_requested)

    def start(
        self,
        title: str,
        job: Callable[..., Job[T]],
        *args: Any,
        done: Callable[[T], None],
        found: Callable[[Any], None] | None = None,
    ) -> bool:
        """Start a job unless one runs.

        Parameters
        ----------
        title : str
            What is being done, for people; also the key of its time in
            `seconds`.
        job : callable
            A generator function; it must not touch Qt, napari or the session.
        *args
            Its arguments.
        done : callable
            Takes the outcome, on the main thread; not called when the job
            fails or is cancelled.
        found : callable or None
            Takes what the job finds before its end, on the main thread.

        Returns
        -------
        bool
            Whether it was started.
        """
        if self.busy:
            return False

        def guarded() -> Generator[Progress, None, T | _Failure]:
            try:
                return (yield from job(*args))
            except EchoError as error:
                return _Failure(str(error))

        # Superqt types every signal as one that carries a value.
        worker: Any = create_worker(guarded, _start_thread=False, _worker_class=_Worker)
        _workers.add(worker)
        self._time_left, self.seconds_left = TimeLeft(), None
        self._worker, self._done, self._title = worker, done, title
        self._found = found
        self._running.append(worker)
        self._began = time.perf_counter()
        worker.yielded.connect(self._on_yielded)
        worker.returned.connect(self._on_returned)
        worker.finished.connect(self._on_finished)
        worker.start()
        self.busy_changed.emit()
        return True

    def cancel(self) -> None:
        """Ask the running job to stop; it does at its next progress."""
        if self._worker is not None:
            self._worker.quit()
            self.busy_changed.emit()

    def shut_down(self) -> None:
        """Stop the running job and let nothing of it arrive any more."""
        worker, self._worker, self._done = self._worker, None, None
        self._found = None
        self._running.clear()
        if worker is not None:
            for signal, slot in (
                (worker.yielded, self._on_yielded),
                (worker.returned, self._on_returned),
                (worker.finished, self._on_finished),
            ):
                signal.disconnect(slot)
            worker.quit()

    def _on_yielded(self, progress: Progress) -> None:
        if progress.found is not None and self._found is not None:
            self._found(progress.found)
        self.seconds_left = self._time_left.seconds(
            progress.what, progress.done, progress.total, time.perf_counter()
        )
        self.progressed.emit(progress)

    def _on_returned(self, outcome: object) -> None:
        # Idle before the outcome is handed on: what takes it may start a job.
        done, title = self._done, self._title
        self.seconds[title] = time.perf_counter() - self._began
        self._release()
        if isinstance(outcome, _Failure):
            self.failed.emit(outcome.message)
        elif done is not None:
            done(outcome)

    def _on_finished(self) -> None:
        worker = self._worker
        if worker is None or self.sender() is not worker.signals:
            return
        # Still held: it was cancelled, or failed by an error that napari shows.
        title, stopped = self._title, worker.abort_requested
        self._release()
        if stopped:
            self.cancelled.emit(title)

    def _release(self) -> None:
        self._worker = self._done = self._found = None
        self._running.clear()
        self.busy_changed.emit()
