"""The layers outside the cells side by side: hidden meanwhile, and then as they are wanted."""

from __future__ import annotations

from napari.components import ViewerModel
from napari.layers import Layer

from napari_echo.gui.cell_layers import CellLayers
from napari_echo.gui.quiet import Quiet


class PutAside:
    """Hides all layers but the cells' own, and keeps what is wanted of each until they are back.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    own : CellLayers
        The layers that stay.
    quiet : Quiet
        How layers are changed.
    """

    def __init__(self, viewer: ViewerModel, own: CellLayers, quiet: Quiet) -> None:
        self.viewer = viewer
        self._own = own
        self._quiet = quiet
        self._wishes: dict[Layer, bool] = {}

    def begin(self) -> None:
        """Hide what lies outside the cells, and what comes from now on."""
        for layer in self.viewer.layers:
            if layer not in self._own:
                self.hide(layer)
        self.viewer.layers.events.inserted.connect(self._on_inserted)
        self.viewer.layers.events.removed.connect(self._on_removed)

    def end(self) -> None:
        """Show what is wanted."""
        self.viewer.layers.events.inserted.disconnect(self._on_inserted)
        self.viewer.layers.events.removed.disconnect(self._on_removed)
        for layer in tuple(self._wishes):
            wanted = self.release(layer)
            if layer in self.viewer.layers and layer.visible != wanted:
                layer.visible = wanted

    def hide(self, layer: Layer) -> None:
        """Hide a layer, and note whether it was to be seen."""
        if layer not in self._wishes:
            self.note(layer)
            if layer.visible:
                layer.visible = False

    def note(self, layer: Layer) -> None:
        """Note whether a layer is to be seen, now and as that changes."""
        self._wishes[layer] = layer.visible
        layer.events.visible.connect(self._on_visible)

    def release(self, layer: Layer) -> bool:
        """Let a layer go; whether it is to be seen."""
        layer.events.visible.disconnect(self._on_visible)
        return self._wishes.pop(layer, True)

    def _on_visible(self, event: object) -> None:
        """Take note that a layer is wanted; it would be a cell of its own."""
        layer = getattr(event, "source", None)
        if not self._quiet.busy and isinstance(layer, Layer) and layer in self._wishes:
            self._wishes[layer] = layer.visible
            if layer.visible:
                with self._quiet():
                    layer.visible = False

    def _on_inserted(self, event: object) -> None:
        layer = getattr(event, "value", None)
        if not self._quiet.busy and isinstance(layer, Layer):
            with self._quiet():
                self.hide(layer)

    def _on_removed(self, event: object) -> None:
        layer = getattr(event, "value", None)
        if layer in self._wishes:
            del self._wishes[layer]
