"""Blend two segmentations of a frame: a border between them lies between their borders.

A weighted mean of two sharp masks is one of them or the other, by which weighs
more, and their area jumps halfway. The mean of their signed distances moves
the border instead (Raya and Udupa, "Shape-based interpolation of
multidimensional objects", IEEE TMI 9(1), 1990).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def blend_by_distance(
    one: NDArray[np.floating], other: NDArray[np.floating], share: float
) -> NDArray[np.float16]:
    """Blend class probabilities by the signed distances of their classes.

    Parameters
    ----------
    one, other : ndarray of float, shape (C, H, W)
        Class probabilities of one frame.
    share : float
        The weight of `other`, from 0 to 1.

    Returns
    -------
    ndarray of float16, shape (C, H, W)
        Probabilities that fall off within a pixel or two of the borders.
    """
    distance = (1 - share) * _signed_distances(one) + share * _signed_distances(other)
    # Far from all borders of a class it is as good as certain, and exp() must not overflow.
    inside = 1 / (1 + np.exp(-np.clip(distance, -12, 12)))
    return np.asarray(inside / inside.sum(axis=0), np.float16)


def _signed_distances(probabilities: NDArray[np.floating]) -> NDArray[np.float32]:
    """Pixels to the border of each class, positive inside; the frame's size where it has none."""
    import cv2

    found = probabilities.argmax(axis=0)
    far = float(np.hypot(*found.shape))
    distances = np.empty(probabilities.shape, np.float32)
    for index in range(len(probabilities)):
        inside = (found == index).astype(np.uint8)
        if inside.all() or not inside.any():
            distances[index] = far if inside.any() else -far
            continue
        into, out = (
            cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
            for mask in (inside, 1 - inside)
        )
        # Distances are to the middle of the next pixel beyond the border.
        distances[index] = np.where(inside, into - 0.5, 0.5 - out)
    return distances
