"""The table of clips as Qt asks for it: what is in view is made when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psygnal import Signal
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, QSize, Qt
from qtpy.QtGui import QBrush, QColor, QFont, QPixmap

from napari_echo.workflow.studies import StudyItem
from napari_echo.workflow.study_pictures import HEIGHT, WIDTH
from napari_echo.workflow.study_rows import COLUMNS, NAMES, StudyRows

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_CENTER = Qt.AlignmentFlag.AlignCenter
_PICTURES = 2000
_NOWHERE = QModelIndex()


class StudiesModel(QAbstractTableModel):
    """Rows of `StudyRows`, sorted and filtered there.

    A proxy of Qt's would ask Python for two values in every comparison, most of
    a second for 10,000 clips; a key a row takes a twentieth of it.

    Signals
    -------
    picture_wanted()
        A row in view has no picture.
    sorted_by(int, Qt.SortOrder)
        A column's heading was pressed.
    """

    picture_wanted = Signal()
    sorted_by = Signal(int, object)

    def __init__(self, rows: StudyRows, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows = rows
        self.keys: list[str] = []
        self._place: dict[str, int] = {}
        self._pictures: dict[str, QPixmap | None] = {}
        self._blank = QPixmap(WIDTH, HEIGHT)
        self._dim = QBrush()
        self._bold = QFont()
        self.set_colors("#888888", "#404040")

    def set_colors(self, dim: str, blank: str) -> None:
        """Take the colours of a theme."""
        self._dim = QBrush(QColor(dim))
        self._blank.fill(QColor(blank))

    def set_font(self, font: QFont) -> None:
        """Take the font of the table, to stress a row."""
        self._bold = QFont(font)
        self._bold.setBold(True)

    # What is shown --------------------------------------------------------------

    def set_keys(self, keys: Sequence[str]) -> None:
        """Show these clips in this order."""
        if keys == self.keys:
            self.refresh()
            return
        self.beginResetModel()
        self.keys = list(keys)
        self._place = {key: place for place, key in enumerate(self.keys)}
        self.endResetModel()

    def refresh(self) -> None:
        """Show everything anew."""
        if self.keys:
            last = self.index(len(self.keys) - 1, len(COLUMNS) - 1)
            self.dataChanged.emit(self.index(0, 0), last)
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(COLUMNS) - 1)

    def refresh_row(self, key: str) -> None:
        """Show a clip anew."""
        row = self._place.get(key)
        if row is not None:
            self.dataChanged.emit(self.index(row, 0), self.index(row, len(COLUMNS) - 1))

    def row_of(self, key: str) -> int:
        """The row of a clip; -1 where it is not shown."""
        return self._place.get(key, -1)

    def item(self, row: int) -> StudyItem | None:
        """The clip of a row."""
        return self.rows.studies.get(self.keys[row]) if 0 <= row < len(self.keys) else None

    def without_picture(self, first: int, last: int) -> list[StudyItem]:
        """The clips of some rows that have no picture."""
        wanted = self.keys[first : last + 1]
        items = (self.rows.studies.get(key) for key in wanted if key not in self._pictures)
        return [item for item in items if item is not None and not item.problem]

    def take_picture(self, key: str, data: bytes) -> None:
        """Take a picture that was asked for."""
        if len(self._pictures) >= _PICTURES:
            for old in list(self._pictures)[: _PICTURES // 2]:
                del self._pictures[old]
        pixmap = QPixmap()
        self._pictures[key] = pixmap if data and pixmap.loadFromData(data) else None
        row = self._place.get(key)
        if row is not None:
            index = self.index(row, 0)
            self.dataChanged.emit(index, index, [Qt.ItemDataRole.DecorationRole])

    def forget_pictures(self) -> None:
        """Let go of the pictures of another list."""
        self._pictures.clear()

    # Qt -------------------------------------------------------------------------

    def rowCount(self, parent: QModelIndex = _NOWHERE) -> int:
        """The clips that are shown."""
        return 0 if parent.isValid() else len(self.keys)

    def columnCount(self, parent: QModelIndex = _NOWHERE) -> int:
        """The columns."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Titles, and what they mean."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(COLUMNS):
            return None
        column = COLUMNS[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return column.title
        if role == Qt.ItemDataRole.ToolTipRole:
            model = self.rows.model_name
            return f"{column.tip}\nModel: {model}" if column.of_model and model else column.tip
        if role == Qt.ItemDataRole.TextAlignmentRole:
            # The mark of the order lies at the right end.
            return _CENTER if column.numeric else _LEFT
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What a field shows."""
        item = self.item(index.row())
        if item is None:
            return None
        column = COLUMNS[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self.rows.cell(item, column.name).text
        if role == Qt.ItemDataRole.ToolTipRole:
            cell = self.rows.cell(item, column.name)
            return cell.tip or cell.text or None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if column.numeric else _LEFT
        if role == Qt.ItemDataRole.DecorationRole and column.name == "clip":
            if item.key not in self._pictures:
                self.picture_wanted.emit()
            return self._pictures.get(item.key) or self._blank
        if role == Qt.ItemDataRole.SizeHintRole:
            return QSize(0, HEIGHT + 2)
        if role == Qt.ItemDataRole.FontRole and column.name == "clip":
            current = None if self.rows.hidden else self.rows.studies.current
            return self._bold if current is not None and current.key == item.key else None
        if role == Qt.ItemDataRole.ForegroundRole and item.key in self.rows.studies.problems:
            return self._dim
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Ask for another order; a column below 0 is the order of the list."""
        self.sorted_by.emit(column, order)


def column_of(name: str) -> int:
    """The number of a column."""
    return NAMES.index(name)
