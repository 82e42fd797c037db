"""Draw masks over frames: what reports and films show.

Okabe and Ito's colours, which colour-blind readers tell apart: the errors
differ by vermilion against blue, and by lying outside or inside the truth's
contour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

RGB = NDArray[np.uint8]

PREDICTED = "#e69f00"
BEYOND, MISSED = "#d55e00", "#56b4e9"
TRUTH = "#ffffff"
"""Prediction, prediction beyond the truth, truth that was missed, contour of the truth."""


def fit(frame: NDArray[np.uint8], side: int) -> RGB:
    """Scale a frame so that its longer side has `side` pixels.

    Parameters
    ----------
    frame : ndarray of uint8, shape (H, W)
        Grey levels.
    side : int
        Pixels.

    Returns
    -------
    ndarray of uint8, shape (h, w, 3)
    """
    scale = side / max(frame.shape)
    size = (max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(np.ascontiguousarray(frame), size, interpolation=how)
    return np.repeat(scaled[:, :, np.newaxis], 3, axis=2)


def fill(image: RGB, mask: NDArray[np.bool_], color: str, alpha: float) -> None:
    """Tint the pixels of a mask (H, W), scaled to the image, in place."""
    inside = _scaled(mask, image.shape[:2])
    tint = (1 - alpha) * image[inside] + alpha * np.array(rgb(color), np.float32)
    image[inside] = np.round(tint).astype(np.uint8)


def outline(image: RGB, mask: NDArray[np.bool_], color: str, width: int = 1) -> None:
    """Draw the contour of a mask (H, W), scaled to the image, in place, on a dark edge."""
    inside = _scaled(mask, image.shape[:2]).astype(np.uint8)
    contours, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for line, thickness in (((0, 0, 0), width + 2), (rgb(color), width)):
        cv2.drawContours(image, contours, -1, line, thickness, cv2.LINE_AA)


def draw_errors(
    image: RGB, predicted: NDArray[np.bool_], truth: NDArray[np.bool_], width: int = 1
) -> None:
    """Show a predicted mask (H, W) against the true one, in place.

    The prediction is a faint fill, what it has beyond the truth and what it
    misses are strong ones, and a white line of `width` is the contour of the truth.
    """
    fill(image, predicted & truth, PREDICTED, 0.22)
    fill(image, predicted & ~truth, BEYOND, 0.65)
    fill(image, truth & ~predicted, MISSED, 0.65)
    outline(image, truth, TRUTH, width)


def rgb(color: str) -> tuple[int, int, int]:
    """Red, green and blue of ``#rrggbb``."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def font(size: int) -> FreeTypeFont:
    """DejaVu Sans, which matplotlib brings and which has the letters of most names."""
    import matplotlib as mpl
    from PIL import ImageFont

    return ImageFont.truetype(f"{mpl.get_data_path()}/fonts/ttf/DejaVuSans.ttf", size)


def _scaled(mask: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Scale a mask with smooth edges."""
    values = cv2.resize(
        mask.astype(np.float32), (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR
    )
    return np.asarray(values >= 0.5)
