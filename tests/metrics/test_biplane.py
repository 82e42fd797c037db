"""Volumes of two planes, of ventricles whose volume is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.metrics.biplane import biplane, biplane_volume, first_plane, plane_of
from napari_echo.metrics.volume import LVMeasures, lv_measures
from napari_echo.phantom.generate import generate

SPACING = (0.5, 0.5)
BEAT = KeyFrames((Beat(0, 1),), "traced")


def half_ellipse(length: float, radius: float) -> NDArray[np.bool_]:
    y, x = (g * 0.5 for g in np.mgrid[:220, :160].astype(float))
    return (y <= 100) & (((100 - y) / length) ** 2 + ((x - 40) / radius) ** 2 <= 1)


def measured(*sizes: tuple[float, float], spacing: object = SPACING) -> LVMeasures:
    return lv_measures(np.stack([half_ellipse(*size) for size in sizes]), spacing, BEAT)  # type: ignore[arg-type]


def test_discs_of_two_widths_are_elliptical_cylinders_of_the_longer_axis() -> None:
    volume = biplane_volume(np.full(20, 4.0), np.full(20, 6.0), 8.0, 7.0)
    assert volume == pytest.approx(math.pi / 4 * 4 * 6 * 8)


def test_half_an_ellipsoid_with_three_axes() -> None:
    four, two = measured((80, 22), (70, 16)), measured((80, 28), (70, 20))
    first, second = first_plane(four), first_plane(two)
    assert first is not None
    assert second is not None
    found = biplane(first, second)
    edv, esv = (2 / 3 * math.pi * a * b * c / 1000 for a, b, c in ((22, 28, 80), (16, 20, 70)))
    assert found.edv == pytest.approx(edv, rel=0.05)
    assert found.esv == pytest.approx(esv, rel=0.05)
    assert found.ef == pytest.approx(1 - esv / edv, abs=0.015)
    assert found.length_gap < 0.02
    assert not found.is_foreshortened
    assert biplane(second, first) == found


def test_of_a_ventricle_that_is_round_both_planes_say_what_one_does() -> None:
    phantom = generate(4, frames="key")
    masks = phantom.truth.mask()
    one = lv_measures(masks, phantom.clip.spacing_mm, phantom.key_frames)
    plane = first_plane(one)
    assert plane is not None
    found = biplane(plane, plane)
    assert found.edv == pytest.approx(one.beats[0].edv)
    assert found.ef == pytest.approx(one.beats[0].ef)


def test_a_foreshortened_view_is_told() -> None:
    first, second = (
        first_plane(measured((80, 22), (70, 16))),
        first_plane(measured((65, 22), (60, 16))),
    )
    assert first is not None
    assert second is not None
    found = biplane(first, second)
    assert found.length_gap == pytest.approx(15 / 80, abs=0.02)
    assert found.is_foreshortened


def test_what_cannot_be_taken_is_none() -> None:
    assert first_plane(measured((80, 22), (70, 16), spacing=None)) is None
    assert plane_of(measured((80, 22), (70, 16)), 1) is None
    empty = lv_measures(np.zeros((2, 40, 40), bool), SPACING, BEAT)
    assert plane_of(empty, 0) is None
    half_set = lv_measures(half_ellipse(80, 22)[None], SPACING, KeyFrames((Beat(0, 0),), "traced"))
    assert plane_of(half_set, 0) is None
