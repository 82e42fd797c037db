"""Giving napari's layers other data: many changes that cost one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from napari.layers import Layer

from napari_echo.gui.layer_data import is_at, lay


class Renewing:
    """Gives layers other data at another place, and shows them when all are ready.

    With every change of a layer's data, scale or place napari slices, places
    and draws all layers anew, 5 to 20 ms each. So they are made while the layer
    is hidden, and unheard; then the viewer is told once.
    """

    def __init__(self) -> None:
        self._waiting: dict[Layer, tuple[bool, bool]] = {}
        self._held = False

    @contextmanager
    def held(self, before_shown: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Keep all layers that are renewed meanwhile hidden until the end.

        Parameters
        ----------
        before_shown : callable
            Called when the viewer's sliders fit the new data and nothing of it
            is sliced yet: it says which frame will be.
        """
        self._held = True
        try:
            yield
        finally:
            self._held = False
            self._settle(before_shown)

    def renew(
        self, layer: Layer, where: dict[str, Any], data: Any = None, *, visible: bool = False
    ) -> None:
        """Lay a layer where `layer_data.grid` says, with other data.

        Parameters
        ----------
        layer : Layer
            The layer.
        where : dict
            Its place.
        data : array or None
            What napari takes for its data; None leaves what it has.
        visible : bool
            Whether it is shown.
        """
        if data is None and layer.visible is visible and is_at(layer, where):
            return
        known, _ = self._waiting.get(layer, (layer.visible, False))
        self._waiting[layer] = (known, visible)
        with layer.events.blocker_all():
            layer.visible = False
            if data is not None:
                # Napari makes a layer editable with its data.
                editable, layer.data = layer.editable, data
                layer.editable = editable
            # Also where nothing changes, so that napari forgets how far the old data reached.
            layer.scale, layer.translate = where["scale"], where["translate"]
            lay(layer, where)
        if not self._held:
            self._settle(lambda: None)

    def _settle(self, before_shown: Callable[[], None]) -> None:
        waiting, self._waiting = self._waiting, {}
        for layer in waiting:
            layer.events.extent()
        for layer in list(waiting)[:1]:
            # The viewer looks at all layers with it.
            layer.events.data(value=layer.data)
        before_shown()
        for layer, (known, visible) in waiting.items():
            if known is visible:
                with layer.events.visible.blocker():
                    layer.visible = visible
            else:
                layer.visible = visible
