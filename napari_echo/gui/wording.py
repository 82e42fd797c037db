"""How the window says things that stand in several places."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime


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
