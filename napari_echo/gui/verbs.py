"""What a reader can do: each verb checks the session, runs a job and hands on its outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from psygnal import Signal

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.hardness import HardnessMap, HardPixels
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import Segmentation
from napari_echo.core.params import HardnessParams, PredictParams
from napari_echo.core.revision import Revision
from napari_echo.gui import jobs
from napari_echo.gui.begun import Begun
from napari_echo.gui.committing import COMMITTING, commit_job
from napari_echo.gui.later import Later
from napari_echo.gui.steps import Step, commit_obstacle, obstacle
from napari_echo.gui.wording import frames_text
from napari_echo.gui.workers import Jobs
from napari_echo.io.store import LabelStore
from napari_echo.workflow.session import Session
from napari_echo.workflow.studies import StudyItem

LOADING, PREDICTING = "Loading", "Predicting"
MARKING = "Marking"


class Verbs:
    """The verbs of a review.

    Parameters
    ----------
    session : Session
        What they change, on the main thread only.
    runner : Jobs
        What runs them.

    Attributes
    ----------
    may_leave : callable
        Asked before the open clip is left, where strokes are not committed.
    ahead : callable
        Gives what models began to say of a clip before it was opened, by their id.
    later : Later
        Has what the dock says of another clip wait until its first frame is drawn.

    Signals
    -------
    refused(str)
        A verb could not be done; one sentence.
    told(str)
        A verb was done; one sentence.
    """

    refused = Signal(str)
    told = Signal(str)

    def __init__(self, session: Session, runner: Jobs) -> None:
        self.session = session
        self.runner = runner
        self.may_leave: Callable[[], bool] = lambda: True
        self.ahead: Callable[[EchoClip, PredictParams], Mapping[str, Begun]] = lambda *_: {}
        self.later = Later(runner)
        self._recall_due = False
        self._predict_due: EchoClip | None = None
        # Psygnal tries a bound `emit` out when it is connected.
        runner.failed.connect(lambda sentence: self.refused.emit(sentence))
        runner.cancelled.connect(self._on_cancelled)
        runner.busy_changed.connect(self._go_on_when_idle)

    def may(self, reason: str) -> bool:
        """Whether a verb can be done now; if not, for `reason` or for a job, it is refused."""
        if not reason and self.runner.busy:
            reason = f"{self.runner.title} is still going on; wait for it or cancel it."
        if reason:
            self.refused.emit(reason)
        return not reason

    def _on_cancelled(self, title: str) -> None:
        self.told.emit(f"{title} was cancelled.")

    # Load ---------------------------------------------------------------------

    def open_truth(self, path: Path) -> None:
        """Load ground truth for the open clip."""
        session = self.session
        clip = session.clip
        if not self.may("" if clip is not None else "Open a clip first.") or clip is None:
            return

        def take(truth: Segmentation) -> None:
            if session.clip is clip:
                session.set_truth(truth)

        self.runner.start(LOADING, jobs.read_truth, path, clip, done=take)

    def adopt(
        self,
        clip: EchoClip,
        truth: Segmentation | None = None,
        key_frames: KeyFrames | None = None,
        item: StudyItem | None = None,
    ) -> None:
        """Review a clip that is loaded already; a job about the one before is cancelled."""
        self.later.hold()
        self.session.open_clip(clip, truth=truth, key_frames=key_frames, item=item)
        self._recall_due = True
        self.runner.cancel()
        self._go_on_when_idle()

    def _go_on_when_idle(self) -> None:
        if self.runner.busy:
            return
        if self._recall_due:
            self._recall_due = False
            self.recall()
            return
        due, self._predict_due = self._predict_due, None
        ran = all(pack.id in self.session.predictions for pack in self.session.ticked)
        if due is not None and due is self.session.clip and not ran:
            self.predict()

    def recall(self, tell: str = "") -> None:
        """Look up what the label store holds of the open clip, and then tell a sentence."""
        session = self.session
        clip, store = session.clip, session.corrections.store
        if clip is None or store is None:
            if tell:
                self.told.emit(tell)
            return

        def take(found: jobs.Recalled) -> None:
            if session.clip is clip:
                session.corrections.take_revisions(found.revisions)
                session.corrections.take_waiting(found.waiting)
                for refusal in found.refused:
                    self.refused.emit(refusal)
                if store.damaged:
                    n = len(store.damaged)
                    self.told.emit(f"{n} damaged files of the label store were passed over.")
            if tell:
                self.told.emit(tell)

        journals = session.corrections.journals
        if not self.runner.start(LOADING, jobs.recall, store, journals, clip, done=take) and tell:
            self.told.emit(tell)

    def cancel(self) -> None:
        """Stop what is going on, and what was to come after it."""
        self._predict_due = None
        self.runner.cancel()

    # Predict --------------------------------------------------------------------

    def predict_soon(self) -> None:
        """Run the ticked models on the open clip when what is going on has ended."""
        self._predict_due = self.session.clip
        self._go_on_when_idle()

    def predict(self) -> None:
        """Run the ticked models that have not run on the clip; where all have, run all anew."""
        session = self.session
        clip = session.clip
        if self.runner.title in (LOADING, PREDICTING) and clip is not None:
            # A reader who presses the key at once is not to press it twice.
            self._predict_due = clip
            return
        if not self.may(obstacle(Step.PREDICT, session)) or clip is None:
            return
        packs = [p for p in session.ticked if p.id not in session.predictions]
        packs = packs or list(session.ticked)
        packs.sort(key=lambda pack: pack is not session.pack)
        self.runner.start(
            PREDICTING,
            jobs.predict,
            clip,
            packs,
            session.predict_params,
            session.make_predictor,
            dict(session.predictors),
            self.ahead(clip, session.predict_params),
            found=partial(self._take_prediction, clip, session.predict_params),
            done=lambda _: None,
        )

    def _take_prediction(
        self, clip: EchoClip, params: PredictParams, found: jobs.Predicted
    ) -> None:
        session, prediction = self.session, found.prediction
        model_id = prediction.model_id
        ticked = {pack.id for pack in session.ticked}
        if session.clip is not clip or model_id not in ticked or params != session.predict_params:
            return
        self.later.hold()
        session.keep_predictor(found.predictor)
        chosen = session.pack is not None and session.pack.id == model_id
        (session.set_prediction if chosen else session.add_prediction)(prediction)
        session.keep_predictions(ticked)

    # Mark ---------------------------------------------------------------------

    def mark(self, params: HardnessParams) -> None:
        """Find the hard pixels."""
        session = self.session
        clip, prediction = session.clip, session.prediction
        if not self.may(obstacle(Step.MARK, session)) or prediction is None:
            return

        def take(outcome: tuple[HardnessMap, HardPixels, HardnessParams]) -> None:
            if session.clip is clip and session.prediction is prediction:
                session.set_marks(*outcome)

        self.runner.start(MARKING, jobs.mark, prediction, session.truth, params, done=take)

    # Correct ------------------------------------------------------------------

    def commit(self, reader: str, comment: str, resolve: bool = False) -> None:
        """Write what was corrected to the label store, as a revision.

        With `resolve` it also replaces the other heads of the fork that it
        goes on from.
        """
        session = self.session
        corrections = session.corrections
        clip, draft, store = session.clip, corrections.draft, corrections.store
        corrections.touch()
        reason = commit_obstacle(session)
        if not reason and not reader.strip():
            reason = "Write your name first: a revision says who labelled."
        if not reason and store is None:
            reason = "Choose a folder for the labels first."
        if not self.may(reason) or clip is None or draft is None or store is None:
            return
        session.reader = reader.strip()
        job = commit_job(
            session,
            store,
            clip,
            draft,
            corrections.uncommitted,
            comment=comment,
            status="corrected" if draft.changed_frames() else "accepted",
            resolve=resolve,
        )
        self.runner.start(COMMITTING, job, done=partial(self._take_commit, clip))

    def _take_commit(self, clip: EchoClip, revision: Revision) -> None:
        if self.session.clip is clip:
            self.session.corrections.take_commit(revision)
            name = self.session.blind.name(clip)
            self.told.emit(f"Committed {frames_text(revision.frames)} of {name}.")

    def use_store(self, store: LabelStore) -> None:
        """Commit to another label store, and look up what it holds of the clip."""
        if self.may("") and self.may_leave():
            self.session.corrections.leave()
            self.session.corrections.set_store(store)
            self.recall()

    # Retrain ------------------------------------------------------------------

    def use_pack(self, path: Path) -> None:
        """Add a model pack to those of the session, and choose it."""
        from napari_echo.ml.packs import open_pack

        if self.may(""):
            try:
                self.session.add_pack(open_pack(path))
            except EchoError as error:
                self.refused.emit(str(error))
