"""The order of the work: which step is next, and why one cannot be taken yet. No Qt."""

from __future__ import annotations

from enum import Enum

from napari_echo.workflow.session import Session


class Step(Enum):
    """A step of the work, by the word on its section."""

    LOAD = "Clip"
    PREDICT = "Model"
    MARK = "Hard pixels"
    CORRECT = "Correct"
    EXPORT = "Export"

    @property
    def title(self) -> str:
        """Its place in the order of the work and its word, as its section is headed."""
        return f"{list(Step).index(self) + 1}  {self.value}"


def is_done(step: Step, session: Session) -> bool:
    """Tell whether a step was taken for the open clip."""
    corrections = session.corrections
    # Read blind, a clip is drawn before anything is shown; who corrects knows where to look.
    begun = session.hidden or corrections.draft is not None
    return {
        Step.LOAD: session.clip is not None,
        Step.PREDICT: session.prediction is not None or begun,
        Step.MARK: session.hardness is not None or begun or bool(corrections.revisions),
        Step.CORRECT: bool(corrections.revisions)
        and not corrections.uncommitted
        and corrections.kept_key_frames is None,
        Step.EXPORT: corrections.export_path is not None,
    }[step]


def obstacle(step: Step, session: Session) -> str:
    """Say in one sentence why a step cannot be taken; empty where it can."""
    corrections = session.corrections
    if step is Step.LOAD:
        return ""
    if session.clip is None:
        return "Open a clip first."
    if step is Step.PREDICT and session.pack is None:
        return "No model pack is installed; `napari-echo doctor` says how to get one."
    if step is Step.PREDICT and session.predict_params.mirror:
        with_memory = next((pack.name for pack in session.ticked if pack.card.temporal), "")
        if with_memory:
            return (
                f"{with_memory} has a memory and cannot be mirrored: untick it, or switch Mirror "
                "off (⚙)."
            )
    if step in (Step.PREDICT, Step.MARK) and session.hidden:
        return "You read blind: draw ED and ES and commit them first; then all is shown."
    if step is Step.MARK and session.prediction is None:
        return "Run a model first: hard pixels are found in its probabilities."
    if step is Step.EXPORT and not corrections.all_revisions():
        return "Commit a frame first: committed frames are what is exported."
    return ""


def commit_obstacle(session: Session) -> str:
    """Say why there is nothing to commit; empty where there is."""
    corrections = session.corrections
    if corrections.kept_key_frames is not None:
        return "ED and ES that you set go with labels: accept ED/ES, or a frame as it is, first."
    if corrections.draft is None:
        return "Start a correction first."
    if not corrections.uncommitted:
        return "Paint on a frame, or accept one as it is, first."
    return ""


def next_step(session: Session) -> Step:
    """Find the first step of the order that is not done; after the last, the next clip."""
    return next((step for step in Step if not is_done(step, session)), Step.LOAD)
