"""AVI, MP4 and MOV clips, decoded from the first frame to the last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.io.doppler import refuse_doppler
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

    grey: list[NDArray[np.uint8]] = []
    colour: list[NDArray[np.uint8]] = []
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
                        f"{path.name} is damaged: only its first {len(grey)} frames can be read."
                    )
                _append(frame, grey, colour)
        except (av.FFmpegError, ValueError) as error:
            raise EchoError(
                f"{path.name} is damaged or cut off: only its first {len(grey)} frames can be "
                f"read ({reason(error)})."
            ) from error
    if not grey:
        raise EchoError(f"{path.name} is damaged: not one frame of it can be read.")
    if len(grey) < promised:
        raise EchoError(f"{path.name} is cut off: it holds {len(grey)} of its {promised} frames.")
    if len({frame.shape for frame in grey}) > 1:
        raise EchoError(f"{path.name} changes its frame size midway, so it is not one clip.")
    frames = np.stack(grey)
    check_frames(path, frames)
    if colour:
        refuse_doppler(path, np.stack(colour))
    return frames, fps


def _append(frame: Any, grey: list[NDArray[np.uint8]], colour: list[NDArray[np.uint8]]) -> None:
    if frame.format.name.startswith("gray"):
        grey.append(frame.to_ndarray(format="gray"))
        return
    rgb = frame.to_ndarray(format="rgb24")
    grey.append(luma(rgb))
    colour.append(rgb)
