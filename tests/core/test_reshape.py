"""What becomes of labels when the LV cavity gets another shape."""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.draw import polygon
from skimage.measure import perimeter

from napari_echo.core.contour import curve_through, fill_polygon
from napari_echo.core.drag import DragContour
from napari_echo.core.errors import EchoError
from napari_echo.core.reshape import smooth_cavity, with_mask, without_structure

SHAPE = (160, 180)


def ventricle(width: float = 28.0, height: float = 55.0) -> NDArray[np.bool_]:
    """Half an ellipse with a flat annulus, apex on top."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return np.asarray((((x - 90) / width) ** 2 + ((y - 100) / height) ** 2 <= 1) & (y <= 120))


def frame() -> NDArray[np.uint8]:
    """A cavity in its wall, and an atrium below the annulus."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[ventricle(38, 65)] = 2
    labels[ventricle()] = 1
    labels[121:150, 45:135] = 3
    return labels


def test_a_polygon_is_filled_as_libraries_do() -> None:
    rng = np.random.default_rng(0)
    for n in range(60):
        points = rng.uniform(-20, 200, (3 + n % 6, 2))
        points = curve_through(points) if n % 2 else points
        expected = np.zeros(SHAPE, np.bool_)
        expected[polygon(points[:, 0], points[:, 1], SHAPE)] = True
        assert np.array_equal(fill_polygon(points, SHAPE), expected)


def test_a_cavity_that_goes_leaves_what_lies_around_it() -> None:
    labels = frame()
    left = without_structure(labels)
    assert not (left == 1).any()
    assert np.array_equal(left[labels != 1], labels[labels != 1])
    assert left[60, 90] == 2  # near the apex, the wall
    assert left[120, 90] == 3  # above the annulus, the atrium


def test_a_smaller_cavity_lets_the_wall_grow_and_a_larger_one_covers_it() -> None:
    labels = frame()
    under = without_structure(labels)
    smaller, larger = ventricle(20, 47), ventricle(33, 60)
    assert (with_mask(under, smaller)[ventricle() & ~smaller] != 0).all()
    grown = with_mask(under, larger)
    assert (grown[larger] == 1).all()
    assert np.array_equal(grown[~larger], labels[~larger])


def test_a_frame_that_is_all_cavity_leaves_background() -> None:
    assert not without_structure(np.ones((20, 20), np.uint8)).any()


def test_smoothing_takes_notches_and_keeps_area_and_annulus() -> None:
    mask = ventricle()
    rough = mask.copy()
    rough[70:74, 60:75] = False  # a notch in the wall
    rough[88:91, 110:124] = True  # and a spike
    smooth = smooth_cavity(rough, (0.4, 0.4))
    assert abs(smooth.sum() / rough.sum() - 1) < 0.01
    length = {name: perimeter(m) for name, m in (("rough", rough), ("smooth", smooth))}
    assert length["smooth"] < perimeter(mask) * 1.02 < length["rough"]
    assert (smooth ^ mask).sum() < 0.03 * mask.sum()
    assert smooth[119, 66:115].all()
    assert not smooth[122:].any()


def test_smoothing_nothing_says_what_to_do() -> None:
    with pytest.raises(EchoError, match="draw one first"):
        smooth_cavity(np.zeros(SHAPE, np.bool_), None)


class TestDragging:
    def test_a_contour_that_is_not_moved_is_the_mask(self) -> None:
        mask = ventricle()
        contour = DragContour.of_mask(mask)
        assert contour is not None
        assert (contour.mask(SHAPE) ^ mask).sum() < 0.01 * mask.sum()
        points = contour.points
        assert 5 <= len(points) <= 11
        assert points[0][1] < points[-1][1]
        assert abs(points[0][0] - 120) < 4
        assert points[contour.apex][0] < 50

    def test_dragging_moves_the_wall_there_and_nowhere_else(self) -> None:
        mask = ventricle()
        contour = DragContour.of_mask(mask)
        assert contour is not None
        before = contour.mask(SHAPE)
        points = contour.points
        side = int(points[:, 1].argmax())
        moved = points.copy()
        moved[side, 1] += 15
        contour.move(moved)
        after = contour.mask(SHAPE)
        y, x = np.round(moved[side]).astype(int)
        assert after[y, x - 2]
        assert not before[y, x - 2]
        assert not (after ^ before)[:, :80].any()
        contour.move(points)
        assert np.array_equal(contour.mask(SHAPE), before)

    def test_the_annulus_follows_its_ends(self) -> None:
        contour = DragContour.of_mask(ventricle())
        assert contour is not None
        points = contour.points
        points[[0, -1], 0] += 12
        contour.move(points)
        assert contour.mask(SHAPE)[130, 90]

    def test_points_are_added_on_the_line_and_removed_again(self) -> None:
        contour = DragContour.of_mask(ventricle())
        assert contour is not None
        n, before = len(contour.points), contour.mask(SHAPE)
        between = contour.points[1:3].mean(axis=0)
        contour.add(between)
        assert len(contour.points) == n + 1
        assert np.array_equal(contour.mask(SHAPE), before)
        added = int(np.linalg.norm(contour.points - between, axis=1).argmin())
        assert contour.remove(added)
        assert len(contour.points) == n
        assert (contour.mask(SHAPE) ^ before).sum() < 0.02 * before.sum()
        assert not contour.remove(0)
        assert not contour.remove(n - 1)

    def test_three_points_make_a_ventricle(self) -> None:
        ends = np.array([[120.0, 70.0], [120.0, 110.0]])
        apex = np.array([40.0, 92.0])  # not quite above the middle
        for first, second in ((0, 1), (1, 0)):
            contour = DragContour.of_three(ends[first], apex, ends[second])
            mask = contour.mask(SHAPE)
            assert mask[118, 75:105].all()
            assert mask[45, 92]
            assert mask[80, 75:105].all()
            assert not mask[122:].any()
        assert np.allclose(contour.points[contour.apex], apex, atol=0.5)

    def test_a_speck_has_no_contour(self) -> None:
        mask = np.zeros(SHAPE, np.bool_)
        mask[5:7, 5:7] = True
        assert DragContour.of_mask(mask) is None

    def test_a_move_on_a_large_frame_takes_a_few_milliseconds(self) -> None:
        mask = np.kron(ventricle(), np.ones((5, 6), np.bool_))
        contour = DragContour.of_mask(mask)
        assert contour is not None
        times = []
        for step in range(5):
            points = contour.points
            points[2] += step + 1
            begun = time.thread_time()
            contour.move(points)
            contour.mask(mask.shape)
            times.append(time.thread_time() - begun)
        assert min(times) < 0.03
