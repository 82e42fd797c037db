"""Areas, lengths and volumes of half ellipsoids, whose volumes are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.metrics.volume import lv_measures

NO_BEAT = KeyFrames((), "detected")
LENGTH, RADIUS = 80.0, 22.0  # mm


def ventricle(
    spacing: tuple[float, float],
    *,
    length: float = LENGTH,
    radius: float = RADIUS,
    tilt: float = 0.0,
    extent_mm: float = 130.0,
) -> NDArray[np.bool_]:
    """Half an ellipse, apex up, cut flat at the annulus: a disc stack is half an ellipsoid."""
    h, w = round(extent_mm / spacing[0]), round(extent_mm / spacing[1])
    y, x = np.mgrid[:h, :w].astype(float)
    y, x = (y + 0.5) * spacing[0] - extent_mm * 0.8, (x + 0.5) * spacing[1] - extent_mm / 2
    along, across = (
        -y * math.cos(tilt) + x * math.sin(tilt),
        y * math.sin(tilt) + x * math.cos(tilt),
    )
    return (along >= 0) & ((along / length) ** 2 + (across / radius) ** 2 <= 1)


@pytest.mark.parametrize("spacing", [(0.5, 0.5), (0.4, 0.8), (0.9, 0.45)])
@pytest.mark.parametrize("tilt", [0.0, 0.35])
def test_a_half_ellipsoid_in_cm_and_ml(spacing: tuple[float, float], tilt: float) -> None:
    measures = lv_measures(ventricle(spacing, tilt=tilt)[None], spacing, NO_BEAT)
    assert (measures.unit_area, measures.unit_length, measures.unit_volume) == ("cm2", "cm", "ml")
    assert measures.area[0] == pytest.approx(math.pi / 2 * LENGTH * RADIUS / 100, rel=0.01)
    assert measures.length[0] == pytest.approx(LENGTH / 10, rel=0.03)
    expected = 2 / 3 * math.pi * RADIUS**2 * LENGTH / 1000
    assert measures.volume[0] == pytest.approx(expected, rel=0.05)


def test_without_a_spacing_everything_is_in_pixels() -> None:
    mask = ventricle((1.0, 1.0))
    in_pixels = lv_measures(mask[None], None, NO_BEAT)
    in_mm = lv_measures(mask[None], (1.0, 1.0), NO_BEAT)
    units = (in_pixels.unit_area, in_pixels.unit_length, in_pixels.unit_volume)
    assert units == ("px2", "px", "px3")
    assert in_pixels.area[0] == np.count_nonzero(mask)
    assert in_pixels.length[0] == pytest.approx(10 * in_mm.length[0])
    assert in_pixels.volume[0] == pytest.approx(1000 * in_mm.volume[0])


def test_ef_and_fac_of_known_ventricles_beat_by_beat() -> None:
    spacing = (0.5, 0.5)
    diastole, systole = ventricle(spacing), ventricle(spacing, length=70, radius=15)
    masks = np.stack([diastole, systole, diastole, diastole])
    measures = lv_measures(masks, spacing, KeyFrames((Beat(0, 1), Beat(2, 3)), "traced"))
    first, second = measures.beats
    assert first.ef == pytest.approx(1 - (15**2 * 70) / (RADIUS**2 * LENGTH), abs=0.02)
    assert first.fac == pytest.approx(1 - 15 * 70 / (RADIUS * LENGTH), abs=0.01)
    assert (first.edv, first.esv) == (measures.volume[0], measures.volume[1])
    assert (first.eda, first.esa) == (measures.area[0], measures.area[1])
    assert second.ef == second.fac == 0
    assert measures.ef == pytest.approx(first.ef / 2)
    assert measures.fac == pytest.approx(first.fac / 2)
    assert measures.key_frames.beats == (Beat(0, 1), Beat(2, 3))


def test_frames_without_lv_are_not_a_number_and_spoil_nothing_else() -> None:
    diastole = ventricle((1.0, 1.0))
    speck = np.zeros_like(diastole)
    speck[3, 3] = True
    masks = np.stack([diastole, np.zeros_like(diastole), speck, diastole])
    beats = KeyFrames((Beat(0, 1), Beat(3, 0)), "set by reader")
    measures = lv_measures(masks, (1.0, 1.0), beats)
    assert np.isnan(measures.area).tolist() == [False, True, False, False]
    assert np.isnan(measures.volume).tolist() == [False, True, True, False]
    assert math.isnan(measures.beats[0].ef)
    assert measures.ef == 0  # the mean of the one beat that could be measured


def test_a_clip_without_beats_has_no_ef() -> None:
    empty = lv_measures(np.zeros((2, 9, 9), bool), None, KeyFrames((Beat(0, 1),), "detected"))
    assert empty.ef is None
    assert lv_measures(ventricle((1.0, 1.0))[None], None, NO_BEAT).fac is None


def test_a_ventricle_in_a_corner_measures_the_same() -> None:
    mask = ventricle((1.0, 1.0))
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    cut = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    whole, cut_out = (lv_measures(m[None], (1.0, 1.0), NO_BEAT) for m in (mask, cut))
    assert cut_out.volume[0] == pytest.approx(whole.volume[0])


@pytest.mark.parametrize("spacing", [(0.5, 0.5), (0.4, 0.8)])
def test_the_open_contour_of_half_an_ellipse_and_its_shortening(
    spacing: tuple[float, float],
) -> None:
    def arc(length: float, radius: float) -> float:
        t = np.linspace(0, math.pi, 10_001)
        points = np.stack([length * np.sin(t), radius * np.cos(t)])
        return float(np.linalg.norm(np.diff(points), axis=0).sum())

    masks = np.stack([ventricle(spacing), ventricle(spacing, length=70, radius=16)])
    measures = lv_measures(masks, spacing, KeyFrames((Beat(0, 1),), "traced"))
    diastole, systole = arc(LENGTH, RADIUS), arc(70, 16)
    # The annulus is found where the wall ends to be flat, a little above the base.
    assert measures.contour[0] == pytest.approx(diastole / 10, rel=0.035)
    assert measures.contour[1] == pytest.approx(systole / 10, rel=0.035)
    (beat,) = measures.beats
    assert beat.shortening == pytest.approx((systole - diastole) / diastole, abs=0.015)
    assert (beat.led, beat.les) == (measures.length[0], measures.length[1])


def test_apex_and_base_are_placed_in_the_image() -> None:
    spacing = (0.5, 0.5)
    measures = lv_measures(ventricle(spacing)[None], spacing, NO_BEAT)
    # `ventricle` has the middle of its annulus at 104 mm down and 65 mm across.
    assert measures.apex[0] == pytest.approx((10.4 - LENGTH / 10, 6.5), abs=0.1)
    assert measures.base[0] == pytest.approx((10.4, 6.5), abs=0.3)


def test_a_beat_of_one_frame_is_still_to_be_set_and_has_no_ef() -> None:
    half_set = KeyFrames((Beat(0, 0),), "set by reader")
    (beat,) = lv_measures(ventricle((1.0, 1.0))[None], (1.0, 1.0), half_set).beats
    assert math.isnan(beat.ef)
    assert math.isnan(beat.fac)
    assert math.isnan(beat.shortening)
    assert beat.edv > 0
