"""The endocardial contour through control points, and the mask within it.

A reader draws the LV as in every echo lab: from one end of the mitral annulus
over the apex to the other end, closed by the straight annulus line. Between
the control points runs a cubic spline (not-a-knot, over the chord length).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.discs import LongAxis, long_axis, outer_contour

_FLOAT = NDArray[np.float64]

_CURVE_POINTS = 200


def curve_through(points: _FLOAT) -> _FLOAT:
    """The contour from the first control point to the last.

    Parameters
    ----------
    points : ndarray of float64, shape (N, 2)
        Control points (y, x) in pixels, N at least 3: an end of the annulus,
        points over the apex, the other end. Points that coincide with the one
        before are passed over.

    Returns
    -------
    ndarray of float64, shape (200, 2)
        Points of the curve; the annulus line is not among them.
    """
    from scipy.interpolate import CubicSpline

    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    points = points[np.concatenate([[True], steps > 1e-6])]
    if len(points) < 3:
        return np.asarray(np.linspace(points[0], points[-1], _CURVE_POINTS))
    # Centripetal: chord lengths under a root keep loops from forming.
    at = np.concatenate([[0.0], np.cumsum(np.sqrt(steps[steps > 1e-6]))])
    return np.asarray(CubicSpline(at, points)(np.linspace(0, at[-1], _CURVE_POINTS)))


def fill_contour(points: _FLOAT, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask within the contour through control points.

    Parameters
    ----------
    points : ndarray of float64, shape (N, 2)
        As for `curve_through`.
    shape : (int, int)
        Height and width of the mask.

    Returns
    -------
    ndarray of bool, shape (H, W)
        Pixels whose centres lie within.
    """
    from skimage.draw import polygon

    mask = np.zeros(shape, np.bool_)
    y, x = curve_through(points).T
    mask[polygon(y, x, shape)] = True  # type: ignore[no-untyped-call]
    return mask


def open_outline(mask: NDArray[np.bool_]) -> _FLOAT | None:
    """A mask's outline from the left end of its annulus over the apex to the right end.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        The LV cavity.

    Returns
    -------
    ndarray of float64, shape (N, 2), or None
        Points (y, x) in pixels; None where the mask has no long axis.
    """
    axis, outline = long_axis(mask), outer_contour(mask)
    if axis is None or outline is None:
        return None
    return open_part(outline, axis)


def open_part(outline: _FLOAT, axis: LongAxis) -> _FLOAT:
    """The part of a closed outline from the left end of the annulus over the apex to the right.

    Parameters
    ----------
    outline : ndarray of float64, shape (N, 2)
        From `outer_contour`: points (y, x) in pixels, the first repeated at the end.
    axis : LongAxis
        From `long_axis` of the same mask.

    Returns
    -------
    ndarray of float64, shape (M, 2)
    """
    closed = outline[:-1]
    left, apex, right = (
        int(np.linalg.norm(closed - np.array(p), axis=1).argmin())
        for p in (axis.annulus[0], axis.apex, axis.annulus[1])
    )
    n = len(closed)
    if (apex - left) % n > (right - left) % n:  # the apex lies the other way round
        closed = closed[::-1]
        left, right = n - 1 - left, n - 1 - right
    count = (right - left) % n + 1
    return np.asarray(np.roll(closed, -left, axis=0)[:count])
