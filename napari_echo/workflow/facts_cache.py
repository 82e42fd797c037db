"""Facts of clips that are kept between sessions, in the user's cache folder.

No clip is looked at twice by the same model with the same settings. Where the
cache is gone, damaged, in use or cannot be written, the clips are looked at
anew. A fact holds as long as the clip's files keep their sizes and times.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from napari_echo.io.sqlite_cache import open_cache
from napari_echo.workflow.facts import AnyFacts, ClipFacts, Entry, Facts
from napari_echo.workflow.studies import StudyItem

T = TypeVar("T")

_VERSION = 3
_COLUMNS = "key, model, stamp, row, data"
_TABLE = "fact (key TEXT, model TEXT, stamp TEXT, row TEXT, data BLOB, PRIMARY KEY (key, model))"
_CHUNK = 500
_PATIENCE_S = 2.0  # a scan writes from another process


class FactsCache:
    """Reads and writes facts; may be used by any thread or process.

    Parameters
    ----------
    path : Path or None
        Its file; None takes the user's.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    @property
    def path(self) -> Path:
        """Its file."""
        return self._path or cache_file()

    def read(self, items: Sequence[StudyItem]) -> list[AnyFacts]:
        """Read what the cache knows of clips whose files are as they were."""
        stamps = dict(_stamps(items))
        keys = list(stamps)

        def look(database: sqlite3.Connection) -> list[AnyFacts]:
            found = []
            for first in range(0, len(keys), _CHUNK):
                part = keys[first : first + _CHUNK]
                marks = ",".join("?" * len(part))
                query = f"SELECT key, stamp, row FROM fact WHERE key IN ({marks})"
                for key, stamp, row in database.execute(query, part):
                    facts = _decoded(row) if stamps[key] == stamp else None
                    if facts is not None and facts.key == key:
                        found.append(facts)
            return found

        return self._do(look) or []

    def read_data(self, item: StudyItem, facts: Facts | None = None) -> bytes:
        """Read the thumbnail of a clip, or the masks beside a model's facts; empty without any."""
        query = "SELECT stamp, data FROM fact WHERE key = ? AND model = ?"
        row = self._do(lambda db: db.execute(query, (item.key, _model(facts))).fetchone())
        if row is None or row[0] != stamp_of(item) or not isinstance(row[1], bytes):
            return b""
        return row[1]

    def write(self, item: StudyItem, entries: Iterable[Entry]) -> None:
        """Keep facts of a clip; what cannot be kept is found anew another time.

        An entry without bytes keeps those that were kept before.
        """
        stamp = stamp_of(item)
        rows = []
        for entry in entries:
            facts = entry.facts
            rows.append((item.key, _model(facts), stamp, json.dumps(asdict(facts)), entry.data))
        self._do(
            lambda db: db.executemany(
                "INSERT INTO fact VALUES (?, ?, ?, ?, ?) ON CONFLICT (key, model) DO UPDATE "
                "SET row = excluded.row, stamp = excluded.stamp, data = "
                "CASE WHEN length(excluded.data) OR stamp != excluded.stamp "
                "THEN excluded.data ELSE data END",
                rows,
            )
        )

    def keep_picture(self, item: StudyItem, picture: bytes) -> None:
        """Keep the thumbnail of a clip of which nothing else need be known."""
        self._do(
            lambda db: db.execute(
                "INSERT INTO fact VALUES (?, '', ?, '', ?) ON CONFLICT (key, model) DO UPDATE SET "
                "row = CASE WHEN stamp = excluded.stamp THEN row ELSE '' END, "
                "stamp = excluded.stamp, data = excluded.data",
                (item.key, stamp_of(item), picture),
            )
        )

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Work on the cache; whatever is wrong with it, it only knows less: None."""
        try:
            opened = open_cache(self.path, _VERSION, _TABLE, _COLUMNS, _PATIENCE_S)
            with closing(opened) as database, database:
                return work(database)
        except (sqlite3.Error, OSError, UnicodeEncodeError) as error:
            if type(error) is sqlite3.DatabaseError:
                # Damaged in a part that opening it does not touch.
                with suppress(OSError):
                    self.path.unlink()
        return None


def cache_file() -> Path:
    """Where the facts are kept between sessions."""
    from napari_echo.io.store_index import cache_folder

    return cache_folder() / "studies.sqlite"


def stamp_of(item: StudyItem) -> str:
    """Sizes and times of a clip's files, by which a change of them is seen."""
    return next(iter(_stamps([item])))[1]


def _stamps(items: Iterable[StudyItem]) -> Iterator[tuple[str, str]]:
    known: dict[Path, str] = {}  # lists that many clips share
    for item in items:
        parts = []
        for file in item.files:
            if file not in known:
                known[file] = _stamp(file)
            parts.append(known[file])
        yield item.key, " ".join(parts)


def _stamp(file: Path) -> str:
    try:
        found = file.stat()
    except OSError:
        return "-"
    return f"{found.st_size}:{found.st_mtime_ns}"


def _model(facts: AnyFacts | None) -> str:
    """Whose facts they are; empty of the clip itself."""
    return f"{facts.model_id} {facts.settings}" if isinstance(facts, Facts) else ""


def _decoded(row: object) -> AnyFacts | None:
    try:
        data = json.loads(str(row))
        return Facts(**_tuples(data)) if "model_id" in data else ClipFacts(**data)
    except (ValueError, TypeError):
        return None


def _tuples(data: Mapping[str, Any]) -> dict[str, Any]:
    def tupled(value: Any) -> Any:
        return tuple(map(tupled, value)) if isinstance(value, list) else value

    return {name: tupled(value) for name, value in data.items()}
