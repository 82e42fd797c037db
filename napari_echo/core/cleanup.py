"""What is put right in a model's labels before a reader sees them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.labels import LV


def keep_largest_piece(
    labels: NDArray[np.uint8],
    probabilities: NDArray[np.float16],
    structure: int = LV,
) -> NDArray[np.uint8]:
    """Keep the largest connected piece of a structure in each frame.

    The LV cavity is one piece in an apical view; a second one is speckle in
    another chamber, and would spoil areas and surface distances. Its pixels
    get the most probable of the other classes. Pieces are connected by edges,
    not corners; of two equally large ones the upper stays. The probabilities
    are not changed.

    Parameters
    ----------
    labels : ndarray of uint8, shape (N, H, W)
        Labels of a clip's frames.
    probabilities : ndarray of float16, shape (N, C, H, W)
        Class probabilities that the labels were taken from.
    structure : int
        Index of the structure.

    Returns
    -------
    ndarray of uint8, shape (N, H, W)
        A cleaned copy.
    """
    from scipy.ndimage import label

    clean = labels.copy()
    for frame, p in zip(clean, probabilities, strict=True):
        pieces, n = label(frame == structure)
        if n < 2:
            continue
        sizes = np.bincount(pieces.ravel())[1:]
        stray = (pieces > 0) & (pieces != 1 + np.argmax(sizes))
        others = p[:, stray].astype(np.float32)
        others[structure] = -1
        frame[stray] = others.argmax(axis=0)
    return clean
