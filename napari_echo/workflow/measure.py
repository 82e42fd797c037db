"""Measure: area, length, volume and EF of a segmented clip."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.beats import detect_key_frames
from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import LV, Segmentation
from napari_echo.metrics.lv_frame import FrameMeasures, area_alone, frame_measures
from napari_echo.metrics.volume import LVMeasures, gather
from napari_echo.metrics.walls import WallErrors

Digest = bytes


@dataclass(frozen=True)
class FrameCache:
    """What frames of one clip measured, by the digests of their LV: labels that recur cost nothing.

    Attributes
    ----------
    frames : dict
        What a mask measured.
    differences : dict
        How far a mask lies from a reference, by the digests of both.
    """

    frames: dict[Digest, FrameMeasures] = field(default_factory=dict)
    differences: dict[tuple[Digest, Digest], FrameDifference] = field(default_factory=dict)


@dataclass(frozen=True)
class FrameDifference:
    """How far one frame's LV differs from the reference: Dice, and mm or pixels by wall."""

    dice: float
    walls: WallErrors | None


def digest(mask: NDArray[np.bool_]) -> Digest:
    """Name a mask by its pixels."""
    return blake2b(np.packbits(mask).data, digest_size=16).digest()


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
    steps = iter_measure(clip, segmentation.labels, segmentation.annotated, key_frames)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            measured: LVMeasures = end.value
            return measured


def iter_measure(
    clip: EchoClip,
    labels: NDArray[np.uint8],
    annotated: NDArray[np.bool_] | None = None,
    key_frames: KeyFrames | None = None,
    *,
    cache: FrameCache | None = None,
    whole: bool = True,
) -> Generator[tuple[int, int], None, LVMeasures]:
    """Measure the LV frame by frame, and say after each how many are done, and of how many.

    Parameters
    ----------
    clip, key_frames
        As for `measure`.
    labels : ndarray of uint8, shape (T, H, W)
        They may be painted on meanwhile: every frame is copied before it is
        measured.
    annotated : ndarray of bool, shape (T,), or None
        Which frames count; None takes all.
    cache : FrameCache or None
        What was measured before of this clip; what is measured now is added.
    whole : bool
        Measure every frame; else the key frames, and of the others what the
        cache knows, or the area alone, which takes next to no time.

    Returns
    -------
    LVMeasures

    Raises
    ------
    EchoError
        If the labels are of another clip's size.
    """
    if labels.shape != clip.frames.shape:
        raise EchoError(
            f"The labels have the shape {labels.shape}, the frames of {clip.name} "
            f"{clip.frames.shape}; they must be the same."
        )
    spacing = clip.spacing_mm
    seen = np.ones(len(labels), np.bool_) if annotated is None else annotated
    if key_frames is None:
        area = np.array([np.count_nonzero(frame == LV) for frame in labels]) * seen
        key_frames = _detect(area, seen, clip.fps)
    wanted = set(range(len(labels)) if whole else key_frames.frames())
    nothing = np.zeros(clip.frame_shape, np.bool_)
    frames = []
    for index in range(len(labels)):
        if not seen[index]:
            frames.append(area_alone(nothing, spacing))
        else:
            frames.append(_measured(labels[index] == LV, spacing, cache, index in wanted))
        yield index + 1, len(labels)
    return gather(frames, spacing, key_frames)


def _measured(
    mask: NDArray[np.bool_],
    spacing: tuple[float, float] | None,
    cache: FrameCache | None,
    wanted: bool,
) -> FrameMeasures:
    """Measure a frame, or look it up; one that is not wanted is not measured."""
    key = digest(mask) if cache is not None else b""
    found = cache.frames.get(key) if cache is not None else None
    if found is None:
        if not wanted:
            return area_alone(mask, spacing)
        found = frame_measures(mask, spacing)
        if cache is not None:
            cache.frames[key] = found
    return found


def _detect(area: NDArray[np.intp], annotated: NDArray[np.bool_], fps: float | None) -> KeyFrames:
    """Detect ED and ES among the annotated frames."""
    frames = np.flatnonzero(annotated)
    # Sparse labels have no even rate.
    found = detect_key_frames(area[frames], fps if annotated.all() else None)
    beats = tuple(Beat(int(frames[beat.ed]), int(frames[beat.es])) for beat in found.beats)
    return KeyFrames(beats, found.origin)
