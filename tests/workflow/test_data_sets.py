"""Phantoms in the layout of real data sets, and back into a clip data set."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat
from napari_echo.io.camus import read_camus
from napari_echo.io.camus_writer import write_camus
from napari_echo.io.clipset import open_clipset
from napari_echo.io.labelled import LabelledClip
from napari_echo.phantom.generate import PhantomClip, generate
from napari_echo.workflow.phantom import write_phantoms
from napari_echo.workflow.preprocess import preprocess


@pytest.fixture(scope="module")
def small_camus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two patients in CAMUS's layout, of whom only the key frames were drawn."""
    phantoms = [generate(seed, size=(96, 96), frames="key") for seed in (1, 2)]
    items = [
        LabelledClip(p.clip, p.truth, p.key_frames, split, p.ef)
        for p, split in zip(phantoms, ("train", "val"), strict=True)
    ]
    return write_camus(tmp_path_factory.mktemp("camus") / "set", items)


@pytest.mark.parametrize("sequences", [False, True])
def test_camus_becomes_a_clip_data_set(small_camus: Path, tmp_path: Path, sequences: bool) -> None:
    out, skipped = preprocess("camus", small_camus, tmp_path / "clips", sequences=sequences)
    dataset = open_clipset(out)
    assert skipped == []
    assert [entry.split for entry in dataset.entries] == ["train", "val"]
    for entry in dataset.entries:
        ed, es = (np.count_nonzero(labels == 1) for labels in dataset.labels(entry))
        assert ed > es > 0
        assert entry.spacing_mm is not None
        assert entry.key_frames.beats == (Beat(0, 1),)


def test_views_of_camus_can_be_left_out(tmp_path: Path) -> None:
    phantom = generate(1, size=(96, 96), frames="key")
    other = replace(EchoClip.from_frames(phantom.clip.frames[::, ::-1]), study_id="phantom-000001")
    items = [
        LabelledClip(clip, phantom.truth, phantom.key_frames, "train")
        for clip in (
            replace(phantom.clip, view="A4C"),
            replace(other, view="A2C", spacing_mm=phantom.clip.spacing_mm),
        )
    ]
    root = write_camus(tmp_path / "set", items)
    for name, views, kept in (
        ("both", ("4CH", "2CH"), {"A4C", "A2C"}),
        ("four", ("4CH",), {"A4C"}),
    ):
        out, _ = preprocess("camus", root, tmp_path / name, views=views)
        assert {entry.view for entry in open_clipset(out).entries} == kept


def test_no_more_is_drawn_for_camus_than_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []

    def small(seed: int, *, frames: Any) -> PhantomClip:
        phantom = generate(seed, size=(64, 64), frames=frames)
        drawn.append(len(phantom.clip))
        return phantom

    monkeypatch.setattr("napari_echo.phantom.generate.generate", small)
    (item,) = read_camus(write_phantoms("camus", 1, 5, tmp_path / "set"), sequences=True)
    whole = generate(5_000_000, size=(64, 64))
    beat = whole.key_frames.beats[0]
    assert drawn == [len(item.clip)] == [beat.es - beat.ed + 1]
    assert len(whole.clip) > 2 * drawn[0]
    # What is written is what the whole clip would have given.
    as_a_whole = LabelledClip(whole.clip, whole.truth, whole.key_frames, "train", whole.ef)
    (expected,) = read_camus(write_camus(tmp_path / "whole", [as_a_whole]), sequences=True)
    assert item.clip.clip_id == expected.clip.clip_id
    assert item.clip.fps == expected.clip.fps
    assert item.key_frames == expected.key_frames
    assert item.ef == expected.ef
    np.testing.assert_array_equal(item.truth.labels, expected.truth.labels)


@pytest.mark.slow
def test_phantoms_are_split_and_decided_by_their_seed(tmp_path: Path) -> None:
    root = write_phantoms("camus", 3, 5, tmp_path / "set")
    items = list(read_camus(root))
    assert [item.split for item in items] == ["train", "val", "test"]
    for i, item in enumerate(items):
        drawn = generate(5_000_000 + i, frames="key")
        np.testing.assert_array_equal(item.clip.frames, drawn.clip.frames)
    for item in read_camus(root, sequences=True):
        assert len(item.clip) > 4
        assert item.truth.annotated.all()


def test_phantoms_as_echonet_become_a_clip_data_set(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    root = write_phantoms("echonet", 1, 2, tmp_path / "echonet", lambda *step: told.append(step))
    assert told == [(1, 1)]
    out, skipped = preprocess("echonet", root, tmp_path / "clips")
    (entry,) = open_clipset(out).entries
    assert skipped == []
    assert entry.shape[1:] == (112, 112)
    assert len(entry.labelled_frames) == 2
    assert entry.ef is not None
    assert 0.1 < entry.ef < 0.8


def test_what_cannot_be_read_is_reported(small_camus: Path, tmp_path: Path) -> None:
    root = tmp_path / "set"
    shutil.copytree(small_camus, root)
    broken = sorted(root.glob("database_nifti/*/*_ED_gt.nii.gz"))[0]
    broken.write_bytes(b"not gzip")
    out, skipped = preprocess("camus", root, tmp_path / "clips")
    assert len(open_clipset(out).entries) == 1
    ((name, reason),) = [(s.name, s.reason) for s in skipped]
    assert broken.name.partition("_")[0] in name
    assert broken.name in reason


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("camus", 0, 1), "1 to a million"),
        (("camus", 1, -1), "negative"),
        (("dicom", 1, 1), "no layout 'dicom'"),
    ],
)
def test_phantoms_that_cannot_be(arguments: Any, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(EchoError, match=sentence):
        write_phantoms(*arguments, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EchoError, match="not a CAMUS folder"):
        preprocess("camus", tmp_path, tmp_path / "clips")
    assert not (tmp_path / "clips").exists()


@pytest.mark.camus
def test_real_camus_patients_become_a_clip_data_set(camus_root: Path, tmp_path: Path) -> None:
    root = tmp_path / "three"
    (root / "database_nifti").mkdir(parents=True)
    for folder in sorted((camus_root / "database_nifti").glob("patient*"))[:3]:
        (root / "database_nifti" / folder.name).symlink_to(folder)
    (root / "database_split").symlink_to(camus_root / "database_split")
    out, skipped = preprocess("camus", root, tmp_path / "clips")
    dataset = open_clipset(out)
    assert len(dataset.entries) == 3
    assert all(set(np.unique(dataset.labels(e))) == {0, 1, 2, 3} for e in dataset.entries)
    # The lists name hundreds of patients who are not in this folder.
    assert len(skipped) > 400


def test_a_data_set_of_which_nothing_can_be_read_says_why(
    small_camus: Path, tmp_path: Path
) -> None:
    src = shutil.copytree(small_camus, tmp_path / "camus")
    for image in src.rglob("*_ED.nii.gz"):
        image.write_bytes(b"damaged")
    with pytest.raises(EchoError, match=r"No clip of .* patient0001 4CH: patient0001_4CH_ED.* is"):
        preprocess("camus", src, tmp_path / "clips")
    assert not (tmp_path / "clips").exists()
