"""Jitter and flicker of segmentations that are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_echo.metrics.temporal import area_jitter, excess_flicker


def test_a_straight_curve_has_no_jitter() -> None:
    assert area_jitter([10, 12, 14, 16]) == 0


def test_jitter_is_the_mean_bend_over_the_mean_area() -> None:
    # Second differences -4, 4, -4; mean area 11.
    assert area_jitter([10, 12, 10, 12, 10]) == pytest.approx(100 * 4 / 10.8)


def test_the_unit_of_the_area_does_not_matter() -> None:
    curve = np.array([30, 28, 25.5, 26, 29])
    assert area_jitter(curve) == pytest.approx(area_jitter(curve * 0.37))


def test_frames_beside_a_gap_are_left_out() -> None:
    assert area_jitter([10, 12, 14, np.nan, 16, 20, 24]) == 0
    assert np.isnan(area_jitter([10, 12, np.nan, 14, 15]))
    assert np.isnan(area_jitter([10, 12]))


def _bars(*starts: int) -> NDArray[np.bool_]:
    """Frames with a bar of ten columns that starts where it is told."""
    masks = np.zeros((len(starts), 4, 40), np.bool_)
    for mask, start in zip(masks, starts, strict=True):
        mask[:, start : start + 10] = True
    return masks


def test_what_moves_as_the_truth_does_flickers_none() -> None:
    truth = _bars(0, 2, 4, 6)
    assert excess_flicker(_bars(5, 7, 9, 11), truth) == 0


def test_flicker_is_the_dice_that_is_lost_between_neighbours() -> None:
    truth, still = _bars(0, 0, 0), _bars(0, 2, 0)
    # Bars two columns apart overlap by 8 of 10: Dice 0.8, twice.
    assert excess_flicker(still, truth) == pytest.approx(20)
    assert excess_flicker(truth, still) == pytest.approx(-20)


def test_flicker_needs_neighbours_and_one_shape() -> None:
    assert np.isnan(excess_flicker(_bars(0), _bars(0)))
    with pytest.raises(ValueError, match="do not pair"):
        excess_flicker(_bars(0), _bars(0, 1))
