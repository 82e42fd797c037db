"""The search for a store's clips: what it finds, when it ends, and what it passes over."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import LV_SCHEMA
from napari_echo.core.revision import Base
from napari_echo.io.load import load
from napari_echo.io.store import LabelStore
from napari_echo.workflow.correct import correct
from napari_echo.workflow.export_store import iter_export_sought, iter_search

T = TypeVar("T")


def run(steps: Generator[tuple[int, int], None, T]) -> tuple[T, list[tuple[int, int]]]:
    told = []
    while True:
        try:
            told.append(next(steps))
        except StopIteration as end:
            outcome: T = end.value
            return outcome, told


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Five clips, the first of which cannot be read."""
    folder = tmp_path / "clips"
    folder.mkdir()
    paths = [folder / f"{n}.npy" for n in range(5)]
    paths[0].write_bytes(b"no picture")
    for n, path in enumerate(paths[1:]):
        np.save(path, np.random.default_rng(n).integers(0, 255, (4, 16, 16), dtype=np.uint8))
    return paths


@pytest.fixture
def store(tmp_path: Path, files: list[Path]) -> LabelStore:
    """A store that labels the second and the fourth of them."""
    store = LabelStore(tmp_path / "labels")
    for path in (files[1], files[3]):
        label(store, load(path))
    return store


def label(store: LabelStore, clip: EchoClip) -> None:
    edited = np.zeros(clip.frames.shape, np.uint8)
    edited[2, 4:9, 4:9] = 1
    revision = correct(
        clip,
        edited,
        (2,),
        Base("nothing", ""),
        reader="reader",
        started=datetime.now(UTC),
        key_frames=KeyFrames((), "traced"),
        schema=LV_SCHEMA,
    )
    store.commit(revision)


def test_the_search_ends_when_all_are_found(store: LabelStore, files: list[Path]) -> None:
    skipped: list[str] = []
    sought, told = run(iter_search(store, [files[0].parent], on_skip=skipped.append))
    assert [file.path for file in sought.files] == [files[1], files[3]]
    assert told == [(1, 5), (2, 5), (3, 5), (4, 5)]
    assert [left.kind for left in sought.left_out] == ["unreadable"]
    assert [left.reason for left in sought.left_out] == skipped


def test_clips_in_memory_need_no_file(store: LabelStore, files: list[Path], tmp_path: Path) -> None:
    opened = [load(path) for path in files[1:]]
    sought, told = run(iter_search(store, [tmp_path / "nowhere"], opened))
    assert told == []
    assert [clip.name for clip in sought.opened] == ["1.npy", "3.npy"]
    exported, _ = run(iter_export_sought(sought, tmp_path / "set", format="tiff"))
    assert (exported.clips, exported.left_out) == (2, ())


def test_a_file_that_is_gone_after_the_search_is_told(
    store: LabelStore, files: list[Path], tmp_path: Path
) -> None:
    sought, _ = run(iter_search(store, files[1:]))
    files[3].unlink()
    exported, _ = run(iter_export_sought(sought, tmp_path / "set", format="tiff"))
    assert exported.clips == 1
    assert {left.kind for left in exported.left_out} == {"unreadable", "no clip"}


def test_without_a_store_there_is_no_search(files: list[Path], tmp_path: Path) -> None:
    with pytest.raises(EchoError, match="no label store"):
        run(iter_search(LabelStore(tmp_path / "none"), files))
