"""The table of clips, in which Enter opens."""

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
    """A table in which Enter opens, and one row shows at least."""

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
        """Open by Enter, as by a double-click."""
        if event is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.doubleClicked.emit(self.currentIndex())
        else:
            super().keyPressEvent(event)
