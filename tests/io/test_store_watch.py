"""What comes into a label store while it is in use is found, whoever committed it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from napari_echo.core.errors import EchoError
from napari_echo.core.revision import Revision
from napari_echo.io.store import LabelStore
from napari_echo.io.store_watch import StoreWatch

Make = Callable[..., Revision]


def commit(path: Path, *revisions: Revision) -> set[str]:
    """Commit as another program does, and give the ids."""
    store = LabelStore(path)
    for revision in revisions:
        store.commit(revision)
    return {revision.revision_id for revision in revisions}


def test_each_revision_is_found_once(tmp_path: Path, make: Make) -> None:
    path = tmp_path / "store"
    watch = StoreWatch(LabelStore(path))
    assert watch.look() == set()  # nobody has begun it
    first = commit(path, make(1), make(2))
    assert watch.look() == first
    assert watch.look() == set()
    (path / "notes.txt").write_text("no revision")
    (path / ".half.tif").write_text("not yet there")
    assert watch.look() == set()
    last = commit(path, make(3))
    assert watch.look() == last
    assert StoreWatch(LabelStore(path)).look() == watch.store.ids()


def test_a_folder_whose_time_stands_still_is_looked_through_now_and_then(
    tmp_path: Path, make: Make
) -> None:
    path = tmp_path / "store"
    watch = StoreWatch(LabelStore(path))
    first = commit(path, make(1))
    assert watch.look() == first
    time = path.stat().st_mtime_ns
    # In the same tick of the file system's clock as what was found.
    second = commit(path, make(2))
    os.utime(path, ns=(time, time))
    assert watch.look() == second
    # On a drive that keeps no such time.
    assert watch.look() == set()
    third = commit(path, make(3))
    os.utime(path, ns=(time, time))
    found = [watch.look() for _ in range(12)]
    assert set.union(*found) == third
    assert sum(map(bool, found)) == 1


def test_most_looks_list_no_names(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "store"
    watch = StoreWatch(LabelStore(path))
    commit(path, make(1))
    listed: list[Path] = []
    ids = LabelStore.ids
    monkeypatch.setattr(LabelStore, "ids", lambda self: listed.append(self.path) or ids(self))
    for _ in range(36):
        watch.look()
    assert len(listed) == 5  # at first, once more, and each twelfth


def test_a_store_that_vanishes_is_told_and_found_again(tmp_path: Path, make: Make) -> None:
    path = tmp_path / "store"
    watch = StoreWatch(LabelStore(path))
    before = commit(path, make(1))
    assert watch.look() == before
    path.rename(tmp_path / "away")
    for _ in range(2):
        with pytest.raises(EchoError, match="is gone"):
            watch.look()
    shutil.copytree(tmp_path / "away", path)
    later = commit(path, make(2))
    assert watch.look() == before | later
