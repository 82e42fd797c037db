"""The journal of uncommitted edits: one file a draft, written in a thread of its own.

While a draft is open its journal is locked; the lock goes with the process,
however that ends. A journal that nobody locks and that holds uncommitted
edits waits to be recovered.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Literal

from filelock import FileLock, Timeout

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.history import Edit
from napari_echo.core.revision import Revision
from napari_echo.io.journal import SUFFIX, JournalFile, Record, pack_arrays, write_journal
from napari_echo.io.reading import reason
from napari_echo.io.writing import PARTIAL
from napari_echo.workflow.journal_replay import Replay, edit_record

if TYPE_CHECKING:
    from napari_echo.workflow.draft import Draft

VARIABLE = "NAPARI_ECHO_JOURNAL"
ASIDE = "set-aside"
RETRY_S, PEEK_S, STALE_S = 1.0, 0.2, 3600.0
COMPACT_BYTES = 4 * 2**20
"""Size from which a journal is compacted, and again at four times its compact size."""

Ending = Literal["keep", "drop", "set aside"]
"""What becomes of a journal: uncommitted edits are kept, or their file is moved."""


def journal_folder() -> Path:
    """Where journals are: in the user's data folder, or where the environment says."""
    from platformdirs import user_data_path

    return Path(os.environ.get(VARIABLE) or user_data_path("napari-echo") / "journal")


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

    def start(self, draft: Draft, reader: str) -> None:
        """Begin the file with what a draft starts from."""
        # The baseline is never written to, so the thread may read it later.
        self._put("start", (draft.baseline, _about_start(self._clip, draft, reader)))

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
                _remove(self.path)
            elif self._ending == "set aside":
                _move_aside(self.path)
        self._lock.release()


class JournalFolder:
    """The journals of this user.

    Parameters
    ----------
    path : Path or None
        The folder; None takes `journal_folder`.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path if path is not None else journal_folder()
        self._closing: list[DraftJournal] = []
        self._searching = threading.Lock()

    def begin(self, clip: EchoClip, draft: Draft, reader: str) -> DraftJournal:
        """Begin the journal of a draft."""
        path = self.path / f"{clip.clip_id[:16]}-{uuid.uuid4().hex[:8]}{SUFFIX}"
        lock = _lock(path)
        # The name is new: nobody else can hold it, but the folder may refuse.
        with suppress(OSError, Timeout):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        journal = DraftJournal(path, lock, clip)
        journal.start(draft, reader)
        return journal

    def end(self, journal: DraftJournal, ending: Ending) -> None:
        """End a journal; `waiting` sees what became of it."""
        journal.close(ending)
        self._closing = [j for j in self._closing if not j.flush(0)] + [journal]

    def settle(self, timeout: float | None = None) -> bool:
        """Wait for the journals that were ended; False where one takes longer."""
        return all(journal.flush(timeout) for journal in tuple(self._closing))

    def waiting(self) -> list[Replay]:
        """Find the journals that nobody has open and that hold edits; the newest first.

        Journals without uncommitted edits are removed, and those that cannot
        be read are set aside. It reads files: call it in a worker thread.
        """
        # One search at a time, as each locks what it reads.
        with self._searching:
            return self._waiting()

    def _waiting(self) -> list[Replay]:
        self.settle()
        self._sweep()
        found = []
        for path in sorted(self.path.glob(f"*{SUFFIX}")):
            lock = _lock(path)
            try:
                # As long as another program may need to look whether it can be offered.
                lock.acquire(timeout=PEEK_S)
            except (Timeout, OSError):
                continue
            try:
                replay = Replay(path)
                if replay.uncommitted:
                    found.append(replay)
                else:
                    _remove(path)
            except EchoError:
                with suppress(OSError):
                    _move_aside(path)
            except OSError:
                continue  # someone else removed it
            finally:
                lock.release()
        return sorted(found, key=lambda replay: replay.edited, reverse=True)

    def _sweep(self) -> None:
        """Remove what kills left of files that were being written."""
        for path in self.path.glob(f"{PARTIAL}*"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > STALE_S:
                    path.unlink()

    def take_up(self, replay: Replay, clip: EchoClip) -> DraftJournal:
        """Go on with a journal that waits.

        Raises
        ------
        EchoError
            If it belongs to other pixels, or was taken up or changed meanwhile.
        """
        replay.check(clip)
        lock = _lock(replay.path)
        gone = EchoError(f"The edits in {replay.path} were taken up or put away by someone else.")
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError) as error:
            raise gone from error
        try:
            if not replay.path.is_file() or Replay(replay.path).size != replay.size:
                raise gone
        except EchoError:
            lock.release()
            raise
        journal = DraftJournal(replay.path, lock, clip)
        journal.resume()
        return journal

    def set_aside(self, replay: Replay) -> Path:
        """Move a journal that waits to `set-aside`, where nothing is ever deleted.

        Raises
        ------
        EchoError
            If the disk refuses, or someone has it open.
        """
        lock = _lock(replay.path)
        try:
            lock.acquire(timeout=0)
            return _move_aside(replay.path)
        except Timeout as error:
            raise EchoError(f"The edits in {replay.path} are open elsewhere.") from error
        except OSError as error:
            raise EchoError(f"{replay.path} cannot be set aside: {reason(error)}.") from error
        finally:
            lock.release()


def _about_start(clip: EchoClip, draft: Draft, reader: str) -> dict[str, Any]:
    from napari_echo import __version__

    return {
        "clip_id": clip.clip_id,
        "clip_name": clip.name,
        "study_id": clip.study_id,
        "source": None if clip.source is None else str(Path(clip.source).absolute()),
        "shape": list(clip.frames.shape),
        "base": {"kind": draft.base.kind, "id": draft.base.id},
        "schema": draft.schema.to_dict(),
        "reader": reader,
        "started": draft.started.isoformat(),
        "spent": draft.spent,
        "program": f"napari-echo {__version__}",
    }


def _lock(path: Path) -> FileLock:
    # Taken on the main thread and released by the journal's.
    return FileLock(path.with_suffix(".lock"), thread_local=False)


def _remove(path: Path) -> None:
    """Remove a journal and its lock, which the caller holds."""
    path.unlink(missing_ok=True)
    with suppress(OSError):  # Windows removes no open file
        path.with_suffix(".lock").unlink(missing_ok=True)


def _move_aside(path: Path) -> Path:
    target = path.parent / ASIDE / path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file():
        path.replace(target)
    _remove(path)
    return target


def _now() -> str:
    return datetime.now(UTC).isoformat()
