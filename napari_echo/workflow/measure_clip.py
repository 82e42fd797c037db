"""Measure all that is known of a clip: truth, every model, the correction, and how they differ."""

from __future__ import annotations

import math
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import IGNORE, LV, Segmentation
from napari_echo.core.prediction import Prediction
from napari_echo.core.revision import Revision
from napari_echo.metrics.overlap import dice
from napari_echo.metrics.volume import LVMeasures
from napari_echo.metrics.walls import wall_errors
from napari_echo.workflow.committed import merge
from napari_echo.workflow.compare import ComparisonReport, ComparisonRow, compare_frame
from napari_echo.workflow.measure import FrameCache, FrameDifference, digest, iter_measure

Steps = Generator[tuple[int, int], None, LVMeasures]
Reference = Literal["truth", "correction"]


@dataclass(frozen=True, eq=False)
class Subjects:
    """What is to be measured of a clip.

    Parameters
    ----------
    clip : EchoClip
        The clip.
    key_frames : KeyFrames or None
        ED and ES that a person gave; None detects them, in the model on
        show where there is one, else in the truth, else in the correction.
    truth : Segmentation or None
        Ground truth.
    predictions : mapping of str to Prediction
        What models say, by their ids.
    shown : str
        Id of the model on show; empty for none.
    draft : ndarray of uint8, shape (T, H, W), or None
        Labels that the reader is painting on.
    revisions : sequence of Revision
        What was committed, oldest first; they count where there is no draft.
    drawn : collection of int
        Frames that the reader drew or accepted: only they can tell that a
        model is wrong where there is no truth.
    reports : mapping of str to ComparisonReport
        Comparisons that were made before and still hold.
    """

    clip: EchoClip
    key_frames: KeyFrames | None
    truth: Segmentation | None = None
    predictions: Mapping[str, Prediction] = field(default_factory=dict)
    shown: str = ""
    draft: NDArray[np.uint8] | None = None
    revisions: Sequence[Revision] = ()
    drawn: Collection[int] = ()
    reports: Mapping[str, ComparisonReport] = field(default_factory=dict)


@dataclass(frozen=True)
class BeatDifference:
    """How one beat differs from the reference.

    Parameters
    ----------
    reference : {"truth", "correction"}
        What it is compared with.
    ed, es : FrameDifference or None
        None where the reference does not label the frame.
    ef : float
        EF minus the reference's, a fraction; not-a-number where either is unknown.
    """

    reference: Reference
    ed: FrameDifference | None
    es: FrameDifference | None
    ef: float


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured of a clip.

    Parameters
    ----------
    key_frames : KeyFrames or None
        ED and ES that all was measured at; None where there is nothing to measure.
    truth, correction : LVMeasures or None
        By the truth's and the reader's labels.
    models : mapping of str to LVMeasures
        By each model's labels.
    reports : mapping of str to ComparisonReport
        Each model against the truth; empty until the whole was measured.
    model_differences, correction_differences : tuple of BeatDifference
        The model on show and the correction against the truth, the model
        against the correction where there is no truth; one for each beat, or
        none.
    """

    key_frames: KeyFrames | None
    truth: LVMeasures | None
    correction: LVMeasures | None
    models: Mapping[str, LVMeasures]
    reports: Mapping[str, ComparisonReport]
    model_differences: tuple[BeatDifference, ...] = ()
    correction_differences: tuple[BeatDifference, ...] = ()


def iter_measure_clip(
    subjects: Subjects, cache: FrameCache, *, whole: bool = True
) -> Generator[tuple[int, int], None, Measured]:
    """Measure everyone's labels at the same ED and ES, and yield how far it is.

    Parameters
    ----------
    subjects : Subjects
        What to measure.
    cache : FrameCache
        What was measured before of this clip; what is measured now is added.
    whole : bool
        Measure every frame, and compare each model with the truth; else only
        what ED and ES need, which is there at once.

    Returns
    -------
    Measured
    """
    clip, key_frames = subjects.clip, subjects.key_frames
    shown = subjects.predictions.get(subjects.shown)
    ordered = sorted(subjects.predictions.items(), key=lambda item: item[0] != subjects.shown)
    models: dict[str, LVMeasures] = {}
    truth = correction = None
    drawn = _drawn(subjects, shown)
    for model_id, prediction in ordered:
        labels = prediction.segmentation.labels
        models[model_id] = yield from iter_measure(
            clip, labels, None, key_frames, cache=cache, whole=whole
        )
        key_frames = key_frames or models[model_id].key_frames
    if subjects.truth is not None:
        given = subjects.truth
        truth = yield from iter_measure(
            clip, given.labels, given.annotated, key_frames, cache=cache, whole=whole
        )
        key_frames = key_frames or truth.key_frames
    if drawn is not None:
        correction = yield from iter_measure(
            clip, drawn[0], drawn[1], key_frames, cache=cache, whole=whole
        )
        key_frames = key_frames or correction.key_frames
    reports = dict(subjects.reports)
    if whole and subjects.truth is not None:
        for model_id, prediction in ordered:
            if model_id not in reports:
                reports[model_id] = yield from _compare(prediction, subjects.truth, clip)
    shown_measures = models.get(subjects.shown)
    against_truth = subjects.truth is not None
    reference = None
    if subjects.truth is not None:
        reference = subjects.truth.labels, subjects.truth.annotated
    elif drawn is not None and subjects.drawn:
        reference = drawn[0], np.isin(np.arange(len(clip)), list(subjects.drawn))
    reference_measures = truth if against_truth else correction
    model_differences: tuple[BeatDifference, ...] = ()
    correction_differences: tuple[BeatDifference, ...] = ()
    if reference is not None and reference_measures is not None:
        name: Reference = "truth" if against_truth else "correction"
        if shown is not None and shown_measures is not None:
            model_differences = yield from _differences(
                shown.segmentation.labels,
                shown_measures,
                reference,
                reference_measures,
                name,
                clip,
                cache,
            )
        if against_truth and drawn is not None and correction is not None:
            correction_differences = yield from _differences(
                drawn[0],
                correction,
                (reference[0], reference[1] & drawn[1]),
                reference_measures,
                name,
                clip,
                cache,
            )
    return Measured(
        key_frames,
        truth,
        correction,
        models,
        reports,
        model_differences,
        correction_differences,
    )


def _drawn(
    subjects: Subjects, shown: Prediction | None
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]] | None:
    """The reader's labels, and which frames they cover."""
    if subjects.draft is not None:
        # A frame without an LV is one that is still to be drawn, but for those that are.
        covered = (subjects.draft == LV).any(axis=(1, 2))
        covered[list(subjects.drawn)] = True
        return subjects.draft, covered
    merged = merge(subjects.clip, subjects.revisions, shown)
    return None if merged is None else (merged.labels, merged.annotated)


def _compare(
    prediction: Prediction, truth: Segmentation, clip: EchoClip
) -> Generator[tuple[int, int], None, ComparisonReport]:
    rows: list[ComparisonRow] = []
    frames = truth.annotated_frames
    for place, frame in enumerate(frames):
        rows += compare_frame(prediction, truth, frame, clip.spacing_mm)
        yield place + 1, len(frames)
    return ComparisonReport(tuple(rows), "px" if clip.spacing_mm is None else "mm")


def _differences(
    labels: NDArray[np.uint8],
    measures: LVMeasures,
    reference: tuple[NDArray[np.uint8], NDArray[np.bool_]],
    reference_measures: LVMeasures,
    name: Reference,
    clip: EchoClip,
    cache: FrameCache,
) -> Generator[tuple[int, int], None, tuple[BeatDifference, ...]]:
    """Compare each beat's ED and ES; each frame once."""
    true_labels, annotated = reference
    known: dict[int, FrameDifference | None] = {}
    beats: tuple[Beat, ...] = measures.key_frames.beats
    for frame in sorted({f for beat in beats for f in (beat.ed, beat.es)}):
        known[frame] = None
        if annotated[frame] and (true_labels[frame] == LV).any():
            counted = true_labels[frame] != IGNORE
            mask, true = (labels[frame] == LV) & counted, true_labels[frame] == LV
            key = digest(mask), digest(true)
            if key not in cache.differences:
                cache.differences[key] = FrameDifference(
                    dice(mask, true), wall_errors(mask, true, clip.spacing_mm)
                )
            known[frame] = cache.differences[key]
        yield len(known), 2 * len(beats)
    both = zip(beats, measures.beats, reference_measures.beats, strict=True)
    return tuple(
        BeatDifference(
            name,
            known[beat.ed],
            known[beat.es],
            # Of a beat that the reader did not touch, the model agrees with itself.
            ours.ef - theirs.ef if known[beat.ed] or known[beat.es] else math.nan,
        )
        for beat, ours, theirs in both
    )
