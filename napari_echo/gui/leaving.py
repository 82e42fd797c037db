"""What becomes of strokes that are not committed, asked before a clip is left."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtWidgets import QMessageBox, QWidget

from napari_echo.gui.wording import frames_text
from napari_echo.workflow.session import Session


class Leaving:
    """Asks the reader, and does what he says.

    Parameters
    ----------
    session : Session
        The review.
    parent : QWidget
        What the question is shown over.
    note : callable
        Takes down what the reader did up to now.
    """

    def __init__(self, session: Session, parent: QWidget, note: Callable[[], None]) -> None:
        self.session = session
        self.parent = parent
        self.note = note

    def may_leave(self) -> bool:
        """Whether the clip may be left; its strokes are kept for later, or dropped.

        ED and ES that the reader set are kept without a question.
        """
        self.note()
        answer = self._ask(QMessageBox.StandardButton.Save)
        if answer == QMessageBox.StandardButton.Discard:
            self.session.corrections.discard()
        return answer != QMessageBox.StandardButton.Cancel

    def discard(self) -> None:
        """Drop the correction, where the reader means it."""
        if self._ask() != QMessageBox.StandardButton.Cancel:
            self.session.corrections.discard()

    def _ask(self, *others: QMessageBox.StandardButton) -> object:
        session = self.session
        frames = session.corrections.uncommitted
        if session.clip is None or not frames:
            return None
        box = QMessageBox(
            QMessageBox.Icon.Question,
            "Uncommitted corrections",
            f"{frames_text(frames).capitalize()} of {session.blind.name(session.clip)}: corrected, "
            "but not committed.",
            QMessageBox.StandardButton.Discard | QMessageBox.StandardButton.Cancel,
            self.parent,
        )
        for other in others:
            button = box.addButton(other)
            if button is not None:
                button.setText("Keep for later")
        box.setDefaultButton(QMessageBox.StandardButton.Cancel)
        return QMessageBox.StandardButton(box.exec())
