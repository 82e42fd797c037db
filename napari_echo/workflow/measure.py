"""Measure: area, length, volume and EF of a segmented clip."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames, detect_key_frames
from napari_echo.core.labels import Segmentation
from napari_echo.metrics.volume import LVMeasures, lv_measures


def measure(
    clip: EchoClip, segmentation: Segmentation, key_frames: KeyFrames | None = None
) -> LVMeasures:
    """Measure the LV of a segmented clip.

    Parameters
    ----------
    clip : EchoClip
        Gives the spacing and the frame rate.
    segmentation : Segmentation
        Its labels; frames that are not annotated measure not-a-number.
    key_frames : KeyFrames or None
        ED and ES; detected from the LV's area curve where None.

    Returns
    -------
    LVMeasures
        With the key frames that were used.

    Raises
    ------
    EchoError
        If the segmentation is of another clip's size.
    """
    if segmentation.labels.shape != clip.frames.shape:
        raise EchoError(
            f"The labels have the shape {segmentation.labels.shape}, the frames of {clip.name} "
            f"{clip.frames.shape}; they must be the same."
        )
    masks = segmentation.mask() & segmentation.annotated[:, None, None]
    if key_frames is None:
        area = np.count_nonzero(masks, axis=(1, 2))
        key_frames = _detect(area, segmentation.annotated, clip.fps)
    return lv_measures(masks, clip.spacing_mm, key_frames)


def _detect(area: NDArray[np.intp], annotated: NDArray[np.bool_], fps: float | None) -> KeyFrames:
    """Detect ED and ES among the annotated frames."""
    frames = np.flatnonzero(annotated)
    # Sparse labels have no even rate.
    found = detect_key_frames(area[frames], fps if annotated.all() else None)
    beats = tuple(Beat(int(frames[beat.ed]), int(frames[beat.es])) for beat in found.beats)
    return KeyFrames(beats, found.origin)
