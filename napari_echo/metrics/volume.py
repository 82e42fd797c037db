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

from napari_echo.core.contour import open_part
from napari_echo.core.discs import N_DISCS, LongAxis, disc_chords, long_axis, outer_contour
from napari_echo.core.keyframes import Beat, KeyFrames

__all__ = [
    "BeatMeasures",
    "FrameMeasures",
    "LVMeasures",
    "LongAxis",
    "area_alone",
    "at_key_frames",
    "frame_measures",
    "gather",
    "long_axis",
    "lv_measures",
]

_NOWHERE = (math.nan, math.nan)
_ARC_POINTS = 120


@dataclass(frozen=True, eq=False)
class FrameMeasures:
    """What one frame's LV measures, in the unit of the spacing it was measured with.

    Parameters
    ----------
    area, length, volume, contour : float
        Area, length of the long axis, volume, and length of the open
        endocardial contour; not-a-number where the frame shows no LV or one
        too small to have a shape (then the area is still known).
    apex, base : (float, float)
        Row and column of the apex and of the annulus's middle, times the
        height and width of a pixel.
    widths : ndarray of float64, shape (20,)
        Diameter of each disc, from apex to base.
    """

    area: float
    length: float
    volume: float
    contour: float
    apex: tuple[float, float]
    base: tuple[float, float]
    widths: NDArray[np.float64]


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


def area_alone(mask: NDArray[np.bool_], spacing_mm: tuple[float, float] | None) -> FrameMeasures:
    """Measure the area of the LV in one frame, and leave the rest not-a-number.

    Takes what `frame_measures` does.
    """
    height, width = spacing_mm or (1.0, 1.0)
    area = np.count_nonzero(mask) * float(height * width)
    unknown = np.full(N_DISCS, np.nan)
    return FrameMeasures(area or math.nan, *(math.nan,) * 3, _NOWHERE, _NOWHERE, unknown)


def frame_measures(
    mask: NDArray[np.bool_], spacing_mm: tuple[float, float] | None
) -> FrameMeasures:
    """Measure the LV in one frame.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        The LV cavity.
    spacing_mm : (float, float) or None
        Height and width of a pixel in mm; None measures in pixels.

    Returns
    -------
    FrameMeasures
    """
    none = area_alone(mask, spacing_mm)
    if not mask.any():
        return none
    spacing = spacing_mm or (1.0, 1.0)
    scale = np.array(spacing)
    # Outlines are searched in the ventricle's box alone: it is a small part of a frame.
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    mask = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    axis, outline = long_axis(mask, spacing), outer_contour(mask)
    if axis is None or outline is None:
        return none
    chords = disc_chords(mask, axis, N_DISCS, spacing)
    widths = np.linalg.norm((chords[:, 1] - chords[:, 0]) * scale, axis=1)
    length = axis.length(spacing)
    corner = np.array([rows[0], columns[0]])
    apex, base = ((np.array(p) + corner) * scale for p in (axis.apex, axis.base))
    return FrameMeasures(
        none.area,
        length,
        math.pi / 4 * float((widths**2).sum()) * length / N_DISCS,
        _arc_length(open_part(outline, axis) * scale),
        (float(apex[0]), float(apex[1])),
        (float(base[0]), float(base[1])),
        widths,
    )


def _arc_length(arc: NDArray[np.float64]) -> float:
    """Length of an open outline, without the stairs of its pixels."""
    at = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(arc, axis=0), axis=1))])
    wanted = np.linspace(0, at[-1], _ARC_POINTS)
    points = np.stack([np.interp(wanted, at, arc[:, i]) for i in range(2)], axis=1)
    for _ in range(3):
        points[1:-1] = (points[:-2] + 2 * points[1:-1] + points[2:]) / 4
    return float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())


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
