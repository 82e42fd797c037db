"""What a review does in its worker threads: generators that touch no Qt and no session."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.hardness import HardnessMap, HardPixels
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import LabelSchema, Segmentation
from napari_echo.core.params import HardnessParams, PredictParams
from napari_echo.core.prediction import Prediction
from napari_echo.core.revision import Base, Revision, Status
from napari_echo.gui.workers import Job, Progress
from napari_echo.workflow.session import Source
from napari_echo.workflow.studies import StudyItem

if TYPE_CHECKING:
    from napari_echo.io.store import LabelStore
    from napari_echo.metrics.volume import LVMeasures
    from napari_echo.ml.packs import ModelPack
    from napari_echo.ml.predictor import Predictor
    from napari_echo.workflow.compare import ComparisonReport
    from napari_echo.workflow.journal import JournalFolder
    from napari_echo.workflow.journal_replay import Replay
    from napari_echo.workflow.recover import Recovered


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured of a clip, by whose labels, and at which ED and ES."""

    key_frames: KeyFrames | None
    measures: Mapping[Source, LVMeasures]
    report: ComparisonReport | None


@dataclass(frozen=True, eq=False)
class ModelMeasured:
    """A prediction and what was measured of it."""

    prediction: Prediction
    measures: LVMeasures
    report: ComparisonReport | None


@dataclass(frozen=True, eq=False)
class Predicted:
    """A prediction, the model that made it, and what was measured."""

    prediction: Prediction
    predictor: Predictor
    measures: LVMeasures
    report: ComparisonReport | None


def find_clips(paths: Sequence[Path]) -> Job[list[StudyItem]]:
    """List the clips among files, folders and data sets."""
    from napari_echo.workflow.study_list import iter_list

    steps = iter_list(paths)
    while True:
        try:
            found = next(steps)
        except StopIteration as end:
            items: list[StudyItem] = end.value
            return items
        yield Progress(0, 0, f"Looking for clips, {found} found" if found else "Looking for clips")


def read_truth(path: Path, clip: EchoClip) -> Job[Segmentation]:
    """Load ground truth for the open clip."""
    from napari_echo.workflow.truth import load_truth

    yield Progress(0, 0, f"Loading {path.name}")
    return load_truth(path, clip)


@dataclass(frozen=True, eq=False)
class Recalled:
    """What the label store and the journal hold of a clip, and which edits were refused."""

    revisions: list[Revision]
    waiting: list[Replay]
    refused: list[str]


def recall(store: LabelStore, journals: JournalFolder, clip: EchoClip) -> Job[Recalled]:
    """Look up what the label store holds of a clip, and which edits were never committed."""
    from napari_echo.core.ancestry import in_order
    from napari_echo.workflow.recover import foreign

    yield Progress(0, 0, "Reading the label store")
    revisions = in_order(store.revisions(clip.clip_id))
    waiting = journals.waiting()
    for replay in waiting:
        if replay.clip_id == clip.clip_id:
            replay.settle(revisions)
    waiting = [replay for replay in waiting if replay.uncommitted]
    return Recalled(revisions, waiting, foreign(waiting, clip))


def find_waiting(journals: JournalFolder) -> Job[list[Replay]]:
    """Look for edits of any clip that were never committed."""
    yield Progress(0, 0, "Reading the journal")
    return journals.waiting()


def recover(journals: JournalFolder, replay: Replay, clip: EchoClip) -> Job[Recovered]:
    """Make a draft of edits that were never committed."""
    from napari_echo.workflow.recover import recover as recover_edits

    yield Progress(0, 0, "Recovering")
    return recover_edits(journals, replay, clip)


def predict(
    clip: EchoClip,
    packs: Sequence[ModelPack],
    params: PredictParams,
    make_predictor: Callable[[ModelPack, PredictParams], Predictor],
    predictors: Mapping[str, Predictor],
    key_frames: KeyFrames | None,
    truth: Segmentation | None,
) -> Job[None]:
    """Segment a clip with one model after the other; each `Predicted` is handed on as it is found.

    All are measured at `key_frames`; without them, at those that are detected
    in what the first model says.
    """
    from napari_echo.workflow.compare import compare
    from napari_echo.workflow.measure import measure as measure_labels
    from napari_echo.workflow.predict import iter_predict

    total = len(clip) * len(packs)
    for place, pack in enumerate(packs):
        before = place * len(clip)
        which = pack.name if len(packs) == 1 else f"{pack.name} ({place + 1} of {len(packs)})"
        predictor = predictors.get(pack.id)
        if predictor is None:
            yield Progress(before, total, f"Loading {pack.name}")
            predictor = make_predictor(pack, params)
        steps = iter_predict(clip, predictor, batch=params.batch)
        while True:
            try:
                done, _ = next(steps)
            except StopIteration as end:
                prediction: Prediction = end.value
                break
            yield Progress(before + done, total, f"Predicting with {which}")
        yield Progress(before + len(clip), total, f"Measuring {which}")
        measures = measure_labels(clip, prediction.segmentation, key_frames)
        key_frames = key_frames or measures.key_frames
        report = compare(prediction, truth, clip.spacing_mm) if truth is not None else None
        found = Predicted(prediction, predictor, measures, report)
        yield Progress(before + len(clip), total, f"Predicted with {which}", found)


def measure_models(
    clip: EchoClip,
    predictions: Sequence[Prediction],
    key_frames: KeyFrames | None,
    truth: Segmentation | None,
) -> Job[None]:
    """Measure what models say; each `ModelMeasured` is handed on as it is found."""
    from napari_echo.workflow.compare import compare
    from napari_echo.workflow.measure import measure as measure_labels

    for place, prediction in enumerate(predictions):
        yield Progress(place, len(predictions), f"Measuring {prediction.model_name}")
        measures = measure_labels(clip, prediction.segmentation, key_frames)
        report = compare(prediction, truth, clip.spacing_mm) if truth is not None else None
        found = ModelMeasured(prediction, measures, report)
        yield Progress(place + 1, len(predictions), f"Measured {prediction.model_name}", found)


def measure(
    clip: EchoClip,
    key_frames: KeyFrames | None,
    prediction: Prediction | None,
    truth: Segmentation | None,
    correction: Segmentation | None,
    known: Mapping[Source, LVMeasures],
    report: ComparisonReport | None,
) -> Job[Measured]:
    """Measure the LV by everyone's labels, all at the same ED and ES frames.

    Without `key_frames` they are detected, in the prediction where there is
    one. What is `known` at the same key frames, and a `report`, stay as they
    are.
    """
    from napari_echo.workflow.compare import compare
    from napari_echo.workflow.measure import measure as measure_labels

    sources: dict[Source, Segmentation] = {}
    if prediction is not None:
        sources["prediction"] = prediction.segmentation
    if truth is not None:
        sources["truth"] = truth
    if correction is not None:
        sources["correction"] = correction
    measures: dict[Source, LVMeasures] = {}
    for source, segmentation in sources.items():
        yield Progress(0, 0, f"Measuring the {source}")
        old = known.get(source)
        if old is not None and key_frames in (None, old.key_frames):
            measures[source] = old
        else:
            measures[source] = measure_labels(clip, segmentation, key_frames)
        key_frames = key_frames or measures[source].key_frames
    if report is None and prediction is not None and truth is not None:
        yield Progress(0, 0, "Comparing with the ground truth")
        report = compare(prediction, truth, clip.spacing_mm)
    return Measured(key_frames, measures, report)


def mark(
    prediction: Prediction, truth: Segmentation | None, params: HardnessParams
) -> Job[tuple[HardnessMap, HardPixels, HardnessParams]]:
    """Find the hard pixels."""
    from napari_echo.workflow.mark import mark as mark_hard

    yield Progress(0, 0, "Marking hard pixels")
    return (*mark_hard(prediction, truth, params), params)


def commit(
    store: LabelStore,
    clip: EchoClip,
    edited: NDArray[np.uint8],
    frames: tuple[int, ...],
    base: Base,
    schema: LabelSchema,
    key_frames: KeyFrames,
    *,
    reader: str,
    started: datetime,
    seconds: float,
    comment: str,
    status: Status,
    parent: str | None,
    supersedes: tuple[str, ...],
) -> Job[Revision]:
    """Make a revision of edited frames and write it to the store."""
    from napari_echo.workflow.correct import correct

    yield Progress(0, 0, "Committing")
    try:
        revision = correct(
            clip,
            edited,
            frames,
            base,
            reader=reader,
            started=started,
            seconds=seconds,
            comment=comment,
            status=status,
            parent=parent,
            supersedes=supersedes,
            key_frames=key_frames,
            schema=schema,
        )
        store.commit(revision)
    except EchoError as error:
        raise EchoError(f"Nothing was committed, and no edit is lost. {error}") from error
    return revision
