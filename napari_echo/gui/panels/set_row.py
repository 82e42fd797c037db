"""A clip data set that a reader chooses by its folder, or none."""

from __future__ import annotations

from pathlib import Path

from psygnal import Signal
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget

from napari_echo.gui.panels.controls import ElidedLabel, gate
from napari_echo.io.clipset_index import INDEX


class SetRow(QWidget):
    """Says which clip data set is chosen, and asks for another.

    Parameters
    ----------
    what, tip : str
        What the set is for, in two words and in a sentence.
    without : str
        What it says without one.
    tip_none : str
        What it means to do without one; empty where one is needed.

    Signals
    -------
    changed()
        Another set was chosen, or none.
    refused(str)
        A folder is no clip data set; one sentence.
    """

    changed = Signal()
    refused = Signal(str)

    def __init__(self, what: str, tip: str, without: str, tip_none: str = "") -> None:
        super().__init__()
        self.path: Path | None = None
        self._what, self._tip, self._without, self._tip_none = what, tip, without, tip_none
        self.label = ElidedLabel()
        self.folder, self.none = QPushButton("Folder…"), QPushButton("None")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.label, 1)
        row.addWidget(self.folder)
        row.addWidget(self.none)
        self.folder.clicked.connect(self.ask)
        self.none.clicked.connect(lambda: self.choose(None))
        self.refresh("")

    def ask(self) -> None:
        """Ask for the folder of a set."""
        name = QFileDialog.getExistingDirectory(self, self._tip, str(self.path or ""))
        if name:
            self.choose(Path(name))

    def choose(self, path: Path | None) -> None:
        """Take a set, or none; a folder that is none is refused."""
        # A look at its index alone: who reads it checks the rest.
        if path is not None and not (path / INDEX).is_file():
            self.refused.emit(
                f"{path} is not a clip data set, as it has no {INDEX}: choose the folder of one."
            )
            return
        self.path = path
        self.changed.emit()

    def refresh(self, reason: str) -> None:
        """Show what is chosen, and whether it can be changed: not for a `reason`."""
        text = self._without if self.path is None else f"{self._what}: {self.path.name}"
        self.label.set_full_text(text, text if self.path is None else str(self.path))
        gate(self.folder, reason, self._tip)
        gate(self.none, reason, self._tip_none)
        self.none.setVisible(self.path is not None and bool(self._tip_none))
