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


def fill_polygon(outline: _FLOAT, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The mask within a closed line.

    It takes about a millisecond, whatever the number of corners, as a contour
    that is dragged needs; libraries try each pixel against each edge, or take
    the pixels on the line, too.

    Parameters
    ----------
    outline : ndarray of float64, shape (N, 2)
        Corners (y, x) in pixels; the last is joined to the first.
    shape : (int, int)
        Height and width of the mask.

    Returns
    -------
    ndarray of bool, shape (H, W)
        Pixels whose centres lie within: those to the right of an odd number
        of edges.
    """
    height, width = shape
    mask = np.zeros((height, width), np.bool_)
    start, end = outline, np.roll(outline, -1, axis=0)
    first, last = (np.ceil(np.sort([start[:, 0], end[:, 0]], axis=0))).astype(int)
    first, last = np.clip(first, 0, height), np.clip(last, 0, height)
    rows = last - first  # of the pixel centres that an edge passes, the upper end's included
    edge = np.repeat(np.arange(len(outline)), rows)
    if not len(edge):
        return mask
    y = np.arange(len(edge)) - np.repeat(np.cumsum(rows) - rows, rows) + first[edge]
    (y0, x0), (y1, x1) = start[edge].T, end[edge].T
    x = np.ceil(x0 + (y - y0) * (x1 - x0) / (y1 - y0)).clip(0, width).astype(int)
    top, left, right = int(y.min()), int(x.min()), int(x.max())
    crossed = np.zeros((int(y.max()) + 1 - top, right + 1 - left), np.uint8)
    np.add.at(crossed, (y - top, x - left), 1)
    odd = (np.cumsum(crossed, axis=1, dtype=np.uint8) & 1).view(np.bool_)[:, : right - left]
    mask[top : top + len(odd), left:right] = odd
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
    return None if axis is None or outline is None else split_outline(outline, axis)


def open_part(outline: _FLOAT, axis: LongAxis) -> _FLOAT:
    """The wall of a closed outline, shape (N, 2), whose long axis is known: see `Outline`."""
    return split_outline(outline, axis).wall


def split_outline(outline: _FLOAT, axis: LongAxis) -> Outline:
    """Split a closed outline (the first point repeated at the end) at the ends of its annulus."""
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
