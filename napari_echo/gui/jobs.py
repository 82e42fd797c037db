"""What a review does in its worker threads: generators that touch no Qt and no session."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
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
from napari_echo.gui.begun import Begun
from napari_echo.gui.drawn_area import area_of
from napari_echo.gui.overlays import FAINTEST
from napari_echo.gui.workers import Job, Progress, shown
from napari_echo.workflow.studies import OpenedClip, StudyItem

if TYPE_CHECKING:
    from napari_echo.io.store import LabelStore
    from napari_echo.ml.packs import ModelPack
    from napari_echo.ml.predictor import Predictor
    from napari_echo.workflow.journal import JournalFolder
    from napari_echo.workflow.journal_replay import Replay
    from napari_echo.workflow.recover import Recovered


@dataclass(frozen=True, eq=False)
class Predicted:
    """A prediction and the model that made it."""

    prediction: Prediction
    predictor: Predictor


@dataclass(frozen=True, eq=False)
class Listed:
    """Clips that were found, and the first of them that can be read.

    Parameters
    ----------
    items : list of StudyItem
        All of them.
    problems : dict of str to str
        Why those before it cannot be read, as one sentence, by their keys; of
        all of them where none can.
    first : StudyItem or None
        The first that can be read.
    opened : OpenedClip or None
        What it is.
    stamp : str
        Of its files (`facts_cache.stamp_of`).
    """

    items: list[StudyItem]
    problems: dict[str, str]
    first: StudyItem | None = None
    opened: OpenedClip | None = None
    stamp: str = ""


def find_clips(paths: Sequence[Path]) -> Job[Listed]:
    """List the clips among files, folders and data sets, and decode the first that can be."""
    from napari_echo.workflow.facts_cache import stamp_of
    from napari_echo.workflow.study_list import iter_list

    looking = "Looking for clips"
    items = yield from shown(
        iter_list(paths),
        lambda n: Progress(0, 0, f"{looking}, {n} found" if n else looking),
    )
    problems: dict[str, str] = {}
    for item in items:
        yield Progress(0, 0, f"Loading {item.name}")
        stamp = stamp_of(item)
        try:
            return Listed(items, problems, item, item.load(), stamp)
        except EchoError as error:
            problems[item.key] = str(error)
    return Listed(items, problems)


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
    waiting = [replay for replay in waiting if replay.is_left]
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
    begun: Mapping[str, Begun],
) -> Job[None]:
    """Segment a clip by one model after the other; each `Predicted` is handed on when found.

    What was begun ahead, by the model's id, is gone on with.
    """
    total = len(clip) * len(packs)
    for place, pack in enumerate(packs):
        before = place * len(clip)
        which = pack.name if len(packs) == 1 else f"{pack.name} ({place + 1} of {len(packs)})"
        ahead = begun.get(pack.id)
        if ahead is None:
            predictor = predictors.get(pack.id)
            if predictor is None:
                yield Progress(before, total, f"Loading {pack.name}")
                predictor = make_predictor(pack, params)
            ahead = Begun(clip, predictor, params.batch)
        tell = partial(_predicting, before, total, which)
        prediction = yield from shown(ahead.steps(), tell)
        found = Predicted(prediction, ahead.predictor)
        yield Progress(before + len(clip), total, f"Predicted with {which}", found)


def _predicting(before: int, total: int, which: str, at: tuple[int, int]) -> Progress:
    return Progress(before + at[0], total, f"Predicting with {which}")


def mark(
    prediction: Prediction, truth: Segmentation | None, params: HardnessParams
) -> Job[tuple[HardnessMap, HardPixels, HardnessParams]]:
    """Find the hard pixels."""
    from napari_echo.workflow.mark import mark as mark_hard

    yield Progress(0, 0, "Marking hard pixels")
    hardness, hard = mark_hard(prediction, truth, params)
    area_of(hardness.values, FAINTEST)  # for when they are drawn
    area_of(hard.mask)
    return hardness, hard, params


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
    blind: bool = False,
    repeat: bool = False,
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
            blind=blind,
            repeat=repeat,
            key_frames=key_frames,
            schema=schema,
        )
        store.commit(revision)
    except EchoError as error:
        raise EchoError(f"Nothing was committed, and no edit is lost. {error}") from error
    return revision
