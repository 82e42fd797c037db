"""The cardiac cycle in time: volume, valves and the R peaks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_echo.phantom.params import Cycle

_FLOAT = NDArray[np.float64]

_ECG_HISTORY = 3.0
"""Seconds before the clip for which there are beats."""


@dataclass(frozen=True)
class BeatTimes:
    """Events of one beat, seconds after its R peak."""

    rr: float
    mitral_closes: float
    ejection_starts: float
    ejection_ends: float
    """End systole: the smallest volume."""
    mitral_opens: float
    diastasis: float
    """Early filling is over."""
    atrial_kick: float
    """The atria contract."""

    @classmethod
    def of(cls, rr: float) -> BeatTimes:
        """Events of a beat of `rr` seconds.

        Electromechanical systole shortens with the heart rate: 540 - 2.1 HR
        ms, between the regressions for men and for women in Chest 1981,
        80:613 (doi 10.1378/chest.80.5.613), here less 15 ms from the Q wave
        to the R peak and held to 60 % of the beat.
        """
        rate = 60.0 / rr
        systole = min(0.540 - 0.0021 * rate - 0.015, 0.6 * rr)
        isovolumic = min(0.07, 0.12 * systole / 0.35)
        opens = min(systole + 0.075, systole + 0.2 * (rr - systole))
        filling = rr - opens
        return cls(
            rr=rr,
            mitral_closes=0.02,
            ejection_starts=isovolumic,
            ejection_ends=systole,
            mitral_opens=opens,
            diastasis=opens + min(0.22, 0.5 * filling),
            atrial_kick=rr - min(0.14, 0.3 * filling),
        )


class CycleClock:
    """Maps the frames of a clip to phases of the cycle.

    Parameters
    ----------
    cycle : Cycle
        Rate, kick, length and frame rate.
    rng : numpy.random.Generator
        Draws the RR intervals.

    Attributes
    ----------
    times : ndarray, shape (T,)
        Seconds of the frames.
    r_peaks : ndarray
        Seconds of the R peaks, from before the first frame to after the last.
    """

    def __init__(self, cycle: Cycle, rng: np.random.Generator) -> None:
        mean_rr = 60.0 / cycle.heart_rate
        n_frames = max(2, round(cycle.beats * mean_rr * cycle.fps))
        self.times: _FLOAT = np.arange(n_frames) / cycle.fps
        # Beats from before the first frame (the ECG shows them) to after the last.
        n_before = int(np.ceil(_ECG_HISTORY / mean_rr / 0.7)) + 1
        n_beats = n_before + int(np.ceil(cycle.beats / 0.7)) + 2
        rr = mean_rr * np.clip(rng.normal(1.0, cycle.rr_jitter, n_beats), 0.7, 1.4)
        peaks = np.concatenate([[0.0], np.cumsum(rr)])
        self.r_peaks: _FLOAT = peaks - peaks[n_before] - cycle.start_phase * rr[n_before]
        self._beats = [BeatTimes.of(float(x)) for x in rr]
        self._kick = cycle.atrial_kick

    def _locate(self, time: float) -> tuple[BeatTimes, float]:
        index = int(np.searchsorted(self.r_peaks, time, side="right")) - 1
        index = min(max(index, 0), len(self._beats) - 1)
        return self._beats[index], time - float(self.r_peaks[index])

    def contraction(self, time: float) -> float:
        """Share of the stroke volume that has left the LV, 0 at ED and 1 at ES.

        A monotone cubic through the events of the beat: isovolumic
        contraction, rapid then reduced ejection, isovolumic relaxation, early
        filling, diastasis, atrial kick.
        """
        from scipy.interpolate import PchipInterpolator

        beat, t = self._locate(time)
        ejection = beat.ejection_ends - beat.ejection_starts
        before_kick = self._kick
        knots = np.array(
            [
                (0.0, 0.0),
                (beat.ejection_starts, 0.012),
                (beat.ejection_starts + 0.45 * ejection, 0.66),
                (beat.ejection_starts + 0.75 * ejection, 0.93),
                (beat.ejection_ends, 1.0),
                (beat.mitral_opens, 0.985),
                (
                    beat.mitral_opens + 0.5 * (beat.diastasis - beat.mitral_opens),
                    before_kick + 0.42 * (1 - before_kick),
                ),
                (beat.diastasis, before_kick + 0.06 * (1 - before_kick)),
                (beat.atrial_kick, before_kick),
                (beat.rr, 0.0),
            ]
        )
        return float(PchipInterpolator(knots[:, 0], knots[:, 1])(np.clip(t, 0.0, beat.rr)))

    def mitral_opening(self, time: float) -> float:
        """Opening of the mitral (and tricuspid) leaflets, 0 closed to 1 wide open.

        Two humps: the E wave and the A wave, half closed between them.
        """
        beat, t = self._locate(time)
        if t < beat.mitral_closes:
            return 0.25 * (1 - t / beat.mitral_closes)
        if t < beat.mitral_opens:
            return 0.0
        half = 0.5 * (beat.diastasis - beat.mitral_opens)
        early = np.exp(-(((t - beat.mitral_opens - 0.7 * half) / (0.75 * half)) ** 2))
        late_centre = 0.5 * (beat.atrial_kick + beat.rr)
        late = 0.75 * np.exp(-(((t - late_centre) / (0.45 * (beat.rr - beat.atrial_kick))) ** 2))
        rising = 1 - np.exp(-(t - beat.mitral_opens) / 0.03)
        return float(np.clip((0.22 + 0.78 * early + late) * rising, 0, 1))

    def beats_in_clip(self) -> list[tuple[int, int]]:
        """Frames of ED and ES of every beat that lies in the clip.

        ED is the frame nearest to the R peak and ES the one nearest to the
        end of ejection.
        """
        step = float(self.times[1] - self.times[0])
        last = len(self.times) - 1
        pairs = []
        for start, beat in zip(self.r_peaks, self._beats, strict=False):
            ed = round(float(start) / step)
            es = round((float(start) + beat.ejection_ends) / step)
            if ed >= 0 and es <= last and es > ed:
                pairs.append((ed, es))
        return pairs

    def since_r(self, time: float) -> tuple[float, float]:
        """Seconds since the last R peak and the length of that beat."""
        beat, t = self._locate(time)
        return t, beat.rr
