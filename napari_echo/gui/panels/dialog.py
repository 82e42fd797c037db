"""What the dialogs of the dock are built of: fields that are explained, and a gated OK."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_echo.gui.panels.controls import gate
from napari_echo.gui.preferences import preferences

_WIDTH, _LIST_HEIGHT = 560, 64


class FormDialog(QDialog):
    """Fields in rows, and an OK button that says why it cannot be pressed.

    A subclass adds its fields, says in `obstacle` what is missing, and calls
    `check` whenever a field changes.

    Parameters
    ----------
    title, ok, tip : str
        Of the window, and of its OK button.
    """

    def __init__(self, title: str, ok: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setMinimumWidth(_WIDTH)
        self._tip = tip
        self._remembered: dict[str, QComboBox] = {}
        self.form = QFormLayout()
        self.form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.why = QLabel()
        self.why.setWordWrap(True)
        # The window must not jump when there is nothing to say.
        self.why.setMinimumHeight(2 * self.fontMetrics().lineSpacing() + 4)
        self.buttons = QDialogButtonBox()
        self.ok, cancel = QPushButton(ok), _button("Cancel")
        self.ok.setDefault(True)
        self.buttons.addButton(self.ok, QDialogButtonBox.ButtonRole.AcceptRole)
        self.buttons.addButton(cancel, QDialogButtonBox.ButtonRole.RejectRole)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.accepted.connect(self._remember)
        self.finished.connect(self.deleteLater)
        column = QVBoxLayout(self)
        column.addLayout(self.form)
        column.addStretch(1)
        column.addWidget(self.why)
        column.addWidget(self.buttons)

    def add_field(self, label: str, field: QWidget, tip: str) -> None:
        """Add a row; its tool tip explains it."""
        named = QLabel(label)
        for widget in (named, field, *field.findChildren(QWidget)):
            if not widget.toolTip():
                widget.setToolTip(tip)
        self.form.addRow(named, field)

    def add_choice(
        self, label: str, choices: Iterable[tuple[str, str, str]], tip: str, remember: str
    ) -> QComboBox:
        """Add a choice among (title, value, tip); it begins as it was left the last time."""
        box = QComboBox()
        for place, (title, value, about) in enumerate(choices):
            box.addItem(title, value)
            box.setItemData(place, about or None, Qt.ItemDataRole.ToolTipRole)
        self.add_field(label, box, tip)
        last = box.findData(preferences().value(remember))
        box.setCurrentIndex(max(last, 0))
        self._remembered[remember] = box
        box.currentIndexChanged.connect(self.check)
        return box

    def show_field(self, field: QWidget, shown: bool) -> None:
        """Show a row, or leave it out."""
        label = self.form.labelForField(field)
        for widget in (label, field):
            if widget is not None:
                widget.setVisible(shown)

    def obstacle(self) -> str:
        """Say in one sentence what is missing; empty where nothing is."""
        raise NotImplementedError

    def check(self) -> None:
        """Let OK be pressed, or say why it cannot be."""
        reason = self.obstacle()
        gate(self.ok, reason, self._tip)
        self.why.setText(reason)

    def _remember(self) -> None:
        settings = preferences()
        for name, box in self._remembered.items():
            settings.setValue(name, box.currentData())


class PathField(QWidget):
    """One path, typed or looked for.

    Parameters
    ----------
    *kinds : str
        What may be looked for: "new folder", "folder", "file".

    Signals
    -------
    changed()
        There is another path, or none.
    """

    changed = Signal()

    def __init__(self, *kinds: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.suggested = ""
        self.edit = QLineEdit()
        self.edit.textChanged.connect(lambda _: self.changed.emit())
        row = _row(self)
        row.addWidget(self.edit, 1)
        for kind in kinds:
            button = _button("File…" if kind == "file" else "Folder…")
            button.clicked.connect(lambda _=False, kind=kind: self.ask(kind))
            row.addWidget(button)

    def ask(self, kind: str) -> None:
        """Look for a path."""
        if kind == "new folder":
            # What exists is refused by the dialog, and never replaced.
            asked = QFileDialog.Option.DontConfirmOverwrite
            name, _ = QFileDialog.getSaveFileName(
                self, "A new folder", self.suggested, options=asked
            )
        elif kind == "folder":
            name = QFileDialog.getExistingDirectory(self, "Choose a folder")
        else:
            name, _ = QFileDialog.getOpenFileName(self, "Choose a file")
        if name:
            self.edit.setText(name)

    def path(self) -> Path | None:
        """Return the path; None without one."""
        text = self.edit.text().strip()
        return Path(text).expanduser() if text else None


class PathsField(QWidget):
    """Several paths, looked for one by one.

    Parameters
    ----------
    files : bool
        Whether files may be added besides folders.

    Signals
    -------
    changed()
        A path was added or removed.
    """

    changed = Signal()

    def __init__(self, *, files: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = QListWidget()
        self.list.setFixedHeight(_LIST_HEIGHT)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        self.list.itemSelectionChanged.connect(self._gate)
        self.folder, self.file, self.drop = map(_button, ("Folder…", "Files…", "Remove"))
        self.folder.clicked.connect(self.ask_folder)
        self.file.clicked.connect(self.ask_files)
        self.drop.clicked.connect(self.remove_selected)
        self.file.setVisible(files)
        row, column = _row(self), QVBoxLayout()
        column.setSpacing(2)
        row.addWidget(self.list, 1)
        for button in (self.folder, self.file, self.drop):
            column.addWidget(button)
        column.addStretch(1)
        row.addLayout(column)
        self._gate()

    def ask_folder(self) -> None:
        """Look for a folder to add."""
        name = QFileDialog.getExistingDirectory(self, "Add a folder")
        if name:
            self.add([Path(name)])

    def ask_files(self) -> None:
        """Look for files to add."""
        names, _ = QFileDialog.getOpenFileNames(self, "Add files")
        self.add(map(Path, names))

    def add(self, paths: Iterable[Path]) -> None:
        """Add paths that are not listed yet."""
        listed = set(self.paths())
        for path in paths:
            if path not in listed:
                item = QListWidgetItem(str(path), self.list)
                item.setToolTip(str(path))
        self.changed.emit()

    def remove_selected(self) -> None:
        """Take the selected paths off the list."""
        for item in self.list.selectedItems():
            self.list.takeItem(self.list.row(item))
        self.changed.emit()

    def paths(self) -> tuple[Path, ...]:
        """Return the paths."""
        items: list[Any] = [self.list.item(row) for row in range(self.list.count())]
        return tuple(Path(item.text()) for item in items)

    def _gate(self) -> None:
        reason = "" if self.list.selectedItems() else "Select a path of the list first."
        gate(self.drop, reason, "Take the selected paths off the list.")


def _row(widget: QWidget) -> QHBoxLayout:
    row = QHBoxLayout(widget)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(4)
    return row


def _button(text: str) -> QPushButton:
    button = QPushButton(text)
    # Else Enter in a line would press it.
    button.setAutoDefault(False)
    return button
