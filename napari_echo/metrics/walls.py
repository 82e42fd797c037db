"""How far one LV boundary lies from another, wall by wall, with its sign.

Every point of the reference's outline is taken to the nearest point of the
other outline; the distance is above zero where the other one lies outside
the reference (its cavity is too large there), below zero where it lies
inside. The mean of a segment's points is its signed error, in mm: a model
that cuts the apex short has a negative apical error, whatever its Dice says.

The segments are those of the reference: its outline below the annulus is the
base; of the contour from one end of the annulus over the apex to the other,
the part in the apical third of the long axis is the apex, and what lies to
the left and to the right of the axis are the walls. Which wall is which follows from the view
as the guidelines have it displayed, apex up (Lang et al., J Am Soc
Echocardiogr 28 (2015), 1-39), as CAMUS and EchoNet-Dynamic are: in an apical
four-chamber view the septum is on the left of the picture and the lateral
wall on the right, in a two-chamber view the inferior wall is on the left and
the anterior one on the right. An image that is shown mirrored has them the
other way round. Of an unknown view they are the left and the right wall.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.contour import open_part
from napari_echo.core.discs import long_axis, outer_contour

APICAL_SHARE = 1 / 3
"""Share of the long axis, from the apex, that is called apical."""

_STEP = 0.1  # pixels between the points that distances are taken to
_NAMES = {"A4C": ("septal", "lateral"), "A2C": ("inferior", "anterior")}


@dataclass(frozen=True)
class WallErrors:
    """Mean signed distance from a reference's boundary to another, by segment.

    In mm, or pixels without a spacing; above zero where the other boundary
    lies outside the reference.
    """

    left: float
    apical: float
    right: float
    base: float


def wall_names(view: str) -> tuple[str, str]:
    """Names of the walls on the left and on the right of the picture in a view."""
    return _NAMES.get(view, ("left", "right"))


def wall_errors(
    mask: NDArray[np.bool_],
    reference: NDArray[np.bool_],
    spacing_mm: tuple[float, float] | None = None,
) -> WallErrors | None:
    """Measure how far a mask's boundary lies outside or inside a reference's, by segment.

    Parameters
    ----------
    mask, reference : ndarray of bool, shape (H, W)
        The LV cavity, by two sources.
    spacing_mm : (float, float) or None
        Height and width of a pixel in mm; None measures in pixels.

    Returns
    -------
    WallErrors or None
        None where either has no shape.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    from scipy.spatial import KDTree
    from skimage.measure import points_in_poly

    if mask.shape != reference.shape:
        raise ValueError(f"masks of the shapes {mask.shape} and {reference.shape} do not pair")
    spacing = spacing_mm or (1.0, 1.0)
    scale = np.array(spacing)
    both = mask | reference
    rows, columns = np.flatnonzero(both.any(axis=1)), np.flatnonzero(both.any(axis=0))
    if rows.size == 0:
        return None
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    mask, reference = mask[box], reference[box]
    axis = long_axis(reference, spacing)
    outline, other = outer_contour(reference), outer_contour(mask)
    if axis is None or outline is None or other is None:
        return None
    points, arc = outline[:-1], open_part(outline, axis)
    is_base = ~(points[:, np.newaxis] == arc).all(axis=2).any(axis=1)
    distance, _ = KDTree(_dense(other) * scale).query(points * scale)
    inside = points_in_poly(points, other)  # type: ignore[no-untyped-call]
    signed = np.where(inside, distance, -distance)
    apex, base = np.array(axis.apex) * scale, np.array(axis.base) * scale
    down = (base - apex) / np.linalg.norm(base - apex)
    along = (points * scale - apex) @ down / np.linalg.norm(base - apex)
    to_right = (points * scale - apex) @ np.array([-down[1], down[0]]) > 0
    is_apical = ~is_base & (along < APICAL_SHARE)
    is_wall = ~is_base & ~is_apical
    return WallErrors(
        _mean(signed[is_wall & ~to_right]),
        _mean(signed[is_apical]),
        _mean(signed[is_wall & to_right]),
        _mean(signed[is_base]),
    )


def _dense(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points at even steps along a line."""
    at = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    wanted = np.linspace(0, at[-1], max(2, math.ceil(at[-1] / _STEP) + 1))
    return np.stack([np.interp(wanted, at, line[:, i]) for i in range(2)], axis=1)


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else math.nan
