"""ED and ES from area curves whose key frames are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from napari_echo.core.beats import detect_key_frames
from napari_echo.core.keyframes import Beat, KeyFrames

SYSTOLE = 0.35
"""Share of the beat from ED to ES."""

# Ejection, rapid filling, diastasis, atrial contraction.
_EMPTYING = PchipInterpolator(
    [0, 0.09, 0.21, SYSTOLE, 0.43, 0.6, 0.75, 0.9, 1.0],
    [1, 0.85, 0.3, 0.0, 0.15, 0.7, 0.78, 0.82, 1.0],
)


def area_curve(phase: NDArray[np.float64], fac: float = 0.4) -> NDArray[np.float64]:
    """LV area at each phase of the cycle; whole phases are ED."""
    return 1000 * (1 - fac * (1 - _EMPTYING(phase % 1)))


def true_beats(start: float, period: float, n: int) -> list[tuple[float, float]]:
    """ED and ES of the beats that lie inside a clip of `n` frames."""
    beats = [((k - start) * period, (k + SYSTOLE - start) * period) for k in range(-1, 20)]
    return [(ed, es) for ed, es in beats if ed >= 1.5 and es <= n - 2.5]


def assert_found(key_frames: KeyFrames, expected: list[tuple[float, float]], reach: float) -> None:
    for ed, es in expected:
        near = [b for b in key_frames.beats if abs(b.ed - ed) <= reach and abs(b.es - es) <= reach]
        assert len(near) == 1, f"no beat at {ed:.1f}, {es:.1f} among {key_frames.beats}"


@settings(deadline=None, max_examples=60, derandomize=True)
@given(
    start=st.floats(0, 0.99),
    fps=st.floats(25, 80),
    rate=st.floats(45, 120),
    beats=st.floats(1.3, 5),
    fac=st.floats(0.12, 0.6),
    rate_is_known=st.booleans(),
)
def test_finds_every_beat_of_a_clean_curve(
    start: float, fps: float, rate: float, beats: float, fac: float, rate_is_known: bool
) -> None:
    period = fps * 60 / rate
    n = int(period * beats)
    expected = true_beats(start, period, n)
    assume(expected)
    found = detect_key_frames(
        area_curve(start + np.arange(n) / period, fac), fps if rate_is_known else None
    )
    assert found.origin == "detected"
    assert_found(found, expected, 1 + 0.04 * period)
    assert len(found.beats) <= len(expected) + 2  # cut beats at the edges, no others
    assert all(a.ed < a.es < b.ed for a, b in zip(found.beats, found.beats[1:], strict=False))


@settings(deadline=None, max_examples=60, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    start=st.floats(0, 0.99),
    fps=st.floats(30, 80),
    rate=st.floats(50, 90),
)
def test_withstands_noise_and_failed_frames(
    seed: int, start: float, fps: float, rate: float
) -> None:
    rng = np.random.default_rng(seed)
    period = fps * 60 / rate
    n = int(period * 3)
    area = area_curve(start + np.arange(n) / period) + rng.normal(0, 1000 * 0.4 * 0.04, n)
    failed = rng.choice(np.arange(2, n - 2), 2, replace=False)
    area[failed] *= rng.choice([0, 0.3, 0.6, 1.5], 2)
    assert_found(detect_key_frames(area, fps), true_beats(start, period, n), 1 + 0.1 * period)


@pytest.mark.parametrize("n", [2, 3, 5, 10, 30])
@pytest.mark.parametrize("fps", [None, 50.0])
def test_half_a_beat_has_its_key_frames_at_its_ends(n: int, fps: float | None) -> None:
    ejection = 1000 - 200 * (1 - np.cos(np.linspace(0, np.pi, n)))
    assert detect_key_frames(ejection, fps).beats == (Beat(0, n - 1),)
    assert detect_key_frames(ejection[::-1], fps).beats == (Beat(n - 1, 0),)


def test_a_clip_that_starts_amid_systole_pairs_the_only_es_with_the_ed_after_it() -> None:
    area = area_curve(np.linspace(0.15, 1.0, 40))
    (beat,) = detect_key_frames(area, 50).beats
    assert beat.ed == 39
    assert beat.es == pytest.approx(39 * (SYSTOLE - 0.15) / 0.85, abs=1.5)


def test_the_start_amid_systole_is_no_ed_of_its_own() -> None:
    found = detect_key_frames(area_curve(np.linspace(0.15, 2.5, 110)), 50)
    period = 110 / 2.35
    assert found.beats[0].ed == pytest.approx(0.85 * period, abs=2)
    assert len(found.beats) == 2


def test_the_atrial_kick_is_no_beat() -> None:
    kick = np.array([1.0, 0.6, 0.85, 0.83, 1.0])
    phase = np.arange(90) / 30
    area = 800 * PchipInterpolator([0, 0.35, 0.6, 0.85, 1], kick)(phase % 1)
    assert len(detect_key_frames(area, 30).beats) == 3


def test_a_heart_cannot_beat_faster_than_240_a_minute() -> None:
    eight_frames_a_beat = 1000 + 200 * np.cos(np.arange(96) * 2 * np.pi / 8)
    possible = detect_key_frames(eight_frames_a_beat, 16)
    too_fast = detect_key_frames(eight_frames_a_beat, 80)
    assert len(possible.beats) == 12
    assert len(too_fast.beats) <= 5


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.03])
def test_a_still_clip_has_no_beat(noise: float) -> None:
    rng = np.random.default_rng(3)
    assert detect_key_frames(1000 * (1 + rng.normal(0, noise, 60)), 30).beats == ()


def test_a_slow_drift_of_the_probe_is_no_beat() -> None:
    assert detect_key_frames(np.linspace(1000, 960, 60), 30).beats == ()


@pytest.mark.parametrize("area", [[], [5.0], [np.nan] * 9, [0] * 9, [7, 7, 7], [0, 0, 0, 9, 5]])
def test_too_little_lv_has_no_beat(area: list[float]) -> None:
    assert detect_key_frames(area, 30) == KeyFrames((), "detected")


def test_frames_without_lv_are_bridged() -> None:
    area = area_curve(np.arange(80) / 40)
    gaps = area.copy()
    gaps[[5, 6, 25, 26, 27, 60]] = [0, np.nan, 0, 0, np.nan, 0]
    complete, bridged = detect_key_frames(area, 40), detect_key_frames(gaps, 40)
    assert len(bridged.beats) == len(complete.beats)
    for a, b in zip(complete.beats, bridged.beats, strict=True):
        assert abs(a.ed - b.ed) <= 2
        assert abs(a.es - b.es) <= 2


def test_an_image_is_no_curve() -> None:
    with pytest.raises(ValueError, match="one dimension"):
        detect_key_frames(np.ones((4, 4)))
