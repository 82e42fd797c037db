"""End diastole and end systole, beat by beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

KeyFrameOrigin = Literal["traced", "detected", "set by reader"]


@dataclass(frozen=True)
class Beat:
    """One beat: the frames of end diastole and end systole, counted from 0."""

    ed: int
    es: int


@dataclass(frozen=True)
class KeyFrames:
    """The beats of a clip and where they came from.

    A clip that is too short or too still to show a beat has none.
    """

    beats: tuple[Beat, ...]
    origin: KeyFrameOrigin

    def frames(self) -> tuple[int, ...]:
        """All ED and ES frames, ascending, each once."""
        return tuple(sorted({f for b in self.beats for f in (b.ed, b.es)}))
