"""Clips from ED to ES, labels of chosen patients, and transforms that treat frames alike."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import Segmentation
from napari_echo.io.clipset import write_clipset
from napari_echo.io.labelled import LabelledClip
from napari_echo.ml.mmseg_compat import use_mmseg

use_mmseg()

from napari_echo.ml.appearance import EchoRandomAppearance  # noqa: E402
from napari_echo.ml.transforms import EchoLetterbox, EchoPackClip, EchoRandomAffine  # noqa: E402
from napari_echo.ml.video_dataset import (  # noqa: E402
    EchoHalfLabelledSampler,
    EchoVideoDataset,
    labelled_patients,
)


def _clips() -> Iterator[LabelledClip]:
    for number in range(20):
        frames = np.zeros((13, 48, 40), np.uint8)
        frames[:, 4:44, 4:36] = (10 * np.arange(13, dtype=np.uint8))[:, None, None] + number
        labels = np.zeros(frames.shape, np.uint8)
        labels[:, 10:30, 10:30] = 1
        backwards = number % 2
        beat = Beat(12, 1) if backwards else Beat(1, 12)
        yield LabelledClip(
            EchoClip.from_frames(frames, spacing_mm=(0.5, 0.5), study_id=f"p{number:02d}"),
            Segmentation(labels, np.ones(13, bool), "ground truth"),
            KeyFrames((beat,), "traced"),
            "train" if number < 16 else "val",
        )


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_clipset(tmp_path_factory.mktemp("video") / "clips", _clips()))


def _dataset(clips: str, **kwargs: object) -> EchoVideoDataset:
    return EchoVideoDataset([clips], pipeline=[], **kwargs)


def test_frames_run_from_ed_to_es_whichever_was_recorded_first(clips: str) -> None:
    data = _dataset(clips)
    assert data[0]["frame_indices"] == (1, 2, 3, 5, 6, 7, 8, 10, 11, 12)
    assert data[1]["frame_indices"] == (12, 11, 10, 8, 7, 6, 5, 3, 2, 1)
    for index in (0, 1):
        sample = data[index]
        # The clips were drawn so that a frame's grey level tells its number.
        assert ((sample["img"][:, 20, 20] - index) // 10).tolist() == list(sample["frame_indices"])
        assert sample["phases"][0] == "ed"
        assert sample["phases"][-1] == "es"
        assert sample["places"][0] == 0
        assert sample["places"][-1] == 1


def test_only_ed_and_es_are_labelled_unless_all_are_asked_for(clips: str) -> None:
    key = _dataset(clips)[0]["gt_seg_map"]
    assert [bool((frame != 255).any()) for frame in key] == [True, *[False] * 8, True]
    assert (_dataset(clips, labels="all")[0]["gt_seg_map"] != 255).all()
    two = _dataset(clips, n_frames=2)[0]
    assert two["frame_indices"] == (1, 12)
    assert (two["gt_seg_map"] != 255).all()


def test_a_label_ratio_chooses_patients_and_hides_the_labels_of_others(clips: str) -> None:
    data = _dataset(clips, label_ratio=0.25, ratio_seed=3)
    assert len(data) == 16
    assert sum(data.known) == 4
    for index, known in enumerate(data.known):
        assert (data[index]["gt_seg_map"] != 255).any() == known
    alone = _dataset(clips, label_ratio=0.25, ratio_seed=3, keep_unlabelled=False)
    names = {data[i]["study_id"] for i, known in enumerate(data.known) if known}
    assert {alone[i]["study_id"] for i in range(len(alone))} == names


def test_a_smaller_ratio_is_part_of_a_larger_and_order_does_not_matter() -> None:
    names = [f"patient{i:04d}" for i in range(100)]
    small, large = (labelled_patients(names, ratio, 1) for ratio in (1 / 16, 1 / 4))
    assert len(small) == 6
    assert len(large) == 25
    assert small < large
    assert labelled_patients(names[::-1] * 2, 1 / 16, 1) == small
    assert labelled_patients(names, 1 / 16, 2) != small
    assert labelled_patients(names, 0.0, 1) == set()
    assert len(labelled_patients(names, 1e-6, 1)) == 1


def test_validation_patients_are_never_trained_on(clips: str) -> None:
    train, val = (_dataset(clips, split=split) for split in ("train", "val"))
    patients = [{data[i]["study_id"] for i in range(len(data))} for data in (train, val)]
    assert len(patients[1]) == 4
    assert not patients[0] & patients[1]


def test_every_turn_has_a_labelled_and_an_unlabelled_clip(clips: str) -> None:
    data = _dataset(clips, label_ratio=0.25)
    order = list(islice(EchoHalfLabelledSampler(data, seed=1), 40))
    assert [data.known[i] for i in order] == [True, False] * 20
    assert {i for i in order if not data.known[i]} == {i for i, k in enumerate(data.known) if not k}
    assert order == list(islice(EchoHalfLabelledSampler(data, seed=1), 40))
    assert order != list(islice(EchoHalfLabelledSampler(data, seed=2), 40))
    everyone = _dataset(clips)
    assert set(islice(EchoHalfLabelledSampler(everyone), 40)) == set(range(16))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label_ratio": 1.5}, "from 0 to 1, not 1.5"),
        ({"label_ratio": [0.5, 0.5]}, "one number for each"),
        ({"n_frames": 1}, "at least 2 frames"),
        ({"split": "test"}, "No clip of the split 'test'"),
        ({"label_ratio": 0.0, "keep_unlabelled": False}, "No clip of the split"),
    ],
)
def test_arguments_that_make_no_data_set_are_one_sentence(
    clips: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(EchoError, match=message):
        _dataset(clips, **options)


def test_all_frames_of_a_clip_are_warped_alike(clips: str) -> None:
    sample = _dataset(clips, labels="all")[0]
    sample["img"] = np.repeat(sample["img"][:1], 10, axis=0)
    sample["gt_seg_map"] = np.repeat(sample["gt_seg_map"][:1], 10, axis=0)
    np.random.seed(0)  # noqa: NPY002  (what mmengine seeds)
    warped = EchoRandomAffine(prob=1.0).transform(EchoLetterbox(64).transform(sample))
    assert (warped["img"] == warped["img"][0]).all()
    assert (warped["gt_seg_map"] == warped["gt_seg_map"][0]).all()
    assert warped["spacing_mm"] == (0.5 * 48 / 64, 0.5 * 40 / 53)  # 53 whole columns
    # Image and labels were moved together: the cavity's pixels are inside the bright field.
    assert warped["img"][0][warped["gt_seg_map"][0] == 1].min() > 0


class _WithoutSpeckle(EchoRandomAppearance):
    def _speckle(self, image: np.ndarray) -> np.ndarray:
        return image


def test_the_look_changes_alike_in_all_frames_but_for_speckle(clips: str) -> None:
    still = np.repeat(_dataset(clips)[0]["img"][5:6], 10, axis=0)
    look = _WithoutSpeckle()
    np.random.seed(4)  # noqa: NPY002
    changed = [look.transform({"img": still.copy()})["img"] for _ in range(8)]
    assert any((clip != still).any() for clip in changed)
    assert all((clip == clip[0]).all() for clip in changed)
    speckled = EchoRandomAppearance()._speckle(still.astype(np.float32))
    assert speckled.shape == still.shape
    assert (speckled[0] != speckled[1]).any()


def test_margins_of_unlabelled_frames_stay_unlabelled(clips: str) -> None:
    sample = EchoLetterbox(64).transform(_dataset(clips)[0])
    packed = EchoPackClip().transform(sample)
    labels = packed["data_samples"].gt_sem_seg.data
    assert packed["inputs"].shape == (10, 1, 64, 64)
    assert (labels[1:-1] == 255).all()
    # 40 of 48 columns are image; the margin of a labelled frame is background.
    assert (labels[0, :, 60] == 0).all()
