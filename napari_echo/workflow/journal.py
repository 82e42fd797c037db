"""The journals of uncommitted edits: one file a draft, in a folder of the user's.

While a draft is open its journal is locked; the lock goes with the process,
however that ends. A journal that nobody locks and that holds uncommitted
edits waits to be recovered.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.io.journal import SUFFIX
from napari_echo.io.reading import reason
from napari_echo.io.writing import PARTIAL
from napari_echo.workflow.journal_replay import Replay
from napari_echo.workflow.journal_writer import DraftJournal, Ending, move_aside, remove

if TYPE_CHECKING:
    from napari_echo.workflow.draft import Draft

VARIABLE = "NAPARI_ECHO_JOURNAL"
PEEK_S, STALE_S = 0.2, 3600.0


def journal_folder() -> Path:
    """Where journals are: in the user's data folder, or where the environment says."""
    from platformdirs import user_data_path

    return Path(os.environ.get(VARIABLE) or user_data_path("napari-echo") / "journal")


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
        journal.start(draft.baseline, _about_start(clip, draft, reader))
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
                if replay.is_left:
                    found.append(replay)
                else:
                    remove(path)
            except EchoError:
                with suppress(OSError):
                    move_aside(path)
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
            return move_aside(replay.path)
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
