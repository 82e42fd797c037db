"""Describe clips and measures as JSON-ready data, as every output file does."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.metrics.volume import LVMeasures


def describe_clip(clip: EchoClip) -> dict[str, Any]:
    """What the output says of a clip, as JSON-ready data."""
    return {
        "clip_id": clip.clip_id,
        "study_id": clip.study_id,
        "view": clip.view,
        "shape": list(clip.frames.shape),
        "fps": clip.fps,
        "spacing_mm": clip.spacing_mm,
        "notes": list(clip.notes),
    }


def describe_measures(measures: LVMeasures) -> dict[str, Any]:
    """What the output says of the LV, as JSON-ready data: not-a-number becomes None."""
    beats = [{k: _number(v) for k, v in asdict(beat).items()} for beat in measures.beats]
    return {
        "key_frames": asdict(measures.key_frames),
        "units": {
            "area": measures.unit_area,
            "length": measures.unit_length,
            "volume": measures.unit_volume,
        },
        "area": _numbers(measures.area),
        "length": _numbers(measures.length),
        "volume": _numbers(measures.volume),
        "beats": beats,
        "ef": _number(measures.ef),
        "fac": _number(measures.fac),
    }


def _numbers(values: NDArray[np.float64]) -> list[float | None]:
    return [_number(value) for value in values.tolist()]


def _number(value: float | None) -> float | None:
    """Six digits of a number; None for what is not one."""
    if value is None or isinstance(value, int):
        return value
    return float(f"{value:.6g}") if math.isfinite(value) else None
