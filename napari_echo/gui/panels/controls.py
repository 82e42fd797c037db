"""Labels that cut what does not fit, and controls that say why they cannot be used."""

from __future__ import annotations

import re

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QColor, QIcon, QPaintEvent, QPixmap, QResizeEvent
from qtpy.QtWidgets import (
    QComboBox,
    QLabel,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QWidget,
)

from napari_echo.gui import key_names
from napari_echo.gui.wording import short_names

PADDING = 6
"""What napari's style takes of a label's width, in pixels."""
FRAME = 2
"""What Qt's styles leave empty beside the text of a choice."""


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


class ElidedChoice(QComboBox):
    """A choice whose text ends in an ellipsis where it does not fit: Qt cuts letters in two."""

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw as much of the text as fits."""
        style, option = self.style(), QStyleOptionComboBox()
        self.initStyleOption(option)
        if style is None:
            return
        room = style.subControlRect(
            QStyle.ComplexControl.CC_ComboBox,
            option,
            QStyle.SubControl.SC_ComboBoxEditField,
            self,
        ).width()
        if not option.currentIcon.isNull():
            room -= option.iconSize.width()
        mode = Qt.TextElideMode.ElideRight
        option.currentText = option.fontMetrics.elidedText(option.currentText, mode, room - FRAME)
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)


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
