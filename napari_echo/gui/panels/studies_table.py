"""The table of clips: Enter opens, and the review's keys stay those of the review."""

from __future__ import annotations

import re

from qtpy.QtCore import QModelIndex, QSize, Qt
from qtpy.QtGui import QKeyEvent, QResizeEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from napari_echo.workflow.study_pictures import HEIGHT

_HASH, _MARGINS = re.compile(r"_[0-9a-f]{8}$"), 12
_MOVES = (
    Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home,
    Qt.Key.Key_End, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown,
)  # fmt: skip


class _Names(QStyledItemDelegate):
    """Cuts long names where they tell least.

    Those of a clip data set first lose the eight digits of a hash at their end.
    Clips of one folder begin alike: then they are cut in the middle.
    """

    def initStyleOption(self, option: QStyleOptionViewItem | None, index: QModelIndex) -> None:
        """Take the style of the table but for that."""
        super().initStyleOption(option, index)
        if option is not None:
            option.textElideMode = Qt.TextElideMode.ElideMiddle
            room = option.rect.width() - option.decorationSize.width() - _MARGINS
            text = option.text or ""
            if option.fontMetrics.horizontalAdvance(text) > room:
                option.text = _HASH.sub("", text)


class StudiesTable(QTableView):
    """A table in which Enter opens, and the review's keys stay those of the review."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setTabKeyNavigation(False)
        self.setItemDelegateForColumn(0, _Names(self))
        rows = self.verticalHeader()
        assert rows is not None
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(HEIGHT + 4)
        rows.setMinimumSectionSize(HEIGHT + 4)
        heads = self.heads
        heads.setSectionsMovable(True)
        heads.setHighlightSections(False)
        heads.setMinimumSectionSize(36)
        heads.setStretchLastSection(True)

    @property
    def heads(self) -> QHeaderView:
        """The headings of the columns."""
        heads = self.horizontalHeader()
        assert heads is not None
        return heads

    def minimumSizeHint(self) -> QSize:
        """Show one row at least."""
        return QSize(super().minimumSizeHint().width(), self.heads.height() + HEIGHT + 8)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Keep the chosen row in sight."""
        super().resizeEvent(event)
        if self.currentIndex().isValid():
            self.scrollTo(self.currentIndex())

    def repaint_all(self) -> None:
        """Paint the rows and the headings anew."""
        for widget in (self.viewport(), self.heads.viewport()):
            if widget is not None:
                widget.update()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Move by the keys that move, open by Enter, and leave letters to the review."""
        if event is None:
            return
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers() & (
            Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        ):
            self.doubleClicked.emit(self.currentIndex())
        elif event.key() in _MOVES:
            super().keyPressEvent(event)
        else:
            event.ignore()
