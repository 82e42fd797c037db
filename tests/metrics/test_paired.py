"""Means and differences with intervals from resampled patients."""

from __future__ import annotations

import numpy as np
import pytest

from napari_echo.metrics.paired import estimate, paired_difference


def test_the_interval_is_that_of_the_mean() -> None:
    """For many patients of one clip, the bootstrap gives the normal interval."""
    rng = np.random.default_rng(1)
    values = rng.normal(0.9, 0.05, 400)
    found = estimate(values.tolist(), [str(i) for i in range(400)])
    error = values.std(ddof=1) / np.sqrt(400)
    assert (found.n, found.patients) == (400, 400)
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.1 * error)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.1 * error)


def test_clips_of_one_patient_are_drawn_together() -> None:
    """Ten copies of each patient's clip tell no more than one."""
    values = [0.80, 0.95, 0.90, 0.85, 0.99]
    patients = list("abcde")
    once, often = estimate(values, patients), estimate(values * 10, patients * 10)
    assert (often.n, often.patients) == (50, 5)
    assert (often.low, often.high) == pytest.approx((once.low, once.high))


def test_the_seed_makes_the_interval() -> None:
    values, patients = [0.1, 0.5, 0.7, 0.9, 0.2, 0.3], list("abcdef")
    assert estimate(values, patients, seed=3) == estimate(values, patients, seed=3)
    assert estimate(values, patients, seed=3).low != estimate(values, patients, seed=4).low


def test_too_little_has_no_interval() -> None:
    nothing = estimate([np.nan], ["a"])
    assert (nothing.n, nothing.patients) == (0, 0)
    assert np.isnan([nothing.mean, nothing.sd, nothing.low, nothing.high]).all()
    one = estimate([0.5, 0.7], ["a", "a"])
    assert one.mean == pytest.approx(0.6)
    assert np.isnan([one.low, one.high]).all()


def test_a_constant_difference_is_certain() -> None:
    first = [0.70, 0.80, 0.90, 0.95, 0.60, 0.75]
    second = [value + 0.02 for value in first]
    found = paired_difference(first, second, list("abcdef"))
    assert found.difference.mean == pytest.approx(0.02)
    assert (found.difference.low, found.difference.high) == pytest.approx((0.02, 0.02))
    # All six signs alike: twice 1 in 2^6.
    assert found.p == pytest.approx(2 / 2**6)


def test_pairs_count_where_both_were_measured() -> None:
    found = paired_difference([0.5, np.nan, 0.7], [0.6, 0.9, np.nan], list("abc"))
    assert found.difference.n == 1
    assert (found.first, found.second) == (0.5, 0.6)


def test_equal_models_have_no_test() -> None:
    found = paired_difference([0.5, 0.6, 0.7], [0.5, 0.6, 0.7], list("abc"))
    assert found.difference.mean == 0
    assert np.isnan(found.p)


def test_the_order_of_the_models_is_the_sign() -> None:
    a, b, patients = [0.9, 0.8, 0.95, 0.7], [0.85, 0.82, 0.9, 0.65], list("wxyz")
    forth, back = paired_difference(a, b, patients), paired_difference(b, a, patients)
    assert forth.difference.mean == pytest.approx(-back.difference.mean)
    assert forth.p == pytest.approx(back.p)
