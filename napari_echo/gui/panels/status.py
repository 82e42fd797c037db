"""What is going on, how far it is, and the way to stop it."""

from __future__ import annotations

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QProgressBar, QPushButton, QWidget

from napari_echo.gui.guiding import Guiding
from napari_echo.gui.key_names import tell
from napari_echo.gui.panels.controls import ElidedLabel
from napari_echo.gui.panels.section import Section
from napari_echo.gui.verbs import Verbs
from napari_echo.gui.wording import duration_text
from napari_echo.gui.workers import Progress

SOON_MS = 150
"""A job that is shorter than this shows no bar: it would flicker, with every clip."""


class StatusPanel(Section):
    """Shows the running job; when idle, the last message, else what to do next.

    It is always as high as its three lines: what lies above must not move
    under the mouse.

    Parameters
    ----------
    verbs : Verbs
        The verbs of the review.
    guiding : Guiding
        Says what is next.
    """

    def __init__(self, verbs: Verbs, guiding: Guiding, parent: QWidget | None = None) -> None:
        super().__init__("", "", parent)
        self.verbs = verbs
        self.guiding = guiding
        self.heading.hide()
        self.message = ElidedLabel(lines=3)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Stop what is going on; only models that have finished are kept.")
        self.cancel.clicked.connect(verbs.cancel)
        row = self.add_row()
        row.addWidget(self.message, 1)
        row.addWidget(self.cancel)
        self.keys = QPushButton("Keys")
        tell(self.keys, "List what every key does. Key: {keys}.")
        self.keys.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        row.addWidget(self.keys)
        self.body.addWidget(self.bar)
        # The dock must not jump when a job begins or ends.
        self.message.setMinimumHeight(self.cancel.sizeHint().height())
        policy = self.bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(policy)
        self._last = ""
        self._progress: Progress | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SOON_MS)
        self._soon.timeout.connect(self._show_job)
        verbs.runner.busy_changed.connect(self.refresh)
        verbs.runner.progressed.connect(self.show_progress)
        verbs.told.connect(self.tell)
        verbs.refused.connect(self.tell)
        session, corrections = verbs.session, verbs.session.corrections
        for signal in (session.clip_changed, session.marks_changed, corrections.draft_changed):
            signal.connect(self._forget)
        guiding.changed.connect(self.refresh)

    def tell(self, message: str) -> None:
        """Show a sentence until the next job begins."""
        self._last = message
        self.refresh()

    def _forget(self) -> None:
        self.tell("")

    def show_progress(self, progress: Progress) -> None:
        """Show how far the running job is."""
        self._progress = progress
        if self.bar.isHidden():
            return
        # Else Qt paints the bar at once, and puts the whole window together for it.
        self.bar.setUpdatesEnabled(False)
        self.bar.setRange(0, progress.total)
        self.bar.setValue(progress.done)
        self.bar.setUpdatesEnabled(True)
        count = f" {progress.done}/{progress.total}" if progress.total else ""
        left = self.verbs.runner.seconds_left
        time = f", about {duration_text(left)} left" if left is not None else ""
        self.message.set_full_text(f"{progress.what}{count}{time}")

    def refresh(self) -> None:
        """Show the bar while a job runs, and a sentence while none does."""
        if self.verbs.later.put_off(self.refresh):
            return
        runner = self.verbs.runner
        self.cancel.setEnabled(not runner.cancelling)
        if runner.busy:
            if self.bar.isHidden() and not self._soon.isActive():
                self._last, self._progress = "", None
                self._soon.start()
            return
        self._soon.stop()
        self.message.set_full_text(self._last or self.guiding.sentence)
        self.bar.hide()
        self.cancel.hide()

    def _show_job(self) -> None:
        runner = self.verbs.runner
        if not runner.busy:
            return
        self.message.set_full_text(f"{runner.title}…")
        self.bar.setRange(0, 0)
        self.bar.show()
        self.cancel.show()
        if self._progress is not None:
            self.show_progress(self._progress)

    def shut_down(self) -> None:
        """Wait for no job any more."""
        self._soon.stop()
