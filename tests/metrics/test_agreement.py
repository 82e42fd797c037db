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
    assert found.rmse == 2
    # 1 - 3 x 2^2 / (10^2 + 0 + 10^2): bias costs R2 what it does not cost r.
    assert found.r2 == pytest.approx(1 - 12 / 200)
    assert found.limits == (2, 2)


def test_opposite_errors_have_no_bias() -> None:
    found = agreement([55, 45, 60, 40], [50, 50, 50, 50])
    assert found is not None
    assert found.bias == 0
    assert found.mae == 7.5
    assert found.sd == pytest.approx(np.std([5, -5, 10, -10], ddof=1))
    assert np.isnan(found.r)
    assert np.isnan(found.r2)
    assert found.rmse == pytest.approx(np.sqrt((25 + 25 + 100 + 100) / 4))
    assert found.limits == pytest.approx((-1.96 * found.sd, 1.96 * found.sd))


def test_worse_than_a_constant_is_below_zero() -> None:
    found = agreement([60, 50, 40], [40, 50, 60])
    assert found is not None
    assert found.r == pytest.approx(-1)
    assert found.r2 == pytest.approx(1 - 800 / 200)


def test_pairs_that_lack_a_value_are_left_out() -> None:
    found = agreement([1, np.nan, 3, 4], [1, 2, 3, np.nan])
    assert found is not None
    assert found.n == 2
    assert agreement([1, np.nan], [1, 1]) is None
