"""What is known of listed clips: of the clip itself, and of what each model says of it.

The facts in memory belong to the list on show. A copy lies in the user's cache
folder, so that no clip is looked at twice by the same model; where it is gone,
damaged, in use or cannot be written, the clips are looked at anew. A fact holds
as long as the clip's files keep their sizes and times.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from psygnal import Signal

from napari_echo.io.sqlite_cache import open_cache
from napari_echo.metrics.ef_outlook import EFOutlook
from napari_echo.workflow.doubt import BeatDoubt
from napari_echo.workflow.studies import StudyItem

T = TypeVar("T")

_VERSION = 1
_COLUMNS = "key, model, stamp, row, data"
_TABLE = "fact (key TEXT, model TEXT, stamp TEXT, row TEXT, data BLOB, PRIMARY KEY (key, model))"
_CHUNK = 500
_PATIENCE_S = 2.0  # a scan writes from another process


@dataclass(frozen=True)
class ClipFacts:
    """What a decoded clip shows by itself.

    Parameters
    ----------
    key : str
        As in `StudyItem`.
    clip_id, study_id, view : str
        As in `EchoClip`.
    n_frames : int
        Frames.
    ef : float or None
        EF as its data set states it, or as its ground truth measures, 0 to 1.
    measured : bool
        Whether that EF was measured.
    """

    key: str
    clip_id: str
    study_id: str
    view: str
    n_frames: int
    ef: float | None = None
    measured: bool = False


@dataclass(frozen=True)
class Facts:
    """What one model says of one clip.

    Parameters
    ----------
    key : str
        As in `StudyItem`.
    model_id, model_name : str
        The model.
    ed, es : int or None
        The beat that was looked at: the traced one, else the first detected;
        None where no beat was found.
    ef : float or None
        EF, mean of the beats, 0 to 1.
    dice_ed, dice_es : float or None
        Dice of the LV with the ground truth at ED and at ES.
    hardness : float or None
        Hardness of ED and ES by entropy, their mean (`workflow.doubt`).
    expected_change : float or None
        By how much a correction is expected to change the EF, a fraction; None
        where the model finds no LV.
    crossing : tuple of float
        Chances that a corrected EF lies on the other side of each of `limits`.
    limits : tuple of float
        EF limits, fractions.
    outlook_ef : float or None
        The EF that `expected_change` starts from.
    inconsistency : float
        How inconsistent the clip is in time (`metrics.temporal_checks`).
    findings : tuple of (str, int, float)
        What is inconsistent: the check, the frame, and how large it is in percent.
    disagreements : tuple of (str, float)
        Other models' names, and one less the Dice of the LV with theirs at ED
        and ES.
    """

    key: str
    model_id: str
    model_name: str
    ed: int | None = None
    es: int | None = None
    ef: float | None = None
    dice_ed: float | None = None
    dice_es: float | None = None
    hardness: float | None = None
    expected_change: float | None = None
    crossing: tuple[float, ...] = ()
    limits: tuple[float, ...] = ()
    outlook_ef: float | None = None
    inconsistency: float = 0.0
    findings: tuple[tuple[str, int, float], ...] = ()
    disagreements: tuple[tuple[str, float], ...] = ()

    @property
    def disagreement(self) -> float | None:
        """The largest of the disagreements; None without another model."""
        return max((value for _, value in self.disagreements), default=None)

    @property
    def doubt(self) -> BeatDoubt | None:
        """How doubtful the beat is, as `workflow.doubt` ranks and explains it."""
        if self.hardness is None:
            return None
        outlook = None
        if self.expected_change is not None and self.outlook_ef is not None:
            outlook = EFOutlook(self.outlook_ef, self.expected_change, self.crossing, self.limits)
        differ = self.disagreement
        return BeatDoubt(self.hardness, float("nan") if differ is None else differ, outlook)

    def disagrees(self, other: str, value: float) -> Facts:
        """The same, with the disagreement with another model."""
        rest = tuple(pair for pair in self.disagreements if pair[0] != other)
        return replace(self, disagreements=(*rest, (other, value)))


AnyFacts = ClipFacts | Facts


@dataclass(frozen=True)
class Entry:
    """Facts on their way to the cache, with the bytes that are kept beside them.

    `data` of a clip is its thumbnail, that of a model its masks.
    """

    facts: AnyFacts
    data: bytes = b""


class FactsStore:
    """The facts of the clips that are listed.

    `take` and what asks for facts belong to one thread; `read`, `read_data`
    and `write` go to the disk and may be called from any.

    Parameters
    ----------
    path : Path or None
        File of the cache; None takes the user's.

    Signals
    -------
    changed(str)
        There are other facts of the clip of this key; of many clips where it is empty.
    """

    changed = Signal(str)

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._clips: dict[str, ClipFacts] = {}
        self._models: dict[str, dict[str, Facts]] = {}

    @property
    def path(self) -> Path:
        """The file of the cache."""
        return self._path or cache_file()

    def clip(self, key: str) -> ClipFacts | None:
        """What a clip shows by itself."""
        return self._clips.get(key)

    def get(self, key: str, model_id: str) -> Facts | None:
        """What a model says of a clip."""
        return self._models.get(model_id, {}).get(key)

    def of_model(self, model_id: str) -> list[Facts]:
        """What a model says of the listed clips."""
        return list(self._models.get(model_id, {}).values())

    def seen_by(self, model_id: str) -> Set[str]:
        """The keys of the clips that a model has seen."""
        return self._models.get(model_id, {}).keys()

    def take(self, found: Iterable[AnyFacts]) -> None:
        """Take facts, in place of older ones."""
        keys = []
        for facts in found:
            if isinstance(facts, ClipFacts):
                self._clips[facts.key] = facts
            else:
                self._models.setdefault(facts.model_id, {})[facts.key] = facts
            keys.append(facts.key)
        if keys:
            self.changed.emit(keys[0] if len(set(keys)) == 1 else "")

    def clear(self) -> None:
        """Forget the facts of a list that is no longer on show; the cache keeps them."""
        self._clips.clear()
        self._models.clear()
        self.changed.emit("")

    # The cache ------------------------------------------------------------------

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

    def read_data(self, item: StudyItem, model_id: str = "") -> bytes:
        """Read the thumbnail of a clip, or the masks of a model; empty where there is none."""
        query = "SELECT stamp, data FROM fact WHERE key = ? AND model = ?"
        row = self._do(lambda db: db.execute(query, (item.key, model_id)).fetchone())
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
            model = facts.model_id if isinstance(facts, Facts) else ""
            rows.append((item.key, model, stamp, json.dumps(asdict(facts)), entry.data))
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
