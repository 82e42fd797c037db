"""Step 5: export the committed frames, and say where labels are kept."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QPushButton, QWidget

from napari_echo.gui.panels.section import ElidedLabel, Section, gate
from napari_echo.gui.steps import Step, obstacle
from napari_echo.gui.verbs import Verbs
from napari_echo.io.store import LabelStore


class ExportPanel(Section):
    """Writes the committed frames as a labelled set."""

    def __init__(self, verbs: Verbs, parent: QWidget | None = None) -> None:
        super().__init__(Step.EXPORT.title, "Export…", parent)
        self.verbs = verbs
        self.session = verbs.session
        self.corrections = self.session.corrections
        self.where = ElidedLabel()
        self.choose = QPushButton("Folder…")
        row = self.add_row()
        row.addWidget(self.where, 1)
        row.addWidget(self.choose)
        self.action.clicked.connect(self.ask)
        self.choose.clicked.connect(self.ask_store)
        for signal in (
            self.session.clip_changed,
            self.corrections.revisions_changed,
            self.corrections.store_changed,
            self.corrections.exported,
        ):
            signal.connect(self.refresh)
        verbs.runner.busy_changed.connect(self.refresh)
        self.refresh()

    def ask(self) -> None:
        """Ask for a new folder and export to it."""
        name, _ = QFileDialog.getSaveFileName(self, "Export to a new folder", "labelled-set")
        if name:
            self.verbs.export(Path(name))

    def ask_store(self) -> None:
        """Ask for the folder that revisions are committed to."""
        name = QFileDialog.getExistingDirectory(self, "Keep labels in")
        if name:
            self.verbs.use_store(LabelStore(Path(name)))

    def refresh(self) -> None:
        """Show the session as it is."""
        corrections, runner = self.corrections, self.verbs.runner
        busy = f"{runner.title} is going on." if runner.busy else ""
        gate(
            self.action,
            busy or obstacle(Step.EXPORT, self.session),
            "Write the committed frames as a data set that training reads.",
        )
        gate(
            self.choose,
            busy or ("Commit or discard first." if corrections.uncommitted else ""),
            "Choose the folder that revisions are committed to.",
        )
        if corrections.export_path is not None:
            self.where.set_full_text(f"exported to {corrections.export_path}")
        elif corrections.store is not None:
            path = corrections.store.path
            self.where.set_full_text(f"labels in {path.name}", f"Labels are kept in {path}")
        else:
            self.where.set_full_text("no folder for labels")
