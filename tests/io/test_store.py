"""Label files and the label store."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_echo.core.clip import hash_array
from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LV_SCHEMA
from napari_echo.core.revision import Revision
from napari_echo.io.labels import read_labels, write_labels
from napari_echo.io.store import LabelStore

Make = Callable[..., Revision]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _same(a: Revision, b: Revision) -> bool:
    names = [field.name for field in fields(Revision) if field.name != "labels"]
    plain = all(getattr(a, name) == getattr(b, name) for name in names)
    return plain and bool((a.labels == b.labels).all())


def _write_unsealed(path: Path, revision: Revision, metadata: dict[str, Any]) -> None:
    """Write a file as the first version did: no checksum but one of the labels."""
    old = {**metadata, "version": 1, "sha256": hash_array(revision.labels)}
    tifffile.imwrite(path, revision.labels, description=json.dumps(old), metadata=None)


def test_a_revision_comes_back_whole(tmp_path: Path, make: Make) -> None:
    store = LabelStore(tmp_path / "new" / "store")
    revision = make()
    path = store.commit(revision)
    assert path == tmp_path / "new" / "store" / f"{revision.revision_id}.tif"
    assert _same(store.read(revision.revision_id), revision)
    assert [p.name for p in path.parent.iterdir()] == [path.name]  # no temporary file is left
    with tifffile.TiffFile(path) as tif:
        assert tif.pages[0].compression == tifffile.COMPRESSION.ADOBE_DEFLATE
        assert json.loads(tif.pages[0].description)["reader"] == "Ö. Reader"


def test_revisions_are_sorted_by_time_and_found_by_clip(tmp_path: Path, make: Make) -> None:
    store = LabelStore(tmp_path)
    assert store.revisions() == []
    assert store.latest("a" * 64) is None
    late, early, other = make(5), make(1), make(3, clip="b" * 64)
    for revision in (late, early, other):
        store.commit(revision)
    ids = [revision.revision_id for revision in store.revisions()]
    assert ids == [early.revision_id, other.revision_id, late.revision_id]
    assert [r.revision_id for r in store.revisions("b" * 64)] == [other.revision_id]
    latest = store.latest("a" * 64)
    assert latest is not None
    assert latest.revision_id == late.revision_id
    assert store.latest("c" * 64) is None


def test_times_of_any_zone_are_compared_as_times(tmp_path: Path, make: Make) -> None:
    store = LabelStore(tmp_path)
    tokyo = timezone(timedelta(hours=9))
    first = make(1, committed=datetime(2026, 3, 1, 20, tzinfo=tokyo))  # 11:00 UTC
    second = make(2, committed=NOON)
    store.commit(second)
    store.commit(first)
    assert [r.committed for r in store.revisions()] == [first.committed, second.committed]


def test_nothing_is_overwritten(tmp_path: Path, make: Make) -> None:
    store = LabelStore(tmp_path)
    revision = make()
    before = store.commit(revision).read_bytes()
    with pytest.raises(EchoError, match="never overwritten"):
        store.commit(replace(revision, labels=np.zeros_like(revision.labels)))
    assert next(tmp_path.glob("*.tif")).read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("bad", ["", "../../evil", "G" * 32, "a" * 31])
def test_ids_are_hexadecimal(tmp_path: Path, make: Make, bad: str) -> None:
    store = LabelStore(tmp_path)
    with pytest.raises(EchoError, match="32 hexadecimal digits"):
        store.commit(make(revision_id=bad))
    with pytest.raises(EchoError, match="has no revision"):
        store.read(bad)


def test_times_need_a_zone(tmp_path: Path, make: Make) -> None:
    with pytest.raises(EchoError, match="time zone"):
        LabelStore(tmp_path).commit(make(committed=datetime(2026, 3, 1)))


def test_stores_merge_by_copying(tmp_path: Path, make: Make) -> None:
    mine, yours = LabelStore(tmp_path / "mine"), LabelStore(tmp_path / "yours")
    first, second = make(1), make(2)
    mine.commit(first)
    shutil.copy(yours.commit(second), mine.path)
    assert [_same(*pair) for pair in zip(mine.revisions(), (first, second), strict=True)]
    assert len(mine.revisions()) == 2


@pytest.mark.parametrize("damage", ["cut", "labels", "text", "empty", "renamed", "plain tiff"])
def test_damaged_files_are_named_and_passed_over(tmp_path: Path, make: Make, damage: str) -> None:
    store = LabelStore(tmp_path)
    good, bad = make(1), make(2)
    store.commit(good)
    path = store.commit(bad)
    raw = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(raw[: len(raw) // 2])
    elif damage == "labels":
        with tifffile.TiffFile(path) as tif:
            description = tif.pages[0].description
        zeros = np.zeros_like(bad.labels)
        tifffile.imwrite(path, zeros, description=description, metadata=None)
    elif damage == "text":
        path.write_text("not a TIFF")
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "renamed":
        path.rename(path := tmp_path / f"{'f' * 32}.tif")
    else:
        tifffile.imwrite(path, bad.labels)
    assert [r.revision_id for r in store.revisions()] == [good.revision_id]
    assert [d.path for d in store.damaged] == [path]
    assert path.name in store.damaged[0].reason
    with pytest.raises(EchoError, match=path.name):
        store.read(path.stem)
    path.unlink()
    assert len(store.revisions()) == 1
    assert store.damaged == []


@pytest.mark.parametrize(
    ("key", "value"),
    [("parent", "../x"), ("supersedes", ["y"]), ("clip_shape", [10, -1, 50]),
     ("status", "maybe"), ("frames", [2, 99]), ("committed", "yesterday"), ("schema", {}),
     ("committed", "2026-03-01T12:00:00"), ("key_frames", {"beats": [[0, 30]], "origin": "traced"}),
     ("base", {"kind": "luck", "id": ""}), ("clip_shape", [10, 40]), ("frame_hashes", ["1"])],
)  # fmt: skip
def test_wrong_metadata_is_no_revision(tmp_path: Path, make: Make, key: str, value: Any) -> None:
    store = LabelStore(tmp_path)
    revision = make()
    path = store.commit(revision)
    with tifffile.TiffFile(path) as tif:
        metadata = {**json.loads(tif.pages[0].description), key: value}
    _write_unsealed(path, revision, metadata)
    with pytest.raises(EchoError, match="no whole revision"):
        store.read(revision.revision_id)


@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() == 0, reason="the super-user may write everywhere"
)
def test_a_store_that_cannot_be_written(tmp_path: Path, make: Make) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(EchoError, match="cannot be written: Permission denied"):
        LabelStore(tmp_path / "store").commit(make())


def test_a_store_in_place_of_a_file(tmp_path: Path, make: Make) -> None:
    (tmp_path / "store").write_text("I am a file")
    with pytest.raises(EchoError, match="cannot be written"):
        LabelStore(tmp_path / "store").commit(make())


@pytest.mark.parametrize("spacing", [None, (0.5, 0.4)])
def test_label_files_come_back(tmp_path: Path, spacing: tuple[float, float] | None) -> None:
    labels = np.random.default_rng(0).integers(0, 2, (5, 40, 60), dtype=np.uint8)
    path = write_labels(tmp_path / "out" / "clip.labels.tif", labels, spacing, LV_SCHEMA)
    read = read_labels(path)
    assert (read.labels == labels).all()
    assert read.spacing_mm == spacing
    assert read.schema == LV_SCHEMA
    assert tifffile.imread(path).shape == (5, 40, 60)  # as any other program sees it
    write_labels(path, 1 - labels, spacing, LV_SCHEMA)
    assert (read_labels(path).labels == 1 - labels).all()
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_labels_of_a_still_keep_their_axis_of_frames(tmp_path: Path) -> None:
    path = write_labels(tmp_path / "a.labels.tif", np.ones((1, 9, 8), np.uint8), None, LV_SCHEMA)
    assert read_labels(path).labels.shape == tifffile.imread(path).shape == (1, 9, 8)


def test_the_resolution_is_there_for_other_programs(tmp_path: Path) -> None:
    path = tmp_path / "a.labels.tif"
    write_labels(path, np.zeros((2, 40, 60), np.uint8), (0.5, 0.4), LV_SCHEMA)
    with tifffile.TiffFile(path) as tif:
        tags = tif.pages[0].tags
        x, y = tags["XResolution"].value, tags["YResolution"].value
        assert tags["ResolutionUnit"].value == tifffile.RESUNIT.CENTIMETER
    assert (x[0] / x[1], y[0] / y[1]) == pytest.approx((25, 20))


def test_what_is_no_label_file(tmp_path: Path, make: Make) -> None:
    with pytest.raises(EchoError, match="does not exist"):
        read_labels(tmp_path / "none.labels.tif")
    tifffile.imwrite(tmp_path / "clip.tif", np.zeros((2, 8, 8), np.uint8))
    with pytest.raises(EchoError, match="not a label file"):
        read_labels(tmp_path / "clip.tif")
    with pytest.raises(EchoError, match="no label file of a clip"):
        read_labels(LabelStore(tmp_path / "store").commit(make()))
    with pytest.raises(EchoError, match="type uint8"):
        write_labels(tmp_path / "x.tif", np.zeros((2, 8, 8)), None, LV_SCHEMA)  # type: ignore[arg-type]
    assert not (tmp_path / "x.tif").exists()
