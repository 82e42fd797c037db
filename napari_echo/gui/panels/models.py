"""The tab "Models": what each model measures on the clip, and how far they agree."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from psygnal import Signal
from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from napari_echo.core.labels import LV
from napari_echo.gui.comparing import Comparing
from napari_echo.gui.contrast import GRAPHICS, readable
from napari_echo.gui.frame_plot import (
    color_plot,
    frame_at,
    frame_plot,
    mark_key_frames,
    span_frames,
)
from napari_echo.gui.model_colors import color_of
from napari_echo.gui.panels.controls import ElidedLabel
from napari_echo.gui.panels.models_table import ModelsTable
from napari_echo.gui.panels.tab import Tab, sentence

_LOWEST = 0.9
"""The plot reaches down to this Dice at least."""
_PAIRS = "#8d8f94"
_TWO = "Dice of the LV between every two models, the least in bold; a click goes to the frame."
_ONE = "Dice of the LV; a click goes to the frame. Tick other models to see how far they agree."


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
        self.table = ModelsTable(self.session)
        self.table.model_wanted.connect(comparing.show)
        self.table.frame_wanted.connect(lambda frame: self.frame_wanted.emit(frame))
        self.told = ElidedLabel()
        self.told.setObjectName("echoSmall")
        self.plot = frame_plot(self)
        item = self.plot.getPlotItem()
        item.setLabel("left", "Dice")
        self._pairs: list[pg.PlotDataItem] = []
        self._dice = item.plot()
        self._dice.setZValue(5)
        self._marks: list[pg.InfiniteLine] = []
        self._cursor = pg.InfiniteLine(angle=90, movable=False)
        self._cursor.setZValue(10)
        item.addItem(self._cursor, ignoreBounds=True)
        item.scene().sigMouseClicked.connect(self._on_click)

        self.chart = QWidget()
        right = QVBoxLayout(self.chart)
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(0)
        right.addWidget(self.told)
        right.addWidget(self.plot, 1)
        self.empty = sentence()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.addWidget(self.table, 2)
        layout.addWidget(self.chart, 1)
        layout.addWidget(self.empty, 1)
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
        self._background, self._foreground = background, foreground
        color_plot(self.plot, background, foreground)
        self._cursor.setPen(pg.mkPen(foreground, width=1))
        self.mark_stale()

    def refresh(self) -> None:
        """Show the session as it is."""
        self.table.refresh(self._background, self._foreground)
        self.table.setVisible(self.table.rowCount() > 0)
        if self.comparing.subjects():
            self.comparing.want_agreement()
        values = self._values()
        told = self._sentence(values)
        plotted = bool(np.isfinite(values).any())
        self.chart.setVisible(plotted)
        self.empty.setVisible(not plotted)
        self.empty.setText(told)
        self.told.set_full_text(told)
        if plotted:
            self._draw(values)

    def _values(self) -> NDArray[np.float64]:
        """The Dice of each frame: the least of any two models, or that of the one there is."""
        session, agreement = self.session, self.comparing.agreement
        if agreement is not None:
            return agreement.least
        found = np.full(len(session.clip) if session.clip is not None else 0, np.nan)
        report = session.report if session.truth is not None else None
        if len(session.predictions) == 1 and report is not None:
            for row in report.rows:
                if row.structure == LV:
                    found[row.frame] = row.dice
        return found

    def _draw(self, values: NDArray[np.float64]) -> None:
        session, item = self.session, self.plot.getPlotItem()
        for line in self._pairs:
            item.removeItem(line)
        self._pairs.clear()
        agreement, alone = self.comparing.agreement, len(session.predictions) == 1
        if agreement is not None and len(agreement.pairs) > 1:
            pen = pg.mkPen(readable(_PAIRS, self._background, GRAPHICS), width=1)
            for dice in agreement.dice:
                self._pairs.append(item.plot(np.arange(len(dice)), dice, pen=pen, connect="finite"))
        color = self._foreground
        if alone and session.prediction is not None:
            color = color_of(session.slot(session.prediction.model_id))
        known = np.isfinite(values)
        self._dice.setData(
            np.arange(len(values)),
            values,
            pen=pg.mkPen(color, width=2),
            connect="finite",
            # Frames that alone are labelled have no neighbours to draw a line to.
            symbol="o" if len(values) == 1 or not known.all() else None,
            symbolSize=6,
            symbolBrush=color,
            symbolPen=None,
        )
        self.plot.setToolTip(_ONE if alone else _TWO)
        mark_key_frames(self.plot, self._marks, session, self._foreground)
        span_frames(self.plot, session)
        self.plot.setYRange(min(_LOWEST, float(values[known].min())), 1.0, padding=0.06)
        self._cursor.setValue(self.current_frame())

    def _sentence(self, values: NDArray[np.float64]) -> str:
        """Say what the plot comes to; without one, what to do for it."""
        session, agreement = self.session, self.comparing.agreement
        models = len(session.predictions)
        if session.clip is None:
            return "Open a clip and run a model: what it measures is shown here."
        if session.hidden:
            return "You read blind: what models say is shown once ED and ES are committed."
        if not models:
            return (
                "Run a model: what it measures is shown here. "
                "Tick two or more, and run them, to see how far they agree."
            )
        waiting = session.truth is not None and session.report is None
        if agreement is None and (self.comparing.subjects() or (models == 1 and waiting)):
            return "Comparing the models…" if models > 1 else "Comparing…"
        if models == 1 and session.truth is None and agreement is None:
            return (
                "Tick a second model and run it to see how far they agree. "
                "With a ground truth or a correction, its Dice with that is drawn here."
            )
        if not np.isfinite(values).any():
            return "No LV is found in this clip: there is nothing to compare."
        frame = int(np.nanargmin(values))
        least = f"{values[frame]:.2f} at frame {frame}"
        if models == 1:
            other = "correction" if session.truth is None else "ground truth"
            return f"Dice with the {other}, least {least}"
        return f"Least {least}: {self._worst_pair(frame)}"

    def _worst_pair(self, frame: int) -> str:
        agreement = self.comparing.agreement
        if agreement is None:
            return ""
        names = {model_id: p.model_name for model_id, p in self.session.predictions.items()}
        pair = agreement.pairs[int(np.nanargmin(agreement.dice[:, frame]))]
        return " and ".join(names.get(model_id, "") for model_id in pair)

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
