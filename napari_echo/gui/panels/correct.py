"""Step 4: correct frames, give a verdict, and commit."""

from __future__ import annotations

from qtpy.QtWidgets import QLineEdit, QPushButton, QWidget

from napari_echo.core.revision import Status
from napari_echo.gui.contour_tool import ContourTool
from napari_echo.gui.editing import VERDICTS, Editing
from napari_echo.gui.key_names import tell
from napari_echo.gui.panels.controls import ElidedLabel, gate, may_shrink
from napari_echo.gui.panels.fork import ForkBox
from napari_echo.gui.panels.propagate import PropagateRows
from napari_echo.gui.panels.scroll import bring_into_view
from napari_echo.gui.panels.section import Section
from napari_echo.gui.panels.start_from import StartFrom
from napari_echo.gui.panels.tools import ToolRows
from napari_echo.gui.panels.verdict_button import VerdictButton
from napari_echo.gui.recovery import Recovery
from napari_echo.gui.steps import Step, commit_obstacle, obstacle
from napari_echo.gui.verbs import Verbs
from napari_echo.gui.wording import beats_text, frames_text, number_of, when
from napari_echo.workflow.journal_replay import Replay


class CorrectPanel(Section):
    """Chooses what a correction starts from, its tools, and what becomes of the clip.

    Every tool starts the correction itself.

    Parameters
    ----------
    verbs : Verbs
        The verbs of the review.
    recovery : Recovery
        Takes up edits of earlier sessions.
    editing : Editing
        The tools and the verdicts.
    contour : ContourTool
        Drags the contour.
    propagate : PropagateRows
        The rows that carry corrected frames on.
    """

    def __init__(
        self,
        verbs: Verbs,
        recovery: Recovery,
        editing: Editing,
        contour: ContourTool,
        propagate: PropagateRows,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(Step.CORRECT.title, "Start", parent)
        self.verbs = verbs
        self.session = verbs.session
        self.corrections = self.session.corrections
        self.editing = editing
        self.start_from = StartFrom(editing)
        self.discard = QPushButton("Discard")
        self.tools = ToolRows(editing, contour)
        self.propagate: PropagateRows = propagate
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
        tell(self.comment, "comment ({comment})", "placeholderText")
        self.comment.setToolTip(
            "A remark on this revision. Return commits, Escape goes back to the canvas."
        )
        self.waiting = ElidedLabel()
        self.commit = QPushButton("Commit")
        self.pair = VerdictButton("Accept ED/ES")
        self.reject, self.second = VerdictButton("Reject"), VerdictButton("2nd reader")
        may_shrink(self.start_from, self.reader, self.comment)
        self._lay_out()
        self._connect(recovery)
        self.refresh()

    def _lay_out(self) -> None:
        self.heading_row.insertWidget(1, self.start_from, 3)
        self.heading_row.addWidget(self.discard)
        self.body.addWidget(self.waiting_edits)
        self.add_row(self.recover, self.set_aside, stretch=1)
        self.body.addWidget(self.fork)
        row = self.add_row()
        row.addWidget(self.pair, 1)
        row.addWidget(self.reject)
        row.addWidget(self.second)
        self.body.addWidget(self.tools)
        self.body.addWidget(self.propagate)
        row = self.add_row(self.accept, self.restore, stretch=1)
        row.addWidget(self.undo)
        row.addWidget(self.redo)
        row = self.add_row()
        row.addWidget(self.reader, 2)
        row.addWidget(self.comment, 3)
        row.addWidget(self.commit)
        self.body.addWidget(self.waiting)

    def _connect(self, recovery: Recovery) -> None:
        editing, corrections = self.editing, self.corrections
        editing.resolves = lambda: self.fork.resolves
        self.action.clicked.connect(lambda: self._start())
        self.recover.clicked.connect(recovery.recover)
        self.set_aside.clicked.connect(recovery.set_aside)
        self.undo.clicked.connect(corrections.undo)
        self.redo.clicked.connect(corrections.redo)
        self.accept.clicked.connect(lambda: editing.accept_frame())
        self.restore.clicked.connect(lambda: editing.restore_frame())
        self.commit.clicked.connect(lambda: editing.commit())
        self.comment.returnPressed.connect(lambda: editing.commit())
        self.reader.textChanged.connect(self._take_texts)
        self.comment.textChanged.connect(self._take_texts)
        self.pair.clicked.connect(lambda: editing.give("accepted"))
        self.reject.clicked.connect(lambda: editing.give("rejected"))
        self.second.clicked.connect(lambda: editing.give("second reader"))
        recovery.recovered.connect(self._take_notes)
        editing.committing.failed.connect(lambda _: recovery.find_waiting())
        for signal in (
            self.session.clip_changed,
            self.session.truth_changed,
            self.session.prediction_changed,
            self.session.predictions_changed,
            self.session.key_frames_changed,
            corrections.draft_changed,
            corrections.revisions_changed,
            corrections.waiting_changed,
            corrections.key_frames_kept,
            editing.changed,
        ):
            signal.connect(self.refresh)
        for used_up in (
            self.session.clip_changed,
            corrections.store_changed,
            corrections.draft_committed,
            editing.sent_off,
        ):
            # Not `clear()`: that could be undone, into the next clip.
            used_up.connect(lambda: self.comment.setText(""))
        self.verbs.runner.busy_changed.connect(self.refresh)

    def _start(self) -> None:
        self.editing.choose(self.start_from.currentData() or "")
        self.editing.begin()

    def _take_texts(self) -> None:
        self.editing.reader, self.editing.comment = self.reader.text(), self.comment.text()
        self._show_verdicts()

    def _take_notes(self, replay: Replay) -> None:
        self.reader.setText(replay.reader)
        self.comment.setText(replay.comment)
        self.editing.offer(replay.verdict)

    def focus_comment(self) -> None:
        """Put the cursor in the comment."""
        self.fold(False)
        self.comment.setFocus()
        self.comment.selectAll()
        bring_into_view(self.comment)

    @property
    def verdict(self) -> QPushButton:
        """The button of the verdict to give next."""
        buttons: dict[Status | None, QPushButton] = {
            "rejected": self.reject,
            "second reader": self.second,
        }
        return buttons.get(self.editing.offered, self.pair)

    # Showing ----------------------------------------------------------------------

    def _show_waiting(self, busy: str) -> None:
        """Offer the open clip's uncommitted edits of an earlier session."""
        replay = self.corrections.recoverable
        self.waiting_edits.setVisible(replay is not None)
        for button, tip in (
            (
                self.recover,
                "Take this up again: labels with their undo history, comment and verdict.",
            ),
            (self.set_aside, "Put these edits away; their file is kept beside the journal."),
        ):
            button.setVisible(replay is not None)
            gate(button, busy, tip)
        if replay is not None:
            frames = frames_text(replay.uncommitted)
            reader = f" by {replay.reader}" if replay.reader else ""
            given = (word for status, word in VERDICTS.items() if status == replay.verdict)
            what = next(given, "Edited").removesuffix(":")
            comment = f", “{replay.comment}”" if replay.comment else ""
            if replay.key_frames_alone and replay.key_frames is not None:
                what, frames = "Set", beats_text(replay.key_frames)
            self.waiting_edits.set_full_text(
                f"{what} {when(replay.edited)}{reader}{comment}, and not committed: {frames}"
            )

    def _show_verdicts(self) -> None:
        pair = self.editing.pair()
        which = f"ED {pair.ed} and ES {pair.es}" if pair is not None else "ED and ES"
        verdicts: tuple[tuple[QPushButton, Status, str], ...] = (
            (
                self.pair,
                "accepted",
                f"Commit {which}, and what you corrected, and open the next clip "
                "({accept_pair}).",
            ),
            (
                self.reject,
                "rejected",
                "Commit that this clip is not to be used, and open the next one ({reject}). None "
                "of its labels is exported.",
            ),
            (
                self.second,
                "second reader",
                f"Commit {which} for a second reader to decide, and open the next clip "
                "({second_reader}).",
            ),
        )
        for button, status, tip in verdicts:
            gate(button, self.editing.obstacle(status), tip)

    def refresh(self) -> None:
        """Show the session as it is."""
        if self.verbs.later.put_off(self.refresh):
            return
        draft, waiting = self.corrections.draft, self.corrections.uncommitted
        busy = f"{self.verbs.runner.title} is going on." if self.verbs.runner.busy else ""
        self.start_from.refresh()
        self._show_waiting(busy)
        self.fork.refresh()
        self.action.setVisible(draft is None)
        self.discard.setVisible(draft is not None)
        gate(
            self.action,
            obstacle(Step.CORRECT, self.session),
            "Copy the labels to a layer that you can paint on. Every tool does it by itself.",
        )
        gate(
            self.start_from,
            ("Commit or discard the correction that is open first." if draft else "")
            or obstacle(Step.CORRECT, self.session),
            f"The correction starts {self.start_from.currentText()}.",
        )
        gate(self.discard, "", "Drop the correction layer and what was not committed.")
        self.tools.refresh()
        self.propagate.refresh()
        no_clip = "Open a clip first." if self.session.clip is None else ""
        gate(self.accept, no_clip, "Commit the frame on show too, as it is.")
        gate(
            self.restore,
            "" if draft else "Nothing is corrected yet.",
            "Undo the corrections of the frame on show.",
        )
        for button, able, what in (
            (self.undo, draft and draft.history.can_undo, "undo"),
            (self.redo, draft and draft.history.can_redo, "redo"),
        ):
            gate(
                button,
                "" if able else f"There is nothing to {what}.",
                f"{what.capitalize()} a stroke on this clip ({{{what}}}).",
            )
        gate(
            self.commit,
            busy or commit_obstacle(self.session),
            "Write these frames to the label store, for good, and stay here ({commit}).",
        )
        self._show_verdicts()
        self._show_state(waiting)

    def _show_state(self, waiting: tuple[int, ...]) -> None:
        done = len({f for revision in self.corrections.revisions for f in revision.frames})
        if waiting:
            text = "to commit: " + frames_text(waiting)
        elif done:
            text = f"{number_of(done, 'frame')} committed"
        else:
            text = ""
        if n := self.editing.committing.waiting:
            text = f"{text}; " * bool(text) + f"{number_of(n, 'clip')} being committed"
        self.waiting.set_full_text(text)
        self.waiting.setVisible(bool(text))
