"""Dice and IoU of masks counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from napari_echo.metrics.overlap import dice, iou


def test_half_shifted_squares() -> None:
    a, b = np.zeros((2, 8, 8), bool)
    a[2:6, 0:4] = True
    b[2:6, 2:6] = True
    assert dice(a, b) == pytest.approx(0.5)
    assert iou(a, b) == pytest.approx(1 / 3)


def test_disjoint_and_equal_masks() -> None:
    a = np.zeros((3, 4, 4), bool)
    a[:, 1] = True
    assert dice(a, a) == iou(a, a) == 1
    assert dice(a, ~a) == iou(a, ~a) == 0


def test_two_empty_masks_have_no_overlap_to_speak_of() -> None:
    empty = np.zeros((4, 4), bool)
    assert math.isnan(dice(empty, empty))
    assert math.isnan(iou(empty, empty))
    assert dice(empty, ~empty) == 0


def test_masks_of_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="shapes"):
        dice(np.ones((2, 3), bool), np.ones((3, 2), bool))


@settings(deadline=None, derandomize=True)
@given(arrays(bool, (2, 5, 5)))
def test_dice_and_iou_agree(masks: np.ndarray) -> None:
    a, b = masks
    d, j = dice(a, b), iou(a, b)
    assert math.isnan(d) == math.isnan(j)
    if not math.isnan(d):
        assert d == pytest.approx(2 * j / (1 + j))
        assert 0 <= j <= d <= 1
        assert dice(b, a) == d
