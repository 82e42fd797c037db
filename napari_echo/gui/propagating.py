"""Corrected frames go to the rest of the clip: shown before they are accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from napari_echo.core.clip import EchoClip
from napari_echo.core.labels import LabelSchema
from napari_echo.gui.filling import Filling
from napari_echo.gui.propagation import FLOW_NAME, Propagation, propagation_job
from napari_echo.gui.propagation_layer import PropagationLayer
from napari_echo.gui.wording import frames_text, number_of
from napari_echo.gui.workers import Job, Progress
from napari_echo.metrics.volume import LVMeasures
from napari_echo.workflow.forks import lineage

if TYPE_CHECKING:
    from napari_echo.gui.editing import Editing
    from napari_echo.ml.predictor import Predictor

PROPAGATING = "Propagating"
FLOW = "flow"


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
    shown : Propagation or None
        What is shown, and not yet kept or dropped.

    Signals
    -------
    changed()
        What is shown came or went.
    """

    changed = Signal()

    def __init__(self, editing: Editing) -> None:
        self.editing = editing
        self.session = editing.session
        self.corrections = editing.corrections
        self.layers = editing.layers
        self.runner = editing.verbs.runner
        self.method = ""
        self.cycle_only = False
        self.shown: Propagation | None = None
        self._layer = PropagationLayer(self.layers.viewer, self.layers.renewing)
        self.filling = Filling(self.corrections, self.layers.draft)
        self.filling.ended.connect(self._on_filled)
        self.corrections.draft_changed.connect(self._on_draft)
        self.layers.draft.leaving.connect(self._on_leaving)
        editing.sending.connect(self.filling.finish)

    def disconnect(self) -> None:
        """Drop what is shown and stop following the review."""
        self.filling.disconnect()
        self.drop()
        self.corrections.draft_changed.disconnect(self._on_draft)
        self.layers.draft.leaving.disconnect(self._on_leaving)
        self._layer.remove()

    @property
    def measures(self) -> LVMeasures | None:
        """Of what is shown."""
        return self.shown.measures if self.shown is not None else None

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
        return tuple(sorted(f for f in found if not self.filling.is_filled(draft, f)))

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
        if self.shown is not None:
            return "Keep or drop the propagation that is shown first."
        if self.runner.busy:
            return f"{self.runner.title} is going on."
        if not self.sources():
            return "Correct a frame first, or accept one: what you corrected is carried on."
        return ""

    # Propagate ----------------------------------------------------------------------

    def toggle(self) -> None:
        """Propagate; where a propagation is shown, drop it."""
        if self.shown is not None:
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
            self.editing.verbs.refused.emit(
                "Every frame is corrected, accepted or traced already: none is left to fill."
            )
            return
        masks = {frame: draft.labels[frame].copy() for frame in frames}
        method = self.chosen_method()
        pack = next((p for p in self.session.packs if p.id == method), None)

        # The thread that propagates does not touch the session.
        ready = self.session.predictors.get(pack.id) if pack is not None else None
        make = self.session.make_predictor
        # A model with a memory cannot be mirrored.
        params = self.session.predict_params.model_copy(update={"mirror": False})

        def run() -> Job[tuple[Propagation, Predictor | None]]:
            predictor = ready
            if pack is not None and predictor is None:
                yield Progress(0, 0, f"Loading {pack.name}")
                predictor = make(pack, params)
            found = yield from propagation_job(clip, (first, last), masks, predictor, draft.schema)
            return found, predictor

        def take(outcome: tuple[Propagation, Predictor | None]) -> None:
            found, predictor = outcome
            if predictor is not None:
                self.session.keep_predictor(predictor)
            if self.corrections.draft is draft:
                self._show(found, clip, draft.schema)

        self.runner.start(PROPAGATING, run, done=take)
        self.changed.emit()

    def _show(self, found: Propagation, clip: EchoClip, schema: LabelSchema) -> None:
        self.shown = found
        self._layer.show(clip, schema, found.labels)
        many = found.last + 1 - found.first - len(found.given)
        self.editing.verbs.told.emit(
            f"{number_of(many, 'frame')} filled from {frames_text(found.given)} by {found.name}: "
            f"look {'at it' if many == 1 else 'through them'}, then keep or drop "
            f"{'it' if many == 1 else 'them'}."
        )
        self.changed.emit()

    def drop(self) -> None:
        """Take what is shown away."""
        if self.shown is None:
            return
        self.shown = None
        self._layer.hide(self.session.clip)
        self.changed.emit()

    # Accept -------------------------------------------------------------------------

    def accept(self, first: int | None = None, last: int | None = None) -> None:
        """Take over the frames that are shown, or those from `first` to `last`, as one stroke.

        Frames that the reader corrected, also meanwhile, keep what he drew.
        """
        found = self.shown
        if found is None:
            self.editing.verbs.refused.emit("Nothing is propagated yet: do that first.")
            return
        if self.filling.busy:
            return
        self.corrections.touch()
        first = found.first if first is None else max(first, found.first)
        last = found.last if last is None else min(last, found.last)
        mine = {*found.given, *self.sources()}
        wanted = [frame for frame in range(first, last + 1) if frame not in mine]
        if wanted:
            self.filling.start(found.labels, wanted)
        else:
            self.editing.verbs.refused.emit("You corrected all of these frames: nothing to keep.")

    def _on_filled(self, count: int) -> None:
        self.corrections.touch(self.layers.frame)
        self.drop()
        self.editing.verbs.told.emit(
            f"Kept {number_of(count, 'propagated frame')}, not committed yet."
        )

    # What happens around it -----------------------------------------------------------

    def _on_draft(self) -> None:
        if self.corrections.draft is None:
            self.filling.stop()
            self.drop()

    def _on_leaving(self) -> None:
        self.filling.stop()
        self.drop()
        if self.session.clip is None:
            self._layer.remove()
