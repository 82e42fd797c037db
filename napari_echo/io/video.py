"""AVI, MP4 and MOV clips, decoded from the first frame to the last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.io.doppler import ColourCheck
from napari_echo.io.reading import check_file, check_frames, decoding, luma, reason


def load_video(path: Path) -> EchoClip:
    """Load a video file.

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
        if not container.streams.video:
            raise EchoError(f"{path.name} has no video in it.")
        stream = container.streams.video[0]
        # Without this ffmpeg hides damage by painting the last good pixels.
        stream.codec_context.options = {"err_detect": "explode"}
        promised = int(stream.frames or 0)
        fps = float(stream.average_rate) if stream.average_rate else None
        try:
            for frame in container.decode(stream):
                if frame.is_corrupt:
                    raise EchoError(
                        f"{path.name} is damaged: only its first {len(frames)} frames can be read."
                    )
                frames.append(_grey(frame, colours))
        except (av.FFmpegError, ValueError) as error:
            raise EchoError(
                f"{path.name} is damaged or cut off: only its first {len(frames)} frames can be "
                f"read ({reason(error)})."
            ) from error
    if not frames:
        raise EchoError(f"{path.name} is damaged: not one frame of it can be read.")
    if len(frames) < promised:
        raise EchoError(f"{path.name} is cut off: it holds {len(frames)} of its {promised} frames.")
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
