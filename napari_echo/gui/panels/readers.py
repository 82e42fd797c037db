"""The tab "Readers": reading blind, hidden repeats, and how far readers agree."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from napari_echo.gui.panels.bland_altman import BlandAltman
from napari_echo.gui.panels.controls import ElidedChoice, ElidedLabel, gate, may_shrink
from napari_echo.gui.panels.readers_table import AgreementTable
from napari_echo.gui.readers import LEAST, MOST, Readers
from napari_echo.gui.wording import duration_text
from napari_echo.gui.workers import Progress
from napari_echo.workflow.reader_agreement import PairAgreement

HEIGHT, CONTROLS, PLOT = 180, 212, 180
NARROW = 1000
"""Width in pixels under which the table and the plot do not both fit."""
EMPTY = (
    "Compare the readers of the label store: each pair of readers, each reader with his "
    "repeats, and each with a model."
)
NOBODY = "No clip was read by two readers, or by one reader twice."


class ReadersPanel(QWidget):
    """Switches reading blind and repeats, and shows how far readers agree.

    Parameters
    ----------
    readers : Readers
        What is done.
    """

    def __init__(self, readers: Readers, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.readers = readers
        self.session = readers.session
        self._shown: tuple[PairAgreement, ...] = ()
        self._add_switches()
        self._add_comparison()
        self.table = AgreementTable()
        self.table.itemSelectionChanged.connect(self._plot)
        self.nothing = QLabel(EMPTY)
        self.nothing.setWordWrap(True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.plot = BlandAltman()
        self.plot.setMinimumWidth(PLOT)
        self.plot.pair_wanted.connect(readers.open_pair)
        found = QWidget()
        row = QHBoxLayout(found)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.table, 5)
        row.addWidget(self.plot, 3)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.nothing)
        self.pages.addWidget(found)
        left = QWidget()
        left.setFixedWidth(CONTROLS)
        left.setLayout(self._left)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.setSpacing(10)
        layout.addWidget(left)
        layout.addWidget(self.pages, 1)
        self._is_stale = True
        for signal in (
            readers.changed,
            self.session.blind.changed,
            self.session.clip_changed,
            self.session.model_changed,
            self.session.corrections.store_changed,
            readers.jobs.busy_changed,
        ):
            signal.connect(self._invalidate)
        readers.jobs.progressed.connect(self._show_progress)
        self.refresh()

    def sizeHint(self) -> QSize:
        """Ask for the height that leaves the canvas large."""
        return QSize(900, HEIGHT)

    def _add_switches(self) -> None:
        self.blind = QCheckBox("Read blind")
        self.blind.clicked.connect(self._read_blind)
        self.repeats = QCheckBox("Repeats, 1 in")
        self.one_in = QSpinBox()
        self.one_in.setRange(LEAST, MOST)
        self.one_in.setKeyboardTracking(False)
        self.one_in.setFixedWidth(76)
        self.repeats.clicked.connect(self._set_repeats)
        self.one_in.valueChanged.connect(self._set_repeats)
        self.state = ElidedLabel(lines=2)
        self._left = QVBoxLayout()
        self._left.setContentsMargins(0, 0, 0, 0)
        self._left.setSpacing(3)
        self._left.addWidget(self.blind)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.repeats, 1)
        row.addWidget(self.one_in)
        self._left.addLayout(row)
        self._left.addWidget(self.state)

    def _add_comparison(self) -> None:
        self.model = ElidedChoice()
        may_shrink(self.model)
        self.model.setToolTip(
            "Compare each reader with this model, too. It is run on the labelled clips of the list."
        )
        self.action = QPushButton("Compare")
        self.action.clicked.connect(self._compare)
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Stop comparing; nothing of it is kept.")
        self.cancel.clicked.connect(self.readers.jobs.cancel)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        policy = self.bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.bar.setSizePolicy(policy)
        self.as_plot = QPushButton("Plot")
        self.as_plot.setCheckable(True)
        self.as_plot.setToolTip("Show the clips of the chosen row as a plot, or the table again.")
        self.as_plot.toggled.connect(self._fit)
        self._left.addStretch(1)
        self._left.addWidget(self.model)
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.action, 1)
        row.addWidget(self.as_plot)
        row.addWidget(self.cancel)
        self._left.addLayout(row)
        self._left.addWidget(self.bar)

    def set_colors(self, background: str, foreground: str) -> None:
        """Take the colours of the theme."""
        self.plot.set_colors(background, foreground)

    def _read_blind(self, on: bool) -> None:
        self.readers.read_blind(on)
        self.refresh()

    def _set_repeats(self) -> None:
        self.readers.set_repeats(self.repeats.isChecked(), self.one_in.value())

    def _compare(self) -> None:
        self.readers.compare(self.model.currentData())

    # What is shown --------------------------------------------------------------

    def _invalidate(self) -> None:
        self._is_stale = True
        if self.isVisible():
            self.refresh()

    def showEvent(self, event: object) -> None:
        """Show the review as it has become meanwhile."""
        super().showEvent(event)  # type: ignore[arg-type]
        if self._is_stale:
            self.refresh()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Show the plot beside the table where there is room, else in its place."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        narrow = self.width() < NARROW
        self.as_plot.setVisible(narrow and bool(self._shown))
        self.table.setHidden(narrow and self.as_plot.isChecked())
        self.plot.setHidden(narrow and not self.as_plot.isChecked())
        self.plot.set_alone(narrow)

    def refresh(self) -> None:
        """Show the session as it is."""
        self._is_stale = False
        readers, blind = self.readers, self.session.blind
        self._show_switches()
        self._list_models()
        gate(
            self.action,
            readers.obstacle(),
            "Compare all revisions of the label store: Dice at ED and ES, and EF.",
        )
        self.cancel.setVisible(readers.jobs.busy)
        self.bar.setVisible(readers.jobs.busy)
        if readers.jobs.busy:
            self.bar.setRange(0, 0)
        found = readers.agreement if not blind.on else None
        groups = found.groups if found is not None else ()
        if found is None or not groups:
            hidden = "How readers agree is not shown while you read blind."
            text = hidden if blind.on else NOBODY if found is not None else EMPTY
            self.nothing.setText(text)
            self.pages.setCurrentIndex(0)
            self._shown = ()
            self._fit()
            return
        self.pages.setCurrentIndex(1)
        if groups != self._shown:
            self._shown = groups
            self.table.fill(groups)
            self.table.selectRow(0)
        self._plot()
        self._fit()

    def _show_switches(self) -> None:
        readers, blind = self.readers, self.session.blind
        with_signals = self.one_in.blockSignals(True)
        self.blind.setChecked(blind.on)
        self.repeats.setChecked(readers.repeats)
        self.one_in.setValue(readers.one_in)
        self.one_in.blockSignals(with_signals)
        self.blind.setToolTip(
            "Hide predictions, ground truth, hardness, measures and what others drew, until you "
            "have drawn ED and ES of a clip from nothing and committed them."
        )
        off = "" if blind.on else "Switch reading blind on first: a repeat must not be known."
        about = (
            "Let clips that you have drawn come up again, unmarked, when you go to the next clip: "
            "it shows how well you agree with yourself. The first reading is what is exported."
        )
        gate(self.repeats, off, about)
        gate(self.one_in, off, about)
        if not blind.on:
            state = "Everything is shown."
        elif self.session.clip is None:
            state = "The next clip is read blind."
        else:
            state = blind.obstacle() or "You have drawn this clip: everything is shown."
        self.state.set_full_text(state)

    def _list_models(self) -> None:
        packs = [None, *self.session.packs]
        if [self.model.itemData(i) for i in range(self.model.count())] != packs:
            chosen = self.model.currentData()
            self.model.clear()
            for pack in packs:
                self.model.addItem("with no model" if pack is None else f"with {pack.name}", pack)
            self.model.setCurrentIndex(packs.index(chosen) if chosen in packs else 0)

    def _show_progress(self, progress: Progress) -> None:
        left = self.readers.jobs.seconds_left
        self.bar.setRange(0, progress.total)
        self.bar.setValue(progress.done)
        count = f"{progress.done} of {progress.total} clips" if progress.total else progress.what
        time = f", about {duration_text(left)} left" if left is not None else ""
        self.bar.setToolTip(f"{count}{time}")
        self.state.set_full_text(f"{count}{time}")

    def _plot(self) -> None:
        rows = self.table.selectionModel()
        chosen = [index.row() for index in rows.selectedRows()] if rows is not None else []
        if chosen and chosen[0] < len(self._shown):
            self.plot.show_pairs(self._shown[chosen[0]])
