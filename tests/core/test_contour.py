"""The endocardial contour through control points."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_echo.core.contour import curve_through, fill_contour, open_outline
from napari_echo.metrics.control_points import control_points
from napari_echo.metrics.overlap import dice


def _ventricle(height: int = 90, width: int = 50) -> NDArray[np.bool_]:
    """A half ellipse, cut straight at the annulus, apex on top."""
    y, x = np.mgrid[:128, :128].astype(float)
    return (np.hypot((x - 64) / (width / 2), (y - 110) / height) <= 1) & (y <= 110)


def test_the_curve_passes_through_its_points() -> None:
    points = np.array([[110.0, 40.0], [60.0, 42.0], [20.0, 64.0], [60.0, 86.0], [110.0, 88.0]])
    curve = curve_through(points)
    gaps = np.linalg.norm(points[:, None] - curve[None], axis=2).min(axis=1)
    assert gaps.max() < 1.0
    assert np.allclose(curve[[0, -1]], points[[0, -1]])


def test_the_mask_is_closed_by_the_annulus_line() -> None:
    points = np.array([[100.0, 40.0], [20.0, 64.0], [100.0, 88.0]])
    mask = fill_contour(points, (128, 128))
    rows = np.flatnonzero(mask.any(axis=1))
    assert rows[-1] in (99, 100)
    assert mask[98, 45:84].all()


def test_points_outside_of_the_frame_and_on_each_other_do_no_harm() -> None:
    points = np.array([[140.0, -9.0], [60.0, 42.0], [60.0, 42.0], [-5.0, 64.0], [110.0, 150.0]])
    mask = fill_contour(points, (128, 128))
    assert mask.shape == (128, 128)
    assert mask.any()


def test_an_outline_runs_from_the_left_end_of_the_annulus_over_the_apex() -> None:
    outline = open_outline(_ventricle())
    assert outline is not None
    (first, last), top = outline[[0, -1]], outline[outline[:, 0].argmin()]
    assert first[1] < 45
    assert last[1] > 83
    assert first[0] > 100
    assert last[0] > 100
    assert top[0] < 22
    # The annulus line itself is left out.
    assert not ((outline[:, 0] > 109) & (abs(outline[:, 1] - 64) < 10)).any()


@pytest.mark.parametrize("least", [0.9, 0.97])
def test_few_points_draw_a_mask_as_well_as_asked(least: float) -> None:
    mask = _ventricle()
    points = control_points(mask, least)
    assert points is not None
    assert 3 <= len(points) <= 12
    assert dice(fill_contour(points, mask.shape), mask) >= least


def test_what_has_no_axis_has_no_points() -> None:
    speck = np.zeros((64, 64), np.bool_)
    speck[3:6, 3:6] = True
    assert control_points(speck, 0.9) is None
    assert open_outline(np.zeros((64, 64), np.bool_)) is None
