"""The table of the tab "Models": what each model, the truth and the correction measure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
)

from napari_echo.gui.model_colors import CORRECTION, beside_models, color_of
from napari_echo.gui.panels.controls import swatch
from napari_echo.metrics.volume import LVMeasures
from napari_echo.workflow.compare import ComparisonReport
from napari_echo.workflow.session import Session


@dataclass(frozen=True)
class _Column:
    title: str
    tip: str
    frame: str  # "ed", "es" or neither: where a click leads


COLUMNS = (
    _Column("EF %", "Ejection fraction, mean of the beats; in brackets less the reference's.", ""),
    _Column("Dice ED", "Dice of the LV with the ground truth at ED.", "ed"),
    _Column("Dice ES", "Dice of the LV with the ground truth at ES.", "es"),
    _Column("EDV", "Volume at ED, mean of the beats; in brackets less the reference's.", "ed"),
    _Column("ESV", "Volume at ES, mean of the beats; in brackets less the reference's.", "es"),
    _Column("FAC %", "Fractional area change, mean of the beats.", ""),
)
_ROW_HEIGHT, _NAME_WIDTH = 20, 140


class ModelsTable(QTableWidget):
    """A row for each model that has run, and for what they are compared with.

    Parameters
    ----------
    session : Session
        The review.

    Signals
    -------
    model_wanted(str)
        The reader clicked on a model, which is named by its id.
    frame_wanted(int)
        The reader clicked on what was measured at ED or ES.
    """

    model_wanted = Signal(str)
    frame_wanted = Signal(int)

    def __init__(self, session: Session) -> None:
        super().__init__(0, len(COLUMNS))
        self.session = session
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setWordWrap(False)
        self.setCornerButtonEnabled(False)
        font = self.font()
        font.setPointSizeF(0.9 * font.pointSizeF())
        self.setFont(font)
        across, down = self.horizontalHeader(), self.verticalHeader()
        if across is not None and down is not None:
            across.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            down.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
            down.setMinimumSectionSize(_ROW_HEIGHT)
            down.setDefaultSectionSize(_ROW_HEIGHT)
            down.setFixedWidth(_NAME_WIDTH)
            down.setSectionsClickable(True)
            down.sectionClicked.connect(self._on_row)
        self.cellClicked.connect(self._on_cell)
        self._rows: list[str] = []

    def refresh(self, background: str, foreground: str) -> None:
        """Show the session as it is, truth and correction in colours that the theme shows."""
        session = self.session
        reference = session.measures.get("truth") or session.measures.get("correction")
        which = "ground truth" if "truth" in session.measures else "correction"
        rows: list[tuple[str, str, str, LVMeasures | None, ComparisonReport | None]] = [
            (
                model_id,
                prediction.model_name,
                color_of(session.slot(model_id)),
                session.model_measures.get(model_id),
                session.model_reports.get(model_id),
            )
            for model_id, prediction in session.predictions.items()
        ]
        for title, color, measures in (
            ("Ground truth", foreground, session.measures.get("truth")),
            (
                "Correction",
                beside_models(CORRECTION, background),
                session.measures.get("correction"),
            ),
        ):
            if measures is not None:
                rows.append(("", title, color, measures, None))
        self._rows = [row[0] for row in rows]
        self.setRowCount(len(rows))
        unit = next((m.unit_volume for _, _, _, m, _ in rows if m is not None), "ml")
        for place, column in enumerate(COLUMNS):
            volume = column.title in ("EDV", "ESV")
            head = QTableWidgetItem(f"{column.title} {unit}" if volume else column.title)
            head.setToolTip(
                column.tip.replace("the reference", f"the {which}")
                + (f" A click goes to {column.frame.upper()}." if column.frame else "")
            )
            self.setHorizontalHeaderItem(place, head)
        shown = session.prediction
        for row, (model_id, title, color, measures, report) in enumerate(rows):
            room = _NAME_WIDTH - 30
            short = self.fontMetrics().elidedText(title, Qt.TextElideMode.ElideLeft, room)
            name = QTableWidgetItem(swatch(color), short)
            font = name.font()
            font.setBold(shown is not None and model_id == shown.model_id)
            name.setFont(font)
            name.setToolTip(f"{title}: a click shows it." if model_id else title)
            self.setVerticalHeaderItem(row, name)
            for place, text in enumerate(self._texts(measures, report, reference)):
                cell = QTableWidgetItem(text)
                cell.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.setItem(row, place, cell)
        self._take_width()

    def _take_width(self) -> None:
        """Be no wider than what is in it: the rest is the plot's."""
        across, bar = self.horizontalHeader(), self.verticalScrollBar()
        if across is None or bar is None:
            return
        columns = range(self.columnCount())
        needed = sum(max(self.sizeHintForColumn(c), across.sectionSizeHint(c)) for c in columns)
        self.setMaximumWidth(
            _NAME_WIDTH + needed + bar.sizeHint().width() + 2 * self.frameWidth() + 2
        )

    def _texts(
        self,
        measures: LVMeasures | None,
        report: ComparisonReport | None,
        reference: LVMeasures | None,
    ) -> list[str]:
        """The cells of a row, in the order of `COLUMNS`."""
        if measures is None:
            return [""] * len(COLUMNS)
        other = reference if reference is not measures else None
        texts = []
        for find, digits in ((_ef, 1), (_edv, 0), (_esv, 0)):
            gap = find(measures) - find(other) if other is not None else math.nan
            brackets = f" ({gap:+.0f})".replace("-", "−") if math.isfinite(gap) else ""
            texts.append(_number(find(measures), digits) + brackets)
        key_frames, dices = self.session.key_frames, ["", ""]
        if report is not None and key_frames is not None:
            found = (report.dice_at_ed(key_frames), report.dice_at_es(key_frames))
            dices = ["–" if dice is None else f"{dice:.3f}" for dice in found]
        fac = math.nan if measures.fac is None else 100 * measures.fac
        return [texts[0], *dices, *texts[1:], _number(fac, 0)]

    def _on_row(self, row: int) -> None:
        if row < len(self._rows) and self._rows[row]:
            self.model_wanted.emit(self._rows[row])

    def _on_cell(self, row: int, place: int) -> None:
        self._on_row(row)
        key_frames, which = self.session.key_frames, COLUMNS[place].frame
        if which and key_frames is not None and key_frames.beats:
            self.frame_wanted.emit(getattr(key_frames.beats[0], which))


def _ef(measures: LVMeasures) -> float:
    return math.nan if measures.ef is None else 100 * measures.ef


def _edv(measures: LVMeasures) -> float:
    return _mean([beat.edv for beat in measures.beats])


def _esv(measures: LVMeasures) -> float:
    return _mean([beat.esv for beat in measures.beats])


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return fmean(finite) if finite else math.nan


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"
