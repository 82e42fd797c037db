"""Distances between the outlines of two masks, in mm.

The outline of a mask is the set of its pixels with one of the four neighbours
outside it (beyond the image counts as outside); a distance goes from a pixel
of one outline to the nearest pixel of the other, centre to centre. The
definitions are those of Maier-Hein, Reinke et al., Metrics reloaded, Nature
Methods 21 (2024), 195-212.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_Distances = NDArray[np.float64]


def hd95(
    a: NDArray[np.bool_], b: NDArray[np.bool_], spacing_mm: tuple[float, float] | None
) -> float:
    """95th percentile of the Hausdorff distance.

    The larger of the 95th percentiles of the distances from A's outline to
    B's and from B's to A's. (Some programs take the percentile of both sets
    together, which is never larger.)

    Parameters
    ----------
    a, b : ndarray of bool, shape (H, W)
        Masks of one structure in one frame.
    spacing_mm : (float, float) or None
        Height and width of a pixel in mm; None measures in pixels.

    Returns
    -------
    float
        In mm, or pixels; not-a-number where either mask is empty.

    Raises
    ------
    ValueError
        If the masks are not 2-D or differ in shape.
    """
    distances = _outline_distances(a, b, spacing_mm)
    if distances is None:
        return float("nan")
    return float(max(np.percentile(d, 95) for d in distances))


def asd(
    a: NDArray[np.bool_], b: NDArray[np.bool_], spacing_mm: tuple[float, float] | None
) -> float:
    """Average symmetric surface distance.

    The mean of the distances from all pixels of A's outline to B's and from
    all of B's to A's, taken together. Takes, returns and raises what `hd95`
    does.
    """
    distances = _outline_distances(a, b, spacing_mm)
    if distances is None:
        return float("nan")
    return float(np.concatenate(distances).mean())


def _outline_distances(
    a: NDArray[np.bool_], b: NDArray[np.bool_], spacing_mm: tuple[float, float] | None
) -> tuple[_Distances, _Distances] | None:
    """Measure from A's outline to B's and back; None where either is empty."""
    from scipy.ndimage import distance_transform_edt

    if a.ndim != 2 or a.shape != b.shape:
        raise ValueError(f"two masks (H, W) are needed, not {a.shape} and {b.shape}")
    if not (a.any() and b.any()):
        return None
    # Both outlines lie within the box around both masks: the rest of the
    # image changes no distance.
    box = _box(a | b)
    outline_a, outline_b = _outline(a[box]), _outline(b[box])
    spacing = spacing_mm or (1.0, 1.0)
    to_a = distance_transform_edt(~outline_a, sampling=spacing)
    to_b = distance_transform_edt(~outline_b, sampling=spacing)
    return to_b[outline_a], to_a[outline_b]


def _box(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    from scipy.ndimage import binary_erosion

    outline: NDArray[np.bool_] = mask & ~binary_erosion(mask)
    return outline
