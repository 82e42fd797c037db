"""The index of a label store: what its files say, without their labels.

The index lies in the user's cache folder, never in the store, and is only a
copy. Each listing compares it with the files that are there, by name, size
and time of change, and reads those that it does not know. Where the cache is
gone, damaged, in use or cannot be written, the files alone are read: that
takes longer and gives the same.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from napari_echo.core.errors import EchoError
from napari_echo.core.revision import Revision
from napari_echo.io.reading import reason
from napari_echo.io.store_files import SUFFIX, is_candidate, read_without_labels

CACHE_VARIABLE = "NAPARI_ECHO_CACHE"
"""Environment variable that names another folder for the indexes."""

_VERSION = 1
_BATCH = 500
_UNSETTLED_NS = 100_000_000
_SEPARATOR = "\x1f"
_ERRORS = "surrogatepass"  # names of files need not be proper text

_COLUMNS = "name, size, changed, crc, row"

# Name, size, time of change in ns, CRC-32 of the row, the row.
_Entry = tuple[str, int, int, int, bytes]
_Stamps = dict[str, tuple[int, int]]


class Row(NamedTuple):
    """What the index holds of a revision: text, decoded where it is asked for.

    `core.ancestry` takes rows as it takes revisions.
    """

    revision_id: str
    clip_id: str
    study_id: str
    reader: str
    status: str
    base_kind: str
    base_id: str
    schema: str
    comment: str
    started_text: str
    committed_text: str
    seconds_text: str
    frames_text: str
    parents_text: str

    @property
    def committed(self) -> datetime:
        """When it was committed; aware, UTC."""
        return datetime.fromisoformat(self.committed_text)

    @property
    def started(self) -> datetime:
        """When the work on it began; aware, UTC."""
        return datetime.fromisoformat(self.started_text)

    @property
    def seconds(self) -> float:
        """Time spent on it."""
        return float(self.seconds_text)

    @property
    def frames(self) -> tuple[int, ...]:
        """Indices of the labelled frames, ascending."""
        return tuple(map(int, self.frames_text.split()))

    @property
    def parent(self) -> str | None:
        """The revision that it supersedes."""
        return self.parents_text.split(" ")[0] or None

    @property
    def supersedes(self) -> tuple[str, ...]:
        """Heads that it replaces besides its parent."""
        return tuple(self.parents_text.split(" ")[1:])

    @property
    def parents(self) -> tuple[str, ...]:
        """Every revision that it replaces."""
        return tuple(self.parents_text.split())


@dataclass(frozen=True)
class Damaged:
    """A file of the store that is no whole revision, and why, as one sentence."""

    path: Path
    reason: str


def utc_text(moment: datetime) -> str:
    """Write a time so that texts sort as times do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def read_rows(folder: Path, equal: Mapping[str, str]) -> tuple[list[Row], list[Damaged]]:
    """List the revisions of a store, and the files that are none.

    Parameters
    ----------
    folder : Path
        The store.
    equal : mapping of str to str
        Fields of `Row` and the values that are wanted.

    Returns
    -------
    rows : list of Row
        The oldest first.
    damaged : list of Damaged
        The files that were passed over.

    Raises
    ------
    EchoError
        If the folder cannot be read.
    """
    now, there = time.time_ns(), _scan(folder)
    needles = [value.encode(errors=_ERRORS) for value in equal.values()]
    rows: list[Row] = []
    damaged: list[Damaged] = []
    unknown = dict(there)

    def take(entries: Iterable[_Entry]) -> None:
        for name, _, _, _, text in entries:
            # Most rows are ruled out without being decoded.
            if all(needle in text for needle in needles):
                fields = text.decode(errors=_ERRORS).split(_SEPARATOR)
                row = Row(name.removesuffix(SUFFIX), *fields)
                if all(getattr(row, key) == value for key, value in equal.items()):
                    rows.append(row)

    with _Cache.open(folder) as cache:
        known = cache.load()
        whole = [entry for entry in known if there.get(entry[0]) == entry[1:3]]
        take(whole)
        if len(whole) < max(len(known), len(there)):
            for name, *_ in whole:
                del unknown[name]
            cache.forget(name for name, *_ in known if name in unknown or name not in there)
            for batch in _read_files(folder, unknown, damaged):
                take(batch)
                # A file of this moment may yet change within one tick of the disk's clock.
                cache.save([entry for entry in batch if abs(now - entry[2]) > _UNSETTLED_NS])
    rows.sort(key=lambda row: (row.committed_text, row.revision_id))
    return rows, damaged


def remembered(folder: Path) -> bool:
    """Whether the index knows a store, be it there or not."""
    return cache_file(folder).exists()


def forget(folder: Path, names: Iterable[str]) -> None:
    """Have files read anew by the next listing, as what the index knows of them is wrong."""
    with _Cache.open(folder) as cache:
        cache.forget(names)


def cache_file(folder: Path) -> Path:
    """Where the index of a store lies."""
    from platformdirs import user_cache_path

    named = os.environ.get(CACHE_VARIABLE)
    root = Path(named) if named else user_cache_path("napari-echo", appauthor=False)
    key = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:32]
    return root / "labels" / f"{key}.sqlite"


def _scan(folder: Path) -> _Stamps:
    there = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if is_candidate(entry.name):
                    with suppress(FileNotFoundError):  # removed meanwhile, or a dangling link
                        status = entry.stat()
                        there[entry.name] = (status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise EchoError(f"The label store {folder} cannot be read: {reason(error)}.") from error
    return there


def _read_files(folder: Path, stamps: _Stamps, damaged: list[Damaged]) -> Iterator[list[_Entry]]:
    """Read what files say, some at a time; add those that are no revisions to `damaged`."""
    batch: list[_Entry] = []
    for name, stamp in sorted(stamps.items()):
        try:
            text = _encode(read_without_labels(folder / name))
        except EchoError as error:
            damaged.append(Damaged(folder / name, str(error)))
            continue
        batch.append((name, *stamp, zlib.crc32(text), text))
        if len(batch) == _BATCH:
            yield batch
            batch = []
    yield batch


def _encode(revision: Revision) -> bytes:
    fields = (
        revision.clip_id,
        revision.study_id,
        revision.reader,
        revision.status,
        revision.base.kind,
        revision.base.id,
        revision.schema.name,
        revision.comment,
        utc_text(revision.started),
        utc_text(revision.committed),
        repr(revision.seconds),
        " ".join(map(str, revision.frames)),
        " ".join((revision.parent or "", *revision.supersedes)),
    )
    return _SEPARATOR.join(text.replace(_SEPARATOR, " ") for text in fields).encode(errors=_ERRORS)


class _Cache:
    """The SQLite file; whatever is wrong with it, it only knows less."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database: sqlite3.Connection | None = None

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator[_Cache]:
        cache = cls(cache_file(folder))
        cache._connect()
        try:
            yield cache
        finally:
            if cache._database is not None:
                cache._database.close()

    def _connect(self) -> None:
        with suppress(OSError, sqlite3.Error):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._database = _connected(self._path)
            except sqlite3.DatabaseError as error:
                if not _in_use(error):
                    self._path.unlink()
                    self._database = _connected(self._path)

    def load(self) -> list[_Entry]:
        """Everything it knows; nothing where it is damaged."""
        if self._database is None:
            return []
        try:
            found = self._database.execute(f"SELECT {_COLUMNS} FROM revision").fetchall()
            if len({entry[0] for entry in found}) < len(found):
                raise sqlite3.DatabaseError("a name is there twice")
            return [entry for entry in found if zlib.crc32(entry[4]) == entry[3]]
        except (sqlite3.Error, TypeError) as error:
            if not _in_use(error):
                # Begin anew, so that it does not stay damaged.
                self._database.close()
                self._database = None
                with suppress(OSError):
                    self._path.unlink()
                    self._connect()
            return []

    def save(self, entries: list[_Entry]) -> None:
        """Remember files, if it can."""
        self._change("INSERT OR REPLACE INTO revision VALUES (?, ?, ?, ?, ?)", entries)

    def forget(self, names: Iterable[str]) -> None:
        """Forget files, if it can."""
        self._change("DELETE FROM revision WHERE name = ?", [(name,) for name in names])

    def _change(self, statement: str, values: Sequence[tuple[object, ...]]) -> None:
        if self._database is not None and values:
            with suppress(sqlite3.Error, UnicodeEncodeError), self._database:
                self._database.executemany(statement, values)


def _connected(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=0.5)
    try:
        # A power cut may damage it: it is checked and made again.
        database.execute("PRAGMA synchronous = OFF")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version != _VERSION:
            database.execute("DROP TABLE IF EXISTS revision")
            database.execute(
                "CREATE TABLE revision (name TEXT PRIMARY KEY, size INTEGER, changed INTEGER, "
                "crc INTEGER, row BLOB) WITHOUT ROWID"
            )
            database.execute(f"PRAGMA user_version = {_VERSION}")
            database.commit()
        database.execute(f"SELECT {_COLUMNS} FROM revision LIMIT 1").fetchone()
    except BaseException:
        database.close()
        raise
    return database


def _in_use(error: Exception) -> bool:
    return getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
