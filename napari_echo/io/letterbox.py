"""Frames and labels scaled to fit a square: the geometry that every model sees.

A frame is scaled with its aspect ratio kept, so that it fits the square, and
padded with black at its right and lower side. Data sets at training size,
training and prediction share these functions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.labels import Segmentation
from napari_echo.io.labelled import LabelledClip


def fit_size(shape: tuple[int, ...], size: int) -> tuple[int, int]:
    """Height and width of a frame of `shape` scaled to fit a square of `size`."""
    scale = size / max(shape)
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def letterbox(frame: NDArray[np.uint8], size: int, *, labels: bool = False) -> NDArray[np.uint8]:
    """Scale a frame to fit a square and pad it.

    Parameters
    ----------
    frame : ndarray of uint8, shape (H, W)
        Grey levels, or labels.
    size : int
        Side of the square in pixels.
    labels : bool
        Each pixel takes the label that covers most of it, in place of a mean
        grey level.

    Returns
    -------
    ndarray of uint8, shape (size, size)
    """
    if frame.shape == (size, size):
        return frame.copy()
    height, width = fit_size(frame.shape, size)
    square = np.zeros((size, size), np.uint8)
    scaled = _most_covering if labels else _scaled
    square[:height, :width] = scaled(frame, (height, width))
    return square


def fit_spacing(
    spacing_mm: tuple[float, float] | None, shape: tuple[int, ...], size: int
) -> tuple[float, float] | None:
    """Height and width in mm of a letterboxed frame's pixel; None where it is unknown."""
    if spacing_mm is None:
        return None
    height, width = fit_size(shape, size)
    return spacing_mm[0] * shape[0] / height, spacing_mm[1] * shape[1] / width


def letterbox_clip(item: LabelledClip, size: int) -> LabelledClip:
    """Letterbox a clip and its labels; its spacing and its id become those of the new frames."""
    clip, truth = item.clip, item.truth
    labels = np.zeros((len(clip), size, size), np.uint8)
    for frame in truth.annotated_frames:
        labels[frame] = letterbox(truth.labels[frame], size, labels=True)
    small = EchoClip.from_frames(
        np.stack([letterbox(frame, size) for frame in clip.frames]),
        fps=clip.fps,
        spacing_mm=fit_spacing(clip.spacing_mm, clip.frame_shape, size),
        view=clip.view,
        study_id=clip.study_id,
        source=clip.source,
        notes=clip.notes,
    )
    small_truth = Segmentation(labels, truth.annotated, truth.origin, truth.schema)
    return LabelledClip(small, small_truth, item.key_frames, item.split, item.ef)


def _scaled(values: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Mean over the area where it shrinks, linear interpolation where it grows."""
    import cv2

    how = cv2.INTER_AREA if max(values.shape) > max(shape) else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(values, shape[::-1], interpolation=how), np.uint8)


def _most_covering(labels: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
    # Not OpenCV's INTER_NEAREST, which takes the corner of a pixel for its
    # centre and so moves labels against their image by up to half a pixel.
    import cv2

    nearest = cv2.resize(labels, shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    present = np.flatnonzero(np.bincount(labels.ravel(), minlength=256)).astype(np.uint8)
    masks = ((labels == value).view(np.uint8) * np.uint8(255) for value in present)
    cover = np.stack([_scaled(mask, shape) for mask in masks])
    # Half a step decides where two labels cover as much, which were else always the lower one.
    best = (cover + 0.5 * (nearest == present[:, None, None])).argmax(axis=0)
    return np.asarray(present[best])
