"""How the window says things that stand in several places."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from napari_echo.core.keyframes import KeyFrames

LONGEST = 32
"""Letters of a path or a name from which on it is shortened where there is no room for it."""
_WORD = re.compile(r"(\S+?)([.,:;]*)(?=\s|$)")


def frames_text(frames: Sequence[int]) -> str:
    """Name frames with runs of them drawn together: "frame 3", "frames 3, 5 to 9"."""
    runs: list[list[int]] = []
    for frame in sorted(frames):
        if runs and frame == runs[-1][-1] + 1:
            runs[-1].append(frame)
        else:
            runs.append([frame])
    named = ", ".join(
        f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs
    )
    return f"frame{'s' if len(frames) > 1 else ''} {named}"


def beats_text(key_frames: KeyFrames) -> str:
    """Name the ED and ES frames: "ED 3, ES 9"; "ED 3, ES 9 and 2 more beats"; "no beat"."""
    if not key_frames.beats:
        return "no beat"
    first, more = key_frames.beats[0], len(key_frames.beats) - 1
    missing = key_frames.missing(first)
    named = [f"ED {first.ed}"] * (missing != "ED") + [f"ES {first.es}"] * (missing != "ES")
    return ", ".join(named) + (f" and {number_of(more, 'more beat')}" if more else "")


def short_names(text: str) -> str:
    """Shorten the long paths and names of a text: "…/labels", "a-very-long-n…0001.avi"."""
    return _WORD.sub(lambda found: _shortened(found[1]) + found[2], text)


def _shortened(word: str) -> str:
    if len(word) > LONGEST and re.search(r"[/\\]", word.rstrip("/\\")):
        word = "…/" + re.split(r"[/\\]", word.rstrip("/\\"))[-1]
    if len(word) > LONGEST:
        half = LONGEST // 2
        word = f"{word[:half]}…{word[-half + 1 :]}"
    return word


def number_of(count: int, what: str) -> str:
    """Count things: "1 frame", "3 frames"."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def when(time: datetime) -> str:
    """Say a time as the reader's clock has it: the hour today, else with the day."""
    local = time.astimezone()
    today = local.date() == datetime.now().astimezone().date()
    return f"{local:%H:%M}" if today else f"{local:%d %b %Y %H:%M}"


def duration_text(seconds: float) -> str:
    """Write how long something takes: "12 s", "3 min", "2 h"."""
    if seconds < 90:
        return f"{round(seconds)} s"
    return f"{round(seconds / 60)} min" if seconds < 90 * 60 else f"{round(seconds / 3600)} h"
