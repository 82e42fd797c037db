"""AVI, MP4 and MOV clips, decoded from the first frame to the last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.io.doppler import ColourCheck
from napari_echo.io.reading import check_file, check_frames, decoding, luma

_CONTAINERS = ("avi", "mov,mp4,m4a,3gp,3g2,mj2")
# Of any other file ffmpeg plays what looks like a picture in it, a zip archive's
# JPEGs for one, and nothing tells how many frames there should be.


def load_video(path: Path) -> EchoClip:
    """Load an AVI, MP4 or MOV file, told by its content.

    Frames are decoded in order, without seeking; a file that holds fewer than
    it promises is refused, not shortened.

    Raises
    ------
    EchoError
        If the file is missing, empty, damaged, cut off, no video, of one
        frame, or of colour Doppler.
    """
    path = Path(path)
    check_file(path)
    with decoding(path, "a video"):
        frames, fps = _decode(path)
    return EchoClip.from_frames(frames, fps=fps, source=path)


def _decode(path: Path) -> tuple[NDArray[np.uint8], float | None]:
    import av

    frames: list[NDArray[np.uint8]] = []
    colours = ColourCheck(path)
    with av.open(str(path)) as container:
        if container.format.name not in _CONTAINERS:
            raise EchoError(
                f"{path.name} is not an AVI, MP4 or MOV file, but looks like "
                f"{container.format.long_name or container.format.name}."
            )
        if not container.streams.video:
            raise EchoError(f"{path.name} has no video in it, or is cut off.")
        stream = container.streams.video[0]
        # ffmpeg hides damage by painting pixels of other frames, unless it is told not to;
        # and with threads it does so all the same.
        stream.codec_context.options = {"err_detect": "explode"}
        stream.thread_type = "NONE"
        promised = int(stream.frames or 0)
        fps = float(stream.average_rate) if stream.average_rate else None
        try:
            for frame in container.decode(stream):
                if frame.is_corrupt:
                    raise ValueError("a frame is marked as corrupt")
                frames.append(_grey(frame, colours))
            if len(frames) < promised:
                raise ValueError("frames are missing")
        except (av.FFmpegError, ValueError) as error:
            of_all = f" of its {promised}" if promised else ""
            raise EchoError(
                f"{path.name} is damaged or cut off: only the first {len(frames)}{of_all} frames "
                "can be read."
            ) from error
    if not frames:
        raise EchoError(f"{path.name} has no frame in it.")
    if len({frame.shape for frame in frames}) > 1:
        raise EchoError(f"{path.name} changes its frame size midway, so it is not one clip.")
    colours.finish()
    stack = np.stack(frames)
    check_frames(path, stack)
    return stack, fps


def _grey(frame: Any, colours: ColourCheck) -> NDArray[np.uint8]:
    if frame.format.name.startswith("gray"):
        return np.asarray(frame.to_ndarray(format="gray"), np.uint8)
    rgb = frame.to_ndarray(format="rgb24")
    colours.add(rgb)
    return luma(rgb)
