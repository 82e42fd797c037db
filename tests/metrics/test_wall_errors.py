"""Signed wall errors of ventricles that were moved and cut by known amounts."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_echo.metrics.walls import wall_errors, wall_names

SPACING = (0.5, 0.5)
LENGTH, RADIUS = 80.0, 24.0


def ventricle(
    *, longer: float = 0.0, left: float = 0.0, right: float = 0.0, up: float = 0.0
) -> NDArray[np.bool_]:
    """A tube with a round apex; its ends and walls can be moved outwards, in mm."""
    y, x = (g * 0.5 for g in np.mgrid[:240, :240].astype(float))
    top, bottom = 20 - longer, 20 + LENGTH + up
    x = x - 60
    tube = (x >= -(RADIUS + left)) & (x <= RADIUS + right) & (y >= top + RADIUS) & (y <= bottom)
    cap = (x / (RADIUS + np.where(x < 0, left, right))) ** 2 + ((y - top - RADIUS) / RADIUS) ** 2
    return tube | ((cap <= 1) & (y < top + RADIUS))


def test_a_mask_against_itself_has_no_error() -> None:
    errors = wall_errors(ventricle(), ventricle(), SPACING)
    assert errors is not None
    assert (errors.left, errors.apical, errors.right, errors.base) == pytest.approx(
        (0, 0, 0, 0), abs=0.03
    )


@pytest.mark.parametrize("by", [3.0, -3.0])
def test_each_segment_is_told_from_the_others_and_has_its_sign(by: float) -> None:
    reference = ventricle()
    left = wall_errors(ventricle(left=by), reference, SPACING)
    right = wall_errors(ventricle(right=by), reference, SPACING)
    base = wall_errors(ventricle(up=by), reference, SPACING)
    apex = wall_errors(ventricle(longer=by), reference, SPACING)
    assert left is not None
    assert right is not None
    assert base is not None
    assert apex is not None
    # The lowest points of a wall lie round the corner, on the base.
    assert left.left == pytest.approx(by, abs=0.4)
    assert left.right == pytest.approx(0, abs=0.1)
    assert right.right == pytest.approx(by, abs=0.4)
    assert right.left == pytest.approx(0, abs=0.1)
    assert base.base == pytest.approx(by, abs=0.4)
    # The walls of a tube run along it: what moves at its ends hardly moves them.
    assert abs(base.left) < 0.4
    assert abs(base.right) < 0.4
    # The cap's sides move along themselves, its top by the whole.
    assert 0.4 * abs(by) < by / abs(by) * apex.apical < abs(by)
    assert abs(apex.left) < 0.2
    assert abs(apex.right) < 0.2
    assert abs(apex.base) < 0.2


def test_distances_are_in_mm_also_of_pixels_that_are_not_square_and_else_in_pixels() -> None:
    reference, wider = ventricle(), ventricle(right=4.0)
    squeezed = wall_errors(wider[:, ::2], reference[:, ::2], (0.5, 1.0))
    in_pixels = wall_errors(wider, reference)
    assert squeezed is not None
    assert in_pixels is not None
    assert squeezed.right == pytest.approx(4, abs=0.4)
    assert in_pixels.right == pytest.approx(8, abs=0.6)


def test_without_a_shape_there_is_no_error_and_other_sizes_are_refused() -> None:
    empty = np.zeros_like(ventricle())
    assert wall_errors(empty, ventricle()) is None
    assert wall_errors(ventricle(), empty) is None
    assert wall_errors(empty, empty) is None
    with pytest.raises(ValueError, match="do not pair"):
        wall_errors(ventricle()[1:], ventricle())


def test_walls_go_by_the_view() -> None:
    assert wall_names("A4C") == ("septal", "lateral")
    assert wall_names("A2C") == ("inferior", "anterior")
    assert wall_names("unknown") == ("left", "right")
