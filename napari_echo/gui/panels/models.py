"""The tab "Models": what each model measures on the clip, and how far they agree."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyqtgraph as pg
from psygnal import Signal
from qtpy.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from napari_echo.gui.comparing import Comparing
from napari_echo.gui.curves import (
    color_plot,
    frame_at,
    frame_plot,
    mark_key_frames,
    span_frames,
)
from napari_echo.gui.panels.models_table import ModelsTable
from napari_echo.gui.panels.section import ElidedLabel
from napari_echo.gui.panels.tab import Tab

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
        self.table = ModelsTable(self.session)
        self.table.model_wanted.connect(comparing.show)
        self.table.frame_wanted.connect(lambda frame: self.frame_wanted.emit(frame))
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

    def refresh(self) -> None:
        """Show the session as it is."""
        self.table.refresh(self._foreground)
        self._draw()

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
