"""Clips scaled to a training square."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from napari_echo.core.labels import IGNORE, Segmentation
from napari_echo.io.labelled import LabelledClip
from napari_echo.io.letterbox import fit_size, letterbox, letterbox_clip

Labelled = Callable[..., LabelledClip]


@pytest.mark.parametrize("shape", [(778, 549), (256, 256), (112, 112), (90, 160)])
@pytest.mark.parametrize("size", [64, 128, 192, 256])
def test_labels_lie_where_their_image_lies(shape: tuple[int, int], size: int) -> None:
    y, x = np.mgrid[: shape[0], : shape[1]]
    disc = np.hypot(y - 0.45 * shape[0], x - 0.5 * shape[1]) < 0.3 * min(shape)
    image = letterbox(disc.astype(np.uint8) * 255, size)
    labels = letterbox(disc.astype(np.uint8) * 3, size, labels=True)
    assert set(np.unique(labels)) == {0, 3}
    bright = image >= 128
    assert 2 * (bright & (labels == 3)).sum() / (bright.sum() + (labels == 3).sum()) > 0.995


def test_the_label_that_covers_most_of_a_pixel_is_taken() -> None:
    frame = np.array([[1, 1, 2, 255], [1, 2, 255, 255], [0, 0, 3, 3], [0, 3, 0, 0]], np.uint8)
    assert letterbox(frame, 2, labels=True).tolist() == [[1, 255], [0, 0]]
    assert letterbox(frame[:2], 2, labels=True).tolist() == [[1, 255], [0, 0]]


def test_where_two_labels_cover_as_much_neither_always_wins() -> None:
    frame = np.random.default_rng(0).integers(0, 2, (400, 400)).astype(np.uint8)
    half = letterbox(frame, 200, labels=True)
    assert half.mean() == pytest.approx(frame.mean(), abs=0.02)


def test_a_clip_with_its_labels_and_its_spacing(labelled: Labelled) -> None:
    item = labelled("one", annotated=(0, 4), ef=0.5)
    small = letterbox_clip(item, 64)
    height, width = fit_size(item.clip.frame_shape, 64)
    assert (height, width) == (48, 64)
    assert small.clip.frames.shape == (6, 64, 64)
    assert small.clip.frames[:, 48:].max() == 0
    assert small.clip.spacing_mm == pytest.approx((0.5 * 120 / 48, 0.5 * 160 / 64))
    assert small.clip.clip_id != item.clip.clip_id
    assert (small.clip.fps, small.clip.view, small.clip.study_id) == (40, "A4C", "one")
    assert (small.ef, small.split, small.key_frames) == (0.5, "train", item.key_frames)
    assert small.truth.annotated_frames == (0, 4)
    area = [
        (one.truth.labels[0] == 1).sum() * np.prod(one.clip.spacing_mm) for one in (item, small)
    ]
    assert area[1] == pytest.approx(area[0], rel=0.02)
    assert letterbox_clip(small, 64).clip.clip_id == small.clip.clip_id


def test_ignored_pixels_and_an_unknown_spacing_stay_so(labelled: Labelled) -> None:
    item = labelled(spacing_mm=None)
    labels = item.truth.labels.copy()
    labels[:, :60] = IGNORE
    truth = Segmentation(labels, item.truth.annotated.copy(), "ground truth", item.truth.schema)
    small = letterbox_clip(replace(item, truth=truth), 80)
    assert small.clip.spacing_mm is None
    assert (small.truth.labels[:, :30] == IGNORE).all()
    assert (small.truth.labels[:, 30:] != IGNORE).all()
