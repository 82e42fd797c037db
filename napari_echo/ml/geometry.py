"""From the clip's grid to the model's square and back.

`io.letterbox` leads to the square; this module leads back. Training and
prediction share them, so that a model sees the same geometry in both.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_echo.io.letterbox import fit_size, letterbox

__all__ = ["fit_size", "letterbox", "unletterbox"]


def unletterbox(
    scores: NDArray[np.float32], shape: tuple[int, int], size: int
) -> NDArray[np.float32]:
    """Bring class scores from the model's square back to the clip's grid.

    Parameters
    ----------
    scores : ndarray of float32, shape (C, h, w)
        Scores over the whole square, at any resolution.
    shape : (int, int)
        Height and width of the clip.
    size : int
        Side of the model's square in pixels.

    Returns
    -------
    ndarray of float32, shape (C, H, W)
        Linearly interpolated.
    """
    fitted = fit_size(shape, size)
    # Pixel centres: x_out + 0.5 = (x_in + 0.5) * scale, in both grids.
    sy = scores.shape[1] / size * fitted[0] / shape[0]
    sx = scores.shape[2] / size * fitted[1] / shape[1]
    to_scores = np.array([[sx, 0, 0.5 * sx - 0.5], [0, sy, 0.5 * sy - 0.5]], np.float32)
    out = cv2.warpAffine(
        scores.transpose(1, 2, 0),
        to_scores,
        (shape[1], shape[0]),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.ascontiguousarray(out.reshape(*shape, -1).transpose(2, 0, 1))
