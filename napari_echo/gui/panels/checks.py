"""The tab "Checks": what in the labels no beating heart explains, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_echo.gui.panels.controls import ElidedLabel
from napari_echo.gui.panels.tab import Tab
from napari_echo.metrics.temporal_checks import CHECKS, Check, Finding, findings, limits
from napari_echo.metrics.volume import LVMeasures
from napari_echo.workflow.session import Session

CHECKS_DOCK = "Checks"
COLUMNS = ("Labels", "Finding", "Frame", "Size", "Limit")
# What a finding says, and where to look for its cause.
WORDS: dict[Check, tuple[str, str]] = {
    "area jump": (
        "area jumps",
        "The area of this frame strays from the mean of its two neighbours.",
    ),
    "apex drift": ("apex jumps", "The apex moves this far from the frame before."),
    "base drift": ("annulus jumps", "The mitral annulus moves this far from the frame before."),
    "open cycle": (
        "cycle does not close",
        "The area at this ED differs from that at the ED before.",
    ),
    "ED no maximum": ("larger than ED", "The LV is larger here than at the ED of its beat."),
    "ES no minimum": ("smaller than ES", "The LV is smaller here than at the ES of its beat."),
}
OF: dict[Check, str] = {
    "area jump": "of the largest area",
    "apex drift": "of the long axis",
    "base drift": "of the long axis",
    "open cycle": "of the larger area",
    "ED no maximum": "of the area at ED",
    "ES no minimum": "of the area at ED",
}


@dataclass(frozen=True)
class Row:
    """A finding, and whose labels it was found in: of a model's, with its id."""

    labels: str
    finding: Finding
    model_id: str = ""


class ChecksPanel(Tab):
    """Lists findings in truth, predictions and corrections; a click goes to the frame.

    Nothing is checked while the tab is hidden.

    Signals
    -------
    frame_wanted(int)
        The reader chose a finding.
    model_wanted(str)
        It is in what this model says.
    """

    frame_wanted = Signal(int)
    model_wanted = Signal(str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self._known: dict[int, tuple[LVMeasures, tuple[Finding, ...]]] = {}
        self.rows: tuple[Row, ...] = ()
        self._chosen: Row | None = None
        self.summary = ElidedLabel()
        self.table = QTableWidget(0, len(COLUMNS))
        self.table.setHorizontalHeaderLabels(COLUMNS)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(COLUMNS.index("Frame"), Qt.SortOrder.AscendingOrder)
        rows, header = self.table.verticalHeader(), self.table.horizontalHeader()
        if rows is not None:
            rows.setVisible(False)
            rows.setDefaultSectionSize(self.fontMetrics().height() + 6)
        if header is not None:
            header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            header.setStretchLastSection(True)
        self.table.currentCellChanged.connect(self._on_chosen)
        # Also where it is chosen already. A click would come after others may have the rows.
        self.table.cellPressed.connect(self._on_chosen)
        self.empty = QLabel()
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.setSpacing(2)
        layout.addWidget(self.summary)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.empty, 1)
        for signal in (
            session.clip_changed,
            session.measures_changed,
            session.key_frames_changed,
            session.prediction_changed,
        ):
            signal.connect(self.mark_stale)

    def _sources(self) -> list[tuple[str, LVMeasures, str]]:
        """Whose labels are checked: truth, every model that has run (with its id), correction."""
        session = self.session
        known: list[tuple[str, LVMeasures, str]] = []
        if "truth" in session.measures:
            known.append(("Truth", session.measures["truth"], ""))
        for model_id, measures in session.model_measures.items():
            prediction = session.predictions.get(model_id)
            if prediction is not None:
                known.append((prediction.model_name, measures, model_id))
        if "correction" in session.measures:
            known.append(("Corrected", session.measures["correction"], ""))
        return known

    def _findings(self, measures: LVMeasures) -> tuple[Finding, ...]:
        """Check, unless it was checked before: most changes concern one source alone."""
        clip = self.session.clip
        found = self._known.get(id(measures))
        if found is None or found[0] is not measures:
            fps = clip.fps if clip is not None else None
            found = self._known[id(measures)] = measures, findings(measures, fps)
        return found[1]

    def refresh(self) -> None:
        """Show the session as it is."""
        sources = self._sources()
        rows = tuple(
            Row(title, finding, model_id)
            for title, m, model_id in sources
            for finding in self._findings(m)
        )
        kept = {id(m) for _, m, _ in sources}
        self._known = {key: value for key, value in self._known.items() if key in kept}
        # To show another model changes none: rows that are written anew would move under a click.
        if rows != self.rows:
            self.rows = rows
            self._write_all()
        self.table.setVisible(bool(rows))
        self.empty.setVisible(not rows)
        self._summarize([title for title, *_ in sources])

    def _write_all(self) -> None:
        blocked = self.table.blockSignals(True)
        self.table.setSortingEnabled(False)
        self.table.setRowCount(len(self.rows))
        for place, row in enumerate(self.rows):
            self._write(place, row)
        self.table.setSortingEnabled(True)
        self.table.clearSelection()
        self.table.setCurrentCell(-1, -1)
        self._choose_again()
        self.table.blockSignals(blocked)

    def _choose_again(self) -> None:
        """Keep the finding chosen, so that keys go on from it."""
        chosen, self._chosen = self._chosen, None
        for place in range(self.table.rowCount() if chosen is not None else 0):
            if self._row_at(place) == chosen:
                self._chosen = chosen
                self.table.setCurrentCell(place, 0)

    def _row_at(self, place: int) -> Row | None:
        item = self.table.item(place, 0)
        return self.rows[item.place] if isinstance(item, _Item) else None

    def _write(self, place: int, row: Row) -> None:
        finding = row.finding
        said, meaning = WORDS[finding.check]
        tip = (
            f"{meaning} {finding.value:.1f}% {OF[finding.check]}; up to {finding.limit:.1f}% "
            "occurs in exact masks of a beating phantom."
        )
        texts: tuple[tuple[str, float | None], ...] = (
            (row.labels, None),
            (said, None),
            (str(finding.frame), finding.frame),
            (f"{finding.value:.1f}%", finding.value),
            (f"{finding.limit:.1f}% {OF[finding.check]}", None),
        )
        for column, (text, value) in enumerate(texts):
            item = _Item(text, value, place)
            item.setToolTip(f"{tip} Click to go to frame {finding.frame}.")
            self.table.setItem(place, column, item)

    def _summarize(self, titles: list[str]) -> None:
        clip = self.session.clip
        if clip is None:
            text = "Open a clip: its labels are checked for jumps and for wrong ED and ES."
        elif not titles:
            text = "Nothing to check yet: run a model, load ground truth or correct."
        else:
            counts = [
                f"{title} {sum(row.labels == title for row in self.rows) or 'none'}"
                for title in titles
            ]
            text = "Findings: " + ", ".join(counts)
        passing = limits(clip.fps if clip is not None else None)
        tip = "Limits: " + ", ".join(f"{WORDS[c][0]} {passing[c]:.1f}%" for c in CHECKS)
        self.summary.set_full_text(text if self.rows else "", tip)
        self.summary.setVisible(bool(self.rows))
        self.empty.setText(text if self.rows or not titles else f"{text}.\n{tip}.")

    def _on_chosen(self, place: int, *_: int) -> None:
        row = self._chosen = self._row_at(place)
        if row is None:
            return
        if row.model_id:
            self.model_wanted.emit(row.model_id)
        self.frame_wanted.emit(row.finding.frame)


class _Item(QTableWidgetItem):
    """A cell that sorts by its number, and knows its finding."""

    def __init__(self, text: str, value: float | None, place: int) -> None:
        super().__init__(text)
        self.value = value
        self.place = place
        if value is not None:
            self.setTextAlignment(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight)

    def __lt__(self, other: QTableWidgetItem) -> bool:
        if self.value is not None and isinstance(other, _Item) and other.value is not None:
            return self.value < other.value
        return bool(super().__lt__(other))
