"""Compare readers: with each other, each with himself, and each with a model.

A *reading* is what one reader made of one clip (`workflow.readings`).
Where it was begun blind, what he drew before all was revealed counts; else
his labels as he left them. What he rejected does not count. Two readings are
compared where neither came of the other.

Dice is that of the LV cavity at ED and at ES: on the frames that either
reading calls so in its first labelled beat and both have labelled. EF is
measured by each reading's own ED, ES and masks, the model's by its masks at
the reader's ED and ES; by the method of discs in one plane. A ratio of two
volumes needs no scale, only the shape of a pixel: it is that of the clip where
the clip is given, and taken as square where it is not.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING, get_args

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import LV
from napari_echo.core.revision import Revision, check_frames
from napari_echo.metrics.overlap import dice
from napari_echo.metrics.volume import lv_measures
from napari_echo.workflow.reader_agreement import (
    Kind,
    PairAgreement,
    ReaderAgreement,
    ReadPair,
    Spread,
)
from napari_echo.workflow.readings import Reading, readings_of_clip
from napari_echo.workflow.segment import iter_segment

if TYPE_CHECKING:
    from napari_echo.io.store import LabelStore
    from napari_echo.io.store_row import Row
    from napari_echo.workflow.predict import SegmentationModel


@dataclass
class _Tally:
    """What a comparison has come to."""

    pairs: list[ReadPair] = field(default_factory=list)
    readings: int = 0
    not_independent: int = 0
    square: int = 0
    left_out: list[str] = field(default_factory=list)

    def add(
        self, kind: Kind, one: Reading, other: Reading, spacing: tuple[float, float] | None
    ) -> None:
        """Compare two readings of a clip."""
        if kind != "model" and (one.came_of(other) or other.came_of(one)):
            self.not_independent += 1
            return
        if one.clip_shape != other.clip_shape:
            return
        common = one.labels.keys() & other.labels.keys()

        def overlap(frames: Iterable[int]) -> float:
            return Spread.of(dice(one.labels[f] == LV, other.labels[f] == LV) for f in frames).mean

        beat = one.beat or other.beat
        self.pairs.append(
            ReadPair(
                kind,
                one.reader,
                other.reader,
                one.blind and other.blind,
                one.clip_id,
                one.study_id,
                beat.ed if beat is not None else min(common, default=0),
                overlap((one.phase("ed") | other.phase("ed")) & common),
                overlap((one.phase("es") | other.phase("es")) & common),
                overlap(common),
                _ef(one, spacing),
                _ef(other, spacing),
            )
        )


def iter_agreement(
    store: LabelStore,
    clips: Iterable[EchoClip] = (),
    model: SegmentationModel | None = None,
) -> Generator[tuple[int, int], None, ReaderAgreement]:
    """Compare all readings of a label store.

    Parameters
    ----------
    store : LabelStore
        The store.
    clips : iterable of EchoClip
        Labelled clips that are at hand, taken one by one: they say what shape
        their pixels have, and the model is run on them.
    model : SegmentationModel or None
        Compared with every reading of the clips given.

    Yields
    ------
    (int, int)
        Clips that are done, and in all.

    Raises
    ------
    EchoError
        If the store cannot be read.
    """
    of_clip: defaultdict[str, list[Row]] = defaultdict(list)
    for row in store.rows():
        if row.status != "rejected":
            of_clip[row.clip_id].append(row)
    tally = _Tally(left_out=[damaged.reason for damaged in store.damaged])
    total, done = len(of_clip), 0
    yield done, total
    for clip in clips:
        rows = of_clip.pop(clip.clip_id, None)
        if rows is not None:
            _compare_clip(_read(store, rows, tally, clip), tally, clip, model)
            done += 1
            yield done, total
    for rows in of_clip.values():
        # One reading alone has nothing to be compared with.
        if len(rows) > 1:
            _compare_clip(_read(store, rows, tally, None), tally)
            tally.square += 1
        else:
            tally.readings += 1
        done += 1
        yield done, total
    return ReaderAgreement(
        _groups(tally.pairs),
        total,
        tally.readings,
        tally.not_independent,
        tally.square,
        tuple(dict.fromkeys(tally.left_out)),
    )


def _read(
    store: LabelStore, rows: Sequence[Row], tally: _Tally, clip: EchoClip | None
) -> list[Revision]:
    found = []
    for row in rows:
        try:
            revision = store.read(row.revision_id)
            if clip is not None:
                check_frames(revision, clip)
        except EchoError as error:
            tally.left_out.append(str(error))
        else:
            found.append(revision)
    return found


def _compare_clip(
    revisions: Sequence[Revision],
    tally: _Tally,
    clip: EchoClip | None = None,
    model: SegmentationModel | None = None,
) -> None:
    spacing = clip.spacing_mm if clip is not None else None
    found = readings_of_clip(revisions)
    # One that went on after all was revealed stands there twice.
    begun_blind = [reading for reading in found if reading.blind]
    found_whole = [r for r in found if r.blind or not any(b.ids < r.ids for b in begun_blind)]
    tally.readings += len(found_whole)
    by_reader: defaultdict[str, list[Reading]] = defaultdict(list)
    for reading in found_whole:
        by_reader[reading.reader].append(reading)
    first = {name: _first(by_reader[name]) for name in sorted(by_reader)}
    for one, other in combinations(first, 2):
        tally.add("readers", first[one], first[other], spacing)
    for name, mine in by_reader.items():
        for again in mine:
            if again.repeat and again is not first[name]:
                tally.add("repeat", first[name], again, spacing)
    if clip is not None and model is not None and found:
        said = _said_by(model, clip, sorted({frame for r in found for frame in r.labels}))
        for reading in found:
            wanted = {frame: said[frame] for frame in reading.labels}
            name = model.pack.name
            tally.add("model", reading, replace(reading, reader=name, labels=wanted), spacing)


def _first(mine: Sequence[Reading]) -> Reading:
    """A reader's first reading of a clip, by preference one that he drew blind."""
    once = [reading for reading in mine if not reading.repeat] or mine
    return next((reading for reading in once if reading.blind), once[0])


def _said_by(
    model: SegmentationModel, clip: EchoClip, frames: Sequence[int]
) -> dict[int, NDArray[np.uint8]]:
    """What a model says of some frames; one with a memory sees those before them too."""
    seen = range(frames[-1] + 1) if model.temporal else frames
    labels = (frame for part, _ in iter_segment(model, clip.frames, seen) for frame in part)
    return dict(zip(seen, labels, strict=True))


def _ef(reading: Reading, spacing: tuple[float, float] | None) -> float:
    beat = reading.beat
    if beat is None:
        return math.nan
    masks = np.stack([reading.labels[frame] == LV for frame in (beat.ed, beat.es)])
    ef = lv_measures(masks, spacing, KeyFrames((Beat(0, 1),), reading.key_frames.origin)).ef
    return math.nan if ef is None else ef


def _groups(pairs: Iterable[ReadPair]) -> tuple[PairAgreement, ...]:
    order = get_args(Kind)
    found: defaultdict[tuple[int, str, str, bool], list[ReadPair]] = defaultdict(list)
    for pair in pairs:
        blind = pair.blind and pair.kind == "model"
        found[order.index(pair.kind), pair.first, pair.second, blind].append(pair)
    return tuple(
        PairAgreement(
            order[place], first, second, blind if order[place] == "model" else None, tuple(group)
        )
        for (place, first, second, blind), group in sorted(found.items(), key=lambda item: item[0])
    )
