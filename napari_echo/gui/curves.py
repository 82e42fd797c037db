"""The curves below the canvas: the LV by everyone's labels, and the hardness, frame by frame."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_echo.gui.frame_plot import (
    color_plot,
    frame_at,
    frame_plot,
    mark_key_frames,
    span_frames,
)
from napari_echo.gui.model_colors import (
    CORRECTION,
    HARDNESS,
    PROPAGATION,
    beside_models,
    color_of,
)
from napari_echo.gui.panels.tab import Tab, sentence
from napari_echo.metrics.volume import LVMeasures
from napari_echo.workflow.session import Session

QUANTITIES = ("volume", "area", "length")
TRUTH, CORRECTED, PROPAGATED = "truth", "corrected", "propagation"
_LEGEND_WIDTH = 148
_LINE, _DASHES = "━", "╍"
_NAMES = 0.08
"""Height of the names of ED and ES in the plot: curves are high at ED, and above zero at ES."""
_WIDE, _NARROW = 3, 2
"""Width of the curve of the model on show, and of the others."""


class CurvesWidget(Tab):
    """Plots LV volume, area or length by every model, truth and correction, and the hardness.

    Signals
    -------
    frame_wanted(int)
        The reader clicked on a frame.
    """

    frame_wanted = Signal(int)

    def __init__(
        self, session: Session, current_frame: Callable[[], int], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.session = session
        self.current_frame = current_frame
        self.quantity = QComboBox()
        self.quantity.addItems(QUANTITIES)
        self.quantity.setToolTip("What the left axis shows.")
        self.legend = QLabel()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.legend.setFixedWidth(_LEGEND_WIDTH)
        self.plot = frame_plot(self)
        item = self.plot.getPlotItem()
        item.showAxis("right")
        item.getAxis("right").setLabel("hardness")
        item.getAxis("right").enableAutoSIPrefix(False)
        # Hardness has an axis of its own, 0 to 1 on the right.
        self._right = pg.ViewBox(enableMenu=False)
        self._right.setMouseEnabled(x=False, y=False)
        item.scene().addItem(self._right)
        item.getAxis("right").linkToView(self._right)
        self._right.setXLink(item.vb)
        item.vb.sigResized.connect(self._align)
        self._curves: dict[str, pg.PlotDataItem] = {}
        self._propagation: LVMeasures | None = None
        self._hardness = pg.PlotDataItem()
        self._right.addItem(self._hardness)
        self._marks: list[pg.InfiniteLine] = []
        self._cursor = pg.InfiniteLine(angle=90, movable=False)
        self._cursor.setZValue(10)
        item.addItem(self._cursor, ignoreBounds=True)
        item.scene().sigMouseClicked.connect(self._on_click)

        column = QVBoxLayout()
        column.setSpacing(2)
        column.addWidget(self.quantity)
        column.addWidget(self.legend)
        column.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.addLayout(column)
        layout.addWidget(self.plot, 1)
        self.empty = sentence()
        layout.addWidget(self.empty, 1)
        self.set_colors("#262930", "#f0f1f2")
        self.quantity.activated.connect(self.refresh)
        for signal in (
            session.clip_changed,
            session.model_changed,
            session.predictions_changed,
            session.prediction_changed,
            session.key_frames_changed,
            session.measures_changed,
            session.marks_changed,
        ):
            signal.connect(self.mark_stale)

    def set_colors(self, background: str, foreground: str) -> None:
        """Take the colours of the theme."""
        self._foreground = foreground
        self._correction, self._hard, self._propagated = (
            beside_models(color, background) for color in (CORRECTION, HARDNESS, PROPAGATION)
        )
        color_plot(self.plot, background, foreground, ("left", "bottom", "right"))
        self._cursor.setPen(pg.mkPen(foreground, width=1))
        self.mark_stale()

    def sources(self) -> dict[str, tuple[str, str, LVMeasures]]:
        """Title, colour and measures of each curve, by the model's id or one of the keys above."""
        session, found = self.session, {}
        for model_id, prediction in session.predictions.items():
            measures = session.model_measures.get(model_id)
            if measures is not None:
                color = color_of(session.slot(model_id))
                found[model_id] = (prediction.model_name, color, measures)
        for key, source, color in (
            (TRUTH, "truth", self._foreground),
            (CORRECTED, "correction", self._correction),
        ):
            measures = {str(s): m for s, m in session.measures.items()}.get(source)
            if measures is not None:
                found[key] = (key, color, measures)
        if self._propagation is not None:
            found[PROPAGATED] = (PROPAGATED, self._propagated, self._propagation)
        return found

    def show_propagation(self, measures: LVMeasures | None) -> None:
        """Plot, dashed, what a propagation would give, until None takes it away."""
        if measures is not self._propagation:
            self._propagation = measures
            self.mark_stale()

    def values(self, measures: LVMeasures) -> NDArray[np.float64]:
        """Return what is plotted of someone's measures, one value a frame."""
        found: NDArray[np.float64] = getattr(measures, self.quantity.currentText())
        return found

    def refresh(self) -> None:
        """Plot the session as it is."""
        session, item = self.session, self.plot.getPlotItem()
        sources = self.sources()
        for key in self._curves.keys() - sources.keys():
            item.removeItem(self._curves.pop(key))
        shown = session.prediction
        name, unit, legend = self.quantity.currentText(), "", []
        for key, (title, color, measures) in sources.items():
            if key not in self._curves:
                self._curves[key] = item.plot()
            values = self.values(measures)
            unit = getattr(measures, f"unit_{name}")
            known = np.isfinite(values).sum()
            lonely = len(values) == 1 or 0 < known < len(values)
            wide = shown is not None and key == shown.model_id
            self._curves[key].setData(
                np.arange(len(values)),
                values,
                pen=pg.mkPen(color, width=_WIDE if wide else _NARROW, style=_style(key)),
                connect="finite",
                # Stills and sparse truth have no neighbours to draw a line to.
                symbol="o" if lonely else None,
                symbolSize=6,
                symbolBrush=color,
                symbolPen=None,
            )
            legend.append((_DASHES if key == PROPAGATED else _LINE, color, title, wide))
        item.setLabel("left", f"LV {name}" + (f" ({unit})" if unit else ""))
        hard = session.hard_pixels
        scores = hard.frame_scores if hard is not None else np.empty(0, np.float32)
        self._hardness.setData(
            np.arange(len(scores)), scores, pen=pg.mkPen(self._hard, width=1), connect="finite"
        )
        item.showAxis("right", hard is not None)
        if hard is not None:
            legend.append((_LINE, self._hard, "hardness", False))
        self._write_legend(legend)
        mark_key_frames(self.plot, self._marks, session, self._foreground, _NAMES)
        self._fit([self.values(measures) for _, _, measures in sources.values()])
        self._cursor.setValue(self.current_frame())
        self.plot.setVisible(bool(sources))
        self.empty.setVisible(not sources)
        self.empty.setText(self._what_to_do())

    def _what_to_do(self) -> str:
        """Say how curves come here."""
        session = self.session
        if session.clip is None:
            return "Open a clip: the size of its LV is drawn here, frame by frame."
        if session.hidden:
            return "You read blind: what you draw is measured here, all else once it is committed."
        if session.predictions:
            return "Measuring…"
        return "Run a model, load the truth or correct: the LV is drawn here, frame by frame."

    def _write_legend(self, entries: list[tuple[str, str, str, bool]]) -> None:
        metrics, lines = self.legend.fontMetrics(), []
        room = _LEGEND_WIDTH - metrics.horizontalAdvance(f"{_LINE} ") - 4
        for mark, color, title, wide in entries:
            text = escape(metrics.elidedText(title, Qt.TextElideMode.ElideMiddle, room))
            text = f"<b>{text}</b>" if wide else text
            lines.append(f"<font color='{color}'>{mark}</font>&nbsp;{text}")
        self.legend.setText("<br>".join(lines))
        self.legend.setToolTip("\n".join(title for _, _, title, _ in entries))

    def _fit(self, curves: list[NDArray[np.float64]]) -> None:
        """Let the axes span the clip, and the values from zero."""
        span_frames(self.plot, self.session)
        top = max((float(np.nanmax(v)) for v in curves if np.isfinite(v).any()), default=1.0)
        self.plot.setYRange(0, top, padding=0.1)
        scores = self._hardness.yData
        finite = scores[np.isfinite(scores)] if scores is not None else np.empty(0)
        self._right.setYRange(0, float(finite.max()) if finite.size else 1.0, padding=0.1)

    def move_cursor(self, _event: object = None) -> None:
        """Put the cursor on the frame on show; it costs nothing while the tab is hidden."""
        if self.is_seen:
            self._cursor.setValue(self.current_frame())
        else:
            self._stale = True

    def _align(self) -> None:
        self._right.setGeometry(self.plot.getPlotItem().vb.sceneBoundingRect())

    def _on_click(self, event: pg.GraphicsScene.mouseEvents.MouseClickEvent) -> None:
        frame = frame_at(self.plot, self.session, event)
        if frame is not None:
            self.frame_wanted.emit(frame)


def _style(key: str) -> Qt.PenStyle:
    """Dashes for what is not yet anybody's word."""
    return Qt.PenStyle.DashLine if key == PROPAGATED else Qt.PenStyle.SolidLine
