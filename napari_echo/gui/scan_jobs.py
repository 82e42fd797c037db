"""What is found out of listed clips, in worker threads: generators that touch no Qt."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.revision import Revision, check_frames
from napari_echo.gui.workers import Job, Progress, shown
from napari_echo.workflow.facts import AnyFacts, ClipFacts
from napari_echo.workflow.facts_cache import FactsCache
from napari_echo.workflow.studies import OpenedClip, StudyItem
from napari_echo.workflow.verdicts import Verdicts

if TYPE_CHECKING:
    from napari_echo.core.params import PredictParams
    from napari_echo.core.prediction import Prediction
    from napari_echo.io.store import LabelStore
    from napari_echo.ml.packs import ModelPack
    from napari_echo.ml.predictor import Predictor
    from napari_echo.workflow.study_scan import Scanned


@dataclass(frozen=True, eq=False)
class LookedUp:
    """What is known of listed clips, and revisions of the open clip that were not known yet."""

    facts: list[AnyFacts]
    verdicts: Verdicts
    revisions: list[Revision]


def look_up(
    items: Sequence[StudyItem],
    cache: FactsCache | None,
    store: LabelStore | None,
    ids: Mapping[str, str],
    clip: EchoClip | None,
    known: Set[str],
) -> Job[LookedUp]:
    """Read what the cache, where one is given, and the label store know of clips.

    `ids` are those of clips that were decoded, by the keys of the items, and
    `known` those of the revisions that are known of the open clip.
    """
    yield Progress(0, 0, "Reading what is known of the clips")
    found = cache.read(items) if cache is not None else []
    ids = {f.key: f.clip_id for f in found if isinstance(f, ClipFacts)} | dict(ids)
    yield Progress(0, 0, "Reading the label store")
    rows = store.rows() if store is not None else []
    revisions: list[Revision] = []
    if store is not None and clip is not None:
        for row in rows:
            if row.clip_id != clip.clip_id or row.revision_id in known:
                continue
            # Why one is damaged, or of other pixels, is told when the clip is opened.
            with suppress(EchoError):
                revision = store.read(row.revision_id)
                check_frames(revision, clip)
                revisions.append(revision)
    return LookedUp(found, Verdicts(rows, items, ids), revisions)


def note(
    item: StudyItem,
    opened: OpenedClip,
    predictions: Sequence[Prediction],
    settings: str,
    cache: FactsCache,
    others: Sequence[ModelPack],
) -> Job[list[AnyFacts]]:
    """Find and keep what predictions tell of a clip."""
    from napari_echo.workflow.facts_found import found_in

    yield Progress(0, 0, "Noting what the model says")
    entries = found_in(item, opened, predictions, settings, cache, others)
    cache.write(item, entries)
    return [entry.facts for entry in entries]


def draw(items: Sequence[StudyItem], cache: FactsCache) -> Job[None]:
    """Make small pictures of clips, or read those that were made before."""
    from napari_echo.workflow.study_pictures import read_picture

    for place, item in enumerate(items):
        picture = cache.read_data(item)
        if not picture:
            try:
                picture = read_picture(item)
            except EchoError:
                picture = b""  # why it cannot be read is told when it is opened
            else:
                cache.keep_picture(item, picture)
        yield Progress(place + 1, len(items), "Drawing", (item.key, picture))


def scan(
    items: Sequence[StudyItem],
    packs: Sequence[ModelPack],
    params: PredictParams,
    make_predictor: Callable[[ModelPack, PredictParams], Predictor],
    cache: FactsCache,
    known: set[tuple[str, str]],
    wait: Callable[[], bool],
    stop: threading.Event,
) -> Job[int]:
    """Run models over clips: the project's own in a process apart, others in this thread."""
    from napari_echo.ml.predictor import make_predictor as project_predictor
    from napari_echo.workflow.scan_process import iter_scan_apart
    from napari_echo.workflow.study_scan import iter_scan

    steps: Generator[Scanned | None, None, int]
    if make_predictor is project_predictor:
        steps = iter_scan_apart(items, packs, params, cache, known=known, wait=wait, stop=stop)
    else:
        steps = iter_scan(
            items,
            packs,
            lambda pack: make_predictor(pack, params),
            cache,
            known=known,
            params=params,
            wait=wait,
        )
    done = total = 0

    def tell(scanned: Scanned | None) -> Progress:
        nonlocal done, total
        if scanned is not None:
            done, total = scanned.done, scanned.total
        return Progress(done, total, "Scanning", scanned)

    return (yield from shown(steps, tell))
