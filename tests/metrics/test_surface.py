"""Surface distances of shapes whose distances are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from napari_echo.metrics.surface import asd, hd95


def box(rows: slice, columns: slice, shape: tuple[int, int] = (40, 50)) -> NDArray[np.bool_]:
    mask = np.zeros(shape, bool)
    mask[rows, columns] = True
    return mask


def disc(radius: float, centre: tuple[float, float] = (60, 60), size: int = 120):
    y, x = np.ogrid[:size, :size]
    return (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2


def test_equal_masks_are_no_distance_apart() -> None:
    a = box(slice(5, 20), slice(8, 30))
    assert hd95(a, a, (0.3, 0.3)) == asd(a, a, (0.3, 0.3)) == 0


def test_concentric_discs_are_their_radii_apart() -> None:
    assert hd95(disc(30), disc(40), (0.5, 0.5)) == pytest.approx(5, abs=0.4)
    assert asd(disc(30), disc(40), (0.5, 0.5)) == pytest.approx(5, abs=0.2)


def test_distances_are_in_mm_along_each_axis() -> None:
    line, down, right = (
        box(slice(10, 11), slice(5, 45)),
        box(slice(14, 15), slice(5, 45)),
        box(slice(10, 11), slice(9, 49)),
    )
    assert hd95(line, down, (2.0, 0.5)) == pytest.approx(8)
    assert asd(line, down, (2.0, 0.5)) == pytest.approx(8)
    # Shifted along itself by 4 pixels of 0.5 mm, only its ends stick out.
    assert asd(line, right, (2.0, 0.5)) == pytest.approx((0.5 + 1 + 1.5 + 2) / 40)


def test_no_spacing_means_pixels() -> None:
    a, b = box(slice(10, 11), slice(5, 45)), box(slice(14, 15), slice(5, 45))
    assert asd(a, b, None) == 4


def test_they_are_symmetric_and_as_defined() -> None:
    a, b = disc(20, (50, 45)), disc(28, (61, 62))

    def outline(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        padded = np.pad(mask, 1)
        inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
        return np.argwhere(mask & ~inner) * (0.4, 0.7)

    distances = cdist(outline(a), outline(b))
    to_b, to_a = distances.min(axis=1), distances.min(axis=0)
    expected = max(np.percentile(to_b, 95), np.percentile(to_a, 95))
    for first, second in ((a, b), (b, a)):
        assert hd95(first, second, (0.4, 0.7)) == pytest.approx(expected)
        assert asd(first, second, (0.4, 0.7)) == pytest.approx(np.mean([*to_a, *to_b]))


def test_masks_at_the_border_have_an_outline_there() -> None:
    full, most = np.ones((10, 10), bool), box(slice(0, 10), slice(0, 8), (10, 10))
    assert hd95(full, most, None) == pytest.approx(2)


def test_a_single_stray_pixel_hardly_moves_hd95() -> None:
    a = disc(40)
    b = a.copy()
    b[1, 1] = True
    assert hd95(a, b, None) < 1


@pytest.mark.parametrize("measure", [hd95, asd])
def test_an_empty_mask_is_at_no_distance(measure) -> None:
    empty = np.zeros((9, 9), bool)
    assert math.isnan(measure(empty, ~empty, (1, 1)))
    assert math.isnan(measure(~empty, empty, (1, 1)))
    assert math.isnan(measure(empty, empty, (1, 1)))


@pytest.mark.parametrize("measure", [hd95, asd])
def test_stacks_and_other_shapes_are_refused(measure) -> None:
    with pytest.raises(ValueError, match=r"\(H, W\)"):
        measure(np.ones((2, 4, 4), bool), np.ones((2, 4, 4), bool), None)
    with pytest.raises(ValueError, match=r"\(H, W\)"):
        measure(np.ones((4, 5), bool), np.ones((4, 4), bool), None)
