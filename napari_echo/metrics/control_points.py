"""How few control points draw a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.contour import curve_through, fill_contour, open_outline
from napari_echo.core.discs import long_axis
from napari_echo.metrics.overlap import dice


def control_points(
    mask: NDArray[np.bool_], least_dice: float, most: int = 24
) -> NDArray[np.float64] | None:
    """As few control points as draw a mask, placed one after the other.

    The ends of the annulus and the apex come first; then always the point of
    the outline that lies farthest from the curve.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        The LV cavity.
    least_dice : float
        Overlap at which to stop, 0 to 1.
    most : int
        Points after which to stop at any rate.

    Returns
    -------
    ndarray of float64, shape (N, 2), or None
        In the order along the contour; None where the mask has no long axis.
    """
    outline = open_outline(mask)
    if outline is None:
        return None
    axis = long_axis(mask)
    assert axis is not None
    apex = int(np.linalg.norm(outline - np.array(axis.apex), axis=1).argmin())
    chosen = sorted({0, apex, len(outline) - 1})
    while len(chosen) < most:
        curve = curve_through(outline[chosen])
        if dice(fill_contour(outline[chosen], mask.shape), mask) >= least_dice:
            break
        far = np.linalg.norm(outline[:, None] - curve[None], axis=2).min(axis=1)
        far[chosen] = 0
        chosen = sorted({*chosen, int(far.argmax())})
    return np.asarray(outline[chosen])
