"""The scores of a model on labelled clips: of a frame, of a clip, of a split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from napari_echo.io.clipset import ClipEntry
from napari_echo.metrics.agreement import Agreement, agreement

PHASES = ("ED", "ES", "between")


@dataclass(frozen=True)
class FrameScore:
    """Scores of one structure in one labelled frame.

    Parameters
    ----------
    study_id : str
        The patient.
    frame : int
        Counted from 0 in the clip.
    phase : {"ED", "ES", "between"}
        What the frame is.
    structure : str
        Name of the structure.
    dice, iou : float
        Overlap, 0 to 1; not-a-number where neither side shows the structure.
    hd95_mm, asd_mm : float
        Distances of the outlines in mm; not-a-number without a spacing, or
        where either side does not show the structure.
    predicted_px, true_px : int
        Area of the structure in pixels, those that the truth ignores left out.
    """

    study_id: str
    frame: int
    phase: str
    structure: str
    dice: float
    hd95_mm: float
    asd_mm: float
    iou: float
    predicted_px: int
    true_px: int


@dataclass(frozen=True)
class EFPair:
    """Single-plane EF of one clip, as fractions, at the traced ED and ES frames.

    From the model's masks and from the truth's, both by the method of discs,
    and as the data set states it, however that was measured; not-a-number
    where one of the masks shows no LV, or the data set is silent.
    """

    study_id: str
    predicted: float
    true: float
    stated: float = float("nan")


@dataclass(frozen=True)
class ClipResult:
    """What a model does on one clip.

    Parameters
    ----------
    entry : ClipEntry
        The clip.
    scores : tuple of FrameScore
        By frame, then by structure.
    ef : EFPair or None
        None for a clip without a labelled beat.
    jitter, true_jitter, flicker : float
        `metrics.temporal` of the prediction, of the truth, and between them;
        not-a-number where too few frames follow each other.
    frames, seconds : int, float
        Frames that the model segmented, and the time that it took.
    """

    entry: ClipEntry
    scores: tuple[FrameScore, ...]
    ef: EFPair | None
    jitter: float
    true_jitter: float
    flicker: float
    frames: int
    seconds: float

    def mean(self, measure: str, structure: str, phase: str | None = None) -> float:
        """Mean of a measure of `FrameScore` over the clip's frames; not-a-number without any."""
        return _mean(self.scores, measure, structure, phase)

    def area_gap(self, structure: str, phase: str | None = None) -> float:
        """Predicted minus true area as a share of the true one, mean over the frames."""
        gaps = [
            score.predicted_px / score.true_px - 1
            for score in self.scores
            if score.structure == structure and phase in (None, score.phase) and score.true_px
        ]
        return float(np.mean(gaps)) if gaps else float("nan")


@dataclass(frozen=True)
class Evaluation:
    """All scores of a model on a split, and how many of its clips carry no label."""

    clips: tuple[ClipResult, ...]
    unlabelled: int = 0

    @property
    def scores(self) -> tuple[FrameScore, ...]:
        """The scores of all clips."""
        return tuple(score for clip in self.clips for score in clip.scores)

    @property
    def ef(self) -> tuple[EFPair, ...]:
        """EF of the clips with a labelled beat."""
        return tuple(clip.ef for clip in self.clips if clip.ef is not None)

    @property
    def structures(self) -> tuple[str, ...]:
        """Names of the structures that were scored."""
        return tuple(dict.fromkeys(score.structure for score in self.scores))

    @property
    def frames_per_second(self) -> float:
        """Frames that the model segmented in a second."""
        seconds = sum(clip.seconds for clip in self.clips)
        return sum(clip.frames for clip in self.clips) / seconds if seconds else float("nan")

    def ef_agreement(self) -> Agreement | None:
        """Agreement of the model's EF with that of the true masks, in percentage points."""
        return agreement([100 * p.predicted for p in self.ef], [100 * p.true for p in self.ef])

    def stated_ef_agreement(self) -> Agreement | None:
        """Agreement of the model's EF with that which the data set states, in percentage points."""
        return agreement([100 * p.predicted for p in self.ef], [100 * p.stated for p in self.ef])

    def mean(self, measure: str, structure: str, phase: str | None = None) -> float:
        """Mean of a measure of `FrameScore` over frames; not-a-number without any."""
        return _mean(self.scores, measure, structure, phase)

    def table(self) -> list[dict[str, Any]]:
        """One row for each structure and phase, with the number of frames.

        Where frames between ED and ES are labelled, a row "all" follows.
        """
        scores = self.scores
        phases = [p for p in PHASES if any(s.phase == p for s in scores)]
        phases += ["all"] if "between" in phases else []
        return [
            {
                "structure": structure,
                "phase": phase,
                "frames": sum(
                    s.structure == structure and phase in ("all", s.phase) for s in scores
                ),
                **{
                    measure: _mean(scores, measure, structure, None if phase == "all" else phase)
                    for measure in ("dice", "iou", "hd95_mm", "asd_mm")
                },
            }
            for structure in self.structures
            for phase in phases
        ]

    def rows(self) -> list[dict[str, Any]]:
        """Every score as JSON-ready data."""
        return [asdict(score) for score in self.scores]


def _mean(scores: Sequence[FrameScore], measure: str, structure: str, phase: str | None) -> float:
    values = [
        getattr(score, measure)
        for score in scores
        if score.structure == structure and phase in (None, score.phase)
    ]
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else float("nan")
