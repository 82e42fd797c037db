"""A contour that a reader drags by control points.

Dragging bends the outline that is there: between two control points it moves
by what they move by, blended smoothly and without overshooting (monotone
cubic, Fritsch and Butland 1984). So it keeps its detail, and beyond the
neighbours of a point that was moved it stays as it was.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.contour import curve_through, fill_polygon, outline_parts
from napari_echo.core.reshape import averaged, box_of

_FLOAT = NDArray[np.float64]

MOST, LEAST = 9, 3
"""Control points that a contour begins with at most, and that it keeps at least."""
_HALF = ((0.0, 1.0), (0.33, 1.12), (0.66, 0.92), (0.9, 0.52))
# Of an LV that is drawn anew: heights above the annulus, and widths there as shares of it.
_STRAYS = 0.01  # of the square root of the area
_ROOM = 0.07  # between control points that are placed here, of the length of the wall


class DragContour:
    """The LV contour of one frame with its control points.

    Parameters
    ----------
    wall : ndarray of float64, shape (N, 2)
        From the left end of the mitral annulus over the apex to the right
        end, as points (y, x) in pixels.
    annulus : ndarray of float64, shape (M, 2)
        From the right end back to the left one, both included.
    chosen : sequence of int
        Where on the wall the control points are, ascending; both ends are
        among them.
    """

    def __init__(self, wall: _FLOAT, annulus: _FLOAT, chosen: list[int]) -> None:
        self._wall, self._annulus, self._chosen = wall, annulus, chosen
        self._points = wall[chosen].copy()

    @classmethod
    def of_mask(cls, mask: NDArray[np.bool_]) -> DragContour | None:
        """The contour of a cavity (H, W); None where it is too small to have one.

        The ends of the annulus and the apex become control points, then one
        after the other the point that lies farthest from the spline.
        """
        from scipy.spatial import cKDTree

        box = box_of(mask, 2)
        parts = None if box is None else outline_parts(mask[box])
        if box is None or parts is None:
            return None
        corner = np.array([box[0].start, box[1].start], float)
        tolerance = _STRAYS * float(np.sqrt(mask[box].sum()))
        arc = _arc(parts.wall)
        chosen = sorted({0, parts.apex, len(parts.wall) - 1})
        while len(chosen) < MOST:
            strays, _ = cKDTree(curve_through(parts.wall[chosen])).query(parts.wall)
            # Points need room to be taken hold of.
            near = np.abs(arc[:, None] - arc[chosen]).min(axis=1) < _ROOM
            strays[near] = 0
            if strays.max() < tolerance:
                break
            chosen = sorted({*chosen, int(strays.argmax())})
        # A pixel's width takes the stairs away.
        wall, annulus = averaged(parts.wall, 1.0), averaged(parts.annulus, 1.0)
        places = arc[chosen] * (len(wall) - 1)
        return cls(wall + corner, annulus + corner, [round(float(at)) for at in places])

    @classmethod
    def of_three(cls, first: _FLOAT, apex: _FLOAT, second: _FLOAT) -> DragContour:
        """A contour between the two ends of the annulus and the apex, as an average LV has it.

        Parameters
        ----------
        first, apex, second : ndarray of float64, shape (2,)
            As (y, x) in pixels; the ends in either order.
        """
        left, right = sorted((first, second), key=lambda p: float(p[1]))
        base = (left + right) / 2
        half = (right - left) / 2
        sides = [
            [base + height * (apex - base) + side * wide * half for height, wide in _HALF]
            for side in (-1, 1)
        ]
        points = np.array([*sides[0], apex, *sides[1][::-1]])
        wall = curve_through(points)
        nearest = [int(np.linalg.norm(wall - p, axis=1).argmin()) for p in points]
        nearest[0], nearest[-1] = 0, len(wall) - 1
        return cls(wall, np.stack([right, left]), nearest)

    # The control points -----------------------------------------------------------

    @property
    def points(self) -> _FLOAT:
        """The control points (y, x), shape (N, 2), in the order along the contour."""
        return self._points.copy()

    def move(self, points: _FLOAT) -> None:
        """Move the control points to where they are now, as many as before."""
        self._points = np.array(points, float)

    @property
    def apex(self) -> int:
        """Index of the control point farthest from the middle of the annulus."""
        base = (self._points[0] + self._points[-1]) / 2
        return int(np.linalg.norm(self._points - base, axis=1).argmax())

    def distance(self, position: _FLOAT) -> float:
        """Distance in pixels of a position from the wall."""
        return float(np.linalg.norm(self._bent()[0] - position, axis=1).min())

    def add(self, position: _FLOAT) -> None:
        """Add a control point where the wall is nearest to a position."""
        self._settle()
        nearest = int(np.linalg.norm(self._wall - position, axis=1).argmin())
        if nearest not in self._chosen:
            self._chosen = sorted({*self._chosen, nearest})
        self._points = self._wall[self._chosen].copy()

    def remove(self, index: int) -> bool:
        """Remove a control point between the ends; the wall takes the curve through the others.

        False where it is an end of the annulus, or too few would be left.
        """
        if not 0 < index < len(self._points) - 1 or len(self._points) <= LEAST:
            return False
        self._settle()
        first, last = self._chosen[index - 1], self._chosen[index + 1]
        del self._chosen[index]
        self._points = self._wall[self._chosen].copy()
        between = slice(first, last + 1)
        self._wall[between] = _spline(self._points, self._places())[between]
        return True

    # The line -----------------------------------------------------------------------

    def outline(self) -> _FLOAT:
        """The closed contour as points (y, x); the first is not repeated."""
        wall, annulus = self._bent()
        return np.concatenate([wall, annulus[1:-1]])

    def mask(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """The cavity within, (H, W)."""
        return fill_polygon(self.outline(), shape)

    def _places(self) -> _FLOAT:
        """Where each point of the wall lies: number of the control point before, and the share."""
        n = len(self._wall)
        return np.interp(np.arange(n), self._chosen, np.arange(len(self._chosen)))

    def _bent(self) -> tuple[_FLOAT, _FLOAT]:
        from scipy.interpolate import PchipInterpolator

        old, new = self._wall[self._chosen], self._points
        if np.array_equal(old, new):
            return self._wall, self._annulus
        blend = PchipInterpolator(self._chosen, new - old)
        wall = self._wall + blend(np.arange(len(self._wall)))
        share = _arc(self._annulus)[:, None]
        shift = (1 - share) * (new[-1] - old[-1]) + share * (new[0] - old[0])
        return wall, self._annulus + shift

    def _settle(self) -> None:
        """Take the contour as it was bent for the one to bend."""
        wall, annulus = self._bent()
        self._wall, self._annulus = wall.copy(), annulus.copy()


def _spline(points: _FLOAT, places: _FLOAT) -> _FLOAT:
    """Points of the spline through control points, at places between them."""
    from scipy.interpolate import CubicSpline

    # Centripetal, as in `curve_through`.
    steps = np.sqrt(np.linalg.norm(np.diff(points, axis=0), axis=1)).clip(1e-3)
    at = np.concatenate([[0.0], np.cumsum(steps)])
    return np.asarray(CubicSpline(at, points)(np.interp(places, np.arange(len(points)), at)))


def _arc(line: _FLOAT) -> _FLOAT:
    """How far along a line each of its points is, from 0 to 1."""
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    return np.asarray(along / max(along[-1], 1e-9))
