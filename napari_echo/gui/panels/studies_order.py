"""In what order the table shows which clips: the queue, the headings and the filters, kept."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QByteArray, QObject, Qt, QTimer

from napari_echo.gui.panels.studies_model import column_of
from napari_echo.gui.panels.studies_view import StudiesView
from napari_echo.gui.preferences import preferences
from napari_echo.workflow.study_rows import COLUMNS, QUEUES, Filter, Queue, StudyRows

_WIDTHS = {
    "clip": 162, "status": 78, "worth": 50, "ef": 44, "true_ef": 62, "why": 390, "view": 44,
    "frames": 58, "dice_ed": 68, "dice_es": 68, "hardness": 74, "reader": 90, "comment": 200,
}  # fmt: skip
_TYPING_MS, _KEEP_MS = 200, 300
_PREFIX, _NAMES = "studies/", " ".join(column.name for column in COLUMNS)
# A number whose largest matters most is sorted so by the first press of its heading.
_FALLING = ("hardness", "worth")


class StudiesOrder:
    """Reads off the controls how the clips are ranked and filtered, and keeps it for the next time.

    Parameters
    ----------
    shown : StudiesView
        The controls and the table.
    rows : StudyRows
        What is told.
    sort : callable
        Called when the order or the filter has changed.
    """

    def __init__(self, shown: StudiesView, rows: StudyRows, sort: Callable[[], object]) -> None:
        self.shown, self.rows = shown, rows
        self._sort: Callable[[], object] = lambda: None
        self._filter_timer = timer(shown, self.take_filter)
        self._keep_timer = timer(shown, self._keep)
        self._restore()
        self._sort = sort
        heads = shown.table.heads
        for moved in (heads.sectionResized, heads.sectionMoved):
            moved.connect(lambda *_: self._keep_timer.start(_KEEP_MS))
        shown.search.textChanged.connect(lambda: self._filter_timer.start(_TYPING_MS))
        shown.status.currentIndexChanged.connect(self.take_filter)
        shown.view.currentIndexChanged.connect(self.take_filter)

    def set_queue(self, queue: Queue) -> None:
        """Rank the clips by a question."""
        self.rows.queue = queue
        self.shown.queue.setCurrentIndex(self.shown.queue.findData(queue))
        self.shown.queue.setToolTip(f"What to look at next, by N. {QUEUES[queue][1]}")
        self.shown.table.setColumnHidden(column_of("worth"), queue == "list")
        column = -1 if queue == "list" else column_of("worth")
        self._show_order(column, Qt.SortOrder.DescendingOrder)
        self._order_by(column, Qt.SortOrder.DescendingOrder)

    def on_heading(self, column: int, order: Qt.SortOrder) -> None:
        """Sort by a column, as its heading asks."""
        name = COLUMNS[column].name if column >= 0 else ""
        if name in _FALLING and self.rows.sort != name:
            order = Qt.SortOrder.DescendingOrder
            self._show_order(column, order)
        self._order_by(column, order)

    def _show_order(self, column: int, order: Qt.SortOrder) -> None:
        """Put the mark of the order over a column without sorting again."""
        heads = self.shown.table.heads
        heads.blockSignals(True)
        heads.setSortIndicator(column, order)
        heads.blockSignals(False)
        self.shown.table.repaint_all()

    def _order_by(self, column: int, order: Qt.SortOrder) -> None:
        self.rows.sort = COLUMNS[column].name if column >= 0 else ""
        self.rows.descending = column >= 0 and order == Qt.SortOrder.DescendingOrder
        self._sort()
        self._keep()

    def take_filter(self) -> None:
        """Show the clips that the controls let pass."""
        self._filter_timer.stop()
        self.rows.filter = Filter(
            self.shown.search.text(),
            self.shown.status.currentData() or "",
            self.shown.view.currentData() or "",
        )
        self._sort()
        self._keep()

    def clear_filter(self) -> None:
        """Show all clips."""
        self.shown.search.clear()
        self.shown.status.setCurrentIndex(0)
        self.shown.view.setCurrentIndex(0)
        self.take_filter()

    def _restore(self) -> None:
        """Begin as the last session ended."""
        chosen = preferences()
        heads = self.shown.table.heads
        for place, column in enumerate(COLUMNS):
            self.shown.table.setColumnWidth(place, _WIDTHS[column.name])
        state = chosen.value(f"{_PREFIX}columns")
        # Widths of other columns, as another version had them, fit none of these.
        if isinstance(state, QByteArray) and chosen.value(f"{_PREFIX}names") == _NAMES:
            heads.restoreState(state)
        self.shown.search.setText(str(chosen.value(f"{_PREFIX}filter", "") or ""))
        self.shown.status.setCurrentIndex(
            max(self.shown.status.findData(str(chosen.value(f"{_PREFIX}status", "") or "")), 0)
        )
        view = str(chosen.value(f"{_PREFIX}view", "") or "")
        if view:
            self.shown.view.addItem("Unknown view" if view == "unknown" else view, view)
            self.shown.view.setCurrentIndex(1)
        self.rows.filter = Filter(
            self.shown.search.text(), self.shown.status.currentData() or "", view
        )
        # To choose the queue changes the order, and keeps it.
        sort = str(chosen.value(f"{_PREFIX}sort", "") or "")
        falling = str(chosen.value(f"{_PREFIX}descending", "")) == "true"
        order = Qt.SortOrder.DescendingOrder if falling else Qt.SortOrder.AscendingOrder
        queue = str(chosen.value(f"{_PREFIX}queue", "list"))
        self.set_queue(next((q for q in QUEUES if q == queue), "list"))
        names = [column.name for column in COLUMNS]
        place = names.index(sort) if sort in names else -1
        self._show_order(place, order)
        self._order_by(place, order)
        self.shown.table.setSortingEnabled(True)

    def _keep(self) -> None:
        chosen = preferences()
        chosen.setValue(f"{_PREFIX}columns", self.shown.table.heads.saveState())
        chosen.setValue(f"{_PREFIX}names", _NAMES)
        chosen.setValue(f"{_PREFIX}filter", self.rows.filter.text)
        chosen.setValue(f"{_PREFIX}status", self.rows.filter.status)
        chosen.setValue(f"{_PREFIX}view", self.rows.filter.view)
        chosen.setValue(f"{_PREFIX}queue", self.rows.queue)
        chosen.setValue(f"{_PREFIX}sort", self.rows.sort)
        chosen.setValue(f"{_PREFIX}descending", "true" if self.rows.descending else "false")


def timer(parent: QObject, slot: Callable[[], object]) -> QTimer:
    """Make a timer that calls once."""
    made = QTimer(parent)
    made.setSingleShot(True)
    made.timeout.connect(slot)
    return made
