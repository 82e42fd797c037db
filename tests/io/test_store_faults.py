"""Commits that the system refuses: a plain sentence, and nothing half done."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from napari_echo.core.errors import EchoError
from napari_echo.core.revision import Revision
from napari_echo.io.store import LabelStore
from napari_echo.io.store_files import encode_revision
from napari_echo.io.store_merge import merge
from napari_echo.io.store_verify import verify
from napari_echo.io.writing import new_file

Make = Callable[..., Revision]

needs_mount = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only the super-user may mount"
)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this system mounts nothing")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def _large(make: Make, minutes: int) -> Revision:
    """Make a revision of some 40 KiB, as noise is hard to compress."""
    noise = np.random.default_rng(minutes).integers(0, 4, (2, 320, 250), dtype=np.uint8)
    return make(minutes, labels=noise, clip_shape=(10, 320, 250))


@needs_mount
def test_a_full_disk(small_disk: Path, make: Make, tmp_path: Path) -> None:
    store = LabelStore(small_disk / "store")
    first, second = _large(make, 1), _large(make, 2)
    store.commit(first)
    with pytest.raises(EchoError, match="is full: free some space"):
        store.commit(second)
    assert [path.stem for path in store.path.iterdir()] == [first.revision_id]
    other = LabelStore(tmp_path / "other")
    other.commit(second)
    with pytest.raises(EchoError, match="is full"):
        merge(store, other.path)
    assert verify(store.path).findings == ()
    (store.path / f"{first.revision_id}.tif").unlink()
    store.commit(second)  # after the space was freed, the same commit succeeds
    assert verify(store.path).whole == 1


@needs_mount
def test_read_only_media(small_disk: Path, make: Make) -> None:
    store = LabelStore(small_disk)
    store.commit(make(1))
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(EchoError, match=r"cannot be written: Read-only file system\. Make it"):
        store.commit(make(2))
    assert len(store.rows()) == len(store.revisions()) == verify(store.path).whole == 1


@needs_mount
def test_a_share_that_vanishes(small_disk: Path, make: Make, tmp_path: Path) -> None:
    store = LabelStore(small_disk / "labels")
    store.commit(make(1))
    store.rows()
    subprocess.run(["umount", small_disk], check=True)
    for again in (store, LabelStore(small_disk / "labels")):
        with pytest.raises(EchoError, match=r"is gone.*Connect its disk"):
            again.commit(make(2))
    assert list(small_disk.iterdir()) == []  # nothing is written below where the share belongs
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", small_disk], check=True)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no limits on files")
def test_a_write_that_breaks_off(make: Make, tmp_path: Path) -> None:
    folder, data = tmp_path / "store", tmp_path / "revision"
    revision = _large(make, 1)
    data.write_bytes(encode_revision(revision))
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from napari_echo.core.errors import EchoError\n"
        "from napari_echo.io.store import LabelStore\n"
        "data = Path(sys.argv[2]).read_bytes()\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "try: LabelStore(Path(sys.argv[1])).put('a.tif', data)\n"
        "except EchoError as error: print(error)\n"
    )
    command = [sys.executable, "-c", script, str(folder), str(data)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == f"The label store {folder} cannot be written: File too large.\n"
    assert list(folder.iterdir()) == []


def test_a_clock_that_goes_backwards(make: Make, tmp_path: Path) -> None:
    store = LabelStore(tmp_path)
    parent, rival = make(10), make(30)
    store.commit(parent)
    store.commit(rival)
    child = make(20, parent=parent.revision_id, supersedes=(rival.revision_id,))
    with pytest.raises(EchoError, match=r"12:20:00 UTC.*12:30:00 UTC. Set this computer's clock"):
        store.commit(child)
    assert len(list(tmp_path.iterdir())) == 2
    store.commit(replace(child, committed=rival.committed))
    with pytest.raises(EchoError, match="its own parent"):
        store.commit(replace(make(40), parent=make(40).revision_id))


def test_a_damaged_parent_is_no_reason_to_refuse_labels(make: Make, tmp_path: Path) -> None:
    store = LabelStore(tmp_path)
    parent = make(10)
    store.commit(parent).write_bytes(b"damaged")
    store.commit(make(20, parent=parent.revision_id))
    assert len(store.revisions()) == 1


def test_two_writers_of_one_name(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"

    def write() -> None:
        with new_file(path, replace=False) as mine:
            mine.write_bytes(b"mine")
            path.write_bytes(b"theirs")  # the other was quicker

    with pytest.raises(EchoError, match="never overwritten"):
        write()
    assert path.read_bytes() == b"theirs"
    assert [found.name for found in tmp_path.iterdir()] == ["a.tif"]


@pytest.mark.skipif(os.name != "posix", reason="Windows cannot be told to die so")
def test_commits_that_are_killed_leave_a_store_that_verifies(make: Make, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    script = (
        "import sys; from pathlib import Path; from napari_echo.io.store import LabelStore\n"
        "store, data = LabelStore(Path(sys.argv[1])), Path(sys.argv[2])\n"
        "print('ready', flush=True)\n"
        "for path in sorted(data.iterdir()):\n"
        "    store.put(path.name, path.read_bytes()); print(path.name, flush=True)\n"
    )
    data = tmp_path / "data"
    data.mkdir()
    for minutes in range(60):
        revision = make(minutes + 1)
        (data / f"{revision.revision_id}.tif").write_bytes(encode_revision(revision))
    command = [sys.executable, "-c", script, str(folder), str(data)]
    told = 0
    # Killed after so many commits; while the next is under way.
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for _ in range(8):
        told += process.stdout.readline().endswith(".tif\n")
    process.kill()
    told += sum(line.endswith(".tif\n") for line in process.stdout)
    process.stdout.close()
    process.wait()
    checked = verify(folder)
    assert not checked.damage
    assert checked.whole >= told > 0
    assert {finding.kind for finding in checked.findings} <= {"leftover"}


def test_a_child_may_be_as_old_as_its_parent_and_no_older(make: Make, tmp_path: Path) -> None:
    store = LabelStore(tmp_path)
    parent = make(10)
    store.commit(parent)
    store.commit(make(11, parent=parent.revision_id, committed=parent.committed))
    before = parent.committed - timedelta(microseconds=1)
    with pytest.raises(EchoError, match="clock"):
        store.commit(make(12, parent=parent.revision_id, committed=before))
