"""Views side by side: each cell of napari's grid shows the clip with one overlay.

The cells are layers of their own, at the bottom of the list, where napari
groups every so many of them into a cell; the review's layers lie above them,
hidden meanwhile. Only the layer that is corrected is borrowed: it moves into
the last cell, and the other cells show its outline, so that the reader may
paint in any of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer
from napari.layers.utils._link_layers import link_layers, unlink_layers
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray
from psygnal import Signal

from napari_echo.core.clip import EchoClip
from napari_echo.core.labels import LabelSchema
from napari_echo.gui.layer_data import colors, grid
from napari_echo.gui.layers import ReviewLayers
from napari_echo.gui.model_colors import CORRECTION, color_of
from napari_echo.gui.overlays import FILL_OPACITY
from napari_echo.workflow.predictions import MOST
from napari_echo.workflow.session import Session

TAG = "napari_echo_grid"
Part = Literal["image", "overlay", "outline"]
Contents = Literal["models", "references"]
_LINKED = ("contrast_limits", "gamma", "colormap")
_SPACING = 4


@dataclass(frozen=True, eq=False)
class Cell:
    """What a cell shows beside the clip.

    Parameters
    ----------
    title : str
        Its title.
    color : str
        Colour of the title.
    labels : ndarray of uint8, shape (T, H, W), or None
        The overlay; None is the layer that is corrected.
    schema : LabelSchema or None
        What the labels mean.
    line : bool
        Whether the overlay is a contour.
    """

    title: str
    color: str
    labels: NDArray[np.uint8] | None
    schema: LabelSchema | None
    line: bool = False


class Grid:
    """Keeps cells side by side as the session is, while they are wanted.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    session : Session
        The review.
    layers : ReviewLayers
        The review's own layers.

    Signals
    -------
    changed()
        It was switched on or off, or has another number of cells.
    """

    changed = Signal()

    def __init__(self, viewer: ViewerModel, session: Session, layers: ReviewLayers) -> None:
        self.viewer = viewer
        self.session = session
        self.layers = layers
        self.contents: Contents = "models"
        self._wanted = False
        self._shown: tuple[Cell, ...] = ()
        self._own: dict[tuple[int, Part], Layer] = {}
        # What the review and others want to be visible, once the cells are gone.
        self._wishes: dict[Layer, bool] = {}
        self._before: tuple[bool, int, tuple[int, int], float] | None = None
        self._above_correction: list[Layer] = []
        self._correction: Layer | None = None
        self._busy = False
        corrections = session.corrections
        session.clip_changed.connect(self._on_clip)
        for signal in (
            session.predictions_changed,
            session.prediction_changed,
            session.truth_changed,
            corrections.draft_changed,
        ):
            signal.connect(self.refresh)
        session.measures_changed.connect(self._write_titles)
        corrections.relabelled.connect(self._redraw_outlines)

    # What is shown ------------------------------------------------------------------

    @property
    def is_on(self) -> bool:
        """Whether the reader wants views side by side."""
        return self._wanted

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells on show, row by row; none where one view is shown."""
        return self._shown

    def set_contents(self, contents: Contents) -> None:
        """Show the models side by side, or the model on show with truth and correction."""
        self.contents = contents
        self.refresh()

    def plan(self) -> tuple[Cell, ...]:
        """The cells that there would be; fewer than two cannot be shown."""
        session = self.session
        draft, shown, truth = session.corrections.draft, session.prediction, session.truth
        corrected = (Cell("Correction in hand", CORRECTION, None, None),) if draft else ()
        if self.contents == "models":
            predictions = list(session.predictions.values())
            predictions = predictions[: MOST - len(corrected)]
        else:
            predictions = [shown] if shown is not None else []
        found = [
            Cell(
                p.model_name,
                color_of(session.slot(p.model_id)),
                p.segmentation.labels,
                p.segmentation.schema,
            )
            for p in predictions
        ]
        if self.contents == "references" and truth is not None:
            found.append(Cell("Ground truth", "#ffffff", truth.labels, truth.schema, line=True))
        return (*found, *corrected)

    def obstacle(self) -> str:
        """Say why nothing can be shown side by side; empty where something can."""
        if self.session.clip is None:
            return "Open a clip first."
        if len(self.plan()) > 1:
            return ""
        if self.contents == "models":
            return "Tick and run a second model first: models are shown side by side."
        return "Run a model on a clip with ground truth, or start a correction, first."

    def set_on(self, wanted: bool) -> None:
        """Show cells side by side as soon as there are two, or one view again."""
        if wanted != self._wanted:
            self._wanted = wanted
            self.refresh()
            if not wanted:
                with self._quietly():
                    self._remove(list(self._own))
            self.changed.emit()

    # Following the session ----------------------------------------------------------

    def refresh(self) -> None:
        """Show the session as it is."""
        if self._busy:
            return
        cells = self.plan() if self._wanted and self.session.clip is not None else ()
        cells = cells if len(cells) > 1 else ()
        number = len(self._shown)
        if cells and _same(cells, self._shown):
            return
        if not cells and not self._shown:
            return
        with self._quietly():
            if cells:
                self._show(cells)
            else:
                self._rest()
            self._shown = cells
        if len(cells) != number:
            self.viewer.reset_view()
            self.changed.emit()
        self._write_titles()

    def _on_clip(self) -> None:
        """Fit what is kept of the cells to another clip; nothing of it is compared yet."""
        self.refresh()
        clip = self.session.clip
        with self._quietly():
            if clip is None:
                self._remove(list(self._own))
            for (_, part), layer in self._own.items():
                self._fit(layer, clip, part)

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """Change many layers at once; napari draws them when all is done."""
        layers = self.viewer.layers
        active = layers.selection.active
        before, self._busy = self._busy, True
        layers.events.begin_batch()
        try:
            yield
        finally:
            if active is not None and active in layers:
                layers.selection.active = active
            layers.events.end_batch()
            self._busy = before

    # Into the grid, and out of it -----------------------------------------------------

    def _show(self, cells: tuple[Cell, ...]) -> None:
        clip = self.session.require_clip()
        corrected = cells[-1].labels is None
        keys: list[tuple[int, Part]] = []
        for place, cell in enumerate(cells):
            keys.append((place, "image"))
            if cell.labels is not None:
                keys.append((place, "overlay"))
                keys.extend([(place, "outline")] if corrected else [])
        first = not self._shown
        if first:
            self._begin()
        self._give_back()
        self._remove([key for key in self._own if key not in keys])
        for index, (place, part) in enumerate(keys):
            layer = self._own.get((place, part))
            if layer is None:
                layer = self._own[place, part] = _make(clip, place, part)
                self.viewer.layers.insert(index, layer)
                layer.locked = True
            self._fill(layer, cells[place], part)
        if corrected:
            self._borrow(len(keys))
        self._link()
        canvas = self.viewer.canvas
        canvas.grid.stride = 3 if corrected else 2
        canvas.grid.shape = _shape(len(cells), clip, canvas.size)
        canvas.grid.spacing = _SPACING
        canvas.grid.enabled = True

    def _begin(self) -> None:
        """Note how all is, and hide what lies outside the cells."""
        g = self.viewer.canvas.grid
        self._before = (g.enabled, g.stride, g.shape, g.spacing)
        own = set(self._own.values())
        for layer in self.viewer.layers:
            if layer not in own:
                self._put_aside(layer)
        self.viewer.layers.events.inserted.connect(self._on_inserted)
        self.viewer.layers.events.removed.connect(self._on_removed)
        g.events.enabled.connect(self._on_grid_switched)

    def _rest(self) -> None:
        """Show one view again, with all layers as they are wanted."""
        self.viewer.layers.events.inserted.disconnect(self._on_inserted)
        self.viewer.layers.events.removed.disconnect(self._on_removed)
        g = self.viewer.canvas.grid
        g.events.enabled.disconnect(self._on_grid_switched)
        self._give_back()
        for layer in self._own.values():
            layer.visible = False
        for layer, wanted in self._wishes.items():
            layer.events.visible.disconnect(self._on_visible)
            if layer in self.viewer.layers:
                layer.visible = wanted
        self._wishes.clear()
        if self._before is not None:
            enabled, g.stride, g.shape, g.spacing = self._before
            g.enabled = enabled and not self._wanted
        self._unlink()

    def _put_aside(self, layer: Layer) -> None:
        if layer not in self._wishes:
            self._wishes[layer] = layer.visible
            layer.visible = False
            layer.events.visible.connect(self._on_visible)

    def _on_visible(self, event: object) -> None:
        """Take note that a layer is wanted; it would be a cell of its own."""
        layer = getattr(event, "source", None)
        if not self._busy and isinstance(layer, Layer) and layer in self._wishes:
            self._wishes[layer] = layer.visible
            if layer.visible:
                with self._quietly():
                    layer.visible = False

    def _on_inserted(self, event: object) -> None:
        layer = getattr(event, "value", None)
        if not self._busy and isinstance(layer, Layer):
            with self._quietly():
                self._put_aside(layer)

    def _on_removed(self, event: object) -> None:
        layer = getattr(event, "value", None)
        if layer in self._wishes:
            del self._wishes[layer]

    def _on_grid_switched(self, _event: object = None) -> None:
        """Take napari's own switch of the grid for ours."""
        if not self._busy and not self.viewer.canvas.grid.enabled:
            self.set_on(False)

    # The layer that is corrected ------------------------------------------------------

    def _borrow(self, index: int) -> None:
        """Move the layer that is corrected into the last cell."""
        layer, layers = self.layers.find("correction"), self.viewer.layers
        if layer is None:
            return
        place = layers.index(layer)
        self._above_correction = list(layers[place + 1 :])
        self._correction = layer
        layers.move(place, index)
        wish = self._wishes.pop(layer, True)
        layer.events.visible.disconnect(self._on_visible)
        layer.visible = wish
        for event in (layer.events.labels_update, layer.events.set_data, layer.events.paint):
            event.connect(self._redraw_outlines)

    def _give_back(self) -> None:
        """Move the layer that is corrected back to its place."""
        layer, layers = self._correction, self.viewer.layers
        self._correction = None
        if layer is None:
            return
        for event in (layer.events.labels_update, layer.events.set_data, layer.events.paint):
            event.disconnect(self._redraw_outlines)
        if layer not in layers:
            return
        above = next((x for x in self._above_correction if x in layers), None)
        place = layers.index(above) if above is not None else len(layers)
        layers.move(layers.index(layer), place)
        self._wishes[layer] = layer.visible
        layer.events.visible.connect(self._on_visible)

    def _redraw_outlines(self, *_: object) -> None:
        for (_place, part), layer in self._own.items():
            if part == "outline" and layer.visible:
                layer.refresh(extent=False)

    # The cells' own layers --------------------------------------------------------------

    def _fill(self, layer: Layer, cell: Cell, part: Part) -> None:
        if part == "outline":
            draft = self.session.corrections.draft
            if draft is not None and layer.data is not draft.labels:
                layer.data = draft.labels
        elif part == "overlay" and cell.labels is not None and cell.schema is not None:
            if layer.data is not cell.labels:
                layer.data = cell.labels
            layer.colormap = colors(cell.schema)
            layer.contour = 1 if cell.line else 0
            layer.opacity = 1.0 if cell.line else FILL_OPACITY
        layer.visible = True

    def _fit(self, layer: Layer, clip: EchoClip | None, part: Part) -> None:
        if clip is None:
            return
        empty = np.zeros(clip.frames.shape, np.uint8)
        layer.data = clip.frames if part == "image" else empty
        layer.scale, layer.units = grid(clip)["scale"], grid(clip)["units"]

    def _remove(self, keys: list[tuple[int, Part]]) -> None:
        for key in keys:
            layer = self._own.pop(key)
            unlink_layers([layer], _LINKED)
            layer.locked = False
            if layer in self.viewer.layers:
                self.viewer.layers.remove(layer)

    def _link(self) -> None:
        """Let all cells have the contrast of the clip's own layer."""
        clip_layer = self.layers.find("clip")
        images = [x for (_, part), x in self._own.items() if part == "image"]
        if isinstance(clip_layer, Image):
            for image in images:
                for name in _LINKED:
                    setattr(image, name, getattr(clip_layer, name))
            link_layers([clip_layer, *images], _LINKED)

    def _unlink(self) -> None:
        images = [x for (_, part), x in self._own.items() if part == "image"]
        if images:
            unlink_layers(images, _LINKED)

    def _write_titles(self) -> None:
        """Write what each cell shows at its top, with the model's EF where it is known."""
        measured = {
            p.model_name: self.session.model_measures.get(model_id)
            for model_id, p in self.session.predictions.items()
        }
        for place, cell in enumerate(self._shown):
            image = self._own[place, "image"]
            found = measured.get(cell.title)
            if found is not None and found.ef is not None:
                which = "EF" if len(found.beats) == 1 else "mean EF"
                image.name = f"{cell.title}   {which} {100 * found.ef:.0f} %"
            else:
                image.name = cell.title
            title = image.name_overlay
            title.color, title.visible = cell.color, True


def _make(clip: EchoClip, place: int, part: Part) -> Layer:
    tag = {TAG: f"grid {part} {place + 1}"}
    if part == "image":
        image = Image(
            clip.frames,
            name=f"Cell {place + 1}",
            interpolation2d="linear",
            metadata=tag,
            **grid(clip),
        )
        title = image.name_overlay
        title.position, title.font_size = "bottom_left", 10
        title.box, title.box_color = True, "#000000b0"
        return image
    labels = Labels(
        np.zeros(clip.frames.shape, np.uint8),
        name=f"Cell {place + 1}: {part}",
        metadata=tag,
        **grid(clip),
    )
    if part == "outline":
        labels.colormap = DirectLabelColormap(
            color_dict={None: CORRECTION, 0: "transparent", 255: "transparent"}
        )
        labels.contour, labels.opacity = 1, 1.0
    labels.editable = False
    return labels


def _same(cells: tuple[Cell, ...], others: tuple[Cell, ...]) -> bool:
    """Whether cells show the very same labels; what is corrected may be another draft."""
    return len(cells) == len(others) and all(
        a.title == b.title and a.labels is b.labels and a.labels is not None and a.color == b.color
        for a, b in zip(cells, others, strict=True)
    )


def _shape(number: int, clip: EchoClip, canvas: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns that show the clip largest on a canvas (height, width)."""
    dy, dx = clip.spacing_mm or (1.0, 1.0)
    height, width = clip.frame_shape[0] * dy, clip.frame_shape[1] * dx

    def zoom(rows: int) -> float:
        columns = -(-number // rows)
        return min(canvas[0] / rows / height, canvas[1] / columns / width)

    # In one row they are easier to compare, which is worth a little of their size.
    best = max(map(zoom, range(1, number + 1)))
    rows = next(n for n in range(1, number + 1) if zoom(n) >= 0.85 * best)
    return rows, -(-number // rows)
