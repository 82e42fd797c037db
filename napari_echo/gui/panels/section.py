"""A titled part of the dock, which can be folded."""

from __future__ import annotations

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QBoxLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_echo.gui.panels.controls import ElidedLabel


class Heading(QToolButton):
    """The title of a section; a click on it folds the section, or opens it again."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.setObjectName("echoHeading")
        self.setText(title)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.show_folded(False)

    def show_folded(self, folded: bool) -> None:
        """Point the triangle."""
        self.setArrowType(Qt.ArrowType.RightArrow if folded else Qt.ArrowType.DownArrow)
        self.setToolTip("Open this section." if folded else "Fold this section.")


class Section(QWidget):
    """A titled part of the dock, with its main button beside the title; it can be folded.

    Parameters
    ----------
    title : str
        The heading.
    action : str
        What the main button says; empty for none.

    Signals
    -------
    fold_chosen(bool)
        The reader folded it, or opened it.
    done_changed()
        `is_done` says otherwise than before, while the same button is next.
    """

    fold_chosen = Signal(bool)
    done_changed = Signal()

    def __init__(self, title: str, action: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        column = QVBoxLayout(self)
        column.setContentsMargins(6, 2, 6, 4)
        column.setSpacing(3)
        self.heading = Heading(title)
        self.heading.clicked.connect(self._toggle)
        self.action = QPushButton(action)
        self.action.setVisible(bool(action))
        # What a folded section comes to.
        self.gist = ElidedLabel()
        self.gist.hide()
        row = self.heading_row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.heading, 1)
        row.addWidget(self.gist, 2)
        row.addWidget(self.action)
        column.addLayout(row)
        self.content = QWidget()
        column.addWidget(self.content)
        self.body = QVBoxLayout(self.content)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(3)

    @property
    def folded(self) -> bool:
        """Whether only the heading is shown."""
        return self.content.isHidden()

    def fold(self, folded: bool) -> None:
        """Show the heading alone, or all of it."""
        self.content.setHidden(folded)
        self.heading.show_folded(folded)
        self.gist.setVisible(folded and bool(self.gist.full_text()))

    def sum_up(self, gist: str) -> None:
        """Say in a few words what the section comes to; shown while it is folded."""
        self.gist.set_full_text(gist)
        self.gist.setVisible(self.folded and bool(gist))

    def is_done(self) -> bool:
        """Whether nothing is left to do in it for the open clip: then it folds by itself."""
        return False

    def _toggle(self) -> None:
        self.fold(not self.folded)
        self.fold_chosen.emit(self.folded)

    def add_row(self, *widgets: QWidget, stretch: int = 0) -> QBoxLayout:
        """Add a row of widgets; each gets the same `stretch`."""
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for widget in widgets:
            row.addWidget(widget, stretch)
        self.body.addLayout(row)
        return row
