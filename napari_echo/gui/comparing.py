"""Comparing models on the open clip: which is shown, what each measures, how far they agree."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LV
from napari_echo.core.prediction import Prediction
from napari_echo.core.revision import Revision
from napari_echo.gui.grid import Grid
from napari_echo.gui.verbs import Verbs
from napari_echo.gui.workers import Job, Jobs, Progress
from napari_echo.metrics.overlap import dice
from napari_echo.ml.packs import ModelPack
from napari_echo.workflow.committed import merge
from napari_echo.workflow.model_agreement import ModelAgreement, iter_agreement

AGREEING = "Comparing the models"
CORRECTED = "correction"
"""What the labels of the reader are called in an agreement."""


class Comparing:
    """What a reader does with several models.

    Parameters
    ----------
    verbs : Verbs
        The verbs of the review.
    grid : Grid
        The views side by side.

    Signals
    -------
    agreement_changed()
        The agreement was found, or no longer holds.
    """

    agreement_changed = Signal()

    def __init__(self, verbs: Verbs, grid: Grid) -> None:
        self.verbs = verbs
        self.session = verbs.session
        self.grid = grid
        self.runner = Jobs(verbs.runner)
        self.agreement: ModelAgreement | None = None
        self._compared: tuple[Prediction, ...] = ()
        self._agreement_wanted = False
        session = self.session
        for signal in (session.clip_changed, session.predictions_changed, session.truth_changed):
            signal.connect(self._on_changed)
        corrections = session.corrections
        for signal in (
            corrections.draft_changed,
            corrections.revisions_changed,
            corrections.edited,
        ):
            signal.connect(self._on_corrected)
        self.runner.busy_changed.connect(self._catch_up)
        self.verbs.runner.busy_changed.connect(self._catch_up)

    # Which models -----------------------------------------------------------------

    def tick(self, pack: ModelPack, wanted: bool) -> None:
        """Tick a model to run, or untick it; a refusal is told."""
        try:
            self.session.tick(pack, wanted)
        except EchoError as error:
            self.verbs.refused.emit(str(error))
            # What shows the ticks must take back the one that was refused.
            self.session.model_changed.emit()

    def choose(self, pack: ModelPack) -> None:
        """Choose a model, and show what it says where it has run; a refusal is told."""
        try:
            self.session.choose_pack(pack)
        except EchoError as error:
            self.verbs.refused.emit(str(error))
            self.session.model_changed.emit()

    def show_next(self) -> None:
        """Show the prediction of the next model that has run."""
        session = self.session
        shown = session.prediction
        ids = list(session.predictions)
        if shown is None or len(ids) < 2:
            self.verbs.told.emit("Only one model has run: tick others, and run them too.")
            return
        self.show(ids[(ids.index(shown.model_id) + 1) % len(ids)])

    def show(self, model_id: str) -> None:
        """Show what a model says that has run."""
        session = self.session
        pack = next((pack for pack in session.ticked if pack.id == model_id), None)
        if pack is not None:
            session.choose_pack(pack)
        session.show_prediction(model_id)

    # Side by side -----------------------------------------------------------------

    def toggle_grid(self) -> None:
        """Show the views side by side, or one view again."""
        reason = "" if self.grid.is_on else self.grid.obstacle()
        if reason:
            self.verbs.refused.emit(reason)
        else:
            self.grid.set_on(not self.grid.is_on)

    # Beside the reader's work -----------------------------------------------------

    def want_agreement(self) -> None:
        """Find how far the models agree, unless that is known; it is told by a signal.

        One model is compared with what the reader drew, where there is no truth.
        """
        self._agreement_wanted = True
        self._catch_up()

    def subjects(self) -> tuple[Prediction, ...]:
        """What would be compared: two models or more, or one with the reader's frames."""
        predictions = tuple(self.session.predictions.values())
        alone = len(predictions) == 1
        if alone and (self.session.truth is not None or not self._drawn()):
            return ()
        return predictions

    def _drawn(self) -> set[int]:
        """The frames that the reader drew or accepted."""
        corrections = self.session.corrections
        return {*corrections.uncommitted, *(f for r in corrections.revisions for f in r.frames)}

    def _on_corrected(self, *_: object) -> None:
        if len(self.session.predictions) == 1 and self.session.truth is None:
            # What was found stays until the next is: a plot must not flicker with each stroke.
            self._compared, self._agreement_wanted = (), False
            self.agreement = self.agreement if self.subjects() else None
            self.agreement_changed.emit()

    def _on_changed(self) -> None:
        if self.agreement is not None or self._compared:
            self.agreement, self._compared = None, ()
            self.agreement_changed.emit()
        self._agreement_wanted = False
        self._catch_up()

    def _catch_up(self) -> None:
        session, clip = self.session, self.session.clip
        # What the reader asked for comes first.
        if clip is None or self.runner.busy or self.verbs.runner.busy:
            return
        predictions = self.subjects()
        if not self._agreement_wanted or not predictions or predictions == self._compared:
            return
        self._compared = predictions
        done = partial(self._take_agreement, predictions)
        if len(predictions) > 1:
            self.runner.start(AGREEING, _agree, predictions, done=done)
        else:
            corrections = session.corrections
            draft = corrections.draft
            labels = draft.labels if draft is not None else None
            drawn = sorted(self._drawn())
            revisions = corrections.revisions
            self.runner.start(
                AGREEING, _agree_with, predictions[0], clip, labels, revisions, drawn, done=done
            )

    def _take_agreement(
        self, predictions: tuple[Prediction, ...], agreement: ModelAgreement
    ) -> None:
        if predictions == self._compared:
            self.agreement = agreement
            self.agreement_changed.emit()

    def shut_down(self) -> None:
        """Stop what is going on, and leave the views side by side."""
        self.runner.shut_down()
        self.grid.close()


def _agree(predictions: Sequence[Prediction]) -> Job[ModelAgreement]:
    total = len(predictions[0].segmentation.labels)
    rows = []
    for frame, found in iter_agreement(predictions):
        rows.append(found)
        yield Progress(frame + 1, total, AGREEING)
    pairs = tuple(combinations([p.model_id for p in predictions], 2))
    return ModelAgreement(pairs, np.stack(rows, axis=1))


def _agree_with(
    prediction: Prediction,
    clip: EchoClip,
    labels: NDArray[np.uint8] | None,
    revisions: Sequence[Revision],
    drawn: Sequence[int],
) -> Job[ModelAgreement]:
    """Compare a model with what a reader paints on, else with what he committed."""
    if labels is None:
        merged = merge(clip, revisions, None)
        labels = merged.labels if merged is not None else prediction.segmentation.labels
    found = np.full((1, len(clip)), np.nan)
    for done, frame in enumerate(drawn):
        found[0, frame] = dice(prediction.segmentation.labels[frame] == LV, labels[frame] == LV)
        yield Progress(done + 1, len(drawn), AGREEING)
    return ModelAgreement(((prediction.model_id, CORRECTED),), found)
