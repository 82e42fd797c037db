"""The layers of the cells side by side: made, drawn, fitted to another clip, and taken away."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer
from napari.layers.utils._link_layers import link_layers, unlink_layers
from napari.utils.colormaps import DirectLabelColormap

from napari_echo.core.clip import EchoClip
from napari_echo.gui.cells import Cell, CellFrames, Part, cell_frames, make_layer
from napari_echo.gui.layer_data import grid, lay
from napari_echo.gui.layers import ReviewLayers
from napari_echo.workflow.session import Session

Key = tuple[int, Part]
"""Place of a cell, and which of its layers."""
_LINKED = ("contrast_limits", "gamma", "colormap")


class CellLayers:
    """The cells' own layers, by cell and part; hidden ones are kept, as napari makes them slowly.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    session : Session
        The review.
    layers : ReviewLayers
        The review's own layers.
    """

    def __init__(self, viewer: ViewerModel, session: Session, layers: ReviewLayers) -> None:
        self.viewer = viewer
        self.session = session
        self.layers = layers
        self._layers: dict[Key, Layer] = {}

    @property
    def made(self) -> bool:
        """Whether there are some."""
        return bool(self._layers)

    def __contains__(self, layer: object) -> bool:
        return any(own is layer for own in self._layers.values())

    def show(self, key: Key, index: int, cell: Cell) -> None:
        """Show a layer, making it at an index of the list where there is none."""
        place, part = key
        layer = self._layers.get(key)
        if layer is None:
            layer = self._layers[key] = make_layer(self.session.require_clip(), place, part)
            self.viewer.layers.insert(index, layer)
            layer.locked = True
        if part == "overlay":
            self._draw(layer, cell)
        layer.visible = True

    def hide(self) -> None:
        """Hide all."""
        for layer in self._layers.values():
            layer.visible = False

    def remove(self, but: Collection[Key] = ()) -> None:
        """Take all away but some."""
        for key in [key for key in self._layers if key not in but]:
            layer = self._layers.pop(key)
            unlink_layers([layer], _LINKED)
            layer.locked = False
            if layer in self.viewer.layers:
                self.viewer.layers.remove(layer)

    def fit(self, clip: EchoClip) -> None:
        """Fit all to another clip; nothing lies over it yet."""
        empty = np.zeros(clip.frames.shape, np.uint8)
        for (_, part), layer in self._layers.items():
            layer.data = clip.frames if part == "image" else empty
            lay(layer, grid(clip))

    def _draw(self, layer: Layer, cell: Cell) -> None:
        """Give a cell its picture: a model's labels or the truth, and what is corrected."""
        frames = cell_frames(cell, self.session, self.layers.showing)
        if frames is None or not isinstance(layer, Labels):
            return
        layer.visible = False
        layer.data = frames
        # Napari makes a layer editable with its data.
        layer.editable = False
        lay(layer, grid(self.session.require_clip(), frames.factor))
        layer.colormap = DirectLabelColormap(
            color_dict={None: "transparent", 0: "transparent"} | frames.palette()
        )

    def redraw_outlines(self) -> None:
        """Draw the correction's outline anew in the cells that show it."""
        for (_, part), layer in self._layers.items():
            if part == "overlay" and layer.visible and isinstance(layer.data, CellFrames):
                layer.data.forget()
                layer.refresh(thumbnail=False, highlight=False, extent=False)

    def write_titles(self, cells: Sequence[Cell], texts: Sequence[str]) -> None:
        """Write a title into each cell, in its colour."""
        for place, (cell, text) in enumerate(zip(cells, texts, strict=True)):
            image = self._layers[place, "image"]
            image.name = text
            image.name_overlay.color = cell.color
            image.name_overlay.visible = True

    def link(self) -> None:
        """Let all cells have the contrast of the clip's own layer."""
        clip_layer = self.layers.find("clip")
        if isinstance(clip_layer, Image):
            for image in self._images():
                for name in _LINKED:
                    setattr(image, name, getattr(clip_layer, name))
            link_layers([clip_layer, *self._images()], _LINKED)

    def unlink(self) -> None:
        """Let each have its own contrast again."""
        if self._images():
            unlink_layers(self._images(), _LINKED)

    def _images(self) -> list[Layer]:
        return [layer for (_, part), layer in self._layers.items() if part == "image"]
