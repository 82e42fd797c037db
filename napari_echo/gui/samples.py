"""Sample clips: a phantom with ground truth, and a real cine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from napari_echo.gui.layer_data import clip_layer_data

PHANTOM_SEED = 7
# Napari waits for sample data: two beats at video rate are made in a second.
PHANTOM_BEATS, PHANTOM_FPS, PHANTOM_START = 2.2, 25.0, 0.9


def phantom_sample(seed: int = PHANTOM_SEED) -> list[tuple[Any, dict[str, Any], str]]:
    """Make a phantom clip with ground truth in every frame, as napari layer data."""
    from napari_echo.phantom.generate import generate
    from napari_echo.phantom.params import PhantomParams

    params = PhantomParams.sample(seed)
    cycle = replace(params.cycle, beats=PHANTOM_BEATS, fps=PHANTOM_FPS, start_phase=PHANTOM_START)
    made = generate(seed, params=replace(params, cycle=cycle))
    return [clip_layer_data(made.clip, truth=made.truth, key_frames=made.key_frames)]


def real_cine_sample() -> list[tuple[Any, dict[str, Any], str]]:
    """Load the real apical four-chamber cine that pydicom ships, as napari layer data."""
    from pydicom.examples import get_path

    from napari_echo.io.load import load

    return [clip_layer_data(load(Path(get_path("ybr_color"))))]
