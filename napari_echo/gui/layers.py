"""The napari layers of a review: the one module that adds, finds and changes them.

A layer is found by ``layer.metadata["napari_echo"] = {"clip_id", "role"}``;
its name is for people and may be changed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer
from numpy.typing import NDArray

from napari_echo.core.labels import LabelSchema
from napari_echo.gui.draft_layer import DraftLayer
from napari_echo.gui.layer_data import (
    HARD_SCHEMA,
    KEY,
    ROLES,
    Role,
    clip_layer_data,
    colors,
    grid,
    tag_of,
)
from napari_echo.workflow.session import Session

FILL_OPACITY = 0.35
TRUTH_WIDTH = 1


class ReviewLayers:
    """Keeps the layers of a viewer as the session is.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    session : Session
        The review.
    """

    def __init__(self, viewer: ViewerModel, session: Session) -> None:
        self.viewer = viewer
        self.session = session
        self._heat_shown = False
        session.clip_changed.connect(self._show_clip)
        session.truth_changed.connect(self._show_truth)
        session.prediction_changed.connect(self._show_prediction)
        session.marks_changed.connect(self._show_marks)
        session.key_frames_changed.connect(self.write_caption)
        self.draft = DraftLayer(self)
        viewer.dims.events.current_step.connect(self.write_caption)

    def disconnect(self) -> None:
        """Stop following the session; strokes that are not committed stay as a layer."""
        self.draft.disconnect()
        self.viewer.dims.events.current_step.disconnect(self.write_caption)
        session = self.session
        session.clip_changed.disconnect(self._show_clip)
        session.truth_changed.disconnect(self._show_truth)
        session.prediction_changed.disconnect(self._show_prediction)
        session.marks_changed.disconnect(self._show_marks)
        session.key_frames_changed.disconnect(self.write_caption)

    # Finding ------------------------------------------------------------------

    def _ours(self) -> Iterator[Layer]:
        return (layer for layer in self.viewer.layers if tag_of(layer))

    def find(self, role: Role) -> Layer | None:
        """Find the open clip's layer of a role."""
        clip = self.session.clip
        wanted = (clip.clip_id, role) if clip is not None else None
        tags = ((layer, tag_of(layer)) for layer in self._ours())
        return next((x for x, tag in tags if (tag["clip_id"], tag["role"]) == wanted), None)

    @property
    def frame(self) -> int:
        """The frame on show, counted from 0."""
        return int(self.viewer.dims.current_step[0]) if self.session.clip is not None else 0

    def go_to(self, frame: int) -> None:
        """Show a frame."""
        self.viewer.dims.set_current_step(0, frame)

    # Following the session ----------------------------------------------------

    def _show_clip(self) -> None:
        clip = self.session.clip
        kept = self.find("clip")
        self.draft.follow_clip()
        for layer in [x for x in self._ours() if x is not kept]:
            layer.locked = False
            self.viewer.layers.remove(layer)
        overlays = self.viewer.canvas.overlays
        overlays.text.position = "top_left"
        overlays.text.visible = clip is not None
        overlays.scale_bar.visible = clip is not None and clip.spacing_mm is not None
        if clip is None:
            return
        if kept is None:
            data, kwargs, _ = clip_layer_data(
                clip, truth=self.session.truth, key_frames=self.session.key_frames
            )
            kept = Image(data, **kwargs)
            self._place(kept, "clip")
        self.viewer.layers.selection.active = kept
        self.viewer.reset_view()
        self.go_to(0)
        self._show_truth()
        self.write_caption()

    def _show_truth(self) -> None:
        truth = self.session.truth
        if truth is None:
            self._drop("truth")
            return
        layer = self._labels("truth", "Truth (line)", truth.labels, truth.schema)
        layer.contour = TRUTH_WIDTH
        layer.opacity = 1.0

    def _show_prediction(self) -> None:
        prediction = self.session.prediction
        if prediction is None:
            self._drop("prediction")
            return
        shown = prediction.segmentation
        name = f"Prediction: {prediction.model_name}"
        layer = self._labels("prediction", name, shown.labels, shown.schema)
        layer.opacity = FILL_OPACITY
        layer.visible = self.session.corrections.draft is None

    def _show_marks(self) -> None:
        hardness, hard = self.session.hardness, self.session.hard_pixels
        if hardness is None or hard is None or self.session.clip is None:
            self._drop("hardness")
            self._drop("hard pixels")
            return
        name = f"Hardness ({hardness.criterion})"
        heat = self.find("hardness")
        if isinstance(heat, Image):
            heat.data, heat.name = hardness.values, name
        else:
            heat = Image(
                hardness.values,
                name=name,
                colormap="inferno",
                contrast_limits=(0, 1),
                blending="additive",
                visible=self._heat_shown,
                **grid(self.session.clip),
            )
            self._place(heat, "hardness")
        mask = hard.mask.view(np.uint8)
        outline = self._labels("hard pixels", "Hard pixels", mask, HARD_SCHEMA)
        outline.contour = 1
        outline.opacity = 0.9

    def show_heat(self, shown: bool) -> None:
        """Show or hide the heat map."""
        self._heat_shown = shown
        heat = self.find("hardness")
        if heat is not None:
            heat.visible = shown

    def write_caption(self, _event: object = None) -> None:
        """Write the frame on show, and whether it is ED or ES, on the canvas."""
        clip, key_frames = self.session.clip, self.session.key_frames
        if clip is None:
            return
        beats = key_frames.beats if key_frames is not None else ()
        marks = [
            name
            for name, at in (("ED", "ed"), ("ES", "es"))
            if any(getattr(beat, at) == self.frame for beat in beats)
        ]
        place = f"frame {self.frame} / {len(clip) - 1}"
        self.viewer.canvas.overlays.text.text = "  ".join([place, *marks])

    # Making -------------------------------------------------------------------

    def _labels(
        self, role: Role, name: str, data: NDArray[np.uint8], schema: LabelSchema
    ) -> Labels:
        """Show labels as the layer of a role, making it where there is none."""
        layer = self.find(role)
        if isinstance(layer, Labels):
            layer.data, layer.name, layer.colormap = data, name, colors(schema)
            return layer
        layer = Labels(
            data, name=name, colormap=colors(schema), **grid(self.session.require_clip())
        )
        layer.editable = False
        self._place(layer, role)
        return layer

    def _place(self, layer: Layer, role: Role) -> None:
        """Add a layer above those that lie below its role; the selection stays."""
        layer.metadata.setdefault(
            KEY, {"clip_id": self.session.require_clip().clip_id, "role": role}
        )
        layers = self.viewer.layers
        below = [
            index
            for index, other in enumerate(layers)
            if tag_of(other) and ROLES.index(tag_of(other)["role"]) < ROLES.index(role)
        ]
        active = layers.selection.active
        layers.insert(max(below, default=len(layers) - 1) + 1, layer)
        layers.selection.active = active if active in layers else layer

    def _drop(self, role: Role) -> None:
        layer = self.find(role)
        if layer is not None:
            layer.locked = False
            self.viewer.layers.remove(layer)
