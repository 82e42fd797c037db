"""A reader who is made of chance: the same seed edits the same pixels in the same order.

`states` is a model of undo that knows nothing of the program: a list of
whole label arrays and a place in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.labels import LV_SCHEMA, Segmentation

SHAPE = (6, 96, 128)


@dataclass(frozen=True)
class Act:
    """What the reader does: paints a disc (`what` "paint"), undoes or does again."""

    what: str
    frame: int = 0
    y: int = 0
    x: int = 0
    radius: int = 0
    label: int = 0


def make_clip(seed: int) -> EchoClip:
    """Make a clip of noise."""
    frames = np.random.default_rng(seed).integers(0, 255, SHAPE, dtype=np.uint8)
    return EchoClip.from_frames(frames, study_id=f"clip-{seed}")


def make_truth(seed: int) -> Segmentation:
    """Make ground truth: a disc that wanders."""
    labels = np.zeros(SHAPE, np.uint8)
    for frame in range(SHAPE[0]):
        paint(labels, Act("paint", frame, 48, 50 + 4 * frame + seed % 5, 20, 1))
    return Segmentation(labels, np.ones(SHAPE[0], np.bool_), "ground truth", LV_SCHEMA)


def paint(labels: NDArray[np.uint8], act: Act) -> None:
    """Paint a disc."""
    y, x = np.ogrid[: SHAPE[1], : SHAPE[2]]
    labels[act.frame][(y - act.y) ** 2 + (x - act.x) ** 2 <= act.radius**2] = act.label


def acts(seed: int) -> Iterator[Act]:
    """Act for ever."""
    rng = np.random.default_rng(seed)
    while True:
        what = rng.choice(["paint", "undo", "redo"], p=[0.8, 0.12, 0.08])
        frame, y, x, radius = (int(n) for n in rng.integers((0, 0, 0, 2), (*SHAPE, 25)))
        yield Act(str(what), frame, y, x, radius, int(rng.integers(2)))


def states(seed: int, start: NDArray[np.uint8], n: int) -> list[NDArray[np.uint8]]:
    """Say what the labels must be after 0 to `n` acts."""
    past, place, found = [start.copy()], 0, [start.copy()]
    for act, _ in zip(acts(seed), range(n), strict=False):
        if act.what == "undo":
            place = max(place - 1, 0)
        elif act.what == "redo":
            place = min(place + 1, len(past) - 1)
        else:
            labels = past[place].copy()
            paint(labels, act)
            if not np.array_equal(labels, past[place]):
                past, place = [*past[: place + 1], labels], place + 1
        found.append(past[place].copy())
    return found
