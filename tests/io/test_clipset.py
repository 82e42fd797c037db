"""The project's clip data set."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import IGNORE, LV_SCHEMA, Segmentation
from napari_echo.io.clipset import open_clipset, write_clipset
from napari_echo.io.labelled import LabelledClip

Labelled = Callable[..., LabelledClip]


def test_what_is_written_is_read(tmp_path: Path, labelled: Labelled) -> None:
    items = [
        labelled("one", ef=0.55),
        labelled("two", annotated=(0, 4), split="val", view="A2C", fps=None, spacing_mm=None),
    ]
    root = write_clipset(tmp_path / "set", iter(items))
    clipset = open_clipset(root)
    assert clipset.schema == items[0].truth.schema
    for item, entry in zip(items, clipset.entries, strict=True):
        clip = item.clip
        assert (entry.clip_id, entry.study_id) == (clip.clip_id, clip.study_id)
        assert (entry.fps, entry.spacing_mm, entry.view) == (clip.fps, clip.spacing_mm, clip.view)
        assert (entry.split, entry.ef, entry.key_frames) == (item.split, item.ef, item.key_frames)
        assert entry.labelled_frames == item.truth.annotated_frames
        assert (clipset.frames(entry) == clip.frames).all()
        assert (clipset.labels(entry) == item.truth.labels[list(entry.labelled_frames)]).all()
        assert isinstance(clipset.frames(entry), np.memmap)
        assert not clipset.frames(entry).flags.writeable


def test_a_clip_without_labels(tmp_path: Path, labelled: Labelled) -> None:
    item = labelled(annotated=())
    clipset = open_clipset(write_clipset(tmp_path / "set", [item]))
    assert clipset.labels(clipset.entries[0]).shape == (0, 120, 160)


def test_names_are_safe_and_unlike_on_any_system(tmp_path: Path, labelled: Labelled) -> None:
    odd = labelled("../Ünsafe: a/b*?")
    same = labelled("Same")
    items = [odd, same, replace(same, clip=replace(same.clip, study_id="SAME")), same]
    clipset = open_clipset(write_clipset(tmp_path / "set", items))
    names = [Path(entry.frames_file).name.lower() for entry in clipset.entries]
    assert len(set(names)) == 4
    assert all(name.isascii() and not set(name) & set(' :*?"<>|\\/') for name in names)
    assert len(list((tmp_path / "set" / "clips").iterdir())) == 8


def test_ignored_pixels_are_kept(tmp_path: Path, labelled: Labelled) -> None:
    item = labelled()
    labels = item.truth.labels.copy()
    labels[:, :5] = IGNORE
    truth = Segmentation(labels, item.truth.annotated.copy(), "ground truth", item.truth.schema)
    clipset = open_clipset(write_clipset(tmp_path / "set", [replace(item, truth=truth)]))
    assert (clipset.labels(clipset.entries[0]) == labels).all()


def test_an_existing_folder_is_not_touched(tmp_path: Path, labelled: Labelled) -> None:
    root = tmp_path / "set"
    root.mkdir()
    (root / "mine.txt").write_text("keep")
    with pytest.raises(EchoError, match="exists already"):
        write_clipset(root, [labelled()])
    assert [path.name for path in root.iterdir()] == ["mine.txt"]


def test_nothing_is_left_of_a_failure(tmp_path: Path, labelled: Labelled) -> None:
    def clips() -> Iterator[LabelledClip]:
        yield labelled()
        raise EchoError("the second clip is damaged")

    with pytest.raises(EchoError, match="second clip"):
        write_clipset(tmp_path / "set", clips())
    with pytest.raises(EchoError, match="There is no clip"):
        write_clipset(tmp_path / "set", [])
    with pytest.raises(EchoError, match="a clip data set has one"):
        write_clipset(tmp_path / "set", [labelled("a"), labelled("b", schema=LV_SCHEMA)])
    wrong = labelled()
    truth = replace(wrong.truth, schema=LV_SCHEMA)
    with pytest.raises(EchoError, match=r"labels \[2, 3\] that are not in the schema 'lv'"):
        write_clipset(tmp_path / "set", [replace(wrong, truth=truth)])
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def root(tmp_path: Path, labelled: Labelled) -> Path:
    """A written clip data set of one clip."""
    return write_clipset(tmp_path / "set", [labelled()])


def _edit(root: Path, change: Callable[[Any], None]) -> None:
    index = json.loads((root / "index.json").read_text())
    change(index)
    (root / "index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda index: index.update(version=99), "of version 99"),
        (lambda index: index.update(format="other"), "not the index of a clip data set"),
        (lambda index: index.pop("schema"), "damaged"),
        (lambda index: index.update(entries=[1]), "damaged"),
        (lambda index: index["entries"][0].pop("fps"), "damaged"),
        (lambda index: index["entries"][0].update(split="night"), "damaged"),
        (lambda index: index["entries"][0].update(labelled_frames=[0, 77]), "damaged"),
        (lambda index: index["entries"][0].update(labelled_frames=[2, 1]), "damaged"),
        (lambda index: index["entries"][0]["key_frames"].update(beats=[[0, 50]]), "damaged"),
        (lambda index: index["entries"][0].update(frames_file="../../x.npy"), "leads out"),
        (lambda index: index["entries"][0].update(frames_file="/etc/passwd"), "leads out"),
        (lambda index: index["entries"][0].update(shape=[60, 120, 160]), "cut off"),
        (lambda index: index["entries"][0].update(frames_file="clips/no.npy"), "lacks"),
    ],
)
def test_a_wrong_index(root: Path, change: Callable[[Any], None], words: str) -> None:
    _edit(root, change)
    with pytest.raises(EchoError, match=words):
        open_clipset(root)


def test_an_index_from_before_sources_were_noted(root: Path) -> None:
    (new,) = open_clipset(root).entries
    _edit(root, lambda index: index["entries"][0].pop("source"))
    assert open_clipset(root).entries == [replace(new, source="")]


def test_no_index_and_a_broken_one(root: Path) -> None:
    (root / "index.json").write_text('{"format": ')
    with pytest.raises(EchoError, match=r"index\.json is damaged"):
        open_clipset(root)
    (root / "index.json").unlink()
    with pytest.raises(EchoError, match="is not a clip data set"):
        open_clipset(root)


def test_a_short_file_is_found_on_opening(root: Path) -> None:
    path = next((root / "clips").glob("*.labels.npy"))
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(EchoError, match=r"labels\.npy is cut off"):
        open_clipset(root)


def test_an_array_of_another_shape_is_found_on_reading(root: Path) -> None:
    path = next((root / "clips").glob("*.frames.npy"))
    np.save(path, np.zeros((6, 160, 120), np.uint8))
    clipset = open_clipset(root)
    with pytest.raises(EchoError, match=r"holds \(6, 160, 120\) uint8, the index says"):
        clipset.frames(clipset.entries[0])


def test_a_labelled_clip_agrees_with_itself(labelled: Labelled) -> None:
    item = labelled()
    with pytest.raises(EchoError, match="must be the same"):
        replace(item, truth=labelled(widths=(30, 20, 30), es=1).truth)
    with pytest.raises(EchoError, match="outside its 6 frames"):
        replace(item, key_frames=KeyFrames((Beat(0, 6),), "traced"))
    with pytest.raises(EchoError, match="split 'tarin'"):
        replace(item, split="tarin")
