"""Find damaged JPEG frames, which the usual decoder fills with rubbish in silence."""

from __future__ import annotations

from collections.abc import Iterable


def damaged_jpegs(encoded: Iterable[bytes]) -> list[int]:
    """Indices of the frames that ffmpeg's strict JPEG decoder refuses.

    If it refuses all, that is a habit of the writer and no damage: none is
    given then.

    Parameters
    ----------
    encoded : iterable of bytes
        One baseline JPEG a frame.
    """
    refused, count = [], 0
    for index, data in enumerate(encoded):
        count += 1
        if not _decodes(data):
            refused.append(index)
    return refused if len(refused) < count else []


def _decodes(data: bytes) -> bool:
    import av

    decoder = av.CodecContext.create("mjpeg", "r")
    decoder.options = {"err_detect": "explode"}
    try:
        frames = [*decoder.decode(av.Packet(data)), *decoder.decode(None)]
    except av.FFmpegError:
        return False
    return len(frames) == 1 and not frames[0].is_corrupt
