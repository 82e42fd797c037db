"""What the tab of clips is made of, and how it is laid out; `panels.studies` brings it to life."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import (
    QComboBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from napari_echo.gui.key_names import tell
from napari_echo.gui.panels.controls import ElidedChoice, ElidedLabel
from napari_echo.gui.panels.studies_table import StudiesTable
from napari_echo.workflow.study_pictures import HEIGHT, WIDTH
from napari_echo.workflow.study_rows import QUEUES, SHORT_STATUSES
from napari_echo.workflow.verdicts import STATUSES

LEAST, NARROW = 280, 620
"""Least width, and the width in pixels under which the controls take two rows."""


class StudiesView(QWidget):
    """A row of filters over the table of clips, and below it what is going on."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = StudiesTable()
        self.table.setIconSize(QSize(WIDTH, HEIGHT))
        self._make_controls()
        self._lay_out()

    def _make_controls(self) -> None:
        self.search = QLineEdit()
        self.search.setPlaceholderText("Filter clips")
        self.search.setClearButtonEnabled(True)
        self.search.setMinimumWidth(90)
        self.search.setToolTip(
            "Show the clips in which every word is found: in the name, study, split, status, "
            "reader or comment."
        )
        self.status, self.view, self.queue = ElidedChoice(), ElidedChoice(), ElidedChoice()
        self.status.addItem("Any status", "")
        for status, title in SHORT_STATUSES.items():
            self.status.addItem(title.capitalize(), status)
            tip = STATUSES[status].capitalize()
            self.status.setItemData(self.status.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.status.setToolTip("Show the clips of one status.")
        self.view.addItem("Any view", "")
        self.view.setToolTip("Show the clips of one view.")
        for queue, (title, tip) in QUEUES.items():
            self.queue.addItem(f"Queue: {title}", queue)
            self.queue.setItemData(self.queue.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        for box, letters in ((self.status, 6), (self.view, 4), (self.queue, 12)):
            # As wide as what is chosen most: the longest choice would keep the window from a
            # small screen. The list that opens shows every word.
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(letters)
            _widen_list(box)
        self.scan = QPushButton("Scan")
        self.large: QPushButton = QPushButton("⤢")
        tell(self.large, "Give the studies most of the window, and back. Key: {studies}.")
        self.large.setFixedWidth(28)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedSize(80, 10)
        self.summary, self.progress = ElidedLabel(), ElidedLabel()
        self.empty = QLabel()
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self.show_all = QPushButton("Show all clips")
        self.open_folder = QPushButton("Open a folder or data set…")
        self.show_all.setToolTip("Take every filter away.")
        self.open_folder.setToolTip("List the clips of a folder or a data set.")

    def _lay_out(self) -> None:
        nothing = QWidget()
        column = QVBoxLayout(nothing)
        column.addStretch(1)
        column.addWidget(self.empty)
        for button in (self.show_all, self.open_folder):
            column.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.table)
        self.stack.addWidget(nothing)
        self._top, self._foot = QGridLayout(), QGridLayout()
        for grid, gap in ((self._top, 4), (self._foot, 8)):
            grid.setHorizontalSpacing(gap)
            grid.setVerticalSpacing(3)
        self.progress.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 2)
        layout.setSpacing(3)
        layout.addLayout(self._top)
        layout.addWidget(self.stack, 1)
        layout.addLayout(self._foot)
        self._narrow: bool | None = None
        self._arrange(narrow=False)

    def minimumSizeHint(self) -> QSize:
        """Fit beside the canvas, whatever lies in one row now."""
        return QSize(LEAST, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Put in two rows what does not fit into one."""
        super().resizeEvent(event)
        self._arrange(narrow=self.width() < NARROW)

    def _arrange(self, *, narrow: bool) -> None:
        if narrow is self._narrow:
            return
        self._narrow = narrow
        if narrow:
            # Row, column and columns that it spans.
            top = {
                self.queue: (0, 0, 3), self.scan: (0, 3, 1), self.large: (0, 4, 1),
                self.search: (1, 0, 1), self.status: (1, 1, 1), self.view: (1, 2, 3),
            }  # fmt: skip
            foot = {self.summary: (0, 0, 2), self.progress: (1, 0, 1), self.bar: (1, 1, 1)}
        else:
            row = (self.search, self.status, self.view, self.queue, self.scan, self.large)
            top = {widget: (0, place, 1) for place, widget in enumerate(row)}
            foot = {self.summary: (0, 0, 1), self.progress: (0, 1, 1), self.bar: (0, 2, 1)}
        for grid, places in ((self._top, top), (self._foot, foot)):
            for widget in places:
                grid.removeWidget(widget)
            for widget, (line, column, across) in places.items():
                grid.addWidget(widget, line, column, 1, across)
        for place, stretch in enumerate((1, 0, 0, 0, 0) if narrow else (3, 1, 0, 2, 0)):
            self._top.setColumnStretch(place, stretch)
        for place, stretch in enumerate((1, 0) if narrow else (3, 2)):
            self._foot.setColumnStretch(place, stretch)
        # Why a clip ranks where it does is read in full.
        self.summary.set_lines(2 if narrow else 1)


def _widen_list(box: QComboBox) -> None:
    words = [box.itemText(place) for place in range(box.count())]
    widest = max(map(box.fontMetrics().horizontalAdvance, words))
    view = box.view()
    if view is not None:
        view.setMinimumWidth(widest + 40)
