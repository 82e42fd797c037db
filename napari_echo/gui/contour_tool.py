"""Dragging the LV contour of the frame on show by control points; the labels follow."""

from __future__ import annotations

import zlib
from collections.abc import Generator
from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Points
from napari.utils.events import Event
from numpy.typing import NDArray
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_echo.core.drag import LEAST, DragContour
from napari_echo.core.labels import LV
from napari_echo.core.reshape import with_mask, without_structure
from napari_echo.gui import keys
from napari_echo.gui.contour_layers import ContourLayers
from napari_echo.gui.draft_layer import MODES
from napari_echo.gui.key_names import NAPARI, key_of

if TYPE_CHECKING:
    from napari_echo.gui.editing import Editing

REACH_PX = 12.0
"""How near to the line a click must be, on the screen."""
PREPARE_MS = 600
"""After a clip was opened: its frames come first, and the layer of its correction."""
_TRANSFORM = "napari:activate_points_transform_mode"
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
        self._moved = False
        self.drawn = ContourLayers(self.viewer, self.layers.renewing, self._listen)
        self._clock = QTimer()
        self._clock.setSingleShot(True)
        self._clock.timeout.connect(self._prepare)
        self.editing.session.clip_changed.connect(self._prepare_soon)
        self.corrections.relabelled.connect(self._on_relabelled)
        self.corrections.draft_changed.connect(self._on_draft)
        self.layers.draft.leaving.connect(self._on_leaving)
        self.viewer.dims.events.current_step.connect(self._on_step)
        self.viewer.layers.selection.events.active.connect(self._on_active)

    def disconnect(self) -> None:
        """End, and stop following the viewer."""
        self._clock.stop()
        self.end()
        self.editing.session.clip_changed.disconnect(self._prepare_soon)
        self.corrections.relabelled.disconnect(self._on_relabelled)
        self.corrections.draft_changed.disconnect(self._on_draft)
        self.layers.draft.leaving.disconnect(self._on_leaving)
        self.viewer.dims.events.current_step.disconnect(self._on_step)
        self.viewer.layers.selection.events.active.disconnect(self._on_active)
        self.drawn.disconnect()

    @property
    def active(self) -> bool:
        """Whether a contour is on show."""
        return self.frame is not None

    @property
    def points(self) -> Points | None:
        """The layer of control points while a contour is on show."""
        return self.drawn.points if self.active else None

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
        if self.viewer.canvas.grid.enabled:
            one_view = f"Go back to one view first ({key_of('side_by_side')})"
            self.editing.verbs.refused.emit(f"{one_view}: a contour is dragged there.")
            return
        if not self.editing.begin():
            return
        self.frame = self.layers.frame
        self._known.clear()
        clip = self.editing.session.require_clip()
        self.drawn.lay(clip)
        self._load()
        self.drawn.show(clip)
        self._bind_keys()
        self.changed.emit()

    def end(self) -> None:
        """Hide the contour; the labels stay as they are."""
        if not self.active:
            return
        self._finish_stroke()
        self.frame = self._contour = self._under = None
        self.drawn.hide(self.layers.draft.layer)
        self.changed.emit()

    def _prepare_soon(self) -> None:
        self._clock.start(PREPARE_MS)

    def _prepare(self) -> None:
        """Make the layers while the reader looks at the clip, each in a turn of its own.

        Then they are laid over it: a contour is on the screen sooner.
        """
        clip = self.editing.session.clip
        if clip is None or self.corrections.draft is not None or self.viewer.canvas.grid.enabled:
            return
        if self.drawn.make_next(clip):
            self._clock.start(PREPARE_MS)
        elif not self.active:
            self.drawn.lay(clip)

    def _listen(self, points: Points) -> None:
        points.events.data.connect(self._on_data)
        points.events.set_data.connect(self._on_moved)
        points.mouse_drag_callbacks.append(self._on_drag)
        points.mouse_double_click_callbacks.append(self._on_double_click)

    def _bind_keys(self) -> None:
        """Let the keys of other tools end the contour; napari's of points would unmake it."""
        points = self.points
        if points is None:
            return
        points.keymap = {}
        for key in keys.bound_keys(_TRANSFORM):
            # Not with its own blocker, which its handler of keys stumbles over.
            points.bind_key(key, lambda _: None)
        for name, mode in MODES.items():
            for key in keys.bound_keys(NAPARI[name]):
                points.bind_key(key, lambda _, mode=mode: self._change_to(mode), overwrite=True)
        for key in ("Escape", "Enter"):
            points.bind_key(key, lambda _: self.end(), overwrite=True)

    def _change_to(self, mode: str) -> None:
        self.end()
        self.layers.draft.take_up(mode)

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
        if self.frame is not None:
            self.drawn.draw(self._contour, self.frame)

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
        points, contour = self.points, self._contour
        if self.drawn.drawing or points is None or contour is None or self.frame is None:
            return
        at = np.asarray(points.data, float)[:, 1:]
        if len(at) != len(contour.points) or np.array_equal(at, contour.points):
            return
        alone = not self.layers.draft.dragging
        self.layers.draft.dragging = self._moved = True
        contour.move(at)
        self._fill()
        self.drawn.draw_line(contour, self.frame)
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
        if self._contour is None or self.points is None:
            return
        position = np.asarray(self.points.world_to_data(event.position))[1:]
        if self._contour.distance(position) <= REACH_PX * self.drawn.pixel():
            self._contour.add(position)
            self._remember()
            self._sync()

    def _on_data(self, event: Event) -> None:
        """Take points that napari's own tools added or removed."""
        points = self.points
        if self.drawn.drawing or points is None:
            return
        action = str(getattr(event, "action", ""))
        if action == "added":
            # Napari selects what it added, after this, and by its number of points, not by ours.
            QTimer.singleShot(0, self.drawn.unselect)
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
            self.drawn.remove()

    def _on_step(self, _event: object = None) -> None:
        if self.active and self.layers.frame != self.frame:
            self.end()

    def _on_active(self, event: Event) -> None:
        if self.active and not self.drawn.drawing and event.value is not self.points:
            self.end()
