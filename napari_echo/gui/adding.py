"""Adding layers to napari's list for a part of what that takes by default."""

from __future__ import annotations

from napari.components import ViewerModel
from napari.layers import Labels, Layer

_TOOLS = ("polygon", "brush_stroke")


def add_unselected(viewer: ViewerModel, layer: Layer, index: int | None = None) -> None:
    """Add a layer, on top or at an index of the list; the active layer stays active.

    Napari would show the controls of the new layer, and then again those of the
    one before, for 20 to 40 ms.
    """
    layers = viewer.layers
    index = len(layers) if index is None else index
    active = layers.selection.active
    if active is None:
        layers.insert(index, layer)
        return
    with layers.selection.events.blocker_all():
        layers.insert(index, layer)
        layers.selection.active = active


def leave_out_tools(layer: Labels) -> None:
    """Let napari not make what it draws while its tools paint; the layer is not to be painted on.

    For each labels layer those are nine visuals, which take napari 40 ms when
    the layer comes into the list, and are placed anew whenever the camera moves.
    """
    for name in _TOOLS:
        if name in layer._overlays:
            layer._overlays[name].visible = False
