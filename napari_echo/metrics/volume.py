"""Area, length and volume of the left ventricle, and what follows: EF and FAC.

The volume is that of one plane by the method of discs (modified Simpson):
twenty discs of equal height along the long axis, each as wide as the mask,
``V = pi/4 sum(d_i^2) L/20`` (Lang et al., Recommendations for cardiac chamber
quantification, J Am Soc Echocardiogr 28 (2015), 1-39, who prefer two planes).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.discs import N_DISCS, LongAxis, disc_chords, long_axis
from napari_echo.core.keyframes import Beat, KeyFrames

__all__ = ["BeatMeasures", "LVMeasures", "LongAxis", "long_axis", "lv_measures"]


@dataclass(frozen=True)
class BeatMeasures:
    """What one beat's ED and ES frames measure.

    Parameters
    ----------
    ed, es : int
        Frames of end diastole and end systole.
    eda, esa, edv, esv : float
        Area and volume at each, in the units of the `LVMeasures`.
    ef : float
        Ejection fraction ``(EDV - ESV) / EDV``, 1 for an emptied ventricle.
    fac : float
        Fractional area change ``(EDA - ESA) / EDA``.

    A frame without an LV makes them not-a-number.
    """

    ed: int
    es: int
    eda: float
    esa: float
    edv: float
    esv: float
    ef: float
    fac: float


@dataclass(frozen=True, eq=False)
class LVMeasures:
    """The left ventricle of one clip, frame by frame and beat by beat.

    Parameters
    ----------
    area, length, volume : ndarray of float64, shape (T,)
        Not-a-number where a frame shows no LV.
    unit_area, unit_length, unit_volume : str
        ``"cm2"``, ``"cm"``, ``"ml"``; without a spacing ``"px2"``, ``"px"``,
        ``"px3"``.
    key_frames : KeyFrames
        ED and ES that the beats were measured at.
    beats : tuple of BeatMeasures
        In the order of `key_frames`.
    ef, fac : float or None
        Mean over the beats that could be measured, as fractions (not
        percent); None where there is no such beat.
    """

    area: NDArray[np.float64]
    length: NDArray[np.float64]
    volume: NDArray[np.float64]
    unit_area: str
    unit_length: str
    unit_volume: str
    key_frames: KeyFrames
    beats: tuple[BeatMeasures, ...]
    ef: float | None
    fac: float | None


def lv_measures(
    masks: NDArray[np.bool_], spacing_mm: tuple[float, float] | None, key_frames: KeyFrames
) -> LVMeasures:
    """Measure the LV in every frame, and each beat.

    Parameters
    ----------
    masks : ndarray of bool, shape (T, H, W)
        The LV cavity.
    spacing_mm : (float, float) or None
        Height and width of a pixel in mm; discs lie square on the axis in the
        patient, also where the pixels are not square.
    key_frames : KeyFrames
        Beats to measure.

    Returns
    -------
    LVMeasures
    """
    spacing = spacing_mm or (1.0, 1.0)
    area = np.count_nonzero(masks, axis=(1, 2)) * float(spacing[0] * spacing[1])
    area[area == 0] = np.nan
    length, volume = np.full_like(area, np.nan), np.full_like(area, np.nan)
    for frame in np.flatnonzero(np.isfinite(area)):
        length[frame], volume[frame] = _length_and_volume(masks[frame], spacing)
    if spacing_mm is None:
        units = ("px2", "px", "px3")
    else:
        units = ("cm2", "cm", "ml")
        area, length, volume = area / 100, length / 10, volume / 1000
    beats = tuple(_beat_measures(beat, area, volume) for beat in key_frames.beats)
    return LVMeasures(
        area,
        length,
        volume,
        *units,
        key_frames,
        beats,
        _mean([beat.ef for beat in beats]),
        _mean([beat.fac for beat in beats]),
    )


def _length_and_volume(
    mask: NDArray[np.bool_], spacing: tuple[float, float]
) -> tuple[float, float]:
    """Measure one frame in the unit of the spacing; not-a-number without a long axis."""
    # Outlines are searched in the ventricle's box alone: it is a small part of a frame.
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    mask = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    axis = long_axis(mask, spacing)
    if axis is None:
        return math.nan, math.nan
    chords = disc_chords(mask, axis, N_DISCS, spacing)
    widths = np.linalg.norm((chords[:, 1] - chords[:, 0]) * np.array(spacing), axis=1)
    length = axis.length(spacing)
    return length, math.pi / 4 * float((widths**2).sum()) * length / N_DISCS


def _beat_measures(
    beat: Beat, area: NDArray[np.float64], volume: NDArray[np.float64]
) -> BeatMeasures:
    eda, esa = float(area[beat.ed]), float(area[beat.es])
    edv, esv = float(volume[beat.ed]), float(volume[beat.es])
    return BeatMeasures(beat.ed, beat.es, eda, esa, edv, esv, _fall(edv, esv), _fall(eda, esa))


def _fall(diastole: float, systole: float) -> float:
    return (diastole - systole) / diastole if diastole > 0 else math.nan


def _mean(values: list[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else None
