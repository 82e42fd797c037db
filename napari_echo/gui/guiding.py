"""What to do next: the one button that is lit, and the sentence that says the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtWidgets import QPushButton

from napari_echo.gui.steps import Step, commit_obstacle, next_step, obstacle

if TYPE_CHECKING:
    from napari_echo.gui.review import EchoReview


class Guiding:
    """Finds the button to press next, lights it, and keeps it in sight.

    Parameters
    ----------
    review : EchoReview
        The review.

    Signals
    -------
    changed()
        Something else may be next.
    """

    changed = Signal()

    def __init__(self, review: EchoReview) -> None:
        self.review = review
        self._another_clip = False
        self._lit: QPushButton | None = None

    def follow(self) -> None:
        """Follow the session from now on."""
        review, session = self.review, self.review.session
        corrections = session.corrections
        session.clip_changed.connect(self._note_clip)
        for signal in (
            session.clip_changed,
            session.truth_changed,
            session.prediction_changed,
            session.marks_changed,
            session.key_frames_changed,
            session.hidden_changed,
            corrections.draft_changed,
            corrections.revisions_changed,
            corrections.waiting_changed,
            corrections.key_frames_kept,
            corrections.exported,
            review.editing.changed,
            review.propagating.changed,
        ):
            signal.connect(self.light)
        self.light()

    # What is next -----------------------------------------------------------------

    @property
    def button(self) -> QPushButton:
        """The button to press next."""
        return self._next()[0]

    @property
    def sentence(self) -> str:
        """Say what to do next: to press the button, or why it cannot be pressed."""
        return self._next()[1]

    def _next(self) -> tuple[QPushButton, str]:
        review, session = self.review, self.review.session
        panel = review.correct_panel
        if session.corrections.recoverable is not None:
            return panel.recover, "Next: recover what was not committed, or set it aside."
        if review.editing.offered is not None:
            again = panel.verdict
            return again, f"Next: give the verdict that was not committed again ({again.text()})."
        if review.propagating.shown is not None:
            return panel.propagate.keep, "Next: keep what propagation shows, or drop it."
        step = next_step(session)
        if step is Step.CORRECT:
            return self._correct()
        if step is Step.LOAD and session.clip is not None:
            if session.studies.neighbour(1) is not None:
                return review.clip_panel.forward, "Done with this clip: open the next one (▶)."
            return review.clip_panel.action, "Done with this clip: open another."
        button, sentence = {
            Step.LOAD: (review.clip_panel.action, "Next: open a clip."),
            Step.PREDICT: (review.model_panel.action, "Next: run a model on it."),
            Step.MARK: (review.marks_panel.action, "Next: mark the hard pixels."),
            Step.EXPORT: (review.export_panel.action, "Next: export the committed frames."),
        }[step]
        return button, obstacle(step, session) or sentence

    def _correct(self) -> tuple[QPushButton, str]:
        review, session = self.review, self.review.session
        panel, draft = review.correct_panel, session.corrections.draft
        reason = review.editing.obstacle("accepted")
        if not reason:
            if session.corrections.uncommitted:
                return panel.pair, "Next: accept ED and ES with what you corrected, or go on."
            return panel.pair, "Next: accept ED and ES, or correct them first."
        if not commit_obstacle(session):
            return panel.commit, "Next: commit, or correct more frames."
        if draft is None:
            return panel.action, session.blind.obstacle() or reason
        # Three clicks draw a cavity where there is none.
        return panel.tools.contour, reason

    # The look ---------------------------------------------------------------------

    def light(self) -> None:
        """Light the button to press next, and no other."""
        if self.review.verbs.later.put_off(self.light):
            return
        review, chosen = self.review, self.button
        if review.folding.lift(chosen) or self._another_clip:
            # A clip that was opened is to be seen by its name.
            review.column.turn_to(review.folding.next, from_top=self._another_clip)
            self._another_clip = False
        if chosen is not self._lit:
            if self._lit is not None:
                _set_lit(self._lit, False)
            _set_lit(chosen, True)
            self._lit = chosen
        self.changed.emit()

    def _note_clip(self) -> None:
        self._another_clip = True


def _set_lit(button: QPushButton, lit: bool) -> None:
    button.setProperty("primary", lit)
    style = button.style()
    if style is not None:
        style.unpolish(button)
        style.polish(button)
