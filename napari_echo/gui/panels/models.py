"""The tab "Models": what each model measures on the clip, and how far they agree."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import pyqtgraph as pg
from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_echo.gui.comparing import Comparing
from napari_echo.gui.curves import (
    color_plot,
    frame_at,
    frame_plot,
    mark_key_frames,
    span_frames,
)
from napari_echo.gui.model_colors import CORRECTION, color_of
from napari_echo.gui.panels.section import ElidedLabel, swatch
from napari_echo.gui.panels.tab import Tab
from napari_echo.metrics.volume import LVMeasures
from napari_echo.workflow.compare import ComparisonReport


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
_LOWEST = 0.9
"""The plot of the agreement reaches down to this Dice at least."""


class ModelsPanel(Tab):
    """Compares the models that have run, with each other and with truth or correction.

    Signals
    -------
    frame_wanted(int)
        The reader clicked on a frame.
    """

    frame_wanted = Signal(int)

    def __init__(
        self,
        comparing: Comparing,
        current_frame: Callable[[], int],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.comparing = comparing
        self.session = comparing.session
        self.current_frame = current_frame
        self.table = QTableWidget(0, len(COLUMNS))
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.setWordWrap(False)
        font = self.table.font()
        font.setPointSizeF(0.9 * font.pointSizeF())
        self.table.setFont(font)
        across, down = self.table.horizontalHeader(), self.table.verticalHeader()
        if across is not None and down is not None:
            across.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            down.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
            down.setMinimumSectionSize(_ROW_HEIGHT)
            down.setDefaultSectionSize(_ROW_HEIGHT)
            down.setFixedWidth(_NAME_WIDTH)
            down.setSectionsClickable(True)
            down.sectionClicked.connect(self._on_row)
        self.table.cellClicked.connect(self._on_cell)
        self.told = ElidedLabel()
        self.plot = frame_plot(self)
        item = self.plot.getPlotItem()
        item.setLabel("left", "Dice")
        self.plot.setToolTip(
            "Dice of the LV between every two models, the least in bold; a click goes to the frame."
        )
        self._pairs: list[pg.PlotDataItem] = []
        self._least = item.plot()
        self._least.setZValue(5)
        self._marks: list[pg.InfiniteLine] = []
        self._cursor = pg.InfiniteLine(angle=90, movable=False)
        self._cursor.setZValue(10)
        item.addItem(self._cursor, ignoreBounds=True)
        item.scene().sigMouseClicked.connect(self._on_click)

        right = QVBoxLayout()
        right.setSpacing(0)
        right.addWidget(self.told)
        right.addWidget(self.plot, 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.addWidget(self.table, 2)
        layout.addLayout(right, 1)
        self._rows: list[str] = []
        self.set_colors("#262930", "#f0f1f2")
        session = self.session
        for signal in (
            session.clip_changed,
            session.model_changed,
            session.predictions_changed,
            session.prediction_changed,
            session.truth_changed,
            session.key_frames_changed,
            session.measures_changed,
            comparing.agreement_changed,
        ):
            signal.connect(self.mark_stale)

    def set_colors(self, background: str, foreground: str) -> None:
        """Take the colours of the theme."""
        self._foreground = foreground
        color_plot(self.plot, background, foreground)
        self._cursor.setPen(pg.mkPen(foreground, width=1))
        self.mark_stale()

    # The table ------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the session as it is."""
        self._fill()
        self._draw()

    def _fill(self) -> None:
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
            ("Ground truth", self._foreground, session.measures.get("truth")),
            ("Correction", CORRECTION, session.measures.get("correction")),
        ):
            if measures is not None:
                rows.append(("", title, color, measures, None))
        self._rows = [row[0] for row in rows]
        self.table.setRowCount(len(rows))
        unit = next((m.unit_volume for _, _, _, m, _ in rows if m is not None), "ml")
        for place, column in enumerate(COLUMNS):
            volume = column.title in ("EDV", "ESV")
            head = QTableWidgetItem(f"{column.title} {unit}" if volume else column.title)
            head.setToolTip(
                column.tip.replace("the reference", f"the {which}")
                + (f" A click goes to {column.frame.upper()}." if column.frame else "")
            )
            self.table.setHorizontalHeaderItem(place, head)
        shown = session.prediction
        for row, (model_id, title, color, measures, report) in enumerate(rows):
            room = _NAME_WIDTH - 30
            short = self.fontMetrics().elidedText(title, Qt.TextElideMode.ElideLeft, room)
            name = QTableWidgetItem(swatch(color), short)
            font = name.font()
            font.setBold(shown is not None and model_id == shown.model_id)
            name.setFont(font)
            name.setToolTip(f"{title}: a click shows it." if model_id else title)
            self.table.setVerticalHeaderItem(row, name)
            for place, text in enumerate(self._texts(measures, report, reference)):
                cell = QTableWidgetItem(text)
                cell.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(row, place, cell)

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
            self.comparing.show(self._rows[row])

    def _on_cell(self, row: int, place: int) -> None:
        self._on_row(row)
        key_frames, which = self.session.key_frames, COLUMNS[place].frame
        if which and key_frames is not None and key_frames.beats:
            self.frame_wanted.emit(getattr(key_frames.beats[0], which))

    # How far they agree -----------------------------------------------------------------

    def _draw(self) -> None:
        session, item = self.session, self.plot.getPlotItem()
        for line in self._pairs:
            item.removeItem(line)
        self._pairs.clear()
        agreement = self.comparing.agreement
        least = agreement.least if agreement is not None else np.empty(0)
        if agreement is not None and len(agreement.pairs) > 1:
            pen = pg.mkPen("#8d8f94", width=1)
            for dice in agreement.dice:
                self._pairs.append(item.plot(np.arange(len(dice)), dice, pen=pen, connect="finite"))
        single = len(least) == 1
        self._least.setData(
            np.arange(len(least)),
            least,
            pen=pg.mkPen(self._foreground, width=2),
            connect="finite",
            symbol="o" if single else None,
            symbolSize=6,
            symbolBrush=self._foreground,
            symbolPen=None,
        )
        self.told.set_full_text(self._sentence())
        mark_key_frames(self.plot, self._marks, session, self._foreground)
        span_frames(self.plot, session)
        finite = least[np.isfinite(least)]
        self.plot.setYRange(min(_LOWEST, float(finite.min(initial=1.0))), 1.0, padding=0.06)
        self._cursor.setValue(self.current_frame())
        if agreement is None and len(session.predictions) > 1:
            self.comparing.want_agreement()

    def _sentence(self) -> str:
        session, agreement = self.session, self.comparing.agreement
        if session.clip is None:
            return "Open a clip first."
        if len(session.predictions) < 2:
            return "Tick two models or more and run them to see how far they agree."
        if agreement is None:
            return "Comparing the models…"
        frame = agreement.worst()
        if frame is None:
            return "No model finds an LV in this clip."
        names = {model_id: p.model_name for model_id, p in session.predictions.items()}
        pair = agreement.pairs[int(np.nanargmin(agreement.dice[:, frame]))]
        who = " and ".join(names.get(model_id, "") for model_id in pair)
        return f"Least {agreement.least[frame]:.2f} at frame {frame}: {who}"

    def move_cursor(self, _event: object = None) -> None:
        """Put the cursor on the frame on show; it costs nothing while the tab is hidden."""
        if self.is_seen:
            self._cursor.setValue(self.current_frame())
        else:
            self._stale = True

    def _on_click(self, event: pg.GraphicsScene.mouseEvents.MouseClickEvent) -> None:
        frame = frame_at(self.plot, self.session, event)
        if frame is not None:
            self.frame_wanted.emit(frame)


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
