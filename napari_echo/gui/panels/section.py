"""What every section of the dock is built of."""

from __future__ import annotations

import re

from psygnal import Signal
from qtpy.QtCore import QEvent, QObject, QSize, Qt, QTimer
from qtpy.QtGui import QColor, QEnterEvent, QIcon, QPixmap, QResizeEvent
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QBoxLayout,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_echo.gui import key_names
from napari_echo.gui.wording import short_names

SETTLE_MS, MARGIN = 50, 24
PADDING = 6
"""What napari's style takes of a label's width, in pixels."""


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


class SectionScroll(QScrollArea):
    """Scrolls sections up and down, and is always as wide as they need.

    The wheel scrolls over choices and numbers, too: it changes only the one that
    the reader is at.

    Parameters
    ----------
    content : QWidget
        What holds the sections.
    width : int
        Least width.
    """

    def __init__(self, content: QWidget, width: int) -> None:
        super().__init__()
        self._least = width
        self._wanted: QWidget | None = None
        self._next: QWidget | None = None
        self._from_top = False
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._widen()
        self._keep_the_wheel()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Widen when a section asks for more, and keep the wheel.

        What does not fit would be cut off.
        """
        kind = event.type() if event is not None else QEvent.Type.None_
        if event is not None and kind == QEvent.Type.Wheel:
            # Qt lets it see the scroll bars' events, too.
            if isinstance(watched, QComboBox | QAbstractSpinBox) and not watched.hasFocus():
                event.ignore()
                return True
        elif kind == QEvent.Type.LayoutRequest:
            self._widen()
        return bool(super().eventFilter(watched, event))

    def enterEvent(self, event: QEnterEvent | None) -> None:
        """Keep the wheel from choices that were added since the pointer was here last."""
        super().enterEvent(event)
        self._keep_the_wheel()

    def _keep_the_wheel(self) -> None:
        """Take it from the choices and numbers."""
        content = self.widget()
        for kind in (QComboBox, QAbstractSpinBox):
            for box in content.findChildren(kind) if content is not None else ():
                if box.focusPolicy() == Qt.FocusPolicy.WheelFocus:
                    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
                    box.installEventFilter(self)

    def bring_up(self, widget: QWidget) -> None:
        """Scroll to one of its widgets once it, and what is told of it, are laid out."""
        self._wanted = widget
        QTimer.singleShot(SETTLE_MS, self._scroll)

    def turn_to(self, widget: QWidget | None, *, from_top: bool) -> None:
        """Scroll as little as shows a widget, from the top or from where it is."""
        self._next, self._from_top = widget, self._from_top or from_top
        QTimer.singleShot(0, self._turn)

    def _turn(self) -> None:
        bar = self.verticalScrollBar()
        if self._from_top and bar is not None:
            bar.setValue(0)
        self._from_top = False
        if self._next is not None:
            self.ensureWidgetVisible(self._next, 0, 0)

    def _scroll(self) -> None:
        if self._wanted is not None:
            self.ensureWidgetVisible(self._wanted, 0, MARGIN)

    def _widen(self) -> None:
        content, bar = self.widget(), self.verticalScrollBar()
        if content is not None and bar is not None:
            needed = content.minimumSizeHint().width() + bar.sizeHint().width()
            self.setMinimumWidth(max(self._least, needed))


class ElidedLabel(QLabel):
    """Text that is cut where it does not fit; its tool tip has it all.

    Long paths and names are cut in the middle first, so that what is said of
    them stays.

    Parameters
    ----------
    text : str
        The text.
    lines : int
        Height of the label; with more than one line the text is wrapped.
    """

    def __init__(self, text: str = "", parent: QWidget | None = None, *, lines: int = 1) -> None:
        super().__init__(parent)
        self._full = ""
        self._lines = lines
        self.setWordWrap(lines > 1)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.set_full_text(text)

    def set_full_text(self, text: str, tip: str | None = None) -> None:
        """Show a text; its tool tip is `tip`, or the text itself."""
        self._full = text
        self.setToolTip(text if tip is None else tip)
        self._elide()

    def full_text(self) -> str:
        """Return the whole text."""
        return self._full

    def set_lines(self, lines: int) -> None:
        """Take so many lines from now on."""
        if lines != self._lines:
            self._lines = lines
            self.setWordWrap(lines > 1)
            self.updateGeometry()
            self._elide()

    def heightForWidth(self, _width: int) -> int:
        """Ask for the same height however much there is to say: nothing below it is to move."""
        return self.sizeHint().height()

    def sizeHint(self) -> QSize:
        """Ask for the height of the lines, and no width."""
        return QSize(0, self._lines * (self.fontMetrics().lineSpacing() + 2))

    def minimumSizeHint(self) -> QSize:
        """Ask for the height of the lines, and no width."""
        return self.sizeHint()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Cut the text anew."""
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        mode = Qt.TextElideMode.ElideRight
        room = max(self.width() - PADDING, 1)
        # Wrapping leaves the end of most lines empty.
        room = room if self._lines == 1 else int(room * (self._lines - 0.5))
        text = self._full
        if self.fontMetrics().horizontalAdvance(text) > room:
            text = self.fontMetrics().elidedText(short_names(text), mode, room)
        if self._lines > 1:
            # Long names of files may break, too.
            text = re.sub(r"(?<=[/\\_.-])(?=\S)", "\u200b", text)
        self.setText(text)


def bring_into_view(widget: QWidget) -> None:
    """Scroll to a widget that was just shown, once it is laid out."""
    above = widget.parentWidget()
    while above is not None and not isinstance(above, SectionScroll):
        above = above.parentWidget()
    if above is not None:
        above.bring_up(widget)


def may_shrink(*widgets: QWidget) -> None:
    """Let widgets get narrower than they would like, so that the dock may."""
    for widget in widgets:
        widget.setMinimumWidth(40)
        widget.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)


def gate(widget: QWidget, reason: str, tip: str) -> None:
    """Enable a widget unless there is a reason not to; its tool tip says which it is.

    Both may name keys, as `key_names.tell` takes them.
    """
    widget.setEnabled(not reason)
    key_names.tell(widget, reason or tip)


def swatch(color: str) -> QIcon:
    """Make a square icon of one colour."""
    pixmap = QPixmap(12, 12)
    pixmap.fill(QColor(color))
    return QIcon(pixmap)
