"""Measure a model on a clip data set, on the clips' own grids.

How things are counted:

- A labelled frame counts as ED or ES where a beat of the clip says so, else
  as "between". Means over frames leave out what is not a number.
- A structure that the truth shows and the model misses has a Dice and an IoU
  of 0, which count, and no surface distance; one that neither shows counts
  nowhere. Distances need a spacing: clips without one have none.
- EF is single-plane, by the method of discs, at the true ED and ES frames of
  the beats whose two frames are labelled. It is not measured where the
  prediction, or the truth, shows no LV that can be measured.
- A model with a memory sees every frame from the start of the first labelled
  beat on; one without sees the labelled frames alone, unless every frame is
  asked for. Jitter and flicker are those of the longest run of frames without
  a gap that was segmented, or labelled, if it has three or more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import IGNORE, LV, LabelSchema
from napari_echo.io.clipset import ClipEntry, ClipSet, open_clipset
from napari_echo.metrics.overlap import dice, iou
from napari_echo.metrics.surface import asd, hd95
from napari_echo.metrics.temporal import area_jitter, excess_flicker
from napari_echo.metrics.volume import lv_measures
from napari_echo.workflow.predict import SegmentationModel
from napari_echo.workflow.scores import ClipResult, EFPair, Evaluation, FrameScore
from napari_echo.workflow.segment import iter_segment

__all__ = ["EFPair", "Evaluation", "FrameScore", "evaluate", "labelled_entries", "segment"]


@dataclass(frozen=True, eq=False)
class Segmented:
    """Frames of a clip that a model segmented.

    Parameters
    ----------
    frames : tuple of int
        Ascending; all labelled frames are among them.
    labels : ndarray of uint8, shape (N, H, W)
        As `workflow.predict` gives them.
    seconds : float
        Time in the model, from grey levels to probabilities on the clip's grid.
    """

    frames: tuple[int, ...]
    labels: NDArray[np.uint8]
    seconds: float

    def of(self, frames: Sequence[int]) -> NDArray[np.uint8]:
        """Labels of some of the frames."""
        place = {frame: row for row, frame in enumerate(self.frames)}
        return self.labels[[place[frame] for frame in frames]]


def evaluate(
    model: SegmentationModel,
    data: Path,
    *,
    split: str = "val",
    every_frame: bool = False,
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
    every_frame : bool
        Segment every frame between the first and the last labelled one, so
        that the jitter can be measured where not all of them are labelled.
    on_progress : callable, optional
        Called with the clips done and their number.

    Returns
    -------
    Evaluation
        Scores of each labelled frame and each structure that both the model
        and the data set know. Pixels that the truth marks as ignored count
        for neither side of a score. The module's text says what counts how.

    Raises
    ------
    EchoError
        If the split has no labelled clip, or the model and the data set have
        no structure in common.
    """
    clips = open_clipset(data)
    entries, unlabelled = labelled_entries(clips, split)
    if not _common(clips.schema, model.schema):
        raise EchoError(f"The model and the clip data set {data} have no structure in common.")
    results = []
    for done, entry in enumerate(entries):
        if on_progress is not None:
            on_progress(done, len(entries))
        results.append(_score(clips, entry, model, every_frame))
    if on_progress is not None:
        on_progress(len(entries), len(entries))
    return Evaluation(tuple(results), unlabelled)


def labelled_entries(clips: ClipSet, split: str) -> tuple[list[ClipEntry], int]:
    """The clips of a split that carry a label, and how many carry none.

    Raises
    ------
    EchoError
        If the split has no labelled clip.
    """
    entries = [entry for entry in clips.entries if entry.split == split]
    labelled = [entry for entry in entries if entry.labelled_frames]
    if not labelled:
        raise EchoError(
            f"The clip data set {clips.root} has no labelled clip in the split '{split}'."
        )
    return labelled, len(entries) - len(labelled)


def segment(
    model: SegmentationModel, clips: ClipSet, entry: ClipEntry, *, every_frame: bool = False
) -> Segmented:
    """Segment the labelled frames of a clip, and those that a model with a memory needs.

    Parameters
    ----------
    model : SegmentationModel
        What segments.
    clips : ClipSet
        The data set.
    entry : ClipEntry
        A clip of it that has labelled frames.
    every_frame : bool
        Segment every frame between the first and the last labelled one.

    Returns
    -------
    Segmented
    """
    frames, wanted = clips.frames(entry), entry.labelled_frames
    temporal = bool(getattr(model, "temporal", False))
    if temporal or every_frame:
        wanted = tuple(range(_start(entry) if temporal else wanted[0], wanted[-1] + 1))
    parts = list(iter_segment(model, frames, wanted))
    labels = np.concatenate([part for part, _ in parts])
    return Segmented(wanted, labels, sum(seconds for _, seconds in parts))


def _score(
    clips: ClipSet, entry: ClipEntry, model: SegmentationModel, every_frame: bool
) -> ClipResult:
    truth = clips.labels(entry)
    segmented = segment(model, clips, entry, every_frame=every_frame)
    labels = segmented.of(entry.labelled_frames)
    eds = {beat.ed for beat in entry.key_frames.beats}
    ess = {beat.es for beat in entry.key_frames.beats}
    scores = []
    for row, frame in enumerate(entry.labelled_frames):
        phase = "ED" if frame in eds else "ES" if frame in ess else "between"
        counted = truth[row] != IGNORE
        for index, name in _common(clips.schema, model.schema).items():
            a, b = (labels[row] == index) & counted, truth[row] == index
            distances = (float("nan"),) * 2
            if entry.spacing_mm is not None:
                distances = (hd95(a, b, entry.spacing_mm), asd(a, b, entry.spacing_mm))
            areas = (int(np.count_nonzero(a)), int(np.count_nonzero(b)))
            scores.append(
                FrameScore(
                    entry.study_id, frame, phase, name, dice(a, b), *distances, iou(a, b), *areas
                )
            )
    predicted, true = (_ef(masks == LV, entry) for masks in (labels, truth))
    stated = float("nan") if entry.ef is None else entry.ef
    ef = None
    if predicted is not None and true is not None:
        ef = EFPair(entry.study_id, predicted, true, stated)
    rows = _longest_run(entry.labelled_frames)
    # An ED and an ES still that stand side by side are no neighbours in time.
    moves = rows.stop - rows.start > 2
    flicker = excess_flicker(labels[rows] == LV, truth[rows] == LV) if moves else float("nan")
    return ClipResult(
        entry=entry,
        scores=tuple(scores),
        ef=ef,
        jitter=_jitter(segmented.labels[_longest_run(segmented.frames)]),
        true_jitter=_jitter(truth[rows]),
        flicker=flicker,
        frames=len(segmented.frames),
        seconds=segmented.seconds,
    )


def _common(one: LabelSchema, other: LabelSchema) -> dict[int, str]:
    """Structures that both know, by the first one's names."""
    known = {structure.index for structure in other.structures}
    return {s.index: s.name for s in one.structures if s.index in known}


def _start(entry: ClipEntry) -> int:
    """The first frame of the first beat that has a label, or an earlier label."""
    labelled = set(entry.labelled_frames)
    beats = [b for b in entry.key_frames.beats if labelled & {b.ed, b.es}]
    return min(entry.labelled_frames[0], *(min(b.ed, b.es) for b in beats), entry.shape[0])


def _longest_run(frames: Sequence[int]) -> slice:
    """Where the longest run of frames without a gap lies in an ascending sequence."""
    breaks = [0, *(i for i in range(1, len(frames)) if frames[i] > frames[i - 1] + 1), len(frames)]
    first, last = max(pairwise(breaks), key=lambda ends: ends[1] - ends[0])
    return slice(first, last)


def _jitter(labels: NDArray[np.uint8]) -> float:
    area = np.count_nonzero(labels == LV, axis=(1, 2)).astype(np.float64)
    area[area == 0] = np.nan
    return area_jitter(area)


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
