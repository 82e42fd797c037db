"""Run models over listed clips, to tell which of them are worth a look."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_echo.core.errors import EchoError
from napari_echo.core.params import PredictParams
from napari_echo.core.prediction import Prediction
from napari_echo.workflow.facts import Entry
from napari_echo.workflow.facts_cache import FactsCache
from napari_echo.workflow.facts_found import found_in

if TYPE_CHECKING:
    from napari_echo.ml.packs import ModelPack
    from napari_echo.ml.predictor import Predictor
    from napari_echo.workflow.studies import StudyItem

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
    cache: FactsCache,
    *,
    known: Collection[tuple[str, str]] = (),
    params: PredictParams | None = None,
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
    cache : FactsCache
        Takes what is found.
    known : collection of (str, str)
        Key and model's id of what was found before, which is passed over.
    params : PredictParams, optional
        With which the models are made ready; the defaults without it.
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
    from napari_echo.workflow.predict import iter_predict

    params = params or PredictParams()
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
                steps = iter_predict(opened.clip, predictor, batch=params.batch)
                prediction = yield from _predict(Scanned(done, total, item), steps, wait)
                predictions.append(prediction)
            others = [p for p in packs if p not in missing]
            entries = found_in(item, opened, predictions, params.settings, cache, others)
        except EchoError as error:
            failed += 1
            yield Scanned(done + 1, total, item, problem=str(error))
            continue
        cache.write(item, entries)
        yield Scanned(done + 1, total, item, tuple(entries))
    return failed


def _predict(
    at: Scanned,
    steps: Generator[tuple[int, int], None, Prediction],
    wait: Callable[[], bool],
) -> Generator[Scanned, None, Prediction]:
    while True:
        while wait():
            yield replace(at, paused=True)
            time.sleep(_WAIT_S)
        try:
            next(steps)
        except StopIteration as end:
            prediction: Prediction = end.value
            return prediction
        yield at
