"""The endocardial contour through control points, and the mask within it.

A reader draws the LV as in every echo lab: from one end of the mitral annulus
over the apex to the other end, closed by the straight annulus line. Between
the control points runs a cubic spline (not-a-knot, over the chord length).
"""

from __future__ import annotations

from dataclasses import dataclass

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
    parts = outline_parts(mask)
    return None if parts is None else parts.wall


@dataclass(frozen=True, eq=False)
class Outline:
    """A cavity's outline in two parts.

    Parameters
    ----------
    wall : ndarray of float64, shape (N, 2)
        From the left end of the mitral annulus over the apex to the right
        end, as points (y, x) in pixels.
    annulus : ndarray of float64, shape (M, 2)
        From the right end back to the left one; both ends are in both parts.
    apex : int
        Index of the apex in `wall`.
    """

    wall: _FLOAT
    annulus: _FLOAT
    apex: int


def outline_parts(mask: NDArray[np.bool_]) -> Outline | None:
    """Split a mask's outline (H, W) at its annulus; None where it has no long axis."""
    axis, outline = long_axis(mask), outer_contour(mask)
    if axis is None or outline is None:
        return None
    closed = outline[:-1]
    left, apex, right = (
        int(np.linalg.norm(closed - np.array(p), axis=1).argmin())
        for p in (axis.annulus[0], axis.apex, axis.annulus[1])
    )
    n = len(closed)
    if (apex - left) % n > (right - left) % n:  # the apex lies the other way round
        closed = closed[::-1]
        left, apex, right = (n - 1 - at for at in (left, apex, right))
    count = (right - left) % n + 1
    rolled = np.roll(closed, -left, axis=0)
    back = np.concatenate([rolled[count - 1 :], rolled[:1]])
    return Outline(np.asarray(rolled[:count]), back, (apex - left) % n)


def drag_points(mask: NDArray[np.bool_], most: int = 11) -> _FLOAT | None:
    """Control points to drag a mask's contour by.

    The ends of the annulus and the apex, then one after the other the point
    of the outline that lies farthest from the curve, until it strays by less
    than 0.8 % of the square root of the area.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        The LV cavity.
    most : int
        Points after which to stop at any rate.

    Returns
    -------
    ndarray of float64, shape (N, 2), or None
        In the order along the contour; None where the mask has no long axis.
    """
    from scipy.spatial import cKDTree

    parts = outline_parts(mask)
    if parts is None:
        return None
    tolerance = 0.008 * float(np.sqrt(mask.sum()))
    chosen = sorted({0, parts.apex, len(parts.wall) - 1})
    while len(chosen) < most:
        strays, _ = cKDTree(curve_through(parts.wall[chosen])).query(parts.wall)
        strays[chosen] = 0
        if strays.max() < tolerance:
            break
        chosen = sorted({*chosen, int(strays.argmax())})
    return np.asarray(parts.wall[chosen])
