"""What the tab of clips is made of, and how it is laid out; `panels.studies` brings it to life."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from napari_echo.gui.panels.section import ElidedLabel
from napari_echo.gui.panels.studies_table import StudiesTable
from napari_echo.workflow.study_pictures import HEIGHT, WIDTH
from napari_echo.workflow.study_rows import QUEUES, STATUSES


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
        self.search.setMinimumWidth(110)
        self.search.setToolTip(
            "Show the clips in which every word is found: in the name, study, split, reader or "
            "comment."
        )
        self.status, self.view, self.queue = QComboBox(), QComboBox(), QComboBox()
        self.status.addItem("Any status", "")
        for status, title in STATUSES.items():
            self.status.addItem(title.capitalize(), status)
        self.status.setToolTip("Show the clips of one status.")
        self.view.addItem("Any view", "")
        self.view.setToolTip("Show the clips of one view.")
        for queue, (title, tip) in QUEUES.items():
            self.queue.addItem(f"Queue: {title}", queue)
            self.queue.setItemData(self.queue.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        for box, letters in ((self.status, 9), (self.view, 7), (self.queue, 19)):
            # As wide as what is chosen most: the longest choice would keep the window from a
            # small screen. The list that opens shows every word.
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
            box.setMinimumContentsLength(letters)
            _widen_list(box)
        self.scan = QPushButton("Scan")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedSize(110, 10)
        self.summary, self.progress = ElidedLabel(), ElidedLabel()
        self.empty = QLabel()
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self.show_all = QPushButton("Show all clips")
        self.open_folder = QPushButton("Open a folder or data set…")
        self.show_all.setToolTip("Take every filter away.")
        self.open_folder.setToolTip("List the clips of a folder or a data set.")

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(4)
        for widget, stretch in (
            (self.search, 3),
            (self.status, 1),
            (self.view, 0),
            (self.queue, 2),
            (self.scan, 0),
        ):
            top.addWidget(widget, stretch)
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
        bottom = QHBoxLayout()
        bottom.setSpacing(8)
        bottom.addWidget(self.summary, 3)
        bottom.addWidget(self.progress, 2)
        bottom.addWidget(self.bar)
        self.progress.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 2)
        layout.setSpacing(3)
        layout.addLayout(top)
        layout.addWidget(self.stack, 1)
        layout.addLayout(bottom)


def _widen_list(box: QComboBox) -> None:
    words = [box.itemText(place) for place in range(box.count())]
    widest = max(map(box.fontMetrics().horizontalAdvance, words))
    view = box.view()
    if view is not None:
        view.setMinimumWidth(widest + 40)
