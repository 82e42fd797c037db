"""A clip with its ground truth, as every data set of this project is read and written."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import Segmentation

_log = logging.getLogger(__name__)

UNASSIGNED = "unassigned"
"""Split of a clip that its data set puts in none."""

SPLITS = ("train", "val", "test", UNASSIGNED)
"""The splits, by the names that every data set is translated to."""


@dataclass(frozen=True, eq=False)
class LabelledClip:
    """A clip, what experts drew on it, and where it belongs.

    Parameters
    ----------
    clip : EchoClip
        The frames.
    truth : Segmentation
        Labels on the clip's own grid; sparse, see `Segmentation.annotated`.
    key_frames : KeyFrames
        ED and ES as traced.
    split : str
        One of `SPLITS`.
    ef : float or None
        Ejection fraction as the data set states it, 0 to 1 (not percent).
    """

    clip: EchoClip
    truth: Segmentation
    key_frames: KeyFrames
    split: str = UNASSIGNED
    ef: float | None = None

    def __post_init__(self) -> None:
        if self.truth.labels.shape != self.clip.frames.shape:
            raise EchoError(
                f"The labels of {self.clip.name} have the shape {self.truth.labels.shape}, "
                f"its frames {self.clip.frames.shape}; they must be the same."
            )
        if any(not 0 <= f < len(self.clip) for f in self.key_frames.frames()):
            raise EchoError(f"ED or ES of {self.clip.name} is outside its {len(self.clip)} frames.")
        if self.split not in SPLITS:
            raise EchoError(
                f"{self.clip.name} is in the split {self.split!r}; use one of {', '.join(SPLITS)}."
            )

    def annotated_beat(self) -> Beat | None:
        """Return the first beat whose ED and ES both carry a label; None where there is none."""
        return self.key_frames.labelled_beat(self.truth.annotated_frames)


def clip_name(clip: EchoClip) -> str:
    """What a clip's files are named after: its study, view and the start of its id."""
    return f"{clip.study_id[:40]}_{clip.view}_{clip.clip_id[:8]}"


@dataclass(frozen=True)
class Skipped:
    """A clip that could not be read or written, and the reason as one sentence."""

    name: str
    reason: str


@dataclass(frozen=True)
class Written:
    """What a data set's writer made of a clip.

    Parameters
    ----------
    name : str
        What the clip is called in the data set.
    frames : tuple of int
        Frames whose labels went in, ascending.
    files : tuple of str
        Files that were made for it, below the data set's folder.
    """

    name: str
    frames: tuple[int, ...]
    files: tuple[str, ...]


Outcome = Written | Skipped
"""What a writer yields of each clip, in their order."""


def report_skipped(
    outcomes: Iterable[Outcome], on_skip: Callable[[Skipped], None]
) -> Iterator[Written]:
    """Pass on what was written, and tell `on_skip` of the others."""
    for outcome in outcomes:
        if isinstance(outcome, Skipped):
            on_skip(outcome)
        else:
            yield outcome


def log_skipped(skipped: Skipped) -> None:
    """Log a skipped clip as a warning: what readers do unless told otherwise."""
    _log.warning("Skipped %s: %s", skipped.name, skipped.reason)
