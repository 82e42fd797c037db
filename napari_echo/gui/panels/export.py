"""Step 5: export the committed frames, import those of others, and say where labels are kept."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QDialog,
    QFileDialog,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_echo.gui.exporting import Exchange, Outcome
from napari_echo.gui.panels.controls import ElidedLabel, gate
from napari_echo.gui.panels.export_dialog import ExportDialog
from napari_echo.gui.panels.import_dialog import ImportDialog
from napari_echo.gui.panels.section import Section
from napari_echo.gui.steps import Step
from napari_echo.gui.verbs import Verbs
from napari_echo.io.store import LabelStore

_REASONS_IN_TIP = 12


class ExportPanel(Section):
    """Writes committed labels as a data set, and takes those of other programs in."""

    def __init__(self, verbs: Verbs, parent: QWidget | None = None) -> None:
        super().__init__(Step.EXPORT.title, "Export…", parent)
        self.verbs = verbs
        self.exchange = Exchange(verbs)
        self.corrections = verbs.session.corrections
        self.bring_in = QPushButton("Import…")
        self.where = ElidedLabel()
        self.why = QPushButton("Why…")
        self.why.setToolTip("Say what was left out, and why.")
        self.choose = QPushButton("Folder…")
        # Beside the title: the dock has no line to spare.
        self.heading_row.insertWidget(1, self.bring_in)
        row = self.add_row()
        row.addWidget(self.where, 1)
        row.addWidget(self.why)
        row.addWidget(self.choose)
        self.action.clicked.connect(self.ask)
        self.bring_in.clicked.connect(self.ask_import)
        self.why.clicked.connect(self.tell_why)
        self.choose.clicked.connect(self.ask_store)
        for signal in (
            verbs.session.clip_changed,
            self.corrections.revisions_changed,
            self.corrections.store_changed,
            self.exchange.changed,
        ):
            signal.connect(self.refresh)
        verbs.runner.busy_changed.connect(self.refresh)
        self.refresh()

    def ask(self) -> ExportDialog:
        """Ask what to export and how, and do it."""
        dialog = ExportDialog(self.exchange, self)
        dialog.accepted.connect(lambda: self.exchange.export(dialog.choice()))
        dialog.open()
        return dialog

    def ask_import(self) -> ImportDialog:
        """Ask which labels to import, and do it."""
        dialog = ImportDialog(self.exchange, self)
        dialog.accepted.connect(lambda: self.exchange.import_labels(dialog.choice()))
        dialog.open()
        return dialog

    def ask_store(self) -> None:
        """Ask for the folder that revisions are committed to."""
        store = self.corrections.store
        before = str(store.path) if store is not None else ""
        name = QFileDialog.getExistingDirectory(self, "Keep labels in", before)
        if name:
            self.verbs.use_store(LabelStore(Path(name)))

    def tell_why(self) -> QDialog | None:
        """Show all that was left out, and why."""
        outcome = self.exchange.outcome
        if outcome is None:
            return None
        dialog = QDialog(self)
        dialog.setWindowTitle("What was left out")
        dialog.finished.connect(dialog.deleteLater)
        text = QPlainTextEdit("\n\n".join((outcome.sentence, *outcome.reasons)))
        text.setReadOnly(True)
        close = QPushButton("Close")
        close.clicked.connect(dialog.reject)
        column = QVBoxLayout(dialog)
        column.addWidget(text)
        column.addWidget(close, 0, Qt.AlignmentFlag.AlignRight)
        dialog.resize(560, 320)
        dialog.open()
        return dialog

    def refresh(self) -> None:
        """Show the session as it is."""
        if self.verbs.later.put_off(self.refresh):
            return
        corrections, runner = self.corrections, self.verbs.runner
        busy = f"{runner.title} is going on." if runner.busy else ""
        homeless = "" if corrections.store is not None else "Choose a folder for the labels first."
        gate(
            self.action,
            busy or homeless,
            "Write committed labels to a new folder: of this session's clips, or all.",
        )
        gate(
            self.bring_in,
            busy or homeless,
            "Commit labels of other programs and data sets to the label store.",
        )
        gate(
            self.choose,
            busy or ("Commit or discard first." if corrections.uncommitted else ""),
            "Choose the folder that revisions are committed to.",
        )
        outcome = self.exchange.outcome
        self.why.setVisible(outcome is not None and bool(outcome.reasons))
        if outcome is not None:
            self.where.set_full_text(outcome.short, _tip(outcome))
        elif corrections.store is not None:
            path = corrections.store.path
            self.where.set_full_text(
                f"kept in the folder {path.name}", f"Labels are kept in {path}"
            )
        else:
            self.where.set_full_text("no folder for labels")


def _tip(outcome: Outcome) -> str:
    """What was done, and the first reasons why something was left out."""
    lines = [outcome.sentence, *outcome.reasons]
    if len(lines) > _REASONS_IN_TIP:
        lines = [*lines[:_REASONS_IN_TIP], f"and {len(lines) - _REASONS_IN_TIP} more reasons"]
    return "\n".join(lines)
