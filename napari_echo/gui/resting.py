"""Layers out of sight that wait to be used again: to make one takes napari a tenth of a second.

A layer that rests costs a frame step nothing, and another clip next to nothing:
napari does not ask what part of it the canvas shows, and it lies at one point
within every clip, so that it need not be fitted to each.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Layer

from napari_echo.core.clip import EchoClip
from napari_echo.gui.layer_data import grid, has_units
from napari_echo.gui.renewing import Renewing

_RESTING = "napari_echo_resting"
# What napari calls with every drawing of the canvas, for hidden layers, too.
_ON_DRAW = "_update_draw"
PIXEL = np.zeros((1, 1, 1), np.uint8)


def is_resting(layer: Layer) -> bool:
    """Whether a layer is ours, and waits out of sight."""
    return bool(layer.metadata.get(_RESTING))


def rest_place(clip: EchoClip) -> dict[str, Any]:
    """Say where a layer rests, as `layer_data.grid` does."""
    return {**grid(clip), "scale": (1.0, 1.0, 1.0), "translate": (0.0, 1.0, 1.0)}


def sleep(layer: Layer) -> None:
    """Let a hidden layer wait, with what it holds."""
    layer.metadata[_RESTING] = True
    vars(layer)[_ON_DRAW] = lambda *_, **__: None


def lay_to_rest(layer: Layer, clip: EchoClip, renewing: Renewing) -> None:
    """Let a layer of pixels wait, hidden and without what it holds."""
    sleep(layer)
    renewing.renew(layer, rest_place(clip), PIXEL)


def keep_at_rest(layer: Layer, clip: EchoClip, renewing: Renewing) -> None:
    """Let a layer wait while another clip is opened; napari wants the same units of all."""
    # Without pixels, points or lines it reaches nowhere, else it lies at its point.
    if not has_units(layer, rest_place(clip)):
        renewing.renew(layer, rest_place(clip))


def wake(layer: Layer) -> None:
    """Take a layer into use again; it is shown by whoever uses it."""
    layer.metadata.pop(_RESTING, None)
    vars(layer).pop(_ON_DRAW, None)
