"""Domain values as JSON, alike in every file of this project."""

from __future__ import annotations

from typing import Any, get_args

from napari_echo.core.keyframes import Beat, KeyFrameOrigin, KeyFrames


def key_frames_to_dict(key_frames: KeyFrames) -> dict[str, Any]:
    """Key frames as JSON-ready data."""
    return {
        "beats": [[beat.ed, beat.es] for beat in key_frames.beats],
        "origin": key_frames.origin,
    }


def key_frames_from_dict(data: Any, n_frames: int) -> KeyFrames:
    """Read what `key_frames_to_dict` wrote.

    Raises
    ------
    KeyError, TypeError, ValueError
        If it is not that, or a frame is outside a clip of `n_frames`.
    """
    beats = tuple(Beat(int(ed), int(es)) for ed, es in data["beats"])
    key_frames = KeyFrames(beats, data["origin"])
    if key_frames.origin not in get_args(KeyFrameOrigin):
        raise ValueError(f"an unknown origin of key frames, {key_frames.origin!r}")
    if any(not 0 <= frame < n_frames for frame in key_frames.frames()):
        raise ValueError(f"a key frame outside the clip's {n_frames} frames")
    return key_frames
