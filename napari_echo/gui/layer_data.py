"""How clips and labels become napari layer data."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from napari.layers import Layer
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import LabelSchema, Segmentation

KEY = "napari_echo"
_UNITS = {"mm": "millimeter", "pixel": "pixel"}  # as napari writes them
Role = Literal[
    "clip", "overlays", "correction",
    "propagation", "contour", "contour points",
]  # fmt: skip
# From the bottom of the canvas to the top.
ROLES: tuple[Role, ...] = get_args(Role)


def clip_layer_data(
    clip: EchoClip,
    *,
    truth: Segmentation | None = None,
    key_frames: KeyFrames | None = None,
) -> tuple[NDArray[np.uint8], dict[str, Any], str]:
    """Describe a clip as napari layer data, as readers and sample data return it.

    Parameters
    ----------
    clip : EchoClip
        The clip; it travels in the metadata, so that a review can adopt the
        layer that napari makes.
    truth : Segmentation or None
        Its ground truth.
    key_frames : KeyFrames or None
        Its traced ED and ES frames.

    Returns
    -------
    tuple
        Data, keyword arguments and layer type.
    """
    tag = {
        "clip_id": clip.clip_id,
        "role": "clip",
        "clip": clip,
        "truth": truth,
        "key_frames": key_frames,
    }
    kwargs = {
        "name": clip.name,
        "colormap": "gray",
        "contrast_limits": (0, 255),
        "interpolation2d": "linear",
        "metadata": {KEY: tag},
        **grid(clip),
    }
    return clip.frames, kwargs, "image"


def tag_of(layer: Layer) -> dict[str, Any]:
    """Return what a review wrote on a layer; empty on the layers of others."""
    tag = layer.metadata.get(KEY)
    return tag if isinstance(tag, dict) and {"clip_id", "role"} <= tag.keys() else {}


def grid(clip: EchoClip, factor: int = 1, offset: tuple[int, int] = (0, 0)) -> dict[str, Any]:
    """Say where a clip's pixels lie: in mm where the spacing is known.

    Parameters
    ----------
    clip : EchoClip
        The clip.
    factor : int
        Pixels of the layer to a pixel of the clip, along either side.
    offset : tuple of int
        The clip's row and column where the layer begins.
    """
    dy, dx = clip.spacing_mm or (1.0, 1.0)
    unit = "mm" if clip.spacing_mm else "pixel"
    # Napari places the middle of a pixel.
    shift = (1 / factor - 1) / 2
    return {
        "scale": (1.0, dy / factor, dx / factor),
        "translate": (0.0, (offset[0] + shift) * dy, (offset[1] + shift) * dx),
        "units": ("pixel", unit, unit),
        "axis_labels": ("frame", "y", "x"),
    }


def colors(schema: LabelSchema) -> DirectLabelColormap:
    """Give every structure its colour, and all else none."""
    by_index: dict[int | None, str] = {None: "transparent", 0: "transparent"}
    by_index |= {s.index: s.color for s in schema.structures}
    return DirectLabelColormap(color_dict=by_index)


def is_at(layer: Layer, where: dict[str, Any]) -> bool:
    """Whether a layer lies where `grid` says."""
    return (
        tuple(layer.scale) == where["scale"]
        and tuple(layer.translate) == where["translate"]
        and has_units(layer, where)
    )


def lay(layer: Layer, where: dict[str, Any]) -> None:
    """Put a layer where `grid` says; napari places all layers anew with each change."""
    for name in ("scale", "translate"):
        if tuple(getattr(layer, name)) != where[name]:
            setattr(layer, name, where[name])
    if not has_units(layer, where):
        layer.units = where["units"]


def has_units(layer: Layer, where: dict[str, Any]) -> bool:
    """Whether a layer has the units that `grid` says."""
    units = [str(unit) for unit in layer.units[1:]]
    return units == [_UNITS[name] for name in where["units"][1:]]
