"""Measure a model on a clip data set, on the clips' own grids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.cleanup import keep_largest_piece
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import IGNORE, LV
from napari_echo.io.clipset import ClipEntry, open_clipset
from napari_echo.metrics.agreement import Agreement, agreement
from napari_echo.metrics.overlap import dice
from napari_echo.metrics.surface import asd, hd95
from napari_echo.metrics.volume import lv_measures
from napari_echo.workflow.predict import SegmentationModel

_BATCH = 16  # frames of a model call: those of a long clip would fill the memory


@dataclass(frozen=True)
class FrameScore:
    """Scores of one structure in one labelled frame; distances in mm, else not-a-number."""

    study_id: str
    frame: int
    phase: str
    structure: str
    dice: float
    hd95_mm: float
    asd_mm: float


@dataclass(frozen=True)
class EFPair:
    """Single-plane EF of one clip, as fractions, at the traced ED and ES frames.

    From the model's masks and from the truth's, both by the method of discs;
    not-a-number where one of them shows no LV.
    """

    study_id: str
    predicted: float
    true: float


@dataclass(frozen=True)
class Evaluation:
    """All scores of a model on a split."""

    scores: tuple[FrameScore, ...]
    ef: tuple[EFPair, ...]

    def ef_agreement(self) -> Agreement | None:
        """Agreement of the model's EF with that of the true masks, in percentage points."""
        return agreement([100 * p.predicted for p in self.ef], [100 * p.true for p in self.ef])

    def mean(self, measure: str, structure: str, phase: str | None = None) -> float:
        """Mean of ``dice``, ``hd95_mm`` or ``asd_mm`` over frames; not-a-number without any."""
        values = [
            getattr(score, measure)
            for score in self.scores
            if score.structure == structure and phase in (None, score.phase)
        ]
        finite = [value for value in values if np.isfinite(value)]
        return float(np.mean(finite)) if finite else float("nan")

    def table(self) -> list[dict[str, Any]]:
        """One row for each structure and phase, with the number of frames."""
        structures = list(dict.fromkeys(score.structure for score in self.scores))
        phases = [p for p in ("ED", "ES", "between") if any(s.phase == p for s in self.scores)]
        return [
            {
                "structure": structure,
                "phase": phase,
                "frames": sum(s.structure == structure and s.phase == phase for s in self.scores),
                **{
                    measure: self.mean(measure, structure, phase)
                    for measure in ("dice", "hd95_mm", "asd_mm")
                },
            }
            for structure in structures
            for phase in phases
        ]

    def rows(self) -> list[dict[str, Any]]:
        """Every score as JSON-ready data."""
        return [asdict(score) for score in self.scores]


def evaluate(
    model: SegmentationModel,
    data: Path,
    *,
    split: str = "val",
    on_progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Score a model on the labelled frames of a clip data set.

    Parameters
    ----------
    model : SegmentationModel
        What segments.
    data : Path
        A clip data set.
    split : str
        The split to score.
    on_progress : callable, optional
        Called with the clips done and their number.

    Returns
    -------
    Evaluation
        A score for each labelled frame and each structure of the model, and
        EF for each clip with a traced and labelled beat. Pixels that the
        truth marks as ignored count for neither side of a score.

    Raises
    ------
    EchoError
        If the split has no labelled clip.
    """
    clips = open_clipset(data)
    entries = [e for e in clips.entries if e.split == split and e.labelled_frames]
    if not entries:
        raise EchoError(f"The clip data set {data} has no labelled clip in the split '{split}'.")
    scores: list[FrameScore] = []
    pairs: list[EFPair] = []
    for done, entry in enumerate(entries):
        if on_progress is not None:
            on_progress(done, len(entries))
        truth = clips.labels(entry)
        labels = _segment(model, clips.frames(entry), entry.labelled_frames)
        eds = {beat.ed for beat in entry.key_frames.beats}
        ess = {beat.es for beat in entry.key_frames.beats}
        for row, frame in enumerate(entry.labelled_frames):
            phase = "ED" if frame in eds else "ES" if frame in ess else "between"
            for structure in model.schema.structures:
                counted = truth[row] != IGNORE
                a = (labels[row] == structure.index) & counted
                b = truth[row] == structure.index
                distances = (float("nan"),) * 2
                if entry.spacing_mm is not None:
                    distances = (hd95(a, b, entry.spacing_mm), asd(a, b, entry.spacing_mm))
                scores.append(
                    FrameScore(entry.study_id, frame, phase, structure.name, dice(a, b), *distances)
                )
        predicted, true = (_ef(masks == LV, entry) for masks in (labels, truth))
        if predicted is not None and true is not None:
            pairs.append(EFPair(entry.study_id, predicted, true))
    if on_progress is not None:
        on_progress(len(entries), len(entries))
    return Evaluation(tuple(scores), tuple(pairs))


def _ef(masks: NDArray[np.bool_], entry: ClipEntry) -> float | None:
    """EF over the beats whose ED and ES are labelled; None where there is none."""
    place = {frame: row for row, frame in enumerate(entry.labelled_frames)}
    beats = tuple(
        Beat(place[beat.ed], place[beat.es])
        for beat in entry.key_frames.beats
        if beat.ed in place and beat.es in place
    )
    if not beats:
        return None
    ef = lv_measures(masks, entry.spacing_mm, KeyFrames(beats, entry.key_frames.origin)).ef
    return float("nan") if ef is None else ef


def _segment(
    model: SegmentationModel, frames: NDArray[np.uint8], wanted: Sequence[int]
) -> NDArray[np.uint8]:
    """Labels of the wanted frames, as `workflow.predict` gives them, a batch at a time."""
    labels = []
    for first in range(0, len(wanted), _BATCH):
        batch = np.ascontiguousarray(frames[list(wanted[first : first + _BATCH])])
        probabilities = model.probabilities(batch)
        found = probabilities.argmax(axis=1).astype(np.uint8)
        labels.append(keep_largest_piece(found, probabilities))
    return np.concatenate(labels)
