"""The layers of a contour that is dragged: its line, and the control points on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from napari.components import ViewerModel
from napari.layers import Layer, Points, Vectors

from napari_echo.core.clip import EchoClip
from napari_echo.core.drag import DragContour
from napari_echo.gui.adding import add_unselected
from napari_echo.gui.layer_data import KEY, Role, grid
from napari_echo.gui.renewing import Renewing
from napari_echo.gui.resting import rest_place, sleep, wake

# Okabe-Ito: the ends of the annulus, the apex, the walls, and the line, as a correction's curve.
ANNULUS, APEX, WALL, LINE = "#f0e442", "#d55e00", "#ffffff", "#56b4e9"
HANDLE_PX, LINE_PX = 11.0, 1.6
"""Sizes on the screen: of a control point, and of the line."""
LINE_PARTS = 250


class ContourLayers:
    """Draws the contour of one frame; made once, and out of sight between contours.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    renewing : Renewing
        Lays them over a clip.
    on_made : callable
        Listens to the layer of points, once it is made.

    Attributes
    ----------
    drawing : bool
        Whether what the layers tell of is done here, and not by the reader.
    """

    def __init__(
        self, viewer: ViewerModel, renewing: Renewing, on_made: Callable[[Points], None]
    ) -> None:
        self.viewer = viewer
        self.renewing = renewing
        self.drawing = False
        self._on_made = on_made
        self._line: Vectors | None = None
        self._points: Points | None = None
        viewer.scene.camera.events.zoom.connect(self._on_zoom)

    def disconnect(self) -> None:
        """Take both layers out of the viewer, and stop following it."""
        self.viewer.scene.camera.events.zoom.disconnect(self._on_zoom)
        self.remove()

    @contextmanager
    def quietly(self) -> Iterator[None]:
        """Let nobody take what the layers tell of for the reader's doing."""
        before, self.drawing = self.drawing, True
        try:
            yield
        finally:
            self.drawing = before

    @property
    def points(self) -> Points | None:
        """The layer of control points while a contour is on show."""
        return self._points if self._points is not None and self._points.visible else None

    # In sight and out of it -----------------------------------------------------

    def make_next(self, clip: EchoClip) -> bool:
        """Make one of the layers, hidden, where one is missing; whether there was one to make.

        Each takes napari a tenth of a second, and the first of a kind more.
        """
        layer: Layer
        if self._line is None or self._line not in self.viewer.layers:
            layer = self._line = Vectors(
                np.empty((0, 2, 3)),
                name="Contour",
                edge_color=LINE,
                vector_style="line",
                visible=False,
                **rest_place(clip),
            )
        elif self._points is None or self._points not in self.viewer.layers:
            layer = self._points = Points(
                np.empty((0, 3)),
                ndim=3,
                name="Contour points",
                border_color="black",
                border_width=0.12,
                face_color=WALL,
                visible=False,
                **rest_place(clip),
            )
            self._on_made(self._points)
        else:
            return False
        sleep(layer)
        with self.quietly():
            add_unselected(self.viewer, layer)
        return True

    def lay(self, clip: EchoClip) -> None:
        """Lay both layers over a clip, hidden, so that a contour can be drawn."""
        while self.make_next(clip):
            pass
        with self.renewing.held():
            for layer, _ in self._both():
                self.renewing.renew(layer, grid(clip))

    def show(self, clip: EchoClip) -> None:
        """Bring both layers up, above what else lies over the clip; the points become active.

        What they show is drawn before, as napari slices a layer with each change
        once it is visible.
        """
        layers = self.viewer.layers
        with self.quietly():
            both = self._both()
            for place, (layer, role) in enumerate(both, len(layers) - len(both)):
                wake(layer)
                layer.metadata[KEY] = {"clip_id": clip.clip_id, "role": role}
                if layers.index(layer) != place:
                    layers.move(layers.index(layer), len(layers))
                layer.visible = True
            layers.selection.active = self._points
            self._take_up_tool()

    def _take_up_tool(self) -> None:
        """Take up napari's tool that drags points, or puts them down; hidden layers have none."""
        if self.points is not None:
            self.points.mode = "select" if len(self.points.data) else "add"

    def hide(self, then_active: Layer | None) -> None:
        """Put both layers out of sight, empty; another layer is active where the points were."""
        layers = self.viewer.layers
        with self.quietly():
            was_active = layers.selection.active is self._points
            for layer, _ in self._both():
                if layer in layers:
                    layer.metadata.pop(KEY, None)
                    sleep(layer)
                    layer.visible = False
                    layer.locked = False
            if self._points is not None:
                self._points.selected_data = set()
                self._points.data = np.empty((0, 3))
            if self._line is not None:
                self._line.data = np.empty((0, 2, 3))
            if was_active and then_active is not None:
                layers.selection.active = then_active

    def remove(self) -> None:
        """Take both layers out of the viewer."""
        for layer, _ in self._both():
            if layer in self.viewer.layers:
                self.viewer.layers.remove(layer)

    def _both(self) -> list[tuple[Layer, Role]]:
        """Those that are made, the lower one first."""
        found: list[tuple[Layer | None, Role]] = [
            (self._line, "contour"),
            (self._points, "contour points"),
        ]
        return [(layer, role) for layer, role in found if layer is not None]

    # Drawing --------------------------------------------------------------------

    def draw(self, contour: DragContour | None, frame: int) -> None:
        """Draw a contour, and its points to drag; without one, points can be put down."""
        points = self._points
        if points is None:
            return
        self._fit_sizes()
        with self.quietly():
            if contour is None:
                points.data = np.empty((0, 3))
            else:
                at = contour.points
                points.data = np.insert(at, 0, frame, axis=1)
                colors = [WALL] * len(at)
                colors[0] = colors[-1] = ANNULUS
                colors[contour.apex] = APEX
                points.face_color = colors
            points.selected_data = set()
            self._take_up_tool()
        self.draw_line(contour, frame)

    def unselect(self) -> None:
        """Select no point: those that are selected are dragged together."""
        if self.points is not None:
            self.points.selected_data = set()

    def draw_line(self, contour: DragContour | None, frame: int) -> None:
        """Draw the line alone, as while a point is dragged."""
        if self._line is None:
            return
        if contour is None:
            self._line.data = np.empty((0, 2, 3))
            return
        outline = contour.outline()
        outline = outline[:: max(1, len(outline) // LINE_PARTS)]
        steps = np.roll(outline, -1, axis=0) - outline
        self._line.data = np.stack(
            [np.insert(outline, 0, frame, axis=1), np.insert(steps, 0, 0, axis=1)], axis=1
        )

    def pixel(self) -> float:
        """Width of a pixel of the screen in pixels of the clip."""
        scale = float(self._line.scale[2]) if self._line is not None else 1.0
        return 1 / max(float(self.viewer.scene.camera.zoom) * scale, 1e-6)

    def _on_zoom(self, _event: object = None) -> None:
        if self.points is not None:
            self._fit_sizes()

    def _fit_sizes(self) -> None:
        """Keep points and line as large on the screen as they were, however far it is zoomed."""
        pixel = self.pixel()
        with self.quietly():
            if self._points is not None:
                self._points.size = self._points.current_size = HANDLE_PX * pixel
            if self._line is not None:
                self._line.edge_width = LINE_PX * pixel
