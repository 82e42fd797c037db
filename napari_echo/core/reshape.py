"""What becomes of a frame's labels when the LV cavity gets another shape.

The cavity is laid over everything else: other structures keep their labels
where it does not cover them. Pixels that it leaves get the nearest label
around it: the wall grows back beside the wall, the atrium below the annulus.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.contour import fill_polygon, outline_parts
from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LV

SMOOTH_MM = 2.0
"""How far the smoothing of a contour reaches: the size of speckle."""
_SMOOTH_SHARE = 0.03  # of the square root of the area, where no spacing is known
_OUTLINE_POINTS = 400
AREA_KEPT = 0.01
"""Share of the area that smoothing may change without a word."""


def without_structure(labels: NDArray[np.uint8], structure: int = LV) -> NDArray[np.uint8]:
    """Take a structure out of a frame's labels; its pixels get the nearest other label.

    Parameters
    ----------
    labels : ndarray of uint8, shape (H, W)
        Labels of one frame; not changed.
    structure : int
        Index of the structure.

    Returns
    -------
    ndarray of uint8, shape (H, W)
    """
    from scipy.ndimage import distance_transform_edt

    freed = labels == structure
    box = box_of(freed, 1)
    left = labels.copy()
    if box is None:
        return left
    inside = freed[box]
    if inside.all():
        left[box] = 0
        return left
    nearest = distance_transform_edt(inside, return_distances=False, return_indices=True)
    left[box] = labels[box][tuple(nearest)]
    return left


def with_mask(
    under: NDArray[np.uint8], mask: NDArray[np.bool_], structure: int = LV
) -> NDArray[np.uint8]:
    """Lay a structure's mask over a frame's labels, both (H, W); a new array."""
    laid = under.copy()
    laid[mask] = structure
    return laid


def smooth_cavity(
    mask: NDArray[np.bool_], spacing_mm: tuple[float, float] | None, reach_mm: float = SMOOTH_MM
) -> NDArray[np.bool_]:
    """Smooth the contour of the LV cavity, keeping its area and its mitral annulus.

    The outline is cut at both ends of the annulus; each part is sampled
    evenly and its points are averaged by a Gaussian along it, mirrored through
    its ends so that these stay. What the average cuts off bulges is given
    back by moving the wall out along its normals until the area is what it
    was. Pieces beside the largest and holes go.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        The cavity.
    spacing_mm : (float, float) or None
        Height and width of a pixel; without it the reach is 3 % of the
        square root of the area.
    reach_mm : float
        Standard deviation of the Gaussian, in mm along the contour.

    Returns
    -------
    ndarray of bool, shape (H, W)

    Raises
    ------
    EchoError
        If the mask is too small to have a contour.
    """
    box = box_of(mask, 12)
    parts = None if box is None else outline_parts(mask[box])
    if box is None or parts is None:
        raise EchoError("There is no LV cavity on this frame that has a contour: draw one first.")
    scale = np.asarray(spacing_mm or (1.0, 1.0), float)
    wall, annulus = parts.wall * scale, parts.annulus * scale
    area = _area(np.concatenate([wall, annulus]))
    reach = reach_mm if spacing_mm else _SMOOTH_SHARE * math.sqrt(area)
    wall, annulus = averaged(wall, reach), averaged(annulus, reach)
    for _ in range(2):
        tangent = np.gradient(wall, axis=0)
        normal = np.stack([tangent[:, 1], -tangent[:, 0]], axis=1)
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
        normal[[0, -1]] = 0
        now = _area(np.concatenate([wall, annulus]))
        if _area(np.concatenate([wall + 0.1 * normal, annulus])) < now:
            normal = -normal
        length = float(np.linalg.norm(np.diff(wall, axis=0), axis=1).sum())
        wall = wall + normal * (area - now) / max(length, 1e-9)
    found = np.zeros_like(mask)
    found[box] = fill_polygon(np.concatenate([wall, annulus]) / scale, mask[box].shape)
    return found


def averaged(points: NDArray[np.float64], reach: float) -> NDArray[np.float64]:
    """Average a curve along itself by a Gaussian; its ends stay."""
    from scipy.ndimage import gaussian_filter1d

    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    if along[-1] == 0:
        return points
    at = np.linspace(0, along[-1], _OUTLINE_POINTS)
    even = np.stack([np.interp(at, along, points[:, i]) for i in (0, 1)], axis=1)
    # Mirrored through its end, a curve goes straight on there, and the end stays.
    before, after = 2 * even[0] - even[1:][::-1], 2 * even[-1] - even[:-1][::-1]
    longer = np.concatenate([before, even, after])
    n = len(even)
    return np.asarray(gaussian_filter1d(longer, reach / at[1], axis=0)[n - 1 : 2 * n - 1])


def _area(points: NDArray[np.float64]) -> float:
    y, x = points.T
    return float(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)


def box_of(mask: NDArray[np.bool_], margin: int) -> tuple[slice, slice] | None:
    """Find the box around a mask with a margin inside the frame; None where it is empty."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return None
    columns = np.flatnonzero(mask.any(axis=0))
    y0, y1 = max(int(rows[0]) - margin, 0), int(rows[-1]) + margin + 1
    x0, x1 = max(int(columns[0]) - margin, 0), int(columns[-1]) + margin + 1
    return slice(y0, y1), slice(x0, x1)
