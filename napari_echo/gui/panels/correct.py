"""Step 4: correct frames and commit them."""

from __future__ import annotations

from collections.abc import Callable

from psygnal import Signal
from qtpy.QtWidgets import QComboBox, QGridLayout, QLineEdit, QPushButton, QWidget

from napari_echo.core.revision import Revision
from napari_echo.gui.panels.fork import ForkBox
from napari_echo.gui.panels.section import ElidedLabel, Section, gate, may_shrink, swatch
from napari_echo.gui.recovery import Recovery
from napari_echo.gui.steps import Step, commit_obstacle, obstacle
from napari_echo.gui.verbs import Verbs
from napari_echo.gui.wording import frames_text, when
from napari_echo.workflow.corrections import Start
from napari_echo.workflow.journal_replay import Replay

STARTS: dict[Start, str] = {
    "prediction": "the prediction",
    "correction": "what was committed",
    "truth": "the ground truth",
    "nothing": "nothing",
}


class CorrectPanel(Section):
    """Starts a correction, picks what is painted, and commits.

    Signals
    -------
    paint_wanted(int)
        The reader wants to paint a structure; 0 erases.
    restore_wanted(int)
        The reader wants a frame back as it was.
    discard_wanted()
        The reader wants to drop the correction.
    """

    paint_wanted = Signal(int)
    restore_wanted = Signal(int)
    discard_wanted = Signal()

    def __init__(
        self,
        verbs: Verbs,
        recovery: Recovery,
        current_frame: Callable[[], int],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(Step.CORRECT.title, "Start", parent)
        self.verbs = verbs
        self.session = verbs.session
        self.corrections = self.session.corrections
        self.current_frame = current_frame
        self.start_from = QComboBox()
        self.start_from.setToolTip("The labels that the correction starts from.")
        self.discard = QPushButton("Discard")
        self.tools = QGridLayout()
        self.tools.setSpacing(3)
        self._tool_buttons: list[QPushButton] = []
        self.accept, self.restore = QPushButton("Accept frame"), QPushButton("Restore frame")
        self.undo, self.redo = QPushButton("↶"), QPushButton("↷")
        for button in (self.undo, self.redo):
            button.setFixedWidth(28)
        self.waiting_edits = ElidedLabel(lines=2)
        self.waiting_edits.setObjectName("echoNote")
        self.recover, self.set_aside = QPushButton("Recover"), QPushButton("Set aside")
        self.fork = ForkBox(verbs)
        self.reader, self.comment = QLineEdit(self.session.reader), QLineEdit()
        self.reader.setPlaceholderText("reader")
        self.reader.setToolTip("Your name or initials; every revision carries it.")
        self.comment.setPlaceholderText("comment")
        self.comment.setToolTip("A remark on this revision.")
        self.waiting = ElidedLabel()
        self.commit = QPushButton("Commit")
        may_shrink(self.start_from, self.reader, self.comment)
        self.body.addWidget(self.waiting_edits)
        self.add_row(self.recover, self.set_aside, stretch=1)
        self.body.addWidget(self.fork)
        row = self.add_row()
        row.addWidget(self.start_from, 1)
        row.addWidget(self.discard)
        self.body.addLayout(self.tools)
        row = self.add_row(self.accept, self.restore, stretch=1)
        row.addWidget(self.undo)
        row.addWidget(self.redo)
        self.add_row(self.reader, self.comment, stretch=1)
        row = self.add_row()
        row.addWidget(self.waiting, 1)
        row.addWidget(self.commit)
        self.action.clicked.connect(self._start)
        self.discard.clicked.connect(lambda: self.discard_wanted.emit())
        self.recover.clicked.connect(recovery.recover)
        self.set_aside.clicked.connect(recovery.set_aside)
        self.undo.clicked.connect(self.corrections.undo)
        self.redo.clicked.connect(self.corrections.redo)
        recovery.recovered.connect(self._take_notes)
        self.accept.clicked.connect(lambda: verbs.accept(current_frame()))
        self.restore.clicked.connect(lambda: self.restore_wanted.emit(current_frame()))
        self.commit.clicked.connect(self._commit)
        self.comment.returnPressed.connect(self._commit)
        for signal in (
            self.session.clip_changed,
            self.session.truth_changed,
            self.session.prediction_changed,
            self.corrections.draft_changed,
            self.corrections.revisions_changed,
            self.corrections.waiting_changed,
        ):
            signal.connect(self.refresh)
        self.corrections.draft_changed.connect(self._show_tools)
        self.corrections.revisions_changed.connect(lambda: self.comment.clear())
        verbs.runner.busy_changed.connect(self.refresh)
        self._show_tools()
        self.refresh()

    def _start(self) -> None:
        chosen = self.start_from.currentData()
        if chosen is not None:
            start, _, head = chosen.partition(" ")
            self.verbs.start_correction(start, head or None)

    def _commit(self) -> None:
        self.verbs.commit(self.reader.text(), self.comment.text(), self.fork.resolves)

    def _take_notes(self, replay: Replay) -> None:
        self.reader.setText(replay.reader)
        self.comment.setText(replay.comment)

    def _show_tools(self) -> None:
        """Give every structure of the draft a button, and one erases."""
        draft = self.corrections.draft
        wanted = [(s.index, s.name, s.color) for s in draft.schema.structures] if draft else []
        wanted = [*wanted, (0, "erase", "")] if wanted else []
        names = [name for _, name, _ in wanted]
        if [button.text() for button in self._tool_buttons] == names:
            return
        for button in self._tool_buttons:
            self.tools.removeWidget(button)
            button.deleteLater()
        self._tool_buttons.clear()
        for place, (index, name, color) in enumerate(wanted):
            button = QPushButton(name)
            if color:
                button.setIcon(swatch(color))
            button.setToolTip(f"Paint {name} on the correction." if index else "Erase labels.")
            button.clicked.connect(lambda _=False, i=index: self.paint_wanted.emit(i))
            self.tools.addWidget(button, *divmod(place, 2))
            self._tool_buttons.append(button)

    def _fill_starts(self) -> None:
        """List what a correction can start from; of several heads, each by its id."""
        session, heads = self.session, self.corrections.heads
        wanted: dict[str, str] = {}
        there: dict[Start, bool] = {
            "prediction": session.prediction is not None,
            "correction": len(heads) == 1,
            "truth": session.truth is not None,
            "nothing": session.clip is not None,
        }
        if len(heads) > 1:
            wanted |= {f"correction {h.revision_id}": f"from {_whose(h)}" for h in reversed(heads)}
        wanted |= {start: f"from {STARTS[start]}" for start in STARTS if there[start]}
        if [self.start_from.itemData(i) for i in range(self.start_from.count())] != list(wanted):
            self.start_from.clear()
            for start, text in wanted.items():
                self.start_from.addItem(text, start)

    def _show_waiting(self, busy: str) -> None:
        """Offer the open clip's uncommitted edits of an earlier session."""
        replay = self.corrections.recoverable
        self.waiting_edits.setVisible(replay is not None)
        for button, tip in (
            (self.recover, "Take these edits up again, with their undo history."),
            (self.set_aside, "Put these edits away; their file is kept beside the journal."),
        ):
            button.setVisible(replay is not None)
            gate(button, busy, tip)
        if replay is not None:
            frames = frames_text(replay.uncommitted)
            reader = f" by {replay.reader}" if replay.reader else ""
            self.waiting_edits.set_full_text(
                f"Edited {when(replay.edited)}{reader} and not committed: {frames}"
            )

    def refresh(self) -> None:
        """Show the session as it is."""
        draft, waiting = self.corrections.draft, self.corrections.uncommitted
        busy = f"{self.verbs.runner.title} is going on." if self.verbs.runner.busy else ""
        self._fill_starts()
        self._show_waiting(busy)
        self.fork.refresh()
        drafting = "Commit or discard the correction that is open first." if draft else ""
        gate(
            self.action,
            busy or obstacle(Step.CORRECT, self.session) or drafting,
            "Copy the labels to a layer that you can paint on.",
        )
        self.start_from.setEnabled(draft is None and self.start_from.count() > 0)
        for button, tip in (
            (self.accept, "Commit the frame on show too, as it is."),
            (self.restore, "Undo the corrections of the frame on show."),
            (self.discard, "Drop the correction layer and what was not committed."),
        ):
            gate(button, "" if draft else "Start a correction first.", tip)
        for button, able, what, key in (
            (self.undo, draft and draft.history.can_undo, "undo", "Ctrl+Z"),
            (self.redo, draft and draft.history.can_redo, "redo", "Ctrl+Shift+Z"),
        ):
            gate(
                button,
                "" if able else f"There is nothing to {what}.",
                f"{what.capitalize()} a stroke on this clip ({key} on the canvas).",
            )
        gate(
            self.commit,
            busy or commit_obstacle(self.session),
            "Write these frames to the label store, for good.",
        )
        done = len({f for revision in self.corrections.revisions for f in revision.frames})
        if waiting:
            self.waiting.set_full_text("to commit: frame " + ", ".join(map(str, waiting)))
        else:
            plural = "" if done == 1 else "s"
            self.waiting.set_full_text(f"{done} frame{plural} committed" if done else "")


def _whose(revision: Revision) -> str:
    return f"that of {when(revision.committed)}, {revision.reader}"
