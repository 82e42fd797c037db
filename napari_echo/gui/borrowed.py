"""The layer that is corrected, lent to a cell of the views side by side."""

from __future__ import annotations

from collections.abc import Callable

from napari.layers import Layer

from napari_echo.gui.layers import ReviewLayers
from napari_echo.gui.put_aside import PutAside


class Borrowed:
    """Moves the layer that is corrected into a cell, and back to its place.

    Parameters
    ----------
    layers : ReviewLayers
        The review's own layers.
    aside : PutAside
        The layers that are hidden meanwhile.
    on_stroke : callable
        Called as it is painted on.
    """

    def __init__(
        self, layers: ReviewLayers, aside: PutAside, on_stroke: Callable[[object], None]
    ) -> None:
        self.layers = layers
        self._aside = aside
        self._on_stroke = on_stroke
        self._layer: Layer | None = None
        self._above: list[Layer] = []

    @property
    def here(self) -> bool:
        """Whether it is in a cell."""
        return self._layer is not None

    def take(self, index: int) -> None:
        """Move it to an index of the list of layers."""
        layer, layers = self.layers.find("correction"), self.layers.viewer.layers
        if layer is None:
            return
        place = layers.index(layer)
        self._above = list(layers[place + 1 :])
        self._layer = layer
        layers.move(place, index)
        layer.visible = self._aside.release(layer)
        layer.events.labels_update.connect(self._on_stroke)

    def give_back(self) -> None:
        """Move it back, among the layers that are put aside."""
        layer, layers = self._layer, self.layers.viewer.layers
        self._layer = None
        if layer is None:
            return
        layer.events.labels_update.disconnect(self._on_stroke)
        if layer not in layers:
            return
        above = next((x for x in self._above if x in layers), None)
        place = layers.index(above) if above is not None else len(layers)
        layers.move(layers.index(layer), place)
        self._aside.note(layer)
