"""The cardiac cycle: volumes and valves over a beat."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from napari_echo.phantom.cycle import BeatTimes, CycleClock
from napari_echo.phantom.params import PhantomParams


def clock(rate: float) -> CycleClock:
    cycle = replace(
        PhantomParams.sample(0).cycle,
        heart_rate=rate,
        rr_jitter=0.0,
        start_phase=0.5,
        beats=3.0,
        fps=80.0,
    )
    return CycleClock(cycle, np.random.default_rng(0))


@pytest.mark.parametrize("rate", [45.0, 70.0, 115.0])
def test_phases_follow_each_other(rate: float) -> None:
    beat = BeatTimes.of(60 / rate)
    events = (
        0.0,
        beat.mitral_closes,
        beat.ejection_starts,
        beat.ejection_ends,
        beat.mitral_opens,
        beat.diastasis,
        beat.atrial_kick,
        beat.rr,
    )
    assert all(a < b for a, b in itertools.pairwise(events))


@pytest.mark.parametrize("rate", [45.0, 70.0, 115.0])
def test_a_beat_ejects_and_fills_once(rate: float) -> None:
    timer = clock(rate)
    start, beat = float(timer.r_peaks[1]), BeatTimes.of(60 / rate)

    def ejected(seconds: np.ndarray) -> np.ndarray:
        return np.array([timer.contraction(start + float(s)) for s in seconds])

    systole = ejected(np.linspace(0, beat.ejection_ends, 40))
    diastole = ejected(np.linspace(beat.ejection_ends, 0.999 * beat.rr, 60))
    assert (np.diff(systole) >= 0).all()
    assert (np.diff(diastole) <= 0).all()
    assert systole[0] == pytest.approx(0.0, abs=1e-9)
    assert systole[-1] == pytest.approx(1.0)
    # Rapid ejection first, an atrial kick last.
    early, late = ejected(np.array([beat.ejection_starts + 0.1 * beat.ejection_ends])), systole[-8]
    assert early[0] > 0.1
    assert late > 0.9
    assert ejected(np.array([beat.atrial_kick]))[0] > 0.1


def test_the_mitral_valve_is_closed_in_systole_and_opens_twice() -> None:
    timer = clock(55.0)
    beat, start = BeatTimes.of(60 / 55), float(timer.r_peaks[1])
    seconds = np.linspace(0, beat.rr * 0.999, 200)
    opening = np.array([timer.mitral_opening(start + float(s)) for s in seconds])
    systole = (seconds > beat.mitral_closes) & (seconds < beat.mitral_opens)
    assert (opening[systole] == 0).all()
    inner = opening[1:-1]
    peaks = np.flatnonzero((inner > opening[:-2]) & (inner >= opening[2:]) & (inner > 0.5))
    assert len(peaks) == 2


def test_beats_lie_in_the_clip() -> None:
    timer = clock(70.0)
    beats = timer.beats_in_clip()
    assert len(beats) >= 2
    assert all(0 <= ed < es < len(timer.times) for ed, es in beats)
    assert np.allclose(np.diff([ed for ed, _ in beats]), 80 * 60 / 70, atol=1)


def test_sampled_clips_hold_several_beats() -> None:
    for seed in range(200):
        cycle = replace(PhantomParams.sample(seed).cycle, rr_jitter=0.0)
        beats = CycleClock(cycle, np.random.default_rng(seed)).beats_in_clip()
        assert len(beats) >= 2, seed
