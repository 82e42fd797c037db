"""Masks that a reader gives on some frames, to be carried on to others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LabelSchema

Masks = Mapping[int, NDArray[np.integer]]
"""Labels (H, W) by frame, counted from 0; the values are those of a schema."""


def one_hot(mask: NDArray[np.uint8], n_classes: int) -> NDArray[np.bool_]:
    """Turn labels (H, W) into a mask (C, H, W) of each class."""
    return np.asarray(mask == np.arange(n_classes, dtype=np.uint8)[:, None, None])


def checked(
    clip: EchoClip, masks: Masks, schema: LabelSchema, whose: str
) -> dict[int, NDArray[np.uint8]]:
    """Check masks that are given to be carried on.

    Parameters
    ----------
    clip : EchoClip
        The clip.
    masks : mapping of int to ndarray of integers, shape (H, W)
        Labels by frame.
    schema : LabelSchema
        The labels that there may be.
    whose : str
        Whose schema it is, for the sentence that refuses a label.

    Returns
    -------
    dict of int to ndarray of uint8, shape (H, W)
        The masks.

    Raises
    ------
    EchoError
        If there is none, or one of them does not fit.
    """
    if not masks:
        raise EchoError("There is no mask to propagate: give the labels of at least one frame.")
    known = {0, *(s.index for s in schema.structures)}
    checked = {}
    for frame, mask in masks.items():
        if not 0 <= frame < len(clip):
            raise EchoError(
                f"There is no frame {frame} in {clip.name}, whose {len(clip)} frames count from 0."
            )
        if mask.shape != clip.frame_shape or not np.issubdtype(mask.dtype, np.integer):
            raise EchoError(
                f"The mask of frame {frame} needs whole numbers in the shape {clip.frame_shape} "
                f"of {clip.name}, not {mask.shape} {mask.dtype}."
            )
        strange = sorted(set(np.unique(mask).tolist()) - known)
        if strange:
            names = ", ".join(f"{s.index} ({s.name})" for s in schema.structures)
            raise EchoError(
                f"The mask of frame {frame} has the label {strange[0]}, which {whose} does not "
                f"know; it knows 0 (background), {names}."
            )
        checked[int(frame)] = np.ascontiguousarray(mask, np.uint8)
    return checked
