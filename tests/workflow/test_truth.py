"""Ground truth from files."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LV, LV_SCHEMA
from napari_echo.io.labels import write_labels
from napari_echo.io.load import load
from napari_echo.workflow.truth import find_truth, load_truth

SHAPE = (3, 20, 24)


@pytest.fixture
def clip() -> EchoClip:
    frames = np.random.default_rng(0).integers(0, 255, SHAPE, dtype=np.uint8)
    return EchoClip.from_frames(frames, study_id="clip")


@pytest.fixture
def labels() -> NDArray[np.uint8]:
    labels = np.zeros(SHAPE, np.uint8)
    labels[[0, 2], 5:15, 6:16] = LV
    return labels


def test_a_label_file_brings_its_schema_and_its_annotated_frames(
    clip: EchoClip, labels: NDArray[np.uint8], tmp_path: Path
) -> None:
    path = write_labels(tmp_path / "clip.labels.tif", labels, None, LV_SCHEMA)
    truth = load_truth(path, clip)
    assert np.array_equal(truth.labels, labels)
    assert truth.annotated_frames == (0, 2)
    assert truth.origin == "ground truth"
    assert truth.schema == LV_SCHEMA


def test_a_nifti_mask_stands_as_the_clip_does(
    clip: EchoClip, labels: NDArray[np.uint8], tmp_path: Path
) -> None:
    path = tmp_path / "clip_gt.nii.gz"
    # NIfTI stores x before y, and time last.
    nibabel.save(nibabel.Nifti1Image(labels.transpose(2, 1, 0), np.eye(4)), path)
    assert np.array_equal(load_truth(path, clip).labels, labels)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda labels: labels[:2], "shape"),
        (lambda labels: labels + 40, "no labels of the schema"),
        (lambda labels: labels * 0, "no label at all"),
    ],
)
def test_labels_that_are_no_truth_of_the_clip_are_refused(
    clip: EchoClip, labels: NDArray[np.uint8], tmp_path: Path, change: object, sentence: str
) -> None:
    assert callable(change)
    path = write_labels(tmp_path / "odd.labels.tif", change(labels), None, LV_SCHEMA)
    with pytest.raises(EchoError, match=sentence) as error:
        load_truth(path, clip)
    assert "odd.labels.tif" in str(error.value)


def test_only_a_file_on_disk_has_its_mask_beside_it(clip: EchoClip) -> None:
    assert find_truth(clip) is None


@pytest.mark.camus
def test_the_mask_beside_a_camus_still_is_found(camus_root: Path) -> None:
    path = next(camus_root.glob("database_nifti/*/*_4CH_ED.nii.gz"))
    still = load(path)
    found = find_truth(still)
    assert found is not None
    assert found.name == path.name.replace(".nii.gz", "_gt.nii.gz")
    truth = load_truth(found, still)
    assert truth.annotated_frames == (0,)
    assert set(np.unique(truth.labels)) == {0, 1, 2, 3}
    # The mask lies on the image: blood is darker than the wall.
    frame = still.frames[0]
    assert frame[truth.labels[0] == 1].mean() < frame[truth.labels[0] == 2].mean()
