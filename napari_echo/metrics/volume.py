"""Area, length and volume of the left ventricle, and what follows: EF, FAC and shortening.

The volume is that of one plane by the method of discs (modified Simpson):
twenty discs of equal height along the long axis, each as wide as the mask,
``V = pi/4 sum(d_i^2) L/20`` (Lang et al., Recommendations for cardiac chamber
quantification, J Am Soc Echocardiogr 28 (2015), 1-39, who prefer two planes:
see `metrics.biplane`).

The shortening is that of the endocardial contour from one end of the mitral
annulus over the apex to the other, ``(L_ES - L_ED) / L_ED``. It has the form
of a longitudinal strain and its sign, below zero in a ventricle that
contracts, but nothing is tracked: it compares the lengths of two outlines and
is not the GLS of speckle tracking.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.discs import N_DISCS, LongAxis, long_axis
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.metrics.lv_frame import FrameMeasures, frame_measures

__all__ = [
    "BeatMeasures",
    "LVMeasures",
    "LongAxis",
    "at_key_frames",
    "gather",
    "long_axis",
    "lv_measures",
]


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
    led, les : float
        Length of the long axis at each.
    shortening : float
        Change of the open contour's length, ``(L_ES - L_ED) / L_ED``: below
        zero where it shortens.

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
    led: float
    les: float
    shortening: float


@dataclass(frozen=True, eq=False)
class LVMeasures:
    """The left ventricle of one clip, frame by frame and beat by beat.

    Parameters
    ----------
    area, length, volume, contour : ndarray of float64, shape (T,)
        Area, length of the long axis, volume, and length of the open
        endocardial contour; not-a-number where a frame shows no LV.
    apex, base : ndarray of float64, shape (T, 2)
        Row and column of the apex and of the annulus's middle in
        `unit_length`, from the image's corner.
    widths : ndarray of float64, shape (T, 20)
        Diameters of the discs, from apex to base.
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
    contour: NDArray[np.float64]
    apex: NDArray[np.float64]
    base: NDArray[np.float64]
    widths: NDArray[np.float64]
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
    frames = [frame_measures(mask, spacing_mm) for mask in masks]
    return gather(frames, spacing_mm, key_frames)


def gather(
    frames: Sequence[FrameMeasures],
    spacing_mm: tuple[float, float] | None,
    key_frames: KeyFrames,
) -> LVMeasures:
    """Put the frames of a clip together, and measure each beat.

    Parameters
    ----------
    frames : sequence of FrameMeasures
        One for each frame, measured with `spacing_mm`.
    spacing_mm : (float, float) or None
        Height and width of a pixel in mm.
    key_frames : KeyFrames
        Beats to measure.

    Returns
    -------
    LVMeasures
    """
    known = spacing_mm is not None
    units = ("cm2", "cm", "ml") if known else ("px2", "px", "px3")
    cm = 0.1 if known else 1.0
    area = np.array([f.area for f in frames], np.float64) * cm**2
    length = np.array([f.length for f in frames], np.float64) * cm
    volume = np.array([f.volume for f in frames], np.float64) * cm**3
    contour = np.array([f.contour for f in frames], np.float64) * cm
    curves = LVMeasures(
        area,
        length,
        volume,
        contour,
        np.array([f.apex for f in frames], np.float64).reshape(-1, 2) * cm,
        np.array([f.base for f in frames], np.float64).reshape(-1, 2) * cm,
        np.array([f.widths for f in frames], np.float64).reshape(-1, N_DISCS) * cm,
        *units,
        key_frames,
        (),
        None,
        None,
    )
    return at_key_frames(curves, key_frames)


def at_key_frames(measures: LVMeasures, key_frames: KeyFrames) -> LVMeasures:
    """Read the beats off the curves at other key frames; nothing is measured anew."""
    m = measures
    beats = tuple(
        _beat_measures(beat, m.area, m.length, m.volume, m.contour) for beat in key_frames.beats
    )
    return replace(
        measures,
        key_frames=key_frames,
        beats=beats,
        ef=_mean([beat.ef for beat in beats]),
        fac=_mean([beat.fac for beat in beats]),
    )


def _beat_measures(
    beat: Beat,
    area: NDArray[np.float64],
    length: NDArray[np.float64],
    volume: NDArray[np.float64],
    contour: NDArray[np.float64],
) -> BeatMeasures:
    (eda, esa), (edv, esv), (led, les), (ced, ces) = (
        (float(curve[beat.ed]), float(curve[beat.es])) for curve in (area, volume, length, contour)
    )
    # A beat of one frame is one whose other key frame is still to be set.
    whole = beat.ed != beat.es
    ef, fac, shorter = (
        _fall(diastole, systole) if whole else math.nan
        for diastole, systole in ((edv, esv), (eda, esa), (ced, ces))
    )
    return BeatMeasures(beat.ed, beat.es, eda, esa, edv, esv, ef, fac, led, les, -shorter)


def _fall(diastole: float, systole: float) -> float:
    return (diastole - systole) / diastole if diastole > 0 else math.nan


def _mean(values: list[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else None
