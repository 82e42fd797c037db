"""Run models over listed clips, to tell which of them are worth a look."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import IGNORE, LV, Segmentation
from napari_echo.core.prediction import Prediction
from napari_echo.metrics.overlap import dice
from napari_echo.workflow.study_facts import ClipFacts, Entry, Facts, FactsStore
from napari_echo.workflow.study_pictures import picture_of

if TYPE_CHECKING:
    from napari_echo.ml.packs import ModelPack
    from napari_echo.ml.predictor import Predictor
    from napari_echo.workflow.studies import OpenedClip, StudyItem

_WAIT_S = 0.05


@dataclass(frozen=True)
class Scanned:
    """How far a scan is, and what it found last.

    Parameters
    ----------
    done, total : int
        Clips.
    item : StudyItem
        The clip that it is at.
    entries : tuple of Entry
        What was found of it; empty while it is looked at.
    problem : str
        Why it could not be read, as one sentence.
    paused : bool
        Whether the scan waits.
    """

    done: int
    total: int
    item: StudyItem
    entries: tuple[Entry, ...] = ()
    problem: str = ""
    paused: bool = False


def iter_scan(
    items: Sequence[StudyItem],
    packs: Sequence[ModelPack],
    make_ready: Callable[[ModelPack], Predictor],
    facts: FactsStore,
    *,
    known: Collection[tuple[str, str]] = (),
    batch: int | None = None,
    wait: Callable[[], bool] = lambda: False,
) -> Generator[Scanned, None, int]:
    """Run models over clips and write what they say to the cache, clip by clip.

    Parameters
    ----------
    items : sequence of StudyItem
        The clips, in the order to look at them.
    packs : sequence of ModelPack
        The models.
    make_ready : callable
        Loads a model; each is loaded once, when it is needed first.
    facts : FactsStore
        Its cache takes what is found.
    known : collection of (str, str)
        Key and model's id of what was found before, which is passed over.
    batch : int, optional
        Frames per model call, as for `iter_predict`.
    wait : callable
        Asked often; while it is true the scan only waits.

    Yields
    ------
    Scanned
        Often: closing the generator then cancels the scan, and what was found
        stays.

    Returns
    -------
    int
        Clips that could not be read or segmented.

    Raises
    ------
    EchoError
        If a model cannot be loaded.
    """
    done_before = set(known)
    todo = [
        (item, missing)
        for item in items
        if (missing := [p for p in packs if (item.key, p.id) not in done_before])
    ]
    ready: dict[str, Predictor] = {}
    failed = 0
    total = len(todo)
    for done, (item, missing) in enumerate(todo):
        yield Scanned(done, total, item)
        for pack in missing:
            if pack.id not in ready:
                ready[pack.id] = make_ready(pack)
        predictors = [ready[pack.id] for pack in missing]
        try:
            opened = item.load()
            predictions = []
            for predictor in predictors:
                prediction = yield from _predict(done, total, item, opened, predictor, batch, wait)
                predictions.append(prediction)
            others = [p for p in packs if p not in missing]
            entries = found_in(item, opened, predictions, facts, others)
        except EchoError as error:
            failed += 1
            yield Scanned(done + 1, total, item, problem=str(error))
            continue
        facts.write(item, entries)
        yield Scanned(done + 1, total, item, tuple(entries))
    return failed


def _predict(
    done: int,
    total: int,
    item: StudyItem,
    opened: OpenedClip,
    predictor: Predictor,
    batch: int | None,
    wait: Callable[[], bool],
) -> Generator[Scanned, None, Prediction]:
    from napari_echo.workflow.predict import iter_predict

    steps = iter_predict(opened.clip, predictor, batch=batch)
    while True:
        while wait():
            yield Scanned(done, total, item, paused=True)
            time.sleep(_WAIT_S)
        try:
            next(steps)
        except StopIteration as end:
            prediction: Prediction = end.value
            return prediction
        yield Scanned(done, total, item)


def found_in(
    item: StudyItem,
    opened: OpenedClip,
    predictions: Iterable[Prediction],
    facts: FactsStore,
    others: Iterable[ModelPack] = (),
) -> list[Entry]:
    """What a clip and the predictions of models tell, with what other models told before.

    Parameters
    ----------
    item, opened : StudyItem, OpenedClip
        The clip.
    predictions : iterable of Prediction
        Of models.
    facts : FactsStore
        Its cache knows the masks of other models.
    others : iterable of ModelPack
        The other models to compare with.

    Returns
    -------
    list of Entry
        Of the clip, of each prediction, and of the other models, whose
        disagreement with these is new.
    """
    entries = [Entry(clip_facts(item, opened), picture_of(opened.clip.frames[0]))]
    fresh: list[tuple[Facts, Prediction]] = []
    for prediction in predictions:
        found = facts_of(item, opened, prediction)
        for i, (other, its) in enumerate(fresh):
            differ = _differ(_lv(its, other), _lv(prediction, other))
            if differ is not None:
                fresh[i] = (other.disagrees(found.model_name, differ), its)
                found = found.disagrees(other.model_name, differ)
        fresh.append((found, prediction))
    old = [old for pack in others if (old := _remembered(item, opened, pack, facts)) is not None]
    for other, masks in old:
        for i, (found, prediction) in enumerate(fresh):
            differ = _differ(masks, _lv(prediction, other))
            if differ is not None:
                fresh[i] = (found.disagrees(other.model_name, differ), prediction)
                other = other.disagrees(found.model_name, differ)
        entries.append(Entry(other))
    entries += [Entry(found, _packed(_lv(its, found))) for found, its in fresh]
    return entries


def clip_facts(item: StudyItem, opened: OpenedClip) -> ClipFacts:
    """What a decoded clip shows by itself."""
    from napari_echo.workflow.measure import measure

    clip, ef, measured = opened.clip, opened.ef, False
    if ef is None and opened.truth is not None and opened.key_frames is not None:
        ef = measure(clip, opened.truth, opened.key_frames).ef
        measured = ef is not None
    return ClipFacts(
        item.key, clip.clip_id, clip.study_id, clip.view, len(clip), _finite(ef), measured
    )


def facts_of(item: StudyItem, opened: OpenedClip, prediction: Prediction) -> Facts:
    """What a prediction tells of a clip."""
    from napari_echo.metrics.temporal_checks import findings, inconsistency
    from napari_echo.workflow.doubt import beat_doubt
    from napari_echo.workflow.measure import measure

    clip, truth = opened.clip, opened.truth
    measures = measure(clip, prediction.segmentation, opened.key_frames)
    beat = _beat(measures.key_frames, truth)
    common = (item.key, prediction.model_id, prediction.model_name)
    if beat is None:
        return Facts(*common)
    doubt = beat_doubt(prediction.probabilities[[beat.ed, beat.es]], clip.spacing_mm)
    # ED and ES stills are no neighbours in time.
    found = findings(measures, clip.fps) if len(clip) > 2 else ()
    outlook = doubt.outlook
    return Facts(
        *common,
        beat.ed,
        beat.es,
        _finite(measures.ef),
        _dice_at(beat.ed, prediction, truth),
        _dice_at(beat.es, prediction, truth),
        _finite(doubt.entropy),
        None if outlook is None else outlook.expected_change,
        () if outlook is None else outlook.crossing,
        () if outlook is None else outlook.limits,
        None if outlook is None else outlook.ef,
        inconsistency(found),
        tuple((f.check, f.frame, f.value) for f in found),
    )


def _beat(key_frames: KeyFrames, truth: Segmentation | None) -> Beat | None:
    labelled = key_frames.labelled_beat(truth.annotated_frames) if truth is not None else None
    return labelled or next((b for b in key_frames.beats if b.ed != b.es), None)


def _dice_at(frame: int, prediction: Prediction, truth: Segmentation | None) -> float | None:
    if truth is None or not truth.annotated[frame]:
        return None
    labels = truth.labels[frame]
    predicted = (prediction.segmentation.labels[frame] == LV) & (labels != IGNORE)
    return _finite(dice(predicted, labels == LV))


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


# The LV of two models ---------------------------------------------------------


def _lv(prediction: Prediction, at: Facts) -> NDArray[np.bool_] | None:
    """A model's LV at the ED and ES of another one's facts."""
    if at.ed is None or at.es is None:
        return None
    return np.asarray(prediction.segmentation.labels[[at.ed, at.es]] == LV)


def _differ(one: NDArray[np.bool_] | None, other: NDArray[np.bool_] | None) -> float | None:
    from napari_echo.workflow.doubt import disagreement

    return None if one is None or other is None else disagreement(one, other)


def _packed(masks: NDArray[np.bool_] | None) -> bytes:
    return b"" if masks is None else zlib.compress(np.packbits(masks).tobytes())


def _remembered(
    item: StudyItem, opened: OpenedClip, pack: ModelPack, facts: FactsStore
) -> tuple[Facts, NDArray[np.bool_] | None] | None:
    """What the cache knows of another model."""
    known = [f for f in facts.read([item]) if isinstance(f, Facts) and f.model_id == pack.id]
    if not known:
        return None
    shape = (2, *opened.clip.frame_shape)
    try:
        bits = np.frombuffer(zlib.decompress(facts.read_data(item, pack.id)), np.uint8)
        masks = np.unpackbits(bits, count=math.prod(shape)).reshape(shape).astype(np.bool_)
    except (zlib.error, ValueError):
        return known[0], None
    return known[0], masks
