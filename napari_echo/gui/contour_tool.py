"""Dragging the LV contour of the frame on show by control points; the labels follow."""

from __future__ import annotations

import zlib
from collections.abc import Generator
from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Points, Vectors
from napari.utils.events import Event
from numpy.typing import NDArray
from psygnal import Signal

from napari_echo.core.drag import LEAST, DragContour
from napari_echo.core.labels import LV
from napari_echo.core.reshape import with_mask, without_structure
from napari_echo.gui.layer_data import KEY, RESTING, grid, lay

if TYPE_CHECKING:
    from napari_echo.gui.editing import Editing

# Okabe-Ito: the ends of the annulus, the apex, the walls, and the line, as a correction's curve.
ANNULUS, APEX, WALL, LINE = "#f0e442", "#d55e00", "#ffffff", "#56b4e9"
HANDLE_PX, LINE_PX, REACH_PX = 11.0, 1.6, 12.0
"""Sizes on the screen: of a control point, of the line, and how near to it a click must be."""
PLACE = "Click one end of the mitral annulus, then the apex, then the other end."
DRAG = "Drag the points; double-click on the line adds one, Delete removes it, Escape ends."


class ContourTool:
    """Shows the contour of one frame with its points, until the frame is left.

    What the curve encloses becomes the LV cavity; see `core.reshape` for what
    becomes of the labels around it. One drag is one stroke of the undo history.

    Parameters
    ----------
    editing : Editing
        The tools that it is one of.

    Signals
    -------
    changed()
        It began or ended.
    """

    changed = Signal()

    def __init__(self, editing: Editing) -> None:
        self.editing = editing
        self.layers = editing.layers
        self.viewer = editing.layers.viewer
        self.corrections = editing.corrections
        self.frame: int | None = None
        self._contour: DragContour | None = None
        self._under: NDArray[np.uint8] | None = None
        self._known: dict[int, DragContour] = {}
        self._points: Points | None = None
        self._line: Vectors | None = None
        self._ours = self._moved = False
        self.corrections.relabelled.connect(self._on_relabelled)
        self.corrections.draft_changed.connect(self._on_draft)
        self.layers.draft.leaving.connect(self._on_leaving)
        self.viewer.dims.events.current_step.connect(self._on_step)
        self.viewer.layers.selection.events.active.connect(self._on_active)
        self.viewer.scene.camera.events.zoom.connect(self._fit_sizes)

    def disconnect(self) -> None:
        """End, and stop following the viewer."""
        self.end()
        self.corrections.relabelled.disconnect(self._on_relabelled)
        self.corrections.draft_changed.disconnect(self._on_draft)
        self.layers.draft.leaving.disconnect(self._on_leaving)
        self.viewer.dims.events.current_step.disconnect(self._on_step)
        self.viewer.layers.selection.events.active.disconnect(self._on_active)
        self.viewer.scene.camera.events.zoom.disconnect(self._fit_sizes)
        self._remove_layers()

    @property
    def active(self) -> bool:
        """Whether a contour is on show."""
        return self.frame is not None

    @property
    def points(self) -> Points | None:
        """The layer of control points while a contour is on show."""
        return self._points if self.active else None

    # Begin and end ----------------------------------------------------------------

    def toggle(self) -> None:
        """Show the contour of the frame on show, or end."""
        if self.active:
            self.end()
        else:
            self.begin()

    def begin(self) -> None:
        """Show the contour of the frame on show; where it has none, ask for three points."""
        if self.viewer.dims.ndisplay != 2:
            self.editing.verbs.refused.emit("Switch to the view in two dimensions first.")
            return
        if not self.editing.begin():
            return
        self.frame = self.layers.frame
        self._known.clear()
        # A layer that is added becomes the active one.
        self._ours = True
        points, _ = self._take_layers()
        self._load()
        self._ours = True
        self.viewer.layers.selection.active = points
        self._ours = False
        self.changed.emit()

    def end(self) -> None:
        """Hide the contour; the labels stay as they are."""
        if not self.active:
            return
        self._finish_stroke()
        self.frame = self._contour = self._under = None
        was_active = self.viewer.layers.selection.active is self._points
        self._ours = True
        for layer in (self._points, self._line):
            if layer is not None and layer in self.viewer.layers:
                layer.metadata.pop(KEY, None)
                layer.metadata[RESTING] = True
                layer.visible = False
                layer.locked = False
        if self._points is not None:
            self._points.selected_data = set()
            self._points.data = np.empty((0, 3))
        if self._line is not None:
            self._line.data = np.empty((0, 2, 3))
        correction = self.layers.draft.layer
        if was_active and correction is not None:
            self.viewer.layers.selection.active = correction
        self._ours = False
        self.changed.emit()

    def _take_layers(self) -> tuple[Points, Vectors]:
        """Make both layers where there are none; to make them takes long, so they stay hidden."""
        clip = self.editing.session.require_clip()
        where = grid(clip)
        if self._line is None or self._line not in self.viewer.layers:
            self._line = Vectors(
                np.empty((0, 2, 3)),
                name="Contour",
                edge_color=LINE,
                vector_style="line",
                **where,
            )
            self.viewer.layers.append(self._line)
        if self._points is None or self._points not in self.viewer.layers:
            self._points = self._make_points(where)
            self.viewer.layers.append(self._points)
        tag = {"clip_id": clip.clip_id}
        for layer, role in ((self._line, "contour"), (self._points, "contour points")):
            lay(layer, where)
            layer.metadata.pop(RESTING, None)
            layer.metadata[KEY] = {**tag, "role": role}
            layer.visible = True
        # Above what other layers were put above them meanwhile.
        for layer in (self._line, self._points):
            self.viewer.layers.move(self.viewer.layers.index(layer), len(self.viewer.layers))
        self._fit_sizes()
        return self._points, self._line

    def _make_points(self, where: dict[str, object]) -> Points:
        points = Points(
            np.empty((0, 3)),
            ndim=3,
            name="Contour points",
            border_color="black",
            border_width=0.12,
            face_color=WALL,
            **where,
        )
        points.events.data.connect(self._on_data)
        points.events.set_data.connect(self._on_moved)
        points.mouse_drag_callbacks.append(self._on_drag)
        points.mouse_double_click_callbacks.append(self._on_double_click)
        points.bind_key("Escape", lambda _: self.end(), overwrite=True)
        points.bind_key("Enter", lambda _: self.end(), overwrite=True)
        return points

    def _fit_sizes(self, _event: object = None) -> None:
        """Keep points and line as large on the screen as they were, however far it is zoomed."""
        if not self.active or self._points is None or self._line is None:
            return
        pixel = self._pixel()
        self._points.size = HANDLE_PX * pixel
        self._points.current_size = HANDLE_PX * pixel
        self._line.edge_width = LINE_PX * pixel

    def _pixel(self) -> float:
        """Width of a pixel of the screen in pixels of the clip."""
        scale = float(grid(self.editing.session.require_clip())["scale"][2])
        return 1 / max(float(self.viewer.scene.camera.zoom) * scale, 1e-6)

    # What is shown ------------------------------------------------------------------

    def _load(self) -> None:
        """Show the contour of the labels as they are; one that was dragged, with its points."""
        labels = self._labels()
        if labels is None:
            return
        known = self._known.get(zlib.crc32(np.ascontiguousarray(labels).data))
        self._contour = deepcopy(known) if known else DragContour.of_mask(labels == LV)
        self._under = None
        self._remember()
        self._sync()
        self.editing.verbs.told.emit(PLACE if self._contour is None else DRAG)

    def _labels(self) -> NDArray[np.uint8] | None:
        draft = self.corrections.draft
        return None if draft is None or self.frame is None else draft.labels[self.frame]

    def _remember(self) -> None:
        labels = self._labels()
        if labels is not None and self._contour is not None:
            key = zlib.crc32(np.ascontiguousarray(labels).data)
            self._known[key] = deepcopy(self._contour)

    def _sync(self) -> None:
        """Show points and line as the contour has them."""
        points, contour = self._points, self._contour
        if points is None or self.frame is None:
            return
        self._ours = True
        points.selected_data = set()
        if contour is None:
            points.data = np.empty((0, 3))
            points.mode = "add"
        else:
            at = contour.points
            points.data = np.insert(at, 0, self.frame, axis=1)
            colors = [WALL] * len(at)
            colors[0] = colors[-1] = ANNULUS
            colors[contour.apex] = APEX
            points.face_color = colors
            points.mode = "select"
        self._ours = False
        self._draw_line()

    def _draw_line(self) -> None:
        if self._line is None or self.frame is None:
            return
        if self._contour is None:
            self._line.data = np.empty((0, 2, 3))
            return
        outline = self._contour.outline()
        outline = outline[:: max(1, len(outline) // 250)]
        steps = np.roll(outline, -1, axis=0) - outline
        self._line.data = np.stack(
            [np.insert(outline, 0, self.frame, axis=1), np.insert(steps, 0, 0, axis=1)], axis=1
        )

    def _fill(self) -> None:
        """Write the labels that the contour encloses."""
        labels = self._labels()
        if labels is None or self._contour is None:
            return
        if self._under is None:
            self._under = without_structure(labels)
        labels[:] = with_mask(self._under, self._contour.mask(labels.shape))
        layer = self.layers.draft.layer
        if layer is not None:
            layer.refresh(thumbnail=False, highlight=False, extent=False)

    # What the reader does -----------------------------------------------------------

    def _on_moved(self, _event: object = None) -> None:
        points, contour = self._points, self._contour
        if self._ours or points is None or contour is None or not self.active:
            return
        at = np.asarray(points.data, float)[:, 1:]
        if len(at) != len(contour.points) or np.array_equal(at, contour.points):
            return
        alone = not self.layers.draft.dragging
        self.layers.draft.dragging = self._moved = True
        contour.move(at)
        self._fill()
        self._draw_line()
        if alone:
            self._finish_stroke()

    def _finish_stroke(self) -> None:
        """End a drag: what it changed is one stroke."""
        self.layers.draft.dragging = False
        if self._moved and self.frame is not None:
            self._moved = False
            self.corrections.touch(self.frame)
            self._remember()

    def _on_drag(self, _layer: Points, event: Event) -> Generator[None, None, None]:
        if self._contour is not None and "Alt" in event.modifiers:
            self._add_at(event)
            return
        self.layers.draft.dragging = self._contour is not None
        yield
        while event.type == "mouse_move":
            yield
        self._finish_stroke()

    def _on_double_click(self, _layer: Points, event: Event) -> None:
        self._add_at(event)

    def _add_at(self, event: Event) -> None:
        if self._contour is None or self._points is None:
            return
        position = np.asarray(self._points.world_to_data(event.position))[1:]
        if self._contour.distance(position) <= REACH_PX * self._pixel():
            self._contour.add(position)
            self._remember()
            self._sync()

    def _on_data(self, event: Event) -> None:
        """Take points that napari's own tools added or removed."""
        points = self._points
        if self._ours or points is None or not self.active:
            return
        action = str(getattr(event, "action", ""))
        at = np.asarray(points.data, float)[:, 1:]
        if self._contour is None:
            if action == "added" and len(at) >= LEAST:
                self._contour = DragContour.of_three(at[0], at[1], at[2])
                self._write()
        elif action == "added":
            for position in at[len(self._contour.points) :]:
                self._contour.add(position)
            self._remember()
            self._sync()
        elif action == "removed":
            indices = sorted((int(i) for i in event.data_indices), reverse=True)
            kept = [i for i in indices if not self._contour.remove(i)]
            if kept:
                self.editing.verbs.told.emit(
                    "The ends of the annulus and one point between them stay: drag them."
                )
            if len(kept) < len(indices):
                self._write()
            else:
                self._sync()

    def _write(self) -> None:
        self._moved = True
        self._fill()
        self._finish_stroke()
        self._sync()

    # What happens around it -----------------------------------------------------------

    def _on_relabelled(self, frames: tuple[int, ...], _show: bool) -> None:
        if self.active and self.frame in frames:
            self._load()

    def _on_draft(self) -> None:
        if self.active and self.corrections.draft is None:
            self.end()

    def _on_leaving(self) -> None:
        self.end()
        if self.editing.session.clip is None:
            self._remove_layers()

    def _remove_layers(self) -> None:
        for layer in (self._points, self._line):
            if layer is not None and layer in self.viewer.layers:
                self.viewer.layers.remove(layer)

    def _on_step(self, _event: object = None) -> None:
        if self.active and self.layers.frame != self.frame:
            self.end()

    def _on_active(self, event: Event) -> None:
        if self.active and not self._ours and event.value is not self._points:
            self.end()
