"""The long axis and the discs of the left ventricle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_echo.core.discs import disc_chords, long_axis


def ventricle(
    half_width: float = 30, length: float = 100, tilt: float = 0, size: int = 240
) -> NDArray[np.bool_]:
    """Half an ellipse with its apex on top and a straight annulus, tilted by `tilt` degrees."""
    y, x = np.mgrid[:size, :size] - size / 2
    angle = np.deg2rad(tilt)
    along = y * np.cos(angle) + x * np.sin(angle)
    across = -y * np.sin(angle) + x * np.cos(angle)
    from_base = length / 2 - along
    return (from_base >= 0) & ((from_base / length) ** 2 + (across / half_width) ** 2 <= 1)


@settings(max_examples=30, deadline=None)
@given(tilt=st.floats(-45, 45), half_width=st.floats(20, 40), length=st.floats(85, 140))
def test_axis_of_a_half_ellipse(tilt: float, half_width: float, length: float) -> None:
    axis = long_axis(ventricle(half_width, length, tilt))
    assert axis is not None
    angle = np.deg2rad(tilt)
    down = np.array([np.cos(angle), np.sin(angle)])
    middle = np.array([120, 120])
    assert np.linalg.norm(np.array(axis.apex) - (middle - down * length / 2)) < 2.5
    assert np.linalg.norm(np.array(axis.base) - (middle + down * length / 2)) < 4
    assert axis.length() == pytest.approx(length, rel=0.04)
    assert axis.annulus[0][1] < axis.annulus[1][1]


@pytest.mark.parametrize("tilt", [0, 25, -40])
def test_discs_give_the_volume_of_a_half_ellipsoid(tilt: float) -> None:
    mask = ventricle(32, 110, tilt)
    axis = long_axis(mask)
    assert axis is not None
    chords = disc_chords(mask, axis)
    diameters = np.linalg.norm(chords[:, 0] - chords[:, 1], axis=1)
    volume = np.pi / 4 * (diameters**2).sum() * axis.length() / len(chords)
    assert volume == pytest.approx(2 / 3 * np.pi * 32**2 * 110, rel=0.04)


def test_chords_run_from_apex_to_base_and_left_to_right() -> None:
    mask = ventricle(32, 110)
    axis = long_axis(mask)
    assert axis is not None
    chords = disc_chords(mask, axis, n=10)
    assert chords.shape == (10, 2, 2)
    assert (np.diff(chords[:, 0, 0]) > 0).all()
    assert (chords[:, 0, 1] < chords[:, 1, 1]).all()
    assert np.ptp(chords[0, :, 1]) < np.ptp(chords[-1, :, 1])


def test_specks_and_ragged_edges_move_the_axis_little() -> None:
    clean = ventricle(30, 110, 20)
    rng = np.random.default_rng(5)
    ragged = clean ^ (rng.random(clean.shape) < 0.002)
    ragged[5:15, 5:15] = True
    before, after = long_axis(clean), long_axis(ragged)
    assert before is not None
    assert after is not None
    assert np.linalg.norm(np.subtract(before.apex, after.apex)) < 5
    assert np.linalg.norm(np.subtract(before.base, after.base)) < 5


def test_oblong_pixels_give_the_axis_in_their_unit() -> None:
    mask = ventricle(30, 110, 30)
    squeezed = mask[:, ::2]  # pixels twice as wide as high
    axis = long_axis(squeezed, (1.0, 2.0))
    square = long_axis(mask)
    assert axis is not None
    assert square is not None
    assert axis.length((1.0, 2.0)) == pytest.approx(square.length(), rel=0.03)
    chords = disc_chords(squeezed, axis, spacing=(1.0, 2.0))
    widths = np.linalg.norm((chords[:, 0] - chords[:, 1]) * [1.0, 2.0], axis=1)
    reference = disc_chords(mask, square)
    assert widths == pytest.approx(
        np.linalg.norm(reference[:, 0] - reference[:, 1], axis=1), rel=0.1, abs=2
    )


def test_a_mask_cut_by_the_border_has_an_axis() -> None:
    mask = ventricle(30, 110)[70:]
    axis = long_axis(mask)
    assert axis is not None
    assert axis.apex[0] == pytest.approx(-0.5)


@pytest.mark.parametrize("n_pixels", [0, 1, 12])
def test_nothing_and_next_to_nothing_have_no_axis(n_pixels: int) -> None:
    mask = np.zeros((32, 32), bool)
    mask.ravel()[:n_pixels] = True
    assert long_axis(mask) is None
