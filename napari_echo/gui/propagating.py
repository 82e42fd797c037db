"""Corrected frames go to the rest of the clip: shown before they are accepted."""

from __future__ import annotations

import time
import zlib
from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_echo.core.clip import EchoClip
from napari_echo.core.labels import LV, LabelSchema, Structure
from napari_echo.core.prediction import Prediction
from napari_echo.gui.layer_data import KEY, RESTING, colors, grid, lay
from napari_echo.gui.wording import frames_text
from napari_echo.gui.workers import Job, Progress, shown
from napari_echo.workflow.forks import lineage

if TYPE_CHECKING:
    from napari_echo.gui.editing import Editing
    from napari_echo.ml.predictor import Predictor
    from napari_echo.workflow.draft import Draft

PROPAGATING = "Propagating"
FLOW, FLOW_NAME = "flow", "optical flow"
# Okabe-Ito's yellow for the cavity, grey for all else: it is no prediction and no correction.
LV_COLOR, OTHER_COLOR = "#f0e442", "#bbbbbb"
WIDTH, FINE = 2, 400
# Of the line in pixels of the clip, where its frames are higher than `FINE`; else one.
_BUDGET_S = 0.02


class Propagating:
    """Carries the frames that a reader corrected through the clip, by a model or by flow.

    Parameters
    ----------
    editing : Editing
        The tools that it is one of.

    Attributes
    ----------
    method : str
        `FLOW`, or the id of a model with a memory; empty takes the chosen
        model where it has one.
    cycle_only : bool
        Whether only the beat around the frame on show is filled.

    Signals
    -------
    changed()
        A preview came or went.
    """

    changed = Signal()

    def __init__(self, editing: Editing) -> None:
        self.editing = editing
        self.session = editing.session
        self.corrections = editing.corrections
        self.layers = editing.layers
        self.viewer = editing.layers.viewer
        self.runner = editing.verbs.runner
        self.method = ""
        self.cycle_only = False
        self.labels: NDArray[np.uint8] | None = None
        self.first = self.last = 0
        self.given: tuple[int, ...] = ()
        self._layer: Labels | None = None
        # Frames that were filled by a propagation, and how: they are no start of another.
        self._filled: dict[int, int] = {}
        self._filled_in: Draft | None = None
        self._left: list[int] = []
        self._count = 0
        self._timer = QTimer()
        self._timer.timeout.connect(self._take_some)
        self.corrections.draft_changed.connect(self._on_draft)
        self.layers.draft.leaving.connect(self._on_leaving)

    def disconnect(self) -> None:
        """Drop the preview and stop following the review."""
        self._take_all_left()
        self.drop()
        self.corrections.draft_changed.disconnect(self._on_draft)
        self.layers.draft.leaving.disconnect(self._on_leaving)
        self._remove_layer()

    # How, and from what -----------------------------------------------------------

    def methods(self) -> dict[str, str]:
        """Ways to propagate by their key, with their names: models with a memory, then flow."""
        models = {p.id: p.name for p in self.session.packs if p.card.temporal}
        return {**models, FLOW: FLOW_NAME}

    def chosen_method(self) -> str:
        """The way that is chosen; else the chosen model's, where it has a memory, else flow."""
        pack = self.session.pack
        if self.method in self.methods():
            return self.method
        return pack.id if pack is not None and pack.card.temporal else FLOW

    def sources(self) -> tuple[int, ...]:
        """Frames to start from: corrected, accepted or committed, or traced, not propagated."""
        draft, corrections = self.corrections.draft, self.corrections
        if draft is None:
            return ()
        found = set(corrections.uncommitted)
        if draft.base.kind == "revision":
            line = lineage(corrections.revisions, draft.base.id)
            found |= {frame for revision in line for frame in revision.frames}
        elif draft.base.kind == "truth" and self.session.truth is not None:
            found |= set(self.session.truth.annotated_frames)
        return tuple(sorted(f for f in found if not self._is_filled(draft, f)))

    def _is_filled(self, draft: Draft, frame: int) -> bool:
        if draft is not self._filled_in or frame in draft.accepted:
            return False
        return self._filled.get(frame) == _digest(draft.labels[frame])

    def cycle(self) -> tuple[int, int] | None:
        """The first and last frame of the beat around the frame on show, from ED to the next ED."""
        key_frames, clip = self.session.key_frames, self.session.clip
        if key_frames is None or clip is None or len(key_frames.beats) < 2:
            return None
        starts = sorted(beat.ed for beat in key_frames.beats)
        frame = self.layers.frame
        first = max((s for s in starts if s <= frame), default=0)
        return first, min((s for s in starts if s > frame), default=len(clip) - 1)

    def obstacle(self) -> str:
        """Say why nothing can be propagated; empty where it can."""
        clip = self.session.clip
        if clip is None:
            return "Open a clip first."
        if len(clip) < 2:
            return "The clip has a single frame."
        if self.session.hidden:
            return "You read blind: draw ED and ES yourself and commit them first."
        if self.labels is not None:
            return "Keep or drop the propagation that is shown first."
        if self.runner.busy:
            return f"{self.runner.title} is going on."
        if not self.sources():
            return "Correct a frame first, or accept one: what you corrected is carried on."
        return ""

    # Propagate ----------------------------------------------------------------------

    def toggle(self) -> None:
        """Propagate; where a propagation is shown, drop it."""
        if self.labels is not None:
            self.drop()
        else:
            self.start()

    def start(self) -> None:
        """Carry the corrected frames through the clip, or its beat, in a worker."""
        if self.session.clip is not None and not self.editing.begin():
            return
        self.corrections.touch()
        reason = self.obstacle()
        draft, clip = self.corrections.draft, self.session.clip
        if reason or draft is None or clip is None:
            self.editing.verbs.refused.emit(reason or "Open a clip first.")
            return
        around = self.cycle() if self.cycle_only else None
        first, last = around or (0, len(clip) - 1)
        frames = tuple(f for f in self.sources() if first <= f <= last)
        if not frames:
            self.editing.verbs.refused.emit(
                f"No frame of this beat ({first} to {last}) is corrected: correct one, "
                "or propagate through the whole clip."
            )
            return
        if len(frames) == last + 1 - first:
            self.editing.verbs.refused.emit("Every frame is corrected: there is none to fill.")
            return
        masks = {frame - first: draft.labels[frame].copy() for frame in frames}
        part = replace(clip, frames=clip.frames[first : last + 1])
        method = self.chosen_method()
        pack = next((p for p in self.session.packs if p.id == method), None)

        # The thread that propagates does not touch the session.
        ready = self.session.predictors.get(pack.id) if pack is not None else None
        make, params = self.session.make_predictor, self.session.predict_params

        def run() -> Job[tuple[Prediction, Predictor | None]]:
            predictor = ready
            if pack is not None and predictor is None:
                yield Progress(0, 0, f"Loading {pack.name}")
                predictor = make(pack, params)
            return (yield from _propagate(part, masks, predictor, draft.schema))

        def take(outcome: tuple[Prediction, Predictor | None]) -> None:
            prediction, predictor = outcome
            if predictor is not None:
                self.session.keep_predictor(predictor)
            if self.corrections.draft is draft:
                self._show(prediction, draft, first, frames)

        self.runner.start(PROPAGATING, run, done=take)
        self.changed.emit()

    def _show(
        self, prediction: Prediction, draft: Draft, first: int, given: tuple[int, ...]
    ) -> None:
        found = prediction.segmentation.labels
        known = np.zeros(256, np.uint8)
        for structure in draft.schema.structures:
            known[structure.index] = structure.index
        labels = np.zeros(draft.labels.shape, np.uint8)
        labels[first : first + len(found)] = known[found]
        for frame in given:
            labels[frame] = 0
        self.labels, self.given = labels, given
        self.first, self.last = first, first + len(found) - 1
        self._take_layer(draft.schema, labels)
        many = len(found) - len(given)
        self.editing.verbs.told.emit(
            f"{many} frames filled from {frames_text(given)} by {prediction.model_name}: look "
            "through them, then keep or drop them."
        )
        self.changed.emit()

    def _take_layer(self, schema: LabelSchema, labels: NDArray[np.uint8]) -> None:
        """Show the preview; a layer takes long to make, so it stays, hidden."""
        clip = self.session.require_clip()
        where = grid(clip)
        active = self.viewer.layers.selection.active
        shown = LabelSchema(
            "propagation",
            tuple(
                Structure(s.index, s.name, LV_COLOR if s.index == LV else OTHER_COLOR)
                for s in schema.structures
            ),
        )
        layer = self._layer
        if layer is None or layer not in self.viewer.layers:
            layer = self._layer = Labels(
                labels, name="Propagation (line)", colormap=colors(shown), **where
            )
            layer.opacity = 1.0
            self.viewer.layers.append(layer)
        else:
            layer.data, layer.colormap = labels, colors(shown)
            lay(layer, where)
            layer.metadata.pop(RESTING, None)
        layer.contour = WIDTH if clip.frame_shape[0] > FINE else 1
        layer.editable = False
        layer.metadata[KEY] = {"clip_id": clip.clip_id, "role": "propagation"}
        layer.visible = True
        self.viewer.layers.selection.active = active

    def drop(self) -> None:
        """Take the preview away."""
        if self.labels is None:
            return
        self.labels = None
        layer = self._layer
        if layer is not None and layer in self.viewer.layers:
            layer.metadata.pop(KEY, None)
            layer.metadata[RESTING] = True
            layer.visible = False
            # Napari's slider and view span hidden layers too, also those of another clip.
            layer.data = np.zeros((1, 1, 1), np.uint8)
        self.changed.emit()

    # Accept -------------------------------------------------------------------------

    def accept(self, first: int | None = None, last: int | None = None) -> None:
        """Take over the frames that are shown, or those from `first` to `last`, as one stroke.

        Frames that the reader corrected, also meanwhile, keep what he drew.
        """
        draft, labels = self.corrections.draft, self.labels
        if labels is None or draft is None or self._left:
            if labels is None:
                self.editing.verbs.refused.emit("Nothing is propagated yet: do that first.")
            return
        self.corrections.touch()
        first = self.first if first is None else max(first, self.first)
        last = self.last if last is None else min(last, self.last)
        mine = {*self.given, *self.sources()}
        self._left = [frame for frame in range(first, last + 1) if frame not in mine]
        if draft is not self._filled_in:
            self._filled, self._filled_in = {}, draft
        if not self._left:
            self.editing.verbs.refused.emit("You corrected all of these frames: nothing to keep.")
            return
        self._count = len(self._left)
        self.layers.draft.dragging = True
        self._timer.start(0)

    def _take_some(self) -> None:
        """Take over as many frames as there is time for before the window must answer."""
        labels, draft = self.labels, self.corrections.draft
        end = time.perf_counter() + _BUDGET_S
        while self._left and labels is not None and draft is not None:
            frame = self._left.pop(0)
            self._filled[frame] = _digest(labels[frame])
            self.corrections.write({frame: labels[frame]}, more=bool(self._left))
            if time.perf_counter() > end:
                break
        if not self._left or draft is None:
            self._left = []
            self._timer.stop()
            self.layers.draft.dragging = False
            if draft is not None:
                self.corrections.touch(self.layers.frame)
                self.drop()
                self.editing.verbs.told.emit(
                    f"Kept {self._count} propagated frames, not committed."
                )

    def _take_all_left(self) -> None:
        while self._left:
            self._take_some()

    # What happens around it -----------------------------------------------------------

    def _on_draft(self) -> None:
        if self.corrections.draft is None and not self._left:
            self.drop()

    def _on_leaving(self) -> None:
        self._left = []
        self._timer.stop()
        self.layers.draft.dragging = False
        self.drop()
        if self.session.clip is None:
            self._remove_layer()

    def _remove_layer(self) -> None:
        if self._layer is not None and self._layer in self.viewer.layers:
            self.viewer.layers.remove(self._layer)


def _propagate(
    clip: EchoClip,
    masks: Mapping[int, NDArray[np.uint8]],
    predictor: Predictor | None,
    schema: LabelSchema,
) -> Generator[Progress, None, tuple[Prediction, Predictor | None]]:
    from napari_echo.workflow.propagate import iter_propagate, iter_propagate_by_flow

    if predictor is not None:
        steps, name = iter_propagate(clip, masks, predictor), predictor.pack.name
    else:
        steps, name = iter_propagate_by_flow(clip, masks, schema=schema), FLOW_NAME
    found = yield from shown(steps, lambda at: Progress(*at, f"Propagating by {name}"))
    return found, predictor


def _digest(labels: NDArray[np.uint8]) -> int:
    return zlib.crc32(np.ascontiguousarray(labels).data)
