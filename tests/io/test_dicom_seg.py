"""DICOM Segmentations of a real cine; pydicom, highdicom and dciodvfy are the judges."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.uid import SegmentationStorage

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA, IGNORE, Segmentation
from napari_echo.io.dicom_seg import read_dicom_seg
from napari_echo.io.dicom_seg_writer import fill_dicom_seg
from napari_echo.io.labelled import LabelledClip, Skipped, Written
from napari_echo.io.load import find_clips, load

FRAMES = (3, 7, 9)


@pytest.fixture
def item(real_cine: EchoClip) -> LabelledClip:
    """The real cine with three labelled frames, the last of them empty."""
    labels = np.zeros(real_cine.frames.shape, np.uint8)
    labels[3, 50:100, 60:101] = 1
    labels[3, 100:120, 60:100] = 2
    labels[7, 50:100, 61:100] = 3
    annotated = np.zeros(len(real_cine), bool)
    annotated[list(FRAMES)] = True
    truth = Segmentation(labels, annotated, "correction", CAMUS_SCHEMA)
    return LabelledClip(real_cine, truth, KeyFrames((Beat(3, 7),), "traced"))


@pytest.fixture
def path(item: LabelledClip, tmp_path: Path) -> Path:
    (outcome,) = fill_dicom_seg(tmp_path, [item])
    assert isinstance(outcome, Written)
    assert outcome.frames == FRAMES
    return tmp_path / outcome.files[0]


def test_pydicom_finds_the_labels_and_what_they_refer_to(
    path: Path, item: LabelledClip, real_cine_path: Path
) -> None:
    found, source = pydicom.dcmread(path), pydicom.dcmread(real_cine_path, stop_before_pixels=True)
    assert found.SOPClassUID == SegmentationStorage
    assert found.StudyInstanceUID == source.StudyInstanceUID
    assert found.SeriesInstanceUID != source.SeriesInstanceUID
    assert found.PatientID == source.PatientID
    assert [s.SegmentLabel for s in found.SegmentSequence] == [
        "LV cavity",
        "myocardium",
        "left atrium",
    ]
    masks = found.pixel_array
    drawn = np.zeros((len(item.clip), *item.clip.frame_shape), np.uint8)
    referenced = set()
    for mask, group in zip(masks, found.PerFrameFunctionalGroupsSequence, strict=True):
        image = group.DerivationImageSequence[0].SourceImageSequence[0]
        assert image.ReferencedSOPInstanceUID == source.SOPInstanceUID
        assert image.ReferencedSOPClassUID == source.SOPClassUID
        frame = int(image.ReferencedFrameNumber) - 1
        referenced.add(frame)
        segment = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        drawn[frame][mask > 0] = segment
    assert referenced == set(FRAMES)
    np.testing.assert_array_equal(drawn, item.truth.labels)


def test_highdicom_reads_it_by_the_frames_of_the_source(path: Path, item: LabelledClip) -> None:
    found = highdicom.seg.segread(path)
    (labels,) = read_dicom_seg(path, pytest.fail)
    pixels = found.get_pixels_by_source_frame(
        labels.source_uid, [frame + 1 for frame in FRAMES], combine_segments=True
    )
    np.testing.assert_array_equal(pixels, item.truth.labels[list(FRAMES)])


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="needs Debian's dicom3tools")
def test_dciodvfy_finds_no_error(path: Path) -> None:
    told = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    lines = (told.stdout + told.stderr).splitlines()
    assert "Segmentation" in lines
    assert [line for line in lines if line.startswith("Error")] == []


def test_what_is_written_is_read(path: Path, item: LabelledClip) -> None:
    (labels,) = read_dicom_seg(path.parent, pytest.fail)
    assert labels.frames == FRAMES
    assert labels.schema == CAMUS_SCHEMA
    np.testing.assert_array_equal(labels.labels, item.truth.labels[list(FRAMES)])


def test_a_segmentation_is_not_taken_for_a_clip(path: Path, real_cine_path: Path) -> None:
    assert find_clips([path.parent, real_cine_path]) == [real_cine_path]


def test_clips_of_other_files_and_unlabelled_pixels_are_skipped_with_the_reason(
    item: LabelledClip, tmp_path: Path
) -> None:
    np.save(tmp_path / "clip.npy", item.clip.frames)
    of_npy = replace(item, clip=load(tmp_path / "clip.npy"))
    of_nothing = replace(item, clip=replace(item.clip, source=None))
    labels = item.truth.labels.copy()
    labels[3, 0, 0] = IGNORE
    unlabelled = replace(
        item, truth=Segmentation(labels, item.truth.annotated.copy(), "correction", CAMUS_SCHEMA)
    )
    folder = tmp_path / "out"
    folder.mkdir()
    outcomes = list(fill_dicom_seg(folder, [of_npy, of_nothing, unlabelled]))
    reasons = [outcome.reason for outcome in outcomes if isinstance(outcome, Skipped)]
    assert len(reasons) == 3
    assert "does not come from a DICOM file" in reasons[0]
    assert "not known" in reasons[1]
    assert "unlabelled pixels" in reasons[2]
    assert list(folder.iterdir()) == []


def test_a_header_of_the_least_is_enough_and_a_garbled_one_is_a_reason(
    write_dicom: Callable[..., Path], speckle: Callable[..., NDArray[np.uint8]], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    items = []
    for name, elements in (
        ("least", {"SeriesInstanceUID": "1.2.3.5"}),
        ("garbled", {"SeriesInstanceUID": "1.2.3.5", "StudyDate": "no date"}),
        ("without", {}),
    ):
        clip = load(write_dicom(speckle(4), name=f"{name}.dcm", **elements))
        labels = np.zeros(clip.frames.shape, np.uint8)
        labels[2, 5:9, 5:9] = 1
        annotated = np.arange(len(clip)) == 2
        truth = Segmentation(labels, annotated, "correction", CAMUS_SCHEMA)
        items.append(LabelledClip(clip, truth, KeyFrames((), "traced")))
    least, garbled, without = fill_dicom_seg(folder, items)
    assert isinstance(least, Written)
    (labels_read,) = read_dicom_seg(folder / least.files[0], pytest.fail)
    np.testing.assert_array_equal(labels_read.labels[0], items[0].truth.labels[2])
    assert isinstance(garbled, Skipped)
    assert "header" in garbled.reason
    assert isinstance(without, Skipped)
    assert "no SeriesInstanceUID" in without.reason


def test_what_is_no_segmentation_is_skipped_by_name(
    real_cine_path: Path, tmp_path: Path, path: Path
) -> None:
    skipped: list[Skipped] = []
    assert not list(read_dicom_seg(real_cine_path, skipped.append))
    assert "no DICOM Segmentation" in skipped[0].reason
    cut = tmp_path / "cut.dcm"
    cut.write_bytes(path.read_bytes()[:2000])
    assert not list(read_dicom_seg(cut, skipped.append))
    assert "cut.dcm is damaged" in skipped[1].reason
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(EchoError, match="no DICOM file"):
        list(read_dicom_seg(empty, pytest.fail))


def test_two_cines_in_one_segmentation_are_refused(path: Path, tmp_path: Path) -> None:
    dataset = pydicom.dcmread(path)
    group = dataset.PerFrameFunctionalGroupsSequence[0]
    group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID = "1.2.3"
    dataset.save_as(tmp_path / "two.dcm")
    skipped: list[Skipped] = []
    assert not list(read_dicom_seg(tmp_path / "two.dcm", skipped.append))
    assert "2 cines" in skipped[0].reason
