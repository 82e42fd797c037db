"""Agreement of measured values with a reference."""

from __future__ import annotations

import numpy as np
import pytest

from napari_echo.metrics.agreement import agreement


def test_a_constant_offset_is_bias_alone() -> None:
    found = agreement([52, 62, 72], [50, 60, 70])
    assert found is not None
    assert (found.n, found.bias, found.sd, found.mae) == (3, 2, 0, 2)
    assert found.r == pytest.approx(1)


def test_opposite_errors_have_no_bias() -> None:
    found = agreement([55, 45, 60, 40], [50, 50, 50, 50])
    assert found is not None
    assert found.bias == 0
    assert found.mae == 7.5
    assert found.sd == pytest.approx(np.std([5, -5, 10, -10], ddof=1))
    assert np.isnan(found.r)


def test_pairs_that_lack_a_value_are_left_out() -> None:
    found = agreement([1, np.nan, 3, 4], [1, 2, 3, np.nan])
    assert found is not None
    assert found.n == 2
    assert agreement([1, np.nan], [1, 1]) is None
