"""What a correction may do to the EF."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_echo.metrics.ef_outlook import ef_outlook


def _ventricle(width: float, blur: float, length: float = 60.0) -> NDArray[np.float64]:
    """Probabilities of a half ellipse whose border is blurred over some pixels."""
    y, x = np.mgrid[:128, :128].astype(float)
    inside = np.hypot((x - 64) / width, (y - 100) / length)
    p = np.clip(0.5 + (1 - inside) * width / blur, 0, 1)
    p[y > 100] = 0
    return p


def test_sharp_borders_leave_nothing_to_change() -> None:
    outlook = ef_outlook(_ventricle(30, 1e-6), _ventricle(22, 1e-6), None)
    assert outlook is not None
    # Discs of one length: volumes go with the square of the width.
    assert outlook.ef == pytest.approx(1 - (22 / 30) ** 2, abs=0.03)
    assert outlook.expected_change < 0.006
    assert outlook.crossing == (0, 0, 0)


def test_wider_doubt_may_change_more_and_cross_the_nearest_limit() -> None:
    sharp = ef_outlook(_ventricle(30, 2), _ventricle(22, 2), None)
    vague = ef_outlook(_ventricle(30, 12), _ventricle(22, 12), None)
    assert sharp is not None
    assert vague is not None
    assert vague.expected_change > 3 * sharp.expected_change
    of_35, of_40, of_50 = vague.crossing
    assert of_50 > 0.2
    assert of_50 > of_35
    assert of_40 > of_35


def test_the_same_doubt_weighs_more_on_a_small_ventricle() -> None:
    large = ef_outlook(_ventricle(34, 6), _ventricle(26, 6), (0.5, 0.5))
    small = ef_outlook(_ventricle(17, 6, 30), _ventricle(13, 6, 30), (0.5, 0.5))
    assert large is not None
    assert small is not None
    assert small.expected_change > 1.5 * large.expected_change


def test_no_ventricle_no_outlook() -> None:
    assert ef_outlook(_ventricle(30, 2), np.zeros((128, 128)), None) is None
    faint = ef_outlook(_ventricle(30, 2), 0.7 * _ventricle(22, 2), None)
    assert faint is not None
    assert np.isfinite(faint.expected_change)
