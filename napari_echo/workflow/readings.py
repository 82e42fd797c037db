"""Readings: what each reader made of a clip, once or several times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.ancestry import in_order
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.revision import Revision


class Read(Protocol):
    """What is looked at of a reader's revision."""

    @property
    def revision_id(self) -> str: ...
    @property
    def clip_id(self) -> str: ...
    @property
    def parent(self) -> str | None: ...
    @property
    def reader(self) -> str: ...
    @property
    def frames(self) -> tuple[int, ...]: ...


R = TypeVar("R", bound=Read)


def readings(revisions: Iterable[R]) -> list[list[R]]:
    """Sort revisions into readings: each a reader's labels of a clip, and what he made of them.

    A revision goes on with the reading of its parent where that is the same
    reader's, and begins a reading where it is another's or there is none.

    Parameters
    ----------
    revisions : iterable of Revision or Row
        Of any clips and readers, each after its parents.

    Returns
    -------
    list of list
        In the order in which they were begun.
    """
    found: list[list[R]] = []
    of: dict[str, list[R]] = {}
    for revision in revisions:
        reading = of.get(revision.parent or "")
        if reading is None or reading[0].reader != revision.reader:
            reading = []
            found.append(reading)
        reading.append(revision)
        of[revision.revision_id] = reading
    return found


def covers(frames: Iterable[int], key_frames: KeyFrames | None, n_frames: int) -> bool:
    """Whether frames hold ED and ES of a beat, or are the whole clip."""
    drawn = set(frames)
    beats = key_frames.beats if key_frames is not None else ()
    return any({beat.ed, beat.es} <= drawn for beat in beats) or len(drawn) == n_frames


@dataclass(frozen=True, eq=False)
class Reading:
    """What one reader, or a model, made of one clip.

    Parameters
    ----------
    reader : str
        Who; the name of a model.
    blind, repeat : bool
        As in `core.revision.Revision`.
    clip_id, study_id : str
        The clip.
    clip_shape : (int, int, int)
        Shape ``(T, H, W)`` of the clip.
    labels : mapping of int to ndarray of uint8, shape (H, W)
        Labels of each labelled frame.
    key_frames : KeyFrames
        ED and ES as he saw them.
    ids : frozenset of str
        The revisions that it is.
    behind : frozenset of str
        All revisions that those came of.
    """

    reader: str
    blind: bool
    repeat: bool
    clip_id: str
    study_id: str
    clip_shape: tuple[int, int, int]
    labels: Mapping[int, NDArray[np.uint8]]
    key_frames: KeyFrames
    ids: frozenset[str] = frozenset()
    behind: frozenset[str] = frozenset()

    @property
    def beat(self) -> Beat | None:
        """The first beat whose ED and ES are labelled."""
        return self.key_frames.labelled_beat(self.labels)

    def phase(self, which: Literal["ed", "es"]) -> set[int]:
        """Its ED or ES frame: that of the labelled beat, or else of the first one."""
        beats = [self.beat] if self.beat is not None else list(self.key_frames.beats[:1])
        return {getattr(beat, which) for beat in beats if beat.ed != beat.es}

    def came_of(self, other: Reading) -> bool:
        """Whether it is, or goes on from, another one."""
        return bool(other.ids & (self.ids | self.behind))


def readings_of_clip(revisions: Sequence[Revision]) -> list[Reading]:
    """Read the readings off the revisions of one clip.

    One that was begun blind and went on after all was revealed gives two: what
    was drawn blind, and what became of it.
    """
    ordered = in_order(revisions)
    behind: dict[str, frozenset[str]] = {}
    for revision in ordered:
        older = (behind.get(parent, frozenset()) | {parent} for parent in revision.parents)
        behind[revision.revision_id] = frozenset().union(*older)
    found = []
    for line in readings(ordered):
        blind = [revision for revision in line if revision.blind]
        parts = [blind] if blind else []
        if len(blind) < len(line):
            parts.append(line)
        found += [_reading(part, part is blind, behind) for part in parts]
    return found


def _reading(
    part: Sequence[Revision], blind: bool, behind: Mapping[str, frozenset[str]]
) -> Reading:
    last = part[-1]
    labels: dict[int, NDArray[np.uint8]] = {}
    for revision in part:
        labels.update(zip(revision.frames, revision.labels, strict=True))
    return Reading(
        last.reader,
        blind,
        any(revision.repeat for revision in part),
        last.clip_id,
        last.study_id,
        last.clip_shape,
        labels,
        last.key_frames,
        frozenset(revision.revision_id for revision in part),
        frozenset().union(*(behind[revision.revision_id] for revision in part)),
    )
