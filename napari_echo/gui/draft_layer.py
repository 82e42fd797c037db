"""The layer that a reader corrects: made once, and parked out of sight between corrections.

To make a layer of labels takes napari half a second in its window. So the
layer stays when a correction ends, hidden and without a role, and the next
correction, of whatever clip, only gives it other labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Labels
from psygnal import Signal

from napari_echo.core.labels import CAMUS_SCHEMA, LabelSchema
from napari_echo.gui.adding import add_unselected
from napari_echo.gui.layer_data import KEY, colors, grid
from napari_echo.gui.resting import PIXEL, is_resting, lay_to_rest, rest_place, sleep, wake

if TYPE_CHECKING:
    from napari_echo.gui.layers import ReviewLayers

OPACITY, BRUSH = 0.45, 8
MODES = {"brush": "paint", "erase": "erase", "polygon": "polygon"}
"""Napari's mode of each tool that paints."""


class DraftLayer:
    """Shows the draft of the session's corrections, and tells them of what is painted.

    Parameters
    ----------
    layers : ReviewLayers
        The layers that it is one of.

    Attributes
    ----------
    dragging : bool
        Whether a contour is being dragged, or a propagation taken over, which
        is one stroke.

    Signals
    -------
    leaving()
        Another clip was opened; the layers of the one before are still there.
    active_changed()
        The mouse works on this layer now, or on another one.
    """

    leaving = Signal()
    active_changed = Signal()

    def __init__(self, layers: ReviewLayers) -> None:
        self.layers = layers
        self.viewer, self.session = layers.viewer, layers.session
        self.dragging = False
        self._made: Labels | None = None
        self._schema: LabelSchema | None = None
        corrections = self.session.corrections
        corrections.draft_changed.connect(self.show)
        corrections.relabelled.connect(self._show_relabelled)
        self.viewer.layers.selection.events.active.connect(self._on_active)

    def disconnect(self) -> None:
        """Stop following; strokes that are not committed stay as a layer."""
        corrections = self.session.corrections
        corrections.draft_changed.disconnect(self.show)
        corrections.relabelled.disconnect(self._show_relabelled)
        self.viewer.layers.selection.events.active.disconnect(self._on_active)
        layer = self.layer
        if layer is not None:
            layer.locked = False
            if corrections.uncommitted:
                del layer.metadata[KEY]
        parked = self._parked()
        if parked is not None:
            parked.locked = False
            self.viewer.layers.remove(parked)

    @property
    def layer(self) -> Labels | None:
        """The layer while a correction is open."""
        found = self.layers.find("correction")
        return found if isinstance(found, Labels) else None

    @property
    def mode(self) -> str:
        """What the mouse does on it, in napari's words; empty where it works on another layer."""
        layer = self.layer
        active = layer is not None and self.viewer.layers.selection.active is layer
        return str(layer.mode) if layer is not None and active else ""

    @property
    def in_stroke(self) -> bool:
        """Whether the mouse is painting or dragging: it is undone as one."""
        return self.dragging or bool(getattr(self.layer, "_block_history", False))

    # Parking --------------------------------------------------------------------

    def _parked(self) -> Labels | None:
        own = self._made
        return own if own is not None and own in self.viewer.layers and is_resting(own) else None

    def prepare(self) -> None:
        """Make the layer before it is needed, while the reader looks at the clip."""
        if self.session.clip is not None and self.layer is None and self._parked() is None:
            self._make()

    def _make(self) -> Labels:
        clip = self.session.require_clip()
        layer = self._made = Labels(
            PIXEL,
            name="Correction",
            colormap=colors(CAMUS_SCHEMA),
            opacity=OPACITY,
            visible=False,
            **rest_place(clip),
        )
        self._schema = CAMUS_SCHEMA
        layer.editable = False
        layer.locked = True
        layer.brush_size = BRUSH
        sleep(layer)
        # Napari's own history outlives a change of the data, and would write old
        # pixels into a new clip; its keys call these.
        layer.undo = self.session.corrections.undo
        layer.redo = self.session.corrections.redo
        layer.events.labels_update.connect(self._on_painted)
        layer.events.set_data.connect(self._on_painted)
        layer.events.paint.connect(self._on_stroke_end)
        add_unselected(self.viewer, layer)
        # Napari darkens the middle of its brush, as it does behind a text: over what is painted.
        self.viewer.canvas.overlays["_brush_circle"].box = False
        return layer

    def park(self, layer: Labels | None = None) -> None:
        """Put the layer out of sight, without the labels that it holds."""
        layer = layer if layer is not None else self._parked()
        if layer is None:
            return
        layer.metadata.pop(KEY, None)
        clip = self.session.clip
        if clip is None:
            layer.locked = False
            self.viewer.layers.remove(layer)
            return
        layer.mode = "pan_zoom"
        layer.editable = False
        lay_to_rest(layer, clip, self.layers.renewing)

    def follow_clip(self) -> None:
        """Fit the layer to the clip that was opened; called before the old clip's layers go."""
        self.leaving.emit()
        clip = self.session.clip
        old = next(
            (
                x
                for x in self.viewer.layers
                if x.metadata.get(KEY, {}).get("role") == "correction"
                and (clip is None or x.metadata[KEY]["clip_id"] != clip.clip_id)
            ),
            None,
        )
        if old is not None or clip is None:
            self.park(old)

    # Following the draft --------------------------------------------------------

    def show(self) -> None:
        """Show the draft as it is; park the layer where there is none."""
        draft = self.session.corrections.draft
        layer = self.layer
        if draft is not None and layer is not None and layer.data is draft.labels:
            return
        clip_layer = self.layers.find("clip")
        if clip_layer is not None:
            # Its deletion would take the uncommitted strokes with it.
            clip_layer.locked = draft is not None
        if draft is None:
            if layer is not None:
                self.park(layer)
            if clip_layer is not None:
                self.viewer.layers.selection.active = clip_layer
            return
        clip = self.session.require_clip()
        layer = layer or self._parked() or self._make()
        wake(layer)
        layer.metadata[KEY] = {"clip_id": clip.clip_id, "role": "correction"}
        if draft.schema != self._schema:
            layer.colormap, self._schema = colors(draft.schema), draft.schema
        self.layers.renewing.renew(layer, grid(clip), draft.labels, visible=True)
        if draft.schema.name_of(layer.selected_label) is None:
            layer.selected_label = draft.schema.structures[0].index
        layer.editable = True
        self.viewer.layers.selection.active = layer
        layer.mode = "paint"

    def _on_painted(self, _event: object = None) -> None:
        # What is noted during a stroke is the timer's part: it would be a
        # record for every move of the mouse.
        if not self.in_stroke:
            self.session.corrections.touch(self.layers.frame)

    def _on_stroke_end(self, _event: object = None) -> None:
        layer = self.layer
        flat = layer is None or layer.n_edit_dimensions == 2
        self.session.corrections.touch(self.layers.frame if flat else None)

    def _show_relabelled(self, frames: tuple[int, ...], show: bool) -> None:
        layer = self.layer
        if layer is not None and self.layers.frame in frames:
            layer.refresh()
        elif show and frames:
            self.layers.go_to(frames[0])

    def paint_with(self, structure: int, mode: str = "paint") -> None:
        """Paint a structure, or erase where it is 0, on the correction layer."""
        layer = self.layer
        if layer is not None and structure:
            layer.selected_label = structure
        self.take_up(mode if structure else "erase")

    def take_up(self, mode: str) -> None:
        """Let the mouse work on the correction layer, in one of napari's modes."""
        layer = self.layer
        if layer is not None:
            self.viewer.layers.selection.active = layer
            layer.mode = mode

    def _on_active(self, _event: object = None) -> None:
        self.active_changed.emit()
