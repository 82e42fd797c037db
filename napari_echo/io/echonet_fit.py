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
    n = len(discs)
    across = discs[:, 1] - discs[:, 0]
    lengths = np.linalg.norm(across, axis=1, keepdims=True)
    across = across / np.maximum(lengths, 1e-9)
    inset = np.minimum(_INSET, lengths / 2) * across
    # Down the one side and up the other, as the polygon runs.
    ends = np.concatenate([discs[:, 0] + inset, (discs[:, 1] - inset)[::-1]])
    steps = np.concatenate([across, across[::-1]])
    drawn = _Drawn(ends, mask)
    for _ in range(_PASSES):
        moved = [drawn.move(k, sign * steps[k]) for k in range(2 * n) for sign in (-1, 1)]
        if not any(moved):
            break
    return np.stack([drawn.ends[:n], drawn.ends[: n - 1 : -1]], axis=1)


class _Drawn:
    """The polygon through some points (y, x), beside the mask that it should be."""

    def __init__(self, ends: NDArray[np.float64], mask: NDArray[np.bool_]) -> None:
        self.ends = ends
        self._mask = mask
        whole = (0, 0, *mask.shape)
        self._drawn, self._overlap = self._count(np.rint(ends), whole)
        self._wanted = int(mask.sum())

    def move(self, k: int, step: NDArray[np.float64]) -> bool:
        """Move a point if the polygon comes closer to the mask; tell whether it was."""
        old, new = np.rint(self.ends), self.ends.copy()
        new[k] += step
        rounded = np.rint(new)
        # Nothing changes but between the point and its neighbours, so no more is drawn.
        near = np.array([rounded[k], *(old[(k + i) % len(old)] for i in (-1, 0, 1))]).astype(int)
        top, left = np.maximum(near.min(axis=0), 0)
        bottom, right = np.minimum(near.max(axis=0) + 1, self._mask.shape)
        if bottom <= top or right <= left:
            return False
        window = (int(top), int(left), int(bottom), int(right))
        before, after = self._count(old, window), self._count(rounded, window)
        drawn, overlap = self._drawn + after[0] - before[0], self._overlap + after[1] - before[1]
        if overlap * (self._drawn + self._wanted) <= self._overlap * (drawn + self._wanted):
            return False
        self.ends, self._drawn, self._overlap = new, drawn, overlap
        return True

    def _count(
        self, points: NDArray[np.float64], window: tuple[int, int, int, int]
    ) -> tuple[int, int]:
        """Pixels that the polygon fills within a window, and how many of them are the mask's."""
        top, left, bottom, right = window
        filled = fill_outline((points - (top, left))[:, ::-1], (bottom - top, right - left))
        return int(filled.sum()), int((filled & self._mask[top:bottom, left:right]).sum())
