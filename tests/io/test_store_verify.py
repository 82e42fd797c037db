"""Verify, set aside and merge: no flipped bit is missed and no file is lost."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_echo.core.errors import EchoError
from napari_echo.core.revision import Revision
from napari_echo.io.store import LabelStore
from napari_echo.io.store_merge import merge
from napari_echo.io.store_verify import SET_ASIDE, Finding, set_aside, verify

Make = Callable[..., Revision]


def _kinds(store: LabelStore) -> list[str]:
    return [finding.kind for finding in verify(store.path).findings]


def test_other_programs_open_a_revision(tmp_path: Path, make: Make) -> None:
    revision = make()
    path = LabelStore(tmp_path).commit(revision)
    np.testing.assert_array_equal(tifffile.imread(path), revision.labels)
    _, pages = cv2.imreadmulti(str(path), flags=cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(np.stack(pages), revision.labels)
    with Image.open(path) as image:
        image.seek(1)
        np.testing.assert_array_equal(np.asarray(image), revision.labels[1])


def test_every_flipped_bit_and_any_truncation_is_found(tmp_path: Path, make: Make) -> None:
    store = LabelStore(tmp_path)
    small = make(labels=np.zeros((1, 4, 4), np.uint8), clip_shape=(10, 4, 4), frames=(2,),
                 frame_hashes=("1" * 64,), comment="")  # fmt: skip
    path = store.commit(small)
    whole = path.read_bytes()
    chance = random.Random(0)
    # One bit of each byte; the checksum is of bytes, so any other would do as well.
    flipped = (
        whole[:i] + bytes([byte ^ 1 << chance.randrange(8)]) + whole[i + 1 :]
        for i, byte in enumerate(whole)
    )
    lengths = (*range(0, len(whole), 29), *range(len(whole) - 90, len(whole)))
    cut = (whole[:length] for length in lengths)
    for damaged in (*flipped, *cut, whole + b"\n", whole[1:], b"\0" * len(whole)):
        path.write_bytes(damaged)
        with pytest.raises(EchoError, match=path.name):
            store.read(path.stem)
    path.write_bytes(whole)
    assert store.read(path.stem).revision_id == small.revision_id


def test_a_whole_store_verifies(tmp_path: Path, make: Make) -> None:
    store = LabelStore(tmp_path)
    first = make(1)
    store.commit(first)
    store.commit(make(2, parent=first.revision_id))
    steps: list[tuple[int, int]] = []
    checked = verify(tmp_path, lambda done, total: steps.append((done, total)))
    assert (checked.whole, checked.findings) == (2, ())
    assert steps == [(1, 2), (2, 2)]


def test_damage_is_found_though_the_index_knows_the_file(tmp_path: Path, make: Make) -> None:
    store = LabelStore(tmp_path)
    path = store.commit(make())
    assert len(store.rows()) == 1
    raw = bytearray(path.read_bytes())
    raw[700] ^= 4
    path.write_bytes(raw)
    assert store.revisions() == []
    assert [damaged.path for damaged in store.damaged] == [path]
    assert _kinds(store) == ["damaged"]
    assert store.rows() == []


def test_what_else_lies_in_a_store(tmp_path: Path, make: Make) -> None:
    store = LabelStore(tmp_path)
    path = store.commit(make())
    (tmp_path / ".partial-0123").write_bytes(path.read_bytes()[:50])
    (tmp_path / "notes.txt").write_text("hello")
    shutil.copy(path, tmp_path / "copy of it.tif")
    checked = verify(tmp_path)
    kinds = {finding.path.name: finding.kind for finding in checked.findings}
    assert kinds == {
        ".partial-0123": "leftover", "notes.txt": "unknown", "copy of it.tif": "damaged",
    }  # fmt: skip
    assert checked.whole == 1
    assert [finding.path.name for finding in checked.damage] == ["copy of it.tif"]


def test_parents_are_checked(tmp_path: Path, make: Make) -> None:
    store = LabelStore(tmp_path)
    lost, first = make(1), make(2)
    store.commit(first)
    store.commit(make(3, parent=lost.revision_id))
    assert _kinds(store) == ["missing parent"]
    store.commit(make(4, "b" * 64, parent=first.revision_id))
    assert sorted(_kinds(store)) == ["missing parent", "wrong parent"]


def test_circles_and_wrong_clocks_are_told(tmp_path: Path, make: Make) -> None:
    # No commit lets them in: they come by copying.
    aside, store = LabelStore(tmp_path / "aside"), LabelStore(tmp_path / "store")
    one, two = make(1), make(2)
    shutil.copytree(aside.commit(replace(one, parent=two.revision_id)).parent, store.path)
    store.commit(replace(two, parent=None))
    assert _kinds(store) == ["clock"]
    (store.path / f"{two.revision_id}.tif").unlink()
    late = replace(two, parent=one.revision_id, committed=two.committed + timedelta(1))
    store.commit(late)
    assert sorted(_kinds(store)) == ["circle", "clock"]


def test_damaged_files_are_set_aside_and_never_overwritten(tmp_path: Path, make: Make) -> None:
    store = LabelStore(tmp_path)
    parent = make(1)
    path = store.commit(parent)
    store.commit(make(2, parent=parent.revision_id))
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole[:-2]):
        path.write_bytes(damaged)
        findings = verify(tmp_path).findings
        assert sorted(f.kind for f in findings)[0] == "damaged"
        (moved,) = set_aside(tmp_path, findings)
        assert moved.read_bytes() == damaged
        assert "checksum" in moved.with_name(f"{moved.name}.txt").read_text()
        assert not path.exists()
        assert _kinds(store) == ["parent set aside"]
        assert not verify(tmp_path).damage
    assert len(list((tmp_path / SET_ASIDE).glob("*.tif"))) == 2
    path.write_bytes(whole)
    assert _kinds(store) == []


def test_only_damaged_files_are_set_aside(tmp_path: Path) -> None:
    note = tmp_path / "notes.txt"
    note.write_text("hello")
    assert set_aside(tmp_path, [Finding(note, "unknown", "what is this")]) == []
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_merge_copies_what_is_whole_and_tells_the_forks(tmp_path: Path, make: Make) -> None:
    mine, yours = LabelStore(tmp_path / "mine"), LabelStore(tmp_path / "yours")
    root = make(1)
    for store in (mine, yours):
        store.commit(root)
    my_head = make(2, parent=root.revision_id)
    your_head, bad = make(3, parent=root.revision_id), make(4)
    mine.commit(my_head)
    data = yours.commit(your_head).read_bytes()
    yours.commit(bad).write_bytes(b"II*\0")
    merged = merge(mine, yours.path)
    assert (merged.copied, merged.present) == ([your_head.revision_id], 1)
    assert [damaged.path.stem for damaged in merged.damaged] == [bad.revision_id]
    (fork,) = merged.forks
    assert [row.revision_id for row in fork] == [my_head.revision_id, your_head.revision_id]
    assert (mine.path / f"{your_head.revision_id}.tif").read_bytes() == data
    again = merge(mine, yours.path)
    assert (again.copied, again.present, again.forks) == ([], 2, [])


def test_one_id_with_other_labels_loses_neither(tmp_path: Path, make: Make) -> None:
    mine, yours = LabelStore(tmp_path / "mine"), LabelStore(tmp_path / "yours")
    revision = make()
    my_path = mine.commit(revision)
    your_path = yours.commit(replace(revision, labels=np.zeros_like(revision.labels)))
    before = my_path.read_bytes(), your_path.read_bytes()
    (conflict,) = merge(mine, yours.path).conflicts
    assert "other labels" in conflict.reason
    assert (my_path.read_bytes(), your_path.read_bytes()) == before
    my_path.write_bytes(before[0][:-5])
    (conflict,) = merge(mine, yours.path).conflicts
    assert "--set-aside" in conflict.reason
    set_aside(mine.path, verify(mine.path).findings)
    assert merge(mine, yours.path).copied == [revision.revision_id]


def test_a_merge_makes_the_store_and_refuses_what_is_none(tmp_path: Path, make: Make) -> None:
    yours = LabelStore(tmp_path / "yours")
    yours.commit(make())
    assert len(merge(LabelStore(tmp_path / "new"), yours.path).copied) == 1
    with pytest.raises(EchoError, match="the store itself"):
        merge(yours, tmp_path / "new" / ".." / "yours")
    with pytest.raises(EchoError, match="no label store"):
        merge(yours, tmp_path / "none")
