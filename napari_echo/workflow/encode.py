"""Write pictures as MP4, GIF or PNG files."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

# The first that this build of FFmpeg has; the last is in all of them.
_CODECS = ("libx264", "libopenh264", "h264_videotoolbox", "h264_mf", "mpeg4")


def write_mp4(path: Path, pictures: Iterator[Image], fps: float) -> str:
    """Write a film; H.264 where FFmpeg can, else MPEG-4.

    Parameters
    ----------
    path : Path
        File to write.
    pictures : iterator of Image
        RGB, all of one even width and height.
    fps : float
        Frames a second.

    Returns
    -------
    str
        Name of the codec.
    """
    import av

    first = next(pictures)
    codec = next(name for name in _CODECS if _has(name))
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream(codec, rate=Fraction(fps).limit_denominator(1001))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = first.size
        stream.pix_fmt = "yuv420p"
        if codec == "libx264":
            stream.options = {"crf": "18"}
        else:
            stream.bit_rate = 6_000_000
        for picture in (first, *pictures):
            frame = av.VideoFrame.from_ndarray(np.asarray(picture), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return codec


def write_gif(path: Path, pictures: Iterator[Image], fps: float) -> None:
    """Write an animation that repeats; GIF knows times in hundredths of a second."""
    first = next(pictures)
    duration = max(20, 10 * round(100 / fps))
    first.save(
        path,
        "GIF",
        save_all=True,
        append_images=pictures,
        duration=duration,
        loop=0,
        optimize=False,
    )


def write_pngs(folder: Path, pictures: Iterator[Image]) -> None:
    """Write one ``frame_0000.png`` a frame into a new folder."""
    folder.mkdir()
    for number, picture in enumerate(pictures):
        picture.save(folder / f"frame_{number:04d}.png")


def _has(codec: str) -> bool:
    import av

    try:
        av.Codec(codec, "w")
    except ValueError:
        return False
    return True
