"""The thread that writes the journal of one draft."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Literal

from filelock import FileLock

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.history import Edit
from napari_echo.core.revision import Revision
from napari_echo.io.journal import JournalFile, Record, pack_arrays, write_journal
from napari_echo.workflow.journal_replay import Replay, edit_record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ASIDE = "set-aside"
RETRY_S = 1.0
COMPACT_BYTES = 4 * 2**20
"""Size from which a journal is compacted, and again at four times its compact size."""

Ending = Literal["keep", "drop", "set aside"]
"""What becomes of a journal: uncommitted edits are kept, or their file is moved."""


class DraftJournal:
    """Writes down what happens to a draft.

    Its methods only queue and return at once; a thread compresses, writes and
    syncs in their order.

    Parameters
    ----------
    path : Path
        The file.
    lock : FileLock
        Held by the caller, for this journal to release.
    clip : EchoClip
        The clip.
    """

    def __init__(self, path: Path, lock: FileLock, clip: EchoClip) -> None:
        self.path = path
        self._lock, self._clip = lock, clip
        self._hashes: dict[int, str] = {}
        self._file: JournalFile | None = None
        self._limit = COMPACT_BYTES
        self._queue: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self._idle = threading.Condition()
        self._queued = self._written = 0
        self._ending: Ending | None = None
        self._wake = threading.Event()
        self.error = ""
        self._thread = threading.Thread(target=self._run, name="napari-echo journal", daemon=True)
        self._thread.start()
        atexit.register(self.flush, 5.0)

    # What is written down, on the caller's thread ---------------------------------

    def start(self, baseline: NDArray[np.uint8], about: dict[str, Any]) -> None:
        """Begin the file with what a draft starts from, which is never written to again."""
        self._put("start", (baseline, about))

    def resume(self) -> None:
        """Go on with the file that is there."""
        self._put("resume", None)

    def edit(self, edits: Iterable[Edit], *, more: bool, spent: float) -> None:
        """Write edits of one stroke; `more` says that it goes on."""
        edits = list(edits)
        for place, edit in enumerate(edits):
            goes_on = more or place < len(edits) - 1
            self._put("edit", (edit, {"more": goes_on, "spent": spent, "at": _now()}))

    def tell(self, kind: Literal["seal", "undo", "redo", "about"], **data: Any) -> None:
        """Write the end of a stroke, an undo, a redo, or the reader's notes."""
        self._put("record", Record(kind, {**data, "at": _now()} if kind != "seal" else data))

    def commit(self, revision: Revision) -> None:
        """Write that a revision is in the store."""
        self._put("commit", (revision, {"at": revision.committed.isoformat(), "spent": 0.0}))

    def _put(self, what: str, value: Any) -> None:
        with self._idle:
            self._queued += 1
        self._queue.put((what, value))

    def close(self, ending: Ending) -> None:
        """Write what is left, release the lock, and let the file be, go or be set aside."""
        self._ending = ending
        self._put("end", None)
        self._wake.set()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was queued is on the disk; False where it is not in time."""
        with self._idle:
            target = self._queued
            return self._idle.wait_for(lambda: self._written >= target, timeout)

    # Writing, in the thread -------------------------------------------------------

    def _run(self) -> None:
        while True:
            batch = [self._queue.get()]
            with suppress(Empty):
                while True:
                    batch.append(self._queue.get_nowait())
            try:
                self._write_patiently(batch)
            except Exception as error:
                # A fault of the program, which must not stay unseen; its traceback is printed.
                self.error = f"{self.path} is written no more: {error!r}."
                raise
            with self._idle:
                self._written += len(batch)
                self._idle.notify_all()
            if batch[-1][0] == "end":
                atexit.unregister(self.flush)
                return

    def _write_patiently(self, batch: list[tuple[str, Any]]) -> None:
        """Write until it works; what waits is kept, unless the draft ends meanwhile."""
        records = [(what, self._record(what, value)) for what, value in batch]
        while True:
            try:
                self._write(records)
                self.error = ""
            except EchoError as error:
                self.error = str(error)
                if self._ending is None:
                    self._wake.wait(RETRY_S)
                    continue
            break
        if batch[-1][0] == "end":
            self._end()

    def _record(self, what: str, value: Any) -> Record | None:
        if what == "start":
            baseline, data = value
            sizes, blob = pack_arrays(baseline)
            return Record("start", {**data, "sizes": sizes}, blob)
        if what == "edit":
            edit, data = value
            return edit_record("edit", edit, self._hash(edit.frame), **data)
        if what == "commit":
            revision, data = value
            sizes, blob = pack_arrays(revision.labels)
            data = {**data, "frames": list(revision.frames), "sizes": sizes}
            return Record("commit", {**data, "revision_id": revision.revision_id}, blob)
        return value if isinstance(value, Record) else None

    def _write(self, records: list[tuple[str, Record | None]]) -> None:
        """Write what is left of `records`, taking from it what is written."""
        while records and records[0][0] in ("start", "resume"):
            what, record = records[0]
            if what == "start" and record is not None:
                write_journal(self.path, [record])
            self._file = JournalFile(self.path)
            self._limit = max(COMPACT_BYTES, 4 * self._file.size)
            del records[0]
        if self._file is None:
            return
        if lines := [record for _, record in records if record is not None]:
            self._file.append(lines)
            records.clear()
        if self._file.size > self._limit and self._ending is None:
            self._compact()

    def _compact(self) -> None:
        """Write the file anew without what can no longer be undone."""
        assert self._file is not None
        self._file.close()
        # Where the disk has no room for a second file, the long one goes on.
        with suppress(EchoError):
            write_journal(self.path, Replay(self.path).records())
        self._file = JournalFile(self.path)
        self._limit = max(COMPACT_BYTES, 4 * self._file.size)

    def _hash(self, frame: int) -> str:
        if frame not in self._hashes:
            self._hashes[frame] = self._clip.frame_hash(frame)
        return self._hashes[frame]

    def _end(self) -> None:
        if self._file is not None:
            self._file.close()
        with suppress(OSError):
            if self._ending == "drop":
                remove(self.path)
            elif self._ending == "set aside":
                move_aside(self.path)
        self._lock.release()


def remove(path: Path) -> None:
    """Remove a journal and its lock, which the caller holds."""
    path.unlink(missing_ok=True)
    with suppress(OSError):  # Windows removes no open file
        path.with_suffix(".lock").unlink(missing_ok=True)


def move_aside(path: Path) -> Path:
    """Move a journal, whose lock the caller holds, to where nothing is ever deleted."""
    target = path.parent / ASIDE / path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file():
        path.replace(target)
    remove(path)
    return target


def _now() -> str:
    return datetime.now(UTC).isoformat()
