"""The layers of the cells side by side: made, drawn, fitted to another clip, and taken away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product

import numpy as np
from napari.components import ViewerModel
from napari.experimental import link_layers, unlink_layers
from napari.layers import Image, Labels, Layer
from napari.utils.colormaps import DirectLabelColormap

from napari_echo.core.clip import EchoClip
from napari_echo.gui.adding import add_unselected
from napari_echo.gui.cells import (
    CORRECTED,
    STRIDE,
    Cell,
    CellFrames,
    Part,
    cell_frames,
    make_layer,
    name_of,
)
from napari_echo.gui.layer_data import grid
from napari_echo.gui.layers import ReviewLayers
from napari_echo.gui.resting import lay_to_rest, sleep, wake
from napari_echo.workflow.session import Session

_PALETTE = "napari_echo_palette"
_LINKED = ("contrast_limits", "gamma", "colormap")


class CellLayers:
    """The cells' own layers, at the bottom of the list: made one by one, and kept while hidden.

    To make one takes napari a tenth of a second, and to show it again a hundredth.

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
        # Of each cell the clip, and what lies over it.
        self._layers: list[Layer] = []
        # Those that were drawn: the first time takes napari ten times as long.
        self._known: set[Layer] = set()
        self._waiting: list[Callable[[], None]] = []

    def __contains__(self, layer: object) -> bool:
        return any(own is layer for own in self._layers)

    @property
    def made(self) -> int:
        """The number of layers that are made."""
        return len(self._layers)

    @property
    def cells(self) -> int:
        """So many cells have all their layers."""
        return len(self._layers) // STRIDE

    @property
    def in_sight(self) -> bool:
        """Whether any of them is shown."""
        return any(layer.visible for layer in self._layers)

    def make_one(self) -> None:
        """Make the next layer, hidden."""
        index = len(self._layers)
        part: Part = "overlay" if index % STRIDE else "image"
        layer = make_layer(self.session.require_clip(), index // STRIDE, part)
        self._layers.append(layer)
        add_unselected(self.viewer, layer, index)
        layer.locked = True
        sleep(layer)

    def show(self, cells: Sequence[Cell]) -> None:
        """Show cells that are made, and hide the others; `show_next` those that are new."""
        layers = self.viewer.layers
        for index, layer in enumerate(self._layers):
            if layers[index] is not layer:
                layers.move(layers.index(layer), index)
            if index // STRIDE >= len(cells) and layer.visible:
                layer.visible = False
        self._waiting = []
        for place, cell in enumerate(cells):
            image, overlay = self._layers[STRIDE * place : STRIDE * (place + 1)]
            for layer, show in (
                (image, partial(self._show_image, image)),
                (overlay, partial(self._show_overlay, overlay, cell)),
            ):
                if layer in self._known:
                    show()
                else:
                    self._waiting.append(show)

    def show_next(self) -> bool:
        """Show the next layer that was never drawn; whether there was one."""
        if not self._waiting:
            return False
        self._waiting.pop(0)()
        return True

    def _show_image(self, layer: Layer) -> None:
        clip = self.session.require_clip()
        wake(layer)
        if layer.data is not clip.frames:
            self.layers.renewing.renew(layer, grid(clip), clip.frames)
        self._uncover(layer)

    def _show_overlay(self, layer: Layer, cell: Cell) -> None:
        """Show what lies over a cell's clip; the correction is its own overlay."""
        if cell.what != CORRECTED:
            wake(layer)
            self._draw(layer, cell)
            self._uncover(layer)
        elif layer.visible:
            layer.visible = False

    def _uncover(self, layer: Layer) -> None:
        self._known.add(layer)
        if not layer.visible:
            layer.visible = True

    def hide(self) -> None:
        """Hide all, and take the models' names and EFs off them."""
        self._waiting = []
        for place, image in enumerate(self._images()):
            if image.name != name_of(place):
                image.name = name_of(place)
        for layer in self._layers:
            if layer.visible:
                layer.visible = False
            sleep(layer)

    def remove(self) -> None:
        """Take all away."""
        for layer in self._layers:
            unlink_layers([layer], _LINKED)
            layer.locked = False
            if layer in self.viewer.layers:
                self.viewer.layers.remove(layer)
        self._layers.clear()
        self._known.clear()
        self._waiting = []

    def fit(self, clip: EchoClip) -> None:
        """Fit all to another clip; nothing lies over it yet."""
        empty = np.zeros(clip.frames.shape, np.uint8)
        for layer in self._layers:
            if layer.visible:
                data = clip.frames if isinstance(layer, Image) else empty
                self.layers.renewing.renew(layer, grid(clip), data, visible=True)
            else:
                lay_to_rest(layer, clip, self.layers.renewing)

    def _draw(self, layer: Layer, cell: Cell) -> None:
        """Give a cell its picture: a model's labels or the truth, and what is corrected."""
        frames = cell_frames(cell, self.session, self.layers.showing)
        if frames is None or not isinstance(layer, Labels):
            return
        where = grid(self.session.require_clip(), frames.factor, frames.offset)
        self.layers.renewing.renew(layer, where, frames)
        palette = frames.palette()
        if palette != layer.metadata.get(_PALETTE):
            layer.metadata[_PALETTE] = palette
            layer.colormap = DirectLabelColormap(
                color_dict={None: "transparent", 0: "transparent"} | palette
            )

    def redraw_outlines(self) -> None:
        """Draw the correction's outline anew in the cells that show it."""
        for layer in self._layers:
            if layer.visible and isinstance(layer.data, CellFrames):
                layer.data.forget()
                layer.refresh(thumbnail=False, highlight=False, extent=False)

    def write_titles(self, cells: Sequence[Cell], texts: Sequence[str]) -> None:
        """Write a title into each cell, in its colour."""
        for image, cell, text in zip(self._images(), cells, texts, strict=False):
            if image.name != text:
                image.name = text
            image.name_overlay.color = cell.color

    def link(self) -> None:
        """Let all cells have the contrast of the clip's own layer."""
        clip_layer = self.layers.find("clip")
        if isinstance(clip_layer, Image):
            for image, name in product(self._images(), _LINKED):
                wanted = getattr(clip_layer, name)
                if getattr(image, name) != wanted:
                    setattr(image, name, wanted)
            link_layers([clip_layer, *self._images()], _LINKED)

    def unlink(self) -> None:
        """Let each have its own contrast again."""
        if self._images():
            unlink_layers(self._images(), _LINKED)

    def _images(self) -> list[Layer]:
        return self._layers[::STRIDE]
