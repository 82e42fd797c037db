"""A clip with a beating ventricle, and a model simple enough to know what it must say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.labels import LV_SCHEMA, LabelSchema
from napari_echo.workflow.studies import StudyItem
from napari_echo.workflow.study_list import iter_list

SPACING = (0.8, 0.5)
PERIOD = 12
LENGTH_MM, RADIUS_MM = (80.0, 62.0), (24.0, 16.0)  # at ED, at ES


def ventricle(emptied: float) -> NDArray[np.bool_]:
    """Half an ellipse, apex up; 0 is ED and 1 is ES."""
    y, x = np.mgrid[:130, :160].astype(float)
    along, across = 95 - (y + 0.5) * SPACING[0], (x + 0.5) * SPACING[1] - 40
    length = LENGTH_MM[0] + emptied * (LENGTH_MM[1] - LENGTH_MM[0])
    radius = RADIUS_MM[0] + emptied * (RADIUS_MM[1] - RADIUS_MM[0])
    return (along >= 0) & ((along / length) ** 2 + (across / radius) ** 2 <= 1)


@dataclass
class BrightnessModel:
    """Calls bright pixels LV: the brighter, the surer."""

    schema: LabelSchema = LV_SCHEMA
    id: str = "f" * 64
    name: str = "brightness"
    batches: list[int] = field(default_factory=list)

    @property
    def pack(self) -> BrightnessModel:
        return self

    temporal = False

    def stream(self) -> Callable[[NDArray[np.uint8]], NDArray[np.float16]]:
        return self.probabilities

    def probabilities(self, frames: NDArray[np.uint8], /) -> NDArray[np.float16]:
        self.batches.append(len(frames))
        lv = frames.astype(np.float32) / 255
        return np.stack([1 - lv, lv], axis=1).astype(np.float16)


@pytest.fixture
def model() -> BrightnessModel:
    return BrightnessModel()


@pytest.fixture(scope="session")
def beating() -> EchoClip:
    """Two beats of twelve frames and the start of a third; the first frame is ED."""
    phases = np.arange(28) * 2 * np.pi / PERIOD
    masks = np.stack([ventricle((1 - np.cos(phase)) / 2) for phase in phases])
    frames = np.where(masks, 230, 15).astype(np.uint8)
    return EchoClip.from_frames(frames, fps=15, spacing_mm=SPACING, view="A4C", study_id="beating")


@pytest.fixture(scope="session")
def beating_ef() -> float:
    """EF of a half ellipsoid that goes from the one size to the other."""
    return 1 - LENGTH_MM[1] * RADIUS_MM[1] ** 2 / (LENGTH_MM[0] * RADIUS_MM[0] ** 2)


def _listed(paths: list[Path]) -> list[StudyItem]:
    steps = iter_list(paths)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            items: list[StudyItem] = end.value
            return items


@pytest.fixture(scope="session")
def listed() -> Callable[[list[Path]], list[StudyItem]]:
    """List clips as the window does, in one go."""
    return _listed
