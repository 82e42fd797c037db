"""Views side by side: each cell of napari's grid shows the clip with one overlay.

The cells are layers of their own, at the bottom of the list, where napari
groups every so many of them into a cell; the review's layers lie above them,
hidden meanwhile. Only the layer that is corrected is borrowed: it moves into
the last cell, and the other cells show its outline, so that the reader may
paint in any of them. The overlays' keys hold for the cells, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from napari.components import ViewerModel
from napari.layers import Layer
from psygnal import Signal

from napari_echo.gui.cell_layers import CellLayers
from napari_echo.gui.cells import (
    CORRECTED,
    STRIDE,
    Cell,
    Contents,
    Part,
    best_shape,
    plan,
    titles,
)
from napari_echo.gui.layers import ReviewLayers
from napari_echo.workflow.session import Session

_SPACING = 4


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
        self._drawn: tuple[object, ...] = ()
        self._own = CellLayers(viewer, session, layers)
        # What the review and others want to be visible, once the cells are gone.
        self._wishes: dict[Layer, bool] = {}
        self._before: tuple[bool, int, tuple[int, int], float] | None = None
        self._bar_before = "bottom_right"
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
        layers.showing.changed.connect(self.refresh)
        session.measures_changed.connect(self._write_titles)
        corrections.edited.connect(self._redraw_outlines)
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
        cells = plan(self.session, self.contents)
        # A draft is told of before it has its layer.
        there = self.layers.find("correction") is not None
        return cells if there else tuple(cell for cell in cells if cell.what != CORRECTED)

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
                    self._own.remove()
            self.changed.emit()

    # Following the session ----------------------------------------------------------

    def refresh(self) -> None:
        """Show the session as it is."""
        if self._busy:
            return
        cells = self.plan() if self._wanted and self.session.clip is not None else ()
        cells = cells if len(cells) > 1 else ()
        number, drawn = len(self._shown), self._drawing(cells)
        if (cells == self._shown and _same(drawn, self._drawn)) or not (cells or self._shown):
            return
        with self._quietly():
            if cells:
                self._show(cells)
            else:
                self._rest()
            self._shown, self._drawn = cells, drawn
        if len(cells) != number:
            self.viewer.reset_view()
            self.changed.emit()
        self._write_titles()

    def _drawing(self, cells: tuple[Cell, ...]) -> tuple[object, ...]:
        """All that the cells' pictures depend on, to draw them anew only where it changed."""
        session = self.session
        draft = session.corrections.draft
        return (
            *(session.predictions.get(cell.what) for cell in cells),
            session.truth,
            self.layers.showing.shown & {"truth", "difference"},
            draft.labels if draft is not None else None,
        )

    def _on_clip(self) -> None:
        """Fit what is kept of the cells to another clip; nothing of it is compared yet."""
        self.refresh()
        clip = self.session.clip
        if not self._own.made:
            # Even an empty batch lets napari collect garbage, a third of a second.
            return
        with self._quietly():
            if clip is None:
                self._own.remove()
            else:
                self._own.fit(clip)

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
        corrected = cells[-1].what == CORRECTED
        keys: list[tuple[int, Part]] = []
        for place, cell in enumerate(cells):
            keys.append((place, "image"))
            keys.extend([(place, "overlay")] if cell.what != CORRECTED else [])
        if not self._shown:
            self._begin()
        self._give_back()
        self._own.remove(but=keys)
        for index, key in enumerate(keys):
            self._own.show(key, index, cells[key[0]])
        if corrected:
            self._borrow(len(keys))
        self._own.link()
        canvas = self.viewer.canvas
        canvas.grid.stride = STRIDE
        canvas.grid.shape = best_shape(len(cells), clip, canvas.size)
        canvas.grid.spacing = _SPACING
        canvas.grid.enabled = True

    def _begin(self) -> None:
        """Note how all is, and hide what lies outside the cells."""
        g = self.viewer.canvas.grid
        self._before = (g.enabled, g.stride, g.shape, g.spacing)
        # At the bottom it would lie over a title.
        bar = self.viewer.canvas.overlays.scale_bar
        self._bar_before, bar.position = bar.position, "top_right"
        for layer in self.viewer.layers:
            if layer not in self._own:
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
        self._own.hide()
        for layer, wanted in self._wishes.items():
            layer.events.visible.disconnect(self._on_visible)
            if layer in self.viewer.layers:
                layer.visible = wanted
        self._wishes.clear()
        if self._before is not None:
            enabled, g.stride, g.shape, g.spacing = self._before
            g.enabled = enabled
            self.viewer.canvas.overlays.scale_bar.position = self._bar_before
        self._own.unlink()

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
        layer.events.labels_update.connect(self._redraw_outlines)

    def _give_back(self) -> None:
        """Move the layer that is corrected back to its place."""
        layer, layers = self._correction, self.viewer.layers
        self._correction = None
        if layer is None:
            return
        layer.events.labels_update.disconnect(self._redraw_outlines)
        if layer not in layers:
            return
        above = next((x for x in self._above_correction if x in layers), None)
        place = layers.index(above) if above is not None else len(layers)
        layers.move(layers.index(layer), place)
        self._wishes[layer] = layer.visible
        layer.events.visible.connect(self._on_visible)

    def _redraw_outlines(self, *_: object) -> None:
        """Follow the strokes, in whatever cell they are painted."""
        if self._correction is not None:
            self._own.redraw_outlines()

    def _write_titles(self) -> None:
        """Write what each cell shows, with the model's EF where it is known and fits."""
        if self._shown:
            columns = self.viewer.canvas.grid.actual_shape(self.viewer.layers)[1]
            width = self.viewer.canvas.size[1] / columns
            self._own.write_titles(self._shown, titles(self._shown, self.session, width))


def _same(some: tuple[object, ...], others: tuple[object, ...]) -> bool:
    """Whether all are the very same; arrays have no equality of their own."""
    return len(some) == len(others) and all(
        a is b or (isinstance(a, frozenset) and a == b) for a, b in zip(some, others, strict=True)
    )
