"""Domain values as JSON, alike in every file of this project."""

from __future__ import annotations

from datetime import datetime
from typing import Any, get_args

from napari_echo.core.keyframes import Beat, KeyFrameOrigin, KeyFrames, KeyFrameSetting, Which


def key_frames_to_dict(key_frames: KeyFrames) -> dict[str, Any]:
    """Key frames as JSON-ready data; what a reader set is told where there is some."""
    data: dict[str, Any] = {
        "beats": [[beat.ed, beat.es] for beat in key_frames.beats],
        "origin": key_frames.origin,
    }
    if key_frames.settings:
        data["settings"] = [
            {
                "which": s.which,
                "frame": s.frame,
                "reader": s.reader,
                "when": s.when.isoformat(),
                "before": s.before,
                "origin": s.origin,
            }
            for s in key_frames.settings
        ]
    return data


def key_frames_from_dict(data: Any, n_frames: int) -> KeyFrames:
    """Read what `key_frames_to_dict` wrote, also before readers' settings were kept.

    Raises
    ------
    KeyError, TypeError, ValueError
        If it is not that, or a frame is outside a clip of `n_frames`.
    """
    beats = tuple(Beat(int(ed), int(es)) for ed, es in data["beats"])
    settings = tuple(_setting(item) for item in data.get("settings", ()))
    key_frames = KeyFrames(beats, data["origin"], settings)
    if key_frames.origin not in get_args(KeyFrameOrigin):
        raise ValueError(f"an unknown origin of key frames, {key_frames.origin!r}")
    if any(not 0 <= frame < n_frames for frame in key_frames.frames()):
        raise ValueError(f"a key frame outside the clip's {n_frames} frames")
    return key_frames


def _setting(data: Any) -> KeyFrameSetting:
    before, origin, when = data["before"], data["origin"], datetime.fromisoformat(data["when"])
    if data["which"] not in get_args(Which):
        raise ValueError(f"a key frame that is neither ED nor ES, {data['which']!r}")
    if origin is not None and origin not in get_args(KeyFrameOrigin):
        raise ValueError(f"an unknown origin of a key frame, {origin!r}")
    if when.tzinfo is None:
        raise ValueError(f"a time without its zone, {data['when']!r}")
    return KeyFrameSetting(
        data["which"],
        int(data["frame"]),
        str(data["reader"]),
        when,
        None if before is None else int(before),
        origin,
    )
