"""Step 5: export the committed frames, and say where labels are kept."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QFileDialog, QPushButton, QWidget

from napari_echo.gui.panels.section import ElidedLabel, Section, gate, may_shrink
from napari_echo.gui.steps import Step, obstacle
from napari_echo.gui.verbs import Verbs
from napari_echo.io.store import LabelStore
from napari_echo.workflow.export_formats import FORMATS
from napari_echo.workflow.export_labels import Exported

_REASONS_SHOWN = 12


class ExportPanel(Section):
    """Writes the committed frames as a data set, in the format that is chosen."""

    def __init__(self, verbs: Verbs, parent: QWidget | None = None) -> None:
        super().__init__(Step.EXPORT.title, "Export…", parent)
        self.verbs = verbs
        self.session = verbs.session
        self.corrections = self.session.corrections
        self.format = QComboBox()
        for form in FORMATS.values():
            self.format.addItem(form.title, form.name)
            self.format.setItemData(
                self.format.count() - 1, form.carries, Qt.ItemDataRole.ToolTipRole
            )
        may_shrink(self.format)
        self.where = ElidedLabel()
        self.choose = QPushButton("Folder…")
        # Beside the title: the dock has no line to spare.
        self.heading_row.insertWidget(1, self.format, 2)
        row = self.add_row()
        row.addWidget(self.where, 1)
        row.addWidget(self.choose)
        self.format.currentIndexChanged.connect(self.refresh)
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
        format = str(self.format.currentData())
        suggested = "labelled-set" if format == "clips" else f"labelled-set-{format}"
        name, _ = QFileDialog.getSaveFileName(self, "Export to a new folder", suggested)
        if name:
            self.verbs.export(Path(name), format)

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
            "Write the committed frames of this session's clips to a new folder.",
        )
        self.format.setToolTip(FORMATS[str(self.format.currentData())].carries)
        self.format.setEnabled(not busy)
        gate(
            self.choose,
            busy or ("Commit or discard first." if corrections.uncommitted else ""),
            "Choose the folder that revisions are committed to.",
        )
        exported = self.verbs.last_export
        if exported is not None and exported.path == corrections.export_path:
            # What is missing first: the path is long, and the line short.
            told = (exported.told_left_out(), f"Exported to {exported.path}")
            self.where.set_full_text(
                " ".join(filter(None, told)), f"{exported.told()}{_reasons(exported)}"
            )
        elif corrections.store is not None:
            path = corrections.store.path
            self.where.set_full_text(f"labels in {path.name}", f"Labels are kept in {path}")
        else:
            self.where.set_full_text("no folder for labels")


def _reasons(exported: Exported) -> str:
    """What was left out and why, for a tool tip."""
    lines = list(dict.fromkeys(left.reason for left in exported.left_out))
    if len(lines) > _REASONS_SHOWN:
        more = len(lines) - _REASONS_SHOWN
        lines = [*lines[:_REASONS_SHOWN], f"and {more} more reasons, in its manifest.json"]
    return "".join(f"\n{line}" for line in (exported.told_left_out(), *lines) if line)
