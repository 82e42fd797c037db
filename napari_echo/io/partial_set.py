"""A clip data set under way, which a later run goes on with.

While the set DST is written, this folder stands beside it::

    DST.partial/job.json         what is being made, from what, and how
    DST.partial/set/             the data set as far as it is
    DST.partial/done/NAME.json   of each clip that is written: its entry in the index, and
                                 the state of the files that it was read from
    DST.partial/lock             held by the process that writes

At the end `set` is renamed to DST and the rest goes. A process that is killed,
at whatever moment, leaves either this folder or a whole DST.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LabelSchema
from napari_echo.io.clipset import check_files
from napari_echo.io.clipset_index import ClipEntry, entry_from_dict, entry_to_dict
from napari_echo.io.clipset_writer import CLIPS, write_clip, write_index
from napari_echo.io.labelled import LabelledClip, Skipped
from napari_echo.io.reading import reason
from napari_echo.io.sources import ClipSource
from napari_echo.io.writing import new_file, safe_name

SKIPPED = "skipped.csv"
"""List of the clips that could not be read, in the data set's folder."""

_JOB, _SET, _DONE, _LOCK, _TEMPORARY = "job.json", "set", "done", "lock", ".partial-"


@dataclass(frozen=True)
class PartialSet:
    """The folder of a data set under way; can be sent to another process.

    Parameters
    ----------
    folder : Path
        ``DST.partial``.
    """

    folder: Path

    def write(self, source: ClipSource, item: LabelledClip) -> ClipEntry:
        """Write a clip and note that it is done.

        Raises
        ------
        EchoError
            If the disk refuses.
        """
        state = _state(source)
        entry = write_clip(self.folder / _SET, _name(source), item, source.name)
        note = {"state": state, "entry": entry_to_dict(entry)}
        with new_file(self._note(source), replace=True, sync=False) as partial:
            partial.write_text(json.dumps(note), encoding="utf-8")
        return entry

    def written(self, source: ClipSource) -> ClipEntry | None:
        """Entry of a clip that an earlier run wrote from the same files; None where none did."""
        try:
            note = json.loads(self._note(source).read_text(encoding="utf-8"))
            entry = entry_from_dict(note["entry"])
            if note["state"] != _state(source):
                return None
            check_files(self.folder / _SET, entry)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, EchoError):
            return None
        return entry

    def finish(
        self,
        dst: Path,
        schema: LabelSchema,
        entries: Iterable[ClipEntry],
        skipped: Iterable[Skipped],
    ) -> None:
        """Write the index and the list of skipped clips, and make the set appear as `dst`.

        Raises
        ------
        EchoError
            If the disk refuses.
        """
        entries = list(entries)
        made = self.folder / _SET
        kept = {name for e in entries for name in (e.frames_file, e.labels_file)}
        for path in (made / CLIPS).iterdir():
            if f"{CLIPS}/{path.name}" not in kept:
                path.unlink()
        with (made / SKIPPED).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("clip", "reason"))
            writer.writerows((skip.name, skip.reason) for skip in skipped)
        write_index(made, schema, entries)
        os.rename(made, dst)
        self.clear()

    def clear(self) -> None:
        """Forget all that was done; what tells whose folder it is goes last."""
        for name in (_SET, _DONE):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        (self.folder / _JOB).unlink(missing_ok=True)

    def _note(self, source: ClipSource) -> Path:
        return self.folder / _DONE / f"{_name(source)}.json"


@contextmanager
def partial_set(dst: Path, job: Mapping[str, str], *, fresh: bool = False) -> Iterator[PartialSet]:
    """Begin a data set, or go on with one, and keep other processes off it meanwhile.

    Parameters
    ----------
    dst : Path
        The data set to make; it must not exist.
    job : mapping of str to str
        What decides the outcome. A set that was begun with another is not gone
        on with.
    fresh : bool
        Remove what an earlier run has begun.

    Raises
    ------
    EchoError
        If `dst` exists, another process is writing it, it was begun with
        another job, ``DST.partial`` is something else, or the disk refuses.
    """
    import filelock

    folder = partial_folder(dst)
    if dst.exists():
        raise EchoError(f"{dst} exists already; give the name of a new folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not _is_ours(folder):
            raise EchoError(f"{folder} is in the way and no data set under way: rename it.")
        with filelock.FileLock(folder / _LOCK, timeout=0):
            partial = PartialSet(folder)
            if fresh:
                partial.clear()
            _begin(folder, job)
            yield partial
        if not (folder / _JOB).exists():
            shutil.rmtree(folder, ignore_errors=True)
    except filelock.Timeout as error:
        raise EchoError(f"Another process is writing {dst}: wait until it has ended.") from error
    except OSError as error:
        raise EchoError(f"{dst} cannot be written: {reason(error)}.") from error


def partial_folder(dst: Path) -> Path:
    """Folder of a data set under way."""
    return dst.with_name(f"{dst.name}.partial")


def was_finished(dst: Path, job: Mapping[str, str]) -> bool:
    """Whether a run of this job made `dst` and was killed before it cleared up; clear up."""
    folder = partial_folder(dst)
    if not dst.exists() or (folder / _SET).exists() or _read_job(folder) != job:
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return True


def read_skipped(root: Path) -> list[Skipped]:
    """Read a data set's list of skipped clips; one without the list has skipped none."""
    path = root / SKIPPED
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [Skipped(row["clip"], row["reason"]) for row in csv.DictReader(file)]


def _is_ours(folder: Path) -> bool:
    """Whether a folder is a data set under way, or nothing yet."""
    names = {path.name for path in folder.iterdir() if not path.name.startswith(_TEMPORARY)}
    return _JOB in names or names <= {_LOCK}


def _read_job(folder: Path) -> dict[str, str] | None:
    """Read what was begun; None where nothing was, or what it was cannot be told."""
    try:
        job = json.loads((folder / _JOB).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return job if isinstance(job, dict) else None


def _begin(folder: Path, job: Mapping[str, str]) -> None:
    """Note the job, or check that it is the one that was begun; make the folders ready."""
    if (folder / _JOB).exists():
        begun = _read_job(folder) or {}
        for key, value in job.items():
            if begun.get(key) != value:
                raise EchoError(
                    f"{folder} was begun with another {key}, '{begun.get(key, '')}' and not "
                    f"'{value}': give the same, another --out, or --fresh to begin anew."
                )
    else:
        with new_file(folder / _JOB, replace=False) as path:
            path.write_text(json.dumps(dict(job), indent=1), encoding="utf-8")
    for inner in (folder / _SET / CLIPS, folder / _DONE):
        inner.mkdir(parents=True, exist_ok=True)
        for path in inner.glob(f"{_TEMPORARY}*"):
            path.unlink()


def _name(source: ClipSource) -> str:
    """Name of a clip's files, unlike any other's: the same in every run."""
    # The hash also keeps it off the names that Windows reserves (CON, NUL).
    digest = hashlib.sha256(source.name.encode()).hexdigest()
    return f"{safe_name(source.name)}_{digest[:8]}"


def _state(source: ClipSource) -> list[Any]:
    """Sizes and times of the files that a clip is read from."""
    state: list[Any] = []
    for path in source.files:
        found = path.stat() if path.exists() else None
        state.append([str(path), found and found.st_size, found and found.st_mtime_ns])
    return state
