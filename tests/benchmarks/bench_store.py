"""Measure a label store of 100,000 revisions.

    python tests/benchmarks/bench_store.py FOLDER [--revisions 100000]

makes the store in FOLDER, which takes some minutes, or measures the one that
an earlier run left there. The index is a file in FOLDER, too.
"""

from __future__ import annotations

import argparse
import gc
import os
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from napari_echo.core.ancestry import forks, heads
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import LV_SCHEMA
from napari_echo.core.revision import Base, Revision
from napari_echo.io.store import LabelStore
from napari_echo.io.store_files import SUFFIX, encode_revision
from napari_echo.io.store_index import CACHE_VARIABLE, cache_file
from napari_echo.io.store_row import Row
from napari_echo.workflow.studies import OpenedClip, StudyItem
from napari_echo.workflow.verdicts import Verdicts

START = datetime(2026, 1, 1, tzinfo=UTC)
REVISIONS_OF_A_CLIP = 4
STATUSES = ("accepted", "corrected", "rejected", "second reader")


def main() -> None:
    """Make the store where it is missing, measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--revisions", type=int, default=100_000)
    parser.add_argument("--build", action="store_true", help="also build the index again")
    arguments = parser.parse_args()
    os.environ[CACHE_VARIABLE] = str(arguments.folder / "cache")
    path = arguments.folder / "store"
    if not path.is_dir():
        _make(path, arguments.revisions)
    _measure(LabelStore(path), build=arguments.build)


def _revision(index: int, parent: str | None, size: tuple[int, int]) -> Revision:
    """Make a revision of two frames."""
    clip = index // REVISIONS_OF_A_CLIP
    labels = np.zeros((2, *size), np.uint8)
    labels[:, size[0] // 4 : size[0] // 2, size[1] // 4 : size[1] // 2] = 1
    return Revision(
        revision_id=uuid.uuid4().hex,
        clip_id=f"{clip:064x}",
        study_id=f"study-{clip // 2}",
        clip_shape=(60, *size),
        frames=(3, 21),
        frame_hashes=(f"{index:064x}", f"{index + 1:064x}"),
        labels=labels,
        schema=LV_SCHEMA,
        base=Base("revision", parent) if parent else Base("model", "5" * 64),
        parent=parent,
        key_frames=KeyFrames((Beat(3, 21),), "set by reader"),
        reader=f"reader {index % 7}",
        started=START + timedelta(minutes=index),
        committed=START + timedelta(minutes=index, seconds=40),
        seconds=40.0,
        status=STATUSES[index % 4],  # type: ignore[arg-type]
        comment="",
        program="benchmark",
    )


def _listed(row: Row) -> StudyItem:
    """A clip of a list, which nobody opens."""
    path = Path(f"/{row.clip_id}.avi")
    return StudyItem(str(path), path.name, (path,), _unread, row.study_id, clip_id=row.clip_id)


def _unread() -> OpenedClip:
    raise NotImplementedError


def _make(path: Path, n: int) -> None:
    path.mkdir(parents=True)
    parent: str | None = None
    for index in range(n):
        if index % REVISIONS_OF_A_CLIP == 0:
            parent = None
        revision = _revision(index, parent, (16, 16))
        # Without syncing: what is only measured need not survive a power cut.
        (path / f"{revision.revision_id}{SUFFIX}").write_bytes(encode_revision(revision))
        # Of each tenth clip the last two revisions have one parent.
        if index % (10 * REVISIONS_OF_A_CLIP) != 2:
            parent = revision.revision_id


def _measure(store: LabelStore, *, build: bool) -> None:
    table = []

    def timed(what: str, call: Callable[[], list[object]], times: int = 5) -> None:
        seconds, busy, found = [], [], 0
        for _ in range(times):
            gc.collect()
            begun, worked = time.perf_counter(), time.process_time()
            found = len(call())
            busy.append(time.process_time() - worked)
            seconds.append(time.perf_counter() - begun)
        shown = (np.median(seconds), max(seconds), np.median(busy))
        table.append((what, f"{found:,}", *(f"{value:.2f} s" for value in shown)))

    if build or not cache_file(store.path).exists():
        cache_file(store.path).unlink(missing_ok=True)
        timed("build the index", lambda: list(store.rows()), 1)
    every = store.rows()
    clip, reader = every[len(every) // 2].clip_id, every[0].reader
    late = every[-1000].committed
    timed("list all", lambda: list(store.rows()))
    timed("filter: a clip", lambda: list(store.rows(clip)))
    timed("filter: a reader", lambda: list(store.rows(reader=reader)))
    timed("filter: a status", lambda: list(store.rows(status="rejected")))
    timed("filter: the last 1,000 by time", lambda: list(store.rows(since=late)))
    timed("rank by time spent", lambda: sorted(store.rows(), key=lambda row: -row.seconds))
    timed("list and find the heads", lambda: list(heads(store.rows())))
    timed("list and find the forks", lambda: list(forks(store.rows())))
    timed("read the labels of a clip", lambda: list(store.revisions(clip)))
    items = [_listed(row) for row in every[: 10_000 * REVISIONS_OF_A_CLIP : REVISIONS_OF_A_CLIP]]
    known = Verdicts(every, items, {})
    timed("verdicts on listed clips", lambda: list(Verdicts(store.rows(), items, {}).by_key()))

    clip = items[0].clip_id
    rows = [row for row in every if row.clip_id == clip]
    verdicts = known.by_key()

    def committed() -> list[object]:
        """Take one row that is new, and three that are not."""
        before = Verdicts(rows[:-1], items[:1], {})
        return list({**verdicts, **(before.take(clip, rows) or {})})

    timed("the same after a commit", committed)
    print("| what | found | median | slowest | processor |\n|---|---:|---:|---:|---:|")
    for row in table:
        print("| " + " | ".join(row) + " |")

    seconds, busy, made = [], [], []
    parent = None
    for index in range(200):
        after = every[-1].committed + timedelta(minutes=index + 1)
        revision = replace(_revision(0, parent, (600, 800)), started=after, committed=after)
        begun, worked = time.perf_counter(), time.process_time()
        made.append(store.commit(revision))
        busy.append(time.process_time() - worked)
        seconds.append(time.perf_counter() - begun)
        parent = revision.revision_id
    for path in made:
        path.unlink()  # so that the next run finds the same store
    milliseconds = np.array(seconds) * 1000
    print(
        f"\nCommit of two frames of 600 x 800 pixels: median {np.median(milliseconds):.0f} ms, "
        f"p99 {np.percentile(milliseconds, 99):.0f} ms; "
        f"the processor's part {1000 * np.median(busy):.0f} ms."
    )


if __name__ == "__main__":
    main()
