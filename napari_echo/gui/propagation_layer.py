"""The line that shows what a propagation would fill."""

from __future__ import annotations

import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.labels import LV, LabelSchema, Structure
from napari_echo.gui.adding import add_unselected, leave_out_tools
from napari_echo.gui.layer_data import KEY, colors, grid
from napari_echo.gui.model_colors import PROPAGATION
from napari_echo.gui.renewing import Renewing
from napari_echo.gui.resting import lay_to_rest, wake

OTHER_COLOR = "#bbbbbb"
WIDTH, FINE = 2, 400
# Of the line in pixels of the clip, where its frames are higher than `FINE`; else one.


class PropagationLayer:
    """Shows propagated labels as outlines; a layer takes long to make, so it stays, hidden.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    renewing : Renewing
        Lays it over a clip.
    """

    def __init__(self, viewer: ViewerModel, renewing: Renewing) -> None:
        self.viewer = viewer
        self.renewing = renewing
        self._layer: Labels | None = None

    def show(self, clip: EchoClip, schema: LabelSchema, labels: NDArray[np.uint8]) -> None:
        """Show labels, (T, H, W); the selection stays."""
        where, palette = grid(clip), colors(_drawn(schema))
        layer = self._layer
        if layer is None or layer not in self.viewer.layers:
            layer = self._layer = Labels(
                labels, name="Propagation (line)", colormap=palette, opacity=1.0, **where
            )
            leave_out_tools(layer)
            add_unselected(self.viewer, layer)
        else:
            wake(layer)
            layer.colormap = palette
            self.renewing.renew(layer, where, labels, visible=True)
        layer.contour = WIDTH if clip.frame_shape[0] > FINE else 1
        layer.editable = False
        layer.metadata[KEY] = {"clip_id": clip.clip_id, "role": "propagation"}

    def hide(self, clip: EchoClip | None) -> None:
        """Take the line away; `clip` is what is open."""
        layer = self._layer
        if layer is not None and layer in self.viewer.layers:
            layer.metadata.pop(KEY, None)
            if clip is not None:
                lay_to_rest(layer, clip, self.renewing)
            else:
                self.remove()

    def remove(self) -> None:
        """Take the layer out of the viewer."""
        if self._layer is not None and self._layer in self.viewer.layers:
            self.viewer.layers.remove(self._layer)


def _drawn(schema: LabelSchema) -> LabelSchema:
    """One colour for the cavity and grey for all else: it is no prediction and no correction."""
    return LabelSchema(
        "propagation",
        tuple(
            Structure(s.index, s.name, PROPAGATION if s.index == LV else OTHER_COLOR)
            for s in schema.structures
        ),
    )
