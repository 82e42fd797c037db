"""The index of a label store: what its files say, without their labels.

The index lies in the user's cache folder, never in the store, and is only a
copy. Each listing compares it with the names of the files that are there, and
reads those that it does not know. A name is enough: it is the revision's id,
and the file of a revision never changes. One that a disk damaged is found when
it is opened, and from then on in each listing; to ask for the sizes and times
of 100,000 files would take as long as all else. Where the cache is gone,
damaged, in use or cannot be written, the files alone are read: that takes
longer and gives the same.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from pathlib import Path

from napari_echo.core.errors import EchoError
from napari_echo.io.reading import reason
from napari_echo.io.sqlite_cache import in_use, open_cache
from napari_echo.io.store_files import is_candidate, read_without_labels
from napari_echo.io.store_row import ERRORS, Row, encode_row, utc_text

CACHE_VARIABLE = "NAPARI_ECHO_CACHE"
"""Environment variable that names another folder for the indexes."""

_VERSION = 3
_BATCH = 500
_COLUMNS = "row, name, crc"
_TABLE = "revision (row BLOB PRIMARY KEY, name TEXT, crc INTEGER) WITHOUT ROWID"

# What the file says, its name, CRC-32 of what it says.
_Entry = tuple[bytes, str, int]


@dataclass(frozen=True)
class Damaged:
    """A file of the store that is no whole revision, and why, as one sentence."""

    path: Path
    reason: str


def read_rows(
    folder: Path, equal: Mapping[str, str], since: datetime | None = None
) -> tuple[list[Row], list[Damaged]]:
    """List the revisions of a store, and the files that are none.

    Parameters
    ----------
    folder : Path
        The store.
    equal : mapping of str to str
        Fields of `Row` and the values that are wanted.
    since : datetime, optional
        Only those committed then or later; aware.

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
    there = names_in(folder)
    earliest = b"" if since is None else utc_text(since).encode()
    needles = [value.encode(errors=ERRORS) for value in equal.values()]

    def wanted(text: bytes) -> bool:
        # Most rows are ruled out without being decoded.
        if text < earliest or not all(needle in text for needle in needles):
            return False
        row = Row(text)
        return all(getattr(row, name) == value for name, value in equal.items())

    every = not equal and since is None
    with _Cache.open(folder) as cache:
        rows, unread = cache.compare(there, None if every else wanted)
        damaged: list[Damaged] = []
        for batch in _read_files(folder, unread, damaged):
            rows += (Row(entry[0]) for entry in batch if wanted(entry[0]))
            cache.save(batch)
    rows.sort(key=attrgetter("text"))
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
    key = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:32]
    return cache_folder() / "labels" / f"{key}.sqlite"


def cache_folder() -> Path:
    """The folder of whatever can be made again."""
    from platformdirs import user_cache_path

    named = os.environ.get(CACHE_VARIABLE)
    return Path(named) if named else user_cache_path("napari-echo", appauthor=False)


def names_in(folder: Path) -> set[str]:
    """List the files of a store that should be revisions.

    Raises
    ------
    EchoError
        If the folder cannot be read.
    """
    try:
        return set(filter(is_candidate, os.listdir(folder)))
    except OSError as error:
        raise EchoError(f"The label store {folder} cannot be read: {reason(error)}.") from error


def _read_files(
    folder: Path, names: Iterable[str], damaged: list[Damaged]
) -> Iterator[list[_Entry]]:
    """Read what files say, some at a time; add those that are no revisions to `damaged`."""
    batch: list[_Entry] = []
    for name in sorted(names):
        try:
            text = encode_row(read_without_labels(folder / name))
        except EchoError as error:
            damaged.append(Damaged(folder / name, str(error)))
            continue
        batch.append((text, name, zlib.crc32(text)))
        if len(batch) == _BATCH:
            yield batch
            batch = []
    yield batch


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
            self._database = open_cache(self._path, _VERSION, _TABLE, _COLUMNS)

    def compare(
        self, there: set[str], wanted: Callable[[bytes], bool] | None
    ) -> tuple[list[Row], set[str]]:
        """Find what it knows of the files that are there, and which it does not know."""
        if self._database is None:
            return [], there
        rows: list[Row] = []
        known, gone = set(), []
        checksum = zlib.crc32
        try:
            for text, name, crc in self._database.execute(f"SELECT {_COLUMNS} FROM revision"):
                if name not in there or checksum(text) != crc:
                    gone.append(name)
                else:
                    known.add(name)
                    if wanted is None or wanted(text):
                        rows.append(Row(text))
        except (sqlite3.Error, TypeError) as error:
            if not in_use(error):
                self._begin_anew()
            return [], there
        self.forget(gone)
        return rows, there - known

    def _begin_anew(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None
        with suppress(OSError):
            self._path.unlink()
            self._connect()

    def save(self, entries: list[_Entry]) -> None:
        """Remember files, if it can."""
        self._change("INSERT OR REPLACE INTO revision VALUES (?, ?, ?)", entries)

    def forget(self, names: Iterable[str]) -> None:
        """Forget files, if it can."""
        self._change("DELETE FROM revision WHERE name = ?", [(name,) for name in names])

    def _change(self, statement: str, values: Sequence[tuple[object, ...]]) -> None:
        if self._database is not None and values:
            with suppress(sqlite3.Error, UnicodeEncodeError), self._database:
                self._database.executemany(statement, values)
