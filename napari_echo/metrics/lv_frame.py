"""What one frame's left ventricle measures: see `metrics.volume` for the methods."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.contour import open_part
from napari_echo.core.discs import N_DISCS, disc_chords, long_axis, outer_contour

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
