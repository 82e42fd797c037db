"""The long axis of the left ventricle and its discs, from a mask of its cavity.

Annulus and apex are found in the manner of the CAMUS data set's official EF
(Leclerc et al., IEEE TMI 38(9), 2019): the mitral annulus is the longest flat
stretch of the contour across the ventricle, the apex the contour point
farthest from the annulus's middle. Flat means that the contour strays from
the chord by no more than CAMUS's 8 pixels of 0.308 mm, stated here as a share
of the cavity's size so that it holds for any pixel size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
"""Row and column in pixels; the centre of the first pixel is (0, 0)."""

N_DISCS = 20
"""Discs of the method of discs, as in the guidelines, CAMUS and EchoNet-Dynamic."""

_CONTOUR_POINTS = 160
_FLATNESS = 0.045  # of the square root of the area: 2.5 mm of an average ventricle
_ELONGATED = 1.2  # ratio of the principal axes above which the longer one is trusted
_MIN_AREA = 25  # pixels; less has no shape


@dataclass(frozen=True)
class LongAxis:
    """Long axis of the ventricle: apex, middle of the mitral annulus, and its two ends."""

    apex: Point
    base: Point
    annulus: tuple[Point, Point]

    def length(self, spacing: tuple[float, float] = (1.0, 1.0)) -> float:
        """Distance from apex to base, in pixels or in the unit of `spacing` (dy, dx)."""
        return float(np.linalg.norm(np.subtract(self.apex, self.base) * np.array(spacing)))


def long_axis(
    mask: NDArray[np.bool_], spacing: tuple[float, float] = (1.0, 1.0)
) -> LongAxis | None:
    """Find the long axis in a mask of the LV cavity.

    The mitral annulus is taken to be the lower end in the image, as apical
    views are shown; the ventricle may be tilted by up to about 60 degrees.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        The cavity. Of several pieces the largest counts.
    spacing : (float, float)
        Height and width of a pixel, where they differ.

    Returns
    -------
    LongAxis or None
        None where the mask is empty or too small to have a shape.
    """
    scale = np.asarray(spacing, float)
    outline = outer_contour(mask)
    if outline is None:
        return None
    contour = _smooth(_resample(outline * scale, _CONTOUR_POINTS))
    ends = _annulus(contour, _polygon_area(contour))
    if ends is None:
        return None
    first, second = (contour[i] for i in ends)
    if first[1] > second[1]:
        first, second = second, first
    base = (first + second) / 2
    apex = _farthest(outline * scale, base, 0.5 * float(scale.min()))
    return LongAxis(
        _point(apex / scale),
        _point(base / scale),
        (_point(first / scale), _point(second / scale)),
    )


def disc_chords(
    mask: NDArray[np.bool_],
    axis: LongAxis,
    n: int = N_DISCS,
    spacing: tuple[float, float] = (1.0, 1.0),
) -> NDArray[np.float64]:
    """Cut the cavity across its long axis at the middle of each of `n` discs.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        The cavity.
    axis : LongAxis
        From `long_axis` of the same mask.
    n : int
        Number of discs; each is 1 / n of the axis high.
    spacing : (float, float)
        Height and width of a pixel, where they differ: the cuts are
        perpendicular in this unit.

    Returns
    -------
    ndarray of float64, shape (n, 2, 2)
        Both end points (y, x) in pixels of each cut, from apex to base; the
        first of a pair lies to the left as seen with the apex on top. A cut
        that meets no cavity has both ends on the axis.
    """
    return chords_at(mask, axis, (np.arange(n) + 0.5) / n, spacing)


def chords_at(
    mask: NDArray[np.bool_],
    axis: LongAxis,
    fractions: NDArray[np.float64],
    spacing: tuple[float, float] = (1.0, 1.0),
) -> NDArray[np.float64]:
    """Cut the cavity across its long axis at given fractions of it, 0 at the apex, 1 at the base.

    Otherwise as `disc_chords`; the result has the shape ``(len(fractions), 2, 2)``.
    """
    scale = np.asarray(spacing, float)
    apex, base = np.array(axis.apex) * scale, np.array(axis.base) * scale
    centres = apex + (base - apex) * np.asarray(fractions)[:, np.newaxis]
    chords = np.repeat(centres[:, np.newaxis], 2, axis=1)
    outline = outer_contour(mask)
    length = float(np.linalg.norm(base - apex))
    if outline is None or length == 0:
        return np.asarray(chords / scale)
    down = (base - apex) / length
    across = np.array([-down[1], down[0]])  # to the right where `down` points down
    contour = outline * scale
    for index, centre in enumerate(centres):
        near, far = _cavity_run(contour - centre, down, across)
        chords[index] = centre + np.outer((near, far), across)
    return np.asarray(chords / scale)


def outer_contour(mask: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """Outline of the largest piece of a mask, between its pixels and those around.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)

    Returns
    -------
    ndarray of float64, shape (N, 2), or None
        Points (y, x), closed (the first is repeated at the end); None where
        the piece has fewer than 25 pixels.
    """
    from skimage.measure import find_contours, label

    pieces = label(mask, connectivity=1)  # type: ignore[no-untyped-call]
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    if sizes.max() < _MIN_AREA:
        return None
    piece = np.pad(pieces == sizes.argmax(), 1)  # so that a piece at the border closes
    outlines = find_contours(piece.astype(np.float32), 0.5)  # type: ignore[no-untyped-call]
    longest: NDArray[np.float64] = max(outlines, key=_polygon_area)
    return longest - 1


def _annulus(contour: NDArray[np.float64], area: float) -> tuple[int, int] | None:
    """Indices of the ends of the longest flat stretch across the ventricle's lower half."""
    n = len(contour)
    centre = contour.mean(axis=0)
    down = _axis_direction(contour - centre)
    tolerance = _FLATNESS * np.sqrt(area)
    best, ends = 0.0, None
    start = np.arange(n)
    for span in range(2, n // 2):
        end = (start + span) % n
        chord = contour[end] - contour[start]
        length = np.linalg.norm(chord, axis=1)
        middle = (contour[start] + contour[end]) / 2 - centre
        across = np.abs(chord @ down) <= length * np.sqrt(0.5)  # within 45 degrees
        candidates = np.flatnonzero(across & (middle @ down > 0) & (length > best))
        if candidates.size == 0:
            continue
        between = contour[(candidates[:, np.newaxis] + np.arange(1, span)) % n]
        offset = between - contour[candidates][:, np.newaxis]
        unit = chord[candidates] / length[candidates, np.newaxis]
        strays = np.abs(offset[..., 0] * unit[:, 1:] - offset[..., 1] * unit[:, :1]).max(axis=1)
        flat = candidates[strays <= tolerance]
        if flat.size:
            longest = int(flat[length[flat].argmax()])
            best, ends = float(length[longest]), (longest, int(end[longest]))
    return ends


def _farthest(
    outline: NDArray[np.float64], base: NDArray[np.float64], tolerance: float
) -> NDArray[np.float64]:
    """The outline's point farthest from the base; of a blunt apex, its middle.

    Points that differ by less than the stairs of the pixels count as equally far.
    """
    distance = np.linalg.norm(outline - base, axis=1)
    middle = outline[distance >= distance.max() - tolerance].mean(axis=0)
    nearest = np.linalg.norm(outline - middle, axis=1).argmin()
    return np.asarray(outline[nearest])


def _axis_direction(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit vector down the ventricle: its longer principal axis, or straight down if round."""
    values, vectors = np.linalg.eigh(centred.T @ centred)
    down = vectors[:, 1] if values[1] >= _ELONGATED**2 * values[0] else np.array([1.0, 0.0])
    return np.asarray(down if down[0] >= 0 else -down)


def _cavity_run(
    contour: NDArray[np.float64], down: NDArray[np.float64], across: NDArray[np.float64]
) -> tuple[float, float]:
    """Where a cut through the origin enters and leaves the cavity, along `across`.

    Of several runs through the cavity the one that holds the origin counts,
    else the longest.
    """
    height, along = contour @ down, contour @ across
    crosses = np.flatnonzero((height[:-1] < 0) != (height[1:] < 0))
    if crosses.size < 2:
        return 0.0, 0.0
    share = height[crosses] / (height[crosses] - height[crosses + 1])
    at = np.sort(along[crosses] + share * (along[crosses + 1] - along[crosses]))
    runs = at[: len(at) // 2 * 2].reshape(-1, 2)
    holding = runs[(runs[:, 0] <= 0) & (runs[:, 1] >= 0)]
    run = holding[0] if len(holding) else runs[np.ptp(runs, axis=1).argmax()]
    return float(run[0]), float(run[1])


def _resample(closed: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """`n` points at equal distances along a closed outline, the first not repeated."""
    steps = np.linalg.norm(np.diff(closed, axis=0), axis=1)
    at = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = np.linspace(0, at[-1], n, endpoint=False)
    return np.stack([np.interp(wanted, at, closed[:, i]) for i in range(2)], axis=1)


def _smooth(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Binomial smoothing round the outline, against the stairs of the pixels."""
    for _ in range(2):
        points = (np.roll(points, 1, axis=0) + 2 * points + np.roll(points, -1, axis=0)) / 4
    return points


def _polygon_area(points: NDArray[np.float64]) -> float:
    y, x = points[:, 0], points[:, 1]
    return float(abs(y @ np.roll(x, -1) - x @ np.roll(y, -1)) / 2)


def _point(values: NDArray[np.float64]) -> Point:
    return float(values[0]), float(values[1])
