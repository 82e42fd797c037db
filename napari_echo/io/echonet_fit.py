"""Fit the discs of EchoNet-Dynamic to a mask, so that the mask drawn from them is that mask.

EchoNet's loader rounds the ends of the discs to whole pixels and fills the
polygon through them, borders included. Ends that lie on the mask's outline,
between its pixels and those around, are rounded in or out by chance: of a
ventricle 30 pixels wide that alone takes three hundredths of Dice. So the ends
start within the outermost pixels, and each is then moved along its disc while
that brings the drawn mask closer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_echo.io.tracings import fill_outline

_INSET = 0.25  # pixels; from the outline towards the centre of the outermost pixel
_PASSES = 3


def fit_discs(discs: NDArray[np.float64], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Move the ends of discs along them to where the mask drawn from them has the best Dice.

    Parameters
    ----------
    discs : ndarray of float64, shape (N, 2, 2)
        Both ends (y, x) of each disc, from apex to base, on the outline of the
        mask; in pixels of its grid.
    mask : ndarray of bool, shape (H, W)
        The LV cavity.

    Returns
    -------
    ndarray of float64, shape (N, 2, 2)
        Discs across the same centre line.
    """
    across = discs[:, 1] - discs[:, 0]
    lengths = np.linalg.norm(across, axis=1, keepdims=True)
    across = across / np.maximum(lengths, 1e-9)
    inset = np.minimum(_INSET, lengths / 2) * across
    fitted = np.stack([discs[:, 0] + inset, discs[:, 1] - inset], axis=1)
    best = _dice(fitted, mask)
    for _ in range(_PASSES):
        before = best
        for index, direction in enumerate(across):
            for end in (0, 1):
                for step in (-1.0, 1.0):
                    old = fitted[index, end].copy()
                    fitted[index, end] += step * direction
                    found = _dice(fitted, mask)
                    if found > best:
                        best = found
                    else:
                        fitted[index, end] = old
        if best == before:
            break
    return fitted


def outline_of(discs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (x, y) down the one side of discs (y, x) and up the other, shape (2 N, 2)."""
    return np.concatenate([discs[:, 0], discs[::-1, 1]])[:, ::-1]


def _dice(discs: NDArray[np.float64], mask: NDArray[np.bool_]) -> float:
    drawn = fill_outline(outline_of(discs), (mask.shape[0], mask.shape[1]))
    return float(2 * (drawn & mask).sum() / (drawn.sum() + mask.sum()))
