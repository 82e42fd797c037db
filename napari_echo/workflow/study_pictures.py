"""Small pictures of listed clips, at the least cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError

if TYPE_CHECKING:
    from napari_echo.workflow.studies import StudyItem

WIDTH, HEIGHT = 36, 28
"""Of a picture, in pixels."""

_VIDEOS = (".avi", ".mp4", ".mov", ".m4v")


def picture_of(frame: NDArray[np.uint8]) -> bytes:
    """Make a small picture, a PNG, of a frame (H, W); its middle where it is longer or wider."""
    import cv2

    height, width = frame.shape
    scale = max(WIDTH / width, HEIGHT / height)
    size = max(round(width * scale), WIDTH), max(round(height * scale), HEIGHT)
    small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    y, x = (size[1] - HEIGHT) // 2, (size[0] - WIDTH) // 2
    _, data = cv2.imencode(".png", small[y : y + HEIGHT, x : x + WIDTH])
    return bytes(data)


def read_picture(item: StudyItem) -> bytes:
    """Make a small picture of a clip's first frame, without the other frames where that can be.

    Raises
    ------
    EchoError
        If the clip cannot be read.
    """
    if item.problem:
        raise EchoError(item.problem)
    if item.path.suffix.lower() in _VIDEOS:
        frame = _first_of_video(item)
    elif item.path.name.endswith(".frames.npy"):
        frame = _first_of_array(item)
    else:
        frame = item.load().clip.frames[0]
    return picture_of(frame)


def _first_of_video(item: StudyItem) -> NDArray[np.uint8]:
    import av

    try:
        with av.open(str(item.path)) as container:
            frame = next(container.decode(video=0))
            return np.asarray(frame.to_ndarray(format="gray"), np.uint8)
    except (av.FFmpegError, StopIteration, OSError, IndexError) as error:
        raise EchoError(f"{item.path.name} holds no video that can be read.") from error


def _first_of_array(item: StudyItem) -> NDArray[np.uint8]:
    try:
        frames = np.load(item.path, mmap_mode="r", allow_pickle=False)
        if frames.ndim == 3 and frames.dtype == np.uint8:
            return np.array(frames[0], np.uint8)
    except (OSError, ValueError, EOFError, IndexError) as error:
        raise EchoError(f"{item.path.name} cannot be read: {error}.") from error
    first: NDArray[np.uint8] = item.load().clip.frames[0]
    return first
