"""Temporal checks: quiet on exact masks, and each fault found at its frame."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.metrics.temporal_checks import findings, inconsistency, limits, values
from napari_echo.metrics.volume import LVMeasures, lv_measures
from napari_echo.phantom.generate import generate

SPACING = (1.0, 1.0)
PERIOD, N, FPS = 16, 34, 30.0
BEATS = KeyFrames((Beat(0, 8), Beat(16, 24)), "traced")


@cache
def beating() -> NDArray[np.bool_]:
    """A half ellipse whose apex stands still and whose annulus moves."""
    y, x = np.mgrid[:130, :100].astype(float)
    masks = []
    for frame in range(N):
        squeeze = 0.5 - 0.5 * np.cos(2 * np.pi * frame / PERIOD)
        length, radius = 90 - 12 * squeeze, 26 - 8 * squeeze
        down = (y - 15) / length
        masks.append((down >= 0) & (down <= 1) & ((1 - down) ** 2 + ((x - 50) / radius) ** 2 <= 1))
    return np.stack(masks)


def measured(masks: NDArray[np.bool_] | None = None, key_frames: KeyFrames = BEATS) -> LVMeasures:
    return lv_measures(beating() if masks is None else masks, SPACING, key_frames)


def test_a_beating_ventricle_has_no_findings() -> None:
    assert findings(measured(), FPS) == ()
    assert inconsistency(()) == 0


def test_a_real_phantom_has_none_either() -> None:
    phantom = generate(3, frames="beat")
    m = lv_measures(phantom.truth.mask(), phantom.clip.spacing_mm, phantom.key_frames)
    assert findings(m, phantom.clip.fps) == ()


def test_one_shrunken_frame_is_a_jump_of_the_area_found_once() -> None:
    masks = beating().copy()
    masks[13] = masks[8]
    found = findings(measured(masks), FPS)
    assert [(f.check, f.frame) for f in found if f.check == "area jump"] == [("area jump", 13)]
    jump = next(f for f in found if f.check == "area jump")
    area = masks.sum(axis=(1, 2))
    expected = 100 * abs(area[13] - (area[12] + area[14]) / 2) / area.max()
    assert jump.value == pytest.approx(expected)
    assert jump.severity == pytest.approx(expected / jump.limit)
    assert inconsistency(found) >= jump.severity > 1


def test_an_apex_cut_short_drifts_and_the_annulus_does_not() -> None:
    masks = beating().copy()
    masks[20, :25] = False
    checks = {f.check for f in findings(measured(masks), FPS)}
    assert "apex drift" in checks
    assert "base drift" not in checks


def test_an_annulus_that_jumps_is_found() -> None:
    masks = beating().copy()
    bottom = np.flatnonzero(masks[20].any(axis=1))[-1]
    masks[20, bottom - 11 :] = False
    found = [f for f in findings(measured(masks), FPS) if f.check == "base drift"]
    assert [f.frame for f in found] in ([20], [21])


def test_a_cycle_that_does_not_close_is_found_at_the_next_ed() -> None:
    m = measured()
    area = m.area.copy()
    area[12:] *= 0.85
    found = [f for f in findings(replace(m, area=area), FPS) if f.check == "open cycle"]
    assert [(f.frame, round(f.value)) for f in found] == [(16, 15)]


def test_ed_and_es_that_are_no_extrema_are_found_where_the_extremum_is() -> None:
    wrong = measured(key_frames=KeyFrames((Beat(4, 8), Beat(16, 20)), "set by reader"))
    found = {f.check: f.frame for f in findings(wrong, FPS)}
    assert found["ED no maximum"] == 0
    assert found["ES no minimum"] == 24


def test_a_half_beat_from_es_to_ed_is_looked_at_the_other_way_round() -> None:
    part = beating()[8:17]
    assert findings(measured(part, KeyFrames((Beat(8, 0),), "traced")), FPS) == ()
    wrong = findings(measured(part, KeyFrames((Beat(5, 0),), "traced")), FPS)
    assert [(f.check, f.frame) for f in wrong] == [("ED no maximum", 8)]


def test_sparse_labels_are_checked_where_they_can_be() -> None:
    masks = np.zeros_like(beating())
    masks[[0, 8, 16, 24]] = beating()[[0, 8, 16, 24]]
    assert findings(measured(masks), FPS) == ()
    assert {check for check, _, _ in values(measured(masks))} >= {"open cycle", "ED no maximum"}
    assert findings(measured(np.zeros_like(masks)), FPS) == ()


def test_a_slow_clip_may_change_more_from_frame_to_frame() -> None:
    assert limits(25)["area jump"] > limits(50)["area jump"] > limits(200)["area jump"]
    assert limits(None) == limits(25)
