"""What a reader did and nothing told of, found by a tick and written to the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer

if TYPE_CHECKING:
    from napari_echo.gui.review import EchoReview

# Edits are in the journal within a second: found by a tick, and then written.
TICK_MS = 250


class Noting:
    """Keeps edits, the reader's notes, and ED and ES that he set in the journal.

    Parameters
    ----------
    review : EchoReview
        The review.
    """

    def __init__(self, review: EchoReview) -> None:
        self.review = review
        self._error = ""
        self._clock = QTimer(review)
        self._clock.timeout.connect(self.note)
        self._clock.start(TICK_MS)

    def stop(self) -> None:
        """Look no more, and let go of the review."""
        self._clock.stop()
        self._clock.timeout.disconnect(self.note)

    def note(self) -> None:
        """Look for edits that nothing told of, and keep the reader's notes with them."""
        session, panel = self.review.session, self.review.correct_panel
        corrections, reader = session.corrections, panel.reader.text()
        if corrections.draft is not None:
            corrections.look(more=self.review.layers.draft.in_stroke)
            corrections.describe(reader, panel.comment.text(), session.key_frames)
        corrections.keep_key_frames(reader, session.key_frames)
        error, self._error = self._error, corrections.journal_error
        if self._error and not error:
            self.review.verbs.refused.emit(
                f"The journal of uncommitted edits: {self._error} Until it can be "
                "written, a crash would lose them: commit soon."
            )
