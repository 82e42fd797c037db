"""Image operations of OpenCV on float32 arrays, with their types."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]


def blur(image: Image, sigma_x: float, sigma_y: float | None = None) -> Image:
    """Gaussian blur; widths in pixels, the same in both directions if one is given."""
    kernel_y = sigma_x if sigma_y is None else sigma_y
    return np.asarray(
        cv2.GaussianBlur(image, (0, 0), sigmaX=sigma_x, sigmaY=kernel_y), dtype=np.float32
    )


def sample(image: Image, column: Image, row: Image, border: int = cv2.BORDER_REFLECT_101) -> Image:
    """Read an image at fractional positions, linearly interpolated."""
    return np.asarray(
        cv2.remap(image, column, row, cv2.INTER_LINEAR, borderMode=border), dtype=np.float32
    )


def resize(image: Image, shape: tuple[int, int], interpolation: int = cv2.INTER_LINEAR) -> Image:
    """Resize to (rows, columns)."""
    return np.asarray(cv2.resize(image, shape[::-1], interpolation=interpolation), dtype=np.float32)


def enlarge(field: Image, shape: tuple[int, int]) -> Image:
    """Resize to (rows, columns) with the corner samples kept at the corners."""
    x = np.linspace(0, field.shape[1] - 1, shape[1], dtype=np.float32)
    y = np.linspace(0, field.shape[0] - 1, shape[0], dtype=np.float32)
    column, row = np.meshgrid(x, y)
    return sample(field, column, row)


def draw_line(canvas: NDArray[np.uint8], points: NDArray[np.float64], thickness: int) -> None:
    """Draw an open curve (N, 2) of (column, row) in white, in place."""
    cv2.polylines(
        canvas, [np.round(points * 16).astype(np.int32)], False, 255, thickness, cv2.LINE_AA, 4
    )
