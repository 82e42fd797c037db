"""What a clip and the predictions of models tell of it: facts for the table of clips."""

from __future__ import annotations

import math
import zlib
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import IGNORE, LV, Segmentation
from napari_echo.core.prediction import Prediction
from napari_echo.metrics.overlap import dice
from napari_echo.workflow.facts import ClipFacts, Entry, Facts
from napari_echo.workflow.facts_cache import FactsCache
from napari_echo.workflow.study_pictures import picture_of

if TYPE_CHECKING:
    from napari_echo.ml.packs import ModelPack
    from napari_echo.workflow.studies import OpenedClip, StudyItem


def found_in(
    item: StudyItem,
    opened: OpenedClip,
    predictions: Iterable[Prediction],
    settings: str,
    cache: FactsCache,
    others: Iterable[ModelPack] = (),
) -> list[Entry]:
    """What a clip and the predictions of models tell, with what other models told before.

    Parameters
    ----------
    item, opened : StudyItem, OpenedClip
        The clip.
    predictions : iterable of Prediction
        Of models.
    settings : str
        With which settings they were made (`PredictParams.settings`).
    cache : FactsCache
        Knows the masks of other models.
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
        found = facts_of(item, opened, prediction, settings)
        for i, (other, its) in enumerate(fresh):
            differ = _differ(_lv(its, other), _lv(prediction, other))
            if differ is not None:
                fresh[i] = (other.disagrees(found.model_name, differ), its)
                found = found.disagrees(other.model_name, differ)
        fresh.append((found, prediction))
    ids = {pack.id for pack in others}
    old = _remembered(item, opened, ids, settings, cache)
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

    clip, truth, ef, measured = opened.clip, opened.truth, opened.ef, False
    # ED and ES are found in truth of every frame, where they were not traced.
    told = truth is not None and (opened.key_frames is not None or bool(truth.annotated.all()))
    if ef is None and truth is not None and told:
        ef = measure(clip, truth, opened.key_frames).ef
        measured = ef is not None
    return ClipFacts(
        item.key, clip.clip_id, clip.study_id, clip.view, len(clip), _finite(ef), measured
    )


def facts_of(item: StudyItem, opened: OpenedClip, prediction: Prediction, settings: str) -> Facts:
    """What a prediction tells of a clip."""
    from napari_echo.metrics.temporal_checks import findings, inconsistency
    from napari_echo.workflow.doubt import beat_doubt
    from napari_echo.workflow.measure import measure

    clip, truth = opened.clip, opened.truth
    measures = measure(clip, prediction.segmentation, opened.key_frames)
    beat = _beat(measures.key_frames, truth)
    common = (item.key, prediction.model_id, prediction.model_name)
    if beat is None:
        return Facts(*common, settings=settings)
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
        settings=settings,
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
    item: StudyItem, opened: OpenedClip, ids: Collection[str], settings: str, cache: FactsCache
) -> list[tuple[Facts, NDArray[np.bool_] | None]]:
    """What the cache knows of other models."""
    known = [f for f in cache.read([item]) if isinstance(f, Facts)]
    shape = (2, *opened.clip.frame_shape)
    found = []
    for facts in known:
        if facts.model_id not in ids or facts.settings != settings:
            continue
        masks = None
        with suppress(zlib.error, ValueError):
            bits = np.frombuffer(zlib.decompress(cache.read_data(item, facts)), np.uint8)
            masks = np.unpackbits(bits, count=math.prod(shape)).reshape(shape).astype(np.bool_)
        found.append((facts, masks))
    return found
