"""Views side by side: each cell of napari's grid shows the clip with one overlay.

The cells are layers of their own, at the bottom of the list, where napari
groups every so many of them into a cell; they are made when they are asked for
first, and then kept. (Made ahead, they would hold up a reader who may never ask
for them.) To make a layer takes napari a tenth of a second, and to show it first
as much: between two of them the window goes on.

The review's layers lie above them, hidden meanwhile. Only the layer that is
corrected is borrowed: it moves into the last cell, and the other cells show its
outline, so that the reader may paint in any of them. The overlays' keys hold
for the cells, too.
"""

from __future__ import annotations

from napari.components import ViewerModel
from psygnal import Signal
from qtpy.QtCore import QObject, QTimer

from napari_echo.gui.borrowed import Borrowed
from napari_echo.gui.cell_layers import CellLayers
from napari_echo.gui.cells import CORRECTED, STRIDE, Cell, Contents, best_shape, plan, titles
from napari_echo.gui.layers import ReviewLayers
from napari_echo.gui.put_aside import PutAside
from napari_echo.gui.quiet import Quiet
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
    parent : QObject
        Owner of its timer.

    Signals
    -------
    opening()
        Cells are about to be shown; the layers are still as in one view.
    changed()
        It was switched on or off, or has another number of cells.
    """

    opening = Signal()
    changed = Signal()

    def __init__(
        self, viewer: ViewerModel, session: Session, layers: ReviewLayers, parent: QObject
    ) -> None:
        self.viewer = viewer
        self.session = session
        self.layers = layers
        self.contents: Contents = "models"
        self._wanted = False
        self._shown: tuple[Cell, ...] = ()
        self._drawn: tuple[object, ...] = ()
        self._unfitted = False
        self._clock = QTimer(parent)
        self._clock.setSingleShot(True)
        self._clock.setInterval(0)
        self._clock.timeout.connect(self.refresh)
        self._own = CellLayers(viewer, session, layers)
        self._quietly = Quiet(viewer)
        self._aside = PutAside(viewer, self._own, self._quietly)
        self._correction = Borrowed(layers, self._aside, self._redraw_outlines)
        self._before: tuple[bool, int, tuple[int, int], float] | None = None
        self._bar_before = "bottom_right"
        corrections = session.corrections
        layers.fitting.connect(self._own.fit)
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

    @property
    def settling(self) -> bool:
        """Whether layers of the cells are still to be made or shown."""
        return self._clock.isActive()

    def set_contents(self, contents: Contents) -> None:
        """Show the models side by side, or the model on show with truth and correction."""
        self.contents = contents
        self.refresh()
        self.changed.emit()

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
            self.changed.emit()

    def close(self) -> None:
        """Show one view, and take the cells away."""
        self.set_on(False)
        self._clock.stop()
        self._take_away()

    # Following the session ----------------------------------------------------------

    def refresh(self) -> None:
        """Show the session as it is, once the layers for it are made."""
        if self._quietly.busy:
            return
        self._clock.stop()
        cells = self.plan() if self._wanted and self.session.clip is not None else ()
        cells = cells if len(cells) > 1 else ()
        number, drawn = len(self._shown), self._drawing(cells)
        if not (cells or self._shown):
            return
        if cells == self._shown and _same(drawn, self._drawn):
            self._uncover_next()
            return
        if not self._shown:
            self.opening.emit()
        if self._own.cells < len(cells):
            self._make_next()
            return
        with self._quietly():
            if cells:
                self._show(cells)
            else:
                self._rest()
            self._shown, self._drawn = cells, drawn
        self._unfitted |= len(cells) != number
        self._fit()
        if len(cells) != number:
            self.changed.emit()
        self._write_titles()
        self._clock.start()

    def _make_next(self) -> None:
        """Make a layer; `refresh` goes on when the window has."""
        with self._quietly(batch=False):
            self._own.make_one()
        self._clock.start()

    def _uncover_next(self) -> None:
        """Show the next of the cells that were never drawn; `refresh` goes on with the others."""
        with self._quietly(batch=False):
            shown = self._own.show_next()
        if shown:
            self._fit()
            self._clock.start()

    def _fit(self) -> None:
        """Fit view and titles to another number of cells; napari counts none while none is seen."""
        if self._unfitted and (self._own.in_sight or not self._shown):
            self._unfitted = False
            self.viewer.reset_view()
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
        """Show one view: nothing of another clip is compared yet."""
        self.refresh()
        if self.session.clip is None:
            self._take_away()

    def _take_away(self) -> None:
        if self._own.made:
            with self._quietly():
                self._own.remove()

    # Into the grid, and out of it -----------------------------------------------------

    def _show(self, cells: tuple[Cell, ...]) -> None:
        if not self._shown:
            self._begin()
        self._correction.give_back()
        self._own.show(cells)
        if cells[-1].what == CORRECTED:
            self._correction.take(STRIDE * len(cells) - 1)
        self._own.link()
        canvas = self.viewer.canvas
        canvas.grid.stride = STRIDE
        canvas.grid.shape = best_shape(len(cells), self.session.require_clip(), canvas.size)
        canvas.grid.spacing = _SPACING
        canvas.grid.enabled = True

    def _begin(self) -> None:
        """Note how all is, and hide what lies outside the cells."""
        g = self.viewer.canvas.grid
        self._before = (g.enabled, g.stride, g.shape, g.spacing)
        # At the bottom it would lie over a title.
        bar = self.viewer.canvas.overlays.scale_bar
        self._bar_before, bar.position = bar.position, "top_right"
        self._aside.begin()
        g.events.enabled.connect(self._on_grid_switched)

    def _rest(self) -> None:
        """Show one view again, with all layers as they are wanted."""
        g = self.viewer.canvas.grid
        g.events.enabled.disconnect(self._on_grid_switched)
        self._correction.give_back()
        self._own.hide()
        self._aside.end()
        if self._before is not None:
            enabled, g.stride, g.shape, g.spacing = self._before
            g.enabled = enabled
            self.viewer.canvas.overlays.scale_bar.position = self._bar_before
        self._own.unlink()

    def _on_grid_switched(self, _event: object = None) -> None:
        """Take napari's own switch of the grid for ours."""
        if not self._quietly.busy and not self.viewer.canvas.grid.enabled:
            self.set_on(False)

    def _redraw_outlines(self, *_: object) -> None:
        """Follow the strokes, in whatever cell they are painted."""
        if self._correction.here:
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
