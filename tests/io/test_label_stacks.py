"""NIfTI and TIFF stacks of labels; nibabel, SimpleITK, tifffile and Pillow read them too."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK
import tifffile
from numpy.typing import NDArray
from PIL import Image

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import CAMUS_SCHEMA, LV_SCHEMA
from napari_echo.io.labelled import LabelledClip, Skipped, Written
from napari_echo.io.labelled_stacks import read_stacks
from napari_echo.io.load import find_clips, load
from napari_echo.io.stack_writer import Kind, fill_stacks

Labelled = Callable[..., LabelledClip]
KINDS: tuple[Kind, ...] = ("nifti", "tiff")


def read(path: Path) -> dict[str, NDArray[Any]]:
    """The values of a file by readers that are not this project's, (T, H, W)."""
    if path.name.endswith(".nii.gz"):
        itk = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
        return {
            "nibabel": np.asarray(nibabel.load(path).dataobj)[:, :, 0].T,
            "SimpleITK": itk[:, 0],
        }
    with Image.open(path) as image:
        pages = []
        for page in range(image.n_frames):
            image.seek(page)
            pages.append(np.asarray(image))
    return {"tifffile": tifffile.imread(path), "Pillow": np.stack(pages)}


def write(folder: Path, kind: Kind, *items: LabelledClip) -> tuple[str, ...]:
    folder.mkdir()
    outcomes = [o for o in fill_stacks(folder, items, kind) if isinstance(o, Written)]
    assert [o.frames for o in outcomes] == [item.truth.annotated_frames for item in items]
    return outcomes[0].files


@pytest.mark.parametrize("kind", KINDS)
def test_other_programs_read_frames_and_labels(
    tmp_path: Path, labelled: Labelled, kind: Kind
) -> None:
    item = labelled("a", annotated=(0, 4), spacing_mm=(0.5, 0.25))
    frames, labels, _ = write(tmp_path / "set", kind, item)
    for name, values in read(tmp_path / "set" / frames).items():
        np.testing.assert_array_equal(values, item.clip.frames, err_msg=name)
    for name, values in read(tmp_path / "set" / labels).items():
        np.testing.assert_array_equal(values[[0, 4]], item.truth.labels[[0, 4]], err_msg=name)
        assert (values[[1, 2, 3, 5]] == 255).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_frames_open_as_the_same_clip_and_the_labels_as_none(
    tmp_path: Path, labelled: Labelled, kind: Kind
) -> None:
    item = labelled("a", annotated=(0, 4), spacing_mm=(0.5, 0.25))
    write(tmp_path / "set", kind, item)
    (path,) = find_clips([tmp_path / "set"])
    clip = load(path)
    assert clip.clip_id == item.clip.clip_id
    assert clip.fps == pytest.approx(40)
    assert clip.spacing_mm == pytest.approx((0.5, 0.25))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_read(tmp_path: Path, labelled: Labelled, kind: Kind) -> None:
    item = labelled("a/b", annotated=(0, 4), schema=LV_SCHEMA, fps=None, spacing_mm=None)
    write(tmp_path / "set", kind, item, labelled("c"))
    found = {labels.study_id: labels for labels in read_stacks(tmp_path / "set", kind, pytest.fail)}
    assert list(found) == ["a/b", "c"]
    labels = found["a/b"]
    assert (labels.clip_id, labels.frames, labels.n_frames) == (item.clip.clip_id, (0, 4), 6)
    assert (labels.schema, labels.key_frames) == (LV_SCHEMA, item.key_frames)
    np.testing.assert_array_equal(labels.labels, item.truth.labels[[0, 4]])
    np.testing.assert_array_equal(labels.pixels, item.clip.frames[[0, 4]])


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_that_another_program_painted_is_labelled_too(
    tmp_path: Path, labelled: Labelled, kind: Kind
) -> None:
    _, name, _ = write(tmp_path / "set", kind, labelled("a", annotated=(0, 4)))
    path = tmp_path / "set" / name
    values = next(iter(read(path).values())).copy()
    values[2, 10:20, 10:20] = 1
    if kind == "nifti":
        nibabel.save(nibabel.Nifti1Image(values.T.astype(np.int16), np.eye(4)), path)
    else:
        tifffile.imwrite(path, values)
    (labels,) = read_stacks(tmp_path / "set", kind, pytest.fail)
    assert labels.frames == (0, 2, 4)
    assert (labels.labels[1] == 1).sum() == 100


def test_a_stack_of_another_program_needs_no_description(tmp_path: Path) -> None:
    values = np.zeros((5, 20, 30), np.uint8)
    values[3, 4:9, 4:9] = 2
    tifffile.imwrite(tmp_path / "x.labels.tif", values)
    (labels,) = read_stacks(tmp_path / "x.labels.tif", "tiff", pytest.fail)
    assert (labels.frames, labels.schema, labels.study_id) == ((3,), CAMUS_SCHEMA, "x")
    assert labels.pixels is None


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda p: p.write_bytes(p.read_bytes()[:300]), "damaged"),
        (lambda p: tifffile.imwrite(p, np.full((6, 120, 160), 0.5, np.float32)), "whole numbers"),
        (lambda p: tifffile.imwrite(p, np.zeros((2, 9, 9), np.uint8)), "outside the clip's 2"),
        (lambda p: p.with_name(f"{p.name[:-11]}.json").write_text("{"), "damaged"),
        (lambda p: p.with_name(f"{p.name[:-11]}.json").write_text(
            json.dumps({"labelled_frames": [99]})), "no labelled frame"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_skipped_by_name(
    tmp_path: Path, labelled: Labelled, spoil: Callable[[Path], None], sentence: str
) -> None:
    _, name, _ = write(tmp_path / "set", "tiff", labelled("a", annotated=(0, 4)))
    spoil(tmp_path / "set" / name)
    skipped: list[Skipped] = []
    assert not list(read_stacks(tmp_path / "set", "tiff", skipped.append))
    assert sentence in skipped[0].reason


def test_a_folder_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EchoError, match="holds no labels"):
        list(read_stacks(tmp_path, "nifti", pytest.fail))
    (tmp_path / "x.nii").write_bytes(b"0")
    with pytest.raises(EchoError, match="no file of labels"):
        list(read_stacks(tmp_path / "x.nii", "nifti", pytest.fail))
