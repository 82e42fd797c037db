"""What is said before the window closes on work that is not done."""

from __future__ import annotations

from collections.abc import Callable

from napari.viewer import Viewer
from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtGui import QCloseEvent
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_echo.gui.committing import Committing
from napari_echo.gui.wording import frames_text, number_of
from napari_echo.gui.workers import Jobs
from napari_echo.workflow.session import Session


class Closing(QObject):
    """Asks the reader who closes the window, not a program that does.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    session : Session
        The review.
    runner : Jobs
        What runs the jobs that the reader waits for.
    committing : Committing
        Writes the clips that were sent off.
    note : callable
        Takes down what the reader did up to now.
    """

    def __init__(
        self,
        viewer: Viewer,
        session: Session,
        runner: Jobs,
        committing: Committing,
        note: Callable[[], None],
    ) -> None:
        super().__init__()
        self.session, self.runner, self.committing = session, runner, committing
        self.note = note
        self._asks = True
        # Not kept: whoever keeps the window keeps it from being deleted.
        viewer.window._qt_window.installEventFilter(self)

    def shut_down(self) -> None:
        """Ask no more."""
        self._asks = False

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Keep the window open until the reader has answered, and where he wants to go on."""
        if (
            isinstance(event, QCloseEvent)
            and isinstance(watched, QWidget)
            and event.spontaneous()
            and self._asks
        ):
            self.note()
            undone = self.undone()
            if undone:
                event.ignore()
                if self._may_close(watched, undone):
                    # As a program would: napari need not ask once more.
                    QTimer.singleShot(0, watched.close)
                return True
        return bool(super().eventFilter(watched, event))

    def undone(self) -> str:
        """Say what is not done yet; empty where all is."""
        clip, frames = self.session.clip, self.session.corrections.uncommitted
        told = []
        if clip is not None and frames:
            name = self.session.blind.name(clip)
            told.append(
                f"{frames_text(frames).capitalize()} of {name}: corrected, but not committed. "
                "Nothing is lost: it is offered again when the clip is open."
            )
        if self.committing.waiting:
            clips = number_of(self.committing.waiting, "clip")
            told.append(f"{clips} being committed: that is ended first.")
        if self.runner.busy:
            told.append(f"{self.runner.title} is going on, and would be stopped.")
        return "\n".join(told)

    def _may_close(self, window: QWidget, undone: str) -> bool:
        box = QMessageBox(
            QMessageBox.Icon.Question,
            "Close the review?",
            undone,
            QMessageBox.StandardButton.Close | QMessageBox.StandardButton.Cancel,
            window,
        )
        box.setDefaultButton(QMessageBox.StandardButton.Cancel)
        return QMessageBox.StandardButton(box.exec()) == QMessageBox.StandardButton.Close
