"""The curves below the canvas: the LV and the hardness, frame by frame."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from psygnal import Signal
from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_echo.workflow.session import Session, Source

HEIGHT = 180
MANY = 8
QUANTITIES = ("volume", "area", "length")
# Okabe-Ito, told apart by colour-blind readers; None is the colour of text.
# The width lets a curve show under another that runs along it.
STYLES: dict[Source, tuple[str, str | None, int]] = {
    "truth": ("truth", None, 2),
    "prediction": ("model", "#e69f00", 3),
    "correction": ("corrected", "#56b4e9", 1),
}
HARDNESS = ("hardness", "#cc79a7")


class CurvesWidget(QWidget):
    """Plots LV volume, area or length and the hardness of each frame.

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
        self.plot = pg.PlotWidget()
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.setMouseEnabled(x=False, y=False)
        item = self.plot.getPlotItem()
        # Pyqtgraph makes a menu without an owner, which outlives the plot.
        item.ctrlMenu.setParent(self, Qt.WindowType.Popup)
        item.setLabel("bottom", "frame")
        item.showAxis("right")
        # Room for the top tick's label, which stands half above the axis.
        item.layout.setContentsMargins(1, 6, 1, 1)
        item.getAxis("right").setLabel("hardness")
        for side in ("left", "right"):
            item.getAxis(side).enableAutoSIPrefix(False)
        # Hardness has an axis of its own, 0 to 1 on the right.
        self._right = pg.ViewBox(enableMenu=False)
        self._right.setMouseEnabled(x=False, y=False)
        item.scene().addItem(self._right)
        item.getAxis("right").linkToView(self._right)
        self._right.setXLink(item.vb)
        item.vb.sigResized.connect(self._align)
        self._curves = {source: item.plot() for source in STYLES}
        self._hardness = pg.PlotDataItem()
        self._right.addItem(self._hardness)
        self._marks: list[pg.InfiniteLine] = []
        self._cursor = pg.InfiniteLine(angle=90, movable=False)
        self._cursor.setZValue(10)
        item.addItem(self._cursor, ignoreBounds=True)
        item.scene().sigMouseClicked.connect(self._on_click)

        column = QVBoxLayout()
        column.addWidget(self.quantity)
        column.addWidget(self.legend)
        column.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.addLayout(column)
        layout.addWidget(self.plot, 1)
        self.setMinimumHeight(HEIGHT - 40)
        self.set_colors("#262930", "#f0f1f2")
        self.quantity.activated.connect(self.refresh)
        for signal in (
            session.clip_changed,
            session.key_frames_changed,
            session.measures_changed,
            session.marks_changed,
        ):
            signal.connect(self.refresh)
        self.refresh()

    def sizeHint(self) -> QSize:
        """Ask for the height that leaves the canvas large."""
        return QSize(600, HEIGHT)

    def set_colors(self, background: str, foreground: str) -> None:
        """Take the colours of the theme."""
        self._foreground = foreground
        self.plot.setBackground(background)
        for side in ("left", "bottom", "right"):
            axis = self.plot.getPlotItem().getAxis(side)
            axis.setPen(foreground)
            axis.setTextPen(foreground)
        self._cursor.setPen(pg.mkPen(foreground, width=1))
        self.refresh()

    def values(self, source: Source) -> NDArray[np.float64] | None:
        """Return what is plotted for a source, one value a frame."""
        measures = self.session.measures.get(source)
        if measures is None:
            return None
        found: NDArray[np.float64] = getattr(measures, self.quantity.currentText())
        return found

    def refresh(self) -> None:
        """Plot the session as it is."""
        session, item = self.session, self.plot.getPlotItem()
        legend = []
        name, unit = self.quantity.currentText(), ""
        for source, (title, own_color, width) in STYLES.items():
            values, curve = self.values(source), self._curves[source]
            color = own_color or self._foreground
            if values is None:
                curve.setData([], [])
                continue
            unit = getattr(session.measures[source], f"unit_{name}")
            lonely = len(values) == 1 or np.isfinite(values).sum() < len(values)
            curve.setData(
                np.arange(len(values)),
                values,
                pen=pg.mkPen(color, width=width),
                connect="finite",
                # Stills and sparse truth have no neighbours to draw a line to.
                symbol="o" if lonely else None,
                symbolSize=6,
                symbolBrush=color,
                symbolPen=None,
            )
            legend.append((color, title))
        item.setLabel("left", f"LV {name}" + (f" ({unit})" if unit else ""))
        hard = session.hard_pixels
        scores = hard.frame_scores if hard is not None else np.empty(0, np.float32)
        self._hardness.setData(
            np.arange(len(scores)), scores, pen=pg.mkPen(HARDNESS[1], width=1), connect="finite"
        )
        item.getAxis("right").setStyle(showValues=hard is not None)
        if hard is not None:
            legend.append((HARDNESS[1], HARDNESS[0]))
        lines = [f"<font color='{color}'>━</font> {title}" for color, title in legend]
        prediction = session.prediction
        if prediction is not None:
            structures = prediction.segmentation.schema.structures
            lines += [f"<font color='{s.color}'>■</font> {s.name}" for s in structures]
        self.legend.setText("<br>".join(lines))
        self._mark_key_frames()
        self._fit()
        self.move_cursor()

    def _mark_key_frames(self) -> None:
        item, key_frames = self.plot.getPlotItem(), self.session.key_frames
        for line in self._marks:
            item.removeItem(line)
        self._marks.clear()
        for beat in key_frames.beats if key_frames is not None else ():
            for name, frame in (("ED", beat.ed), ("ES", beat.es)):
                line = pg.InfiniteLine(
                    frame,
                    angle=90,
                    pen=pg.mkPen(self._foreground, width=1, style=Qt.PenStyle.DotLine),
                    label=name,
                    labelOpts={"position": 0.92, "color": self._foreground},
                )
                item.addItem(line, ignoreBounds=True)
                self._marks.append(line)

    def _fit(self) -> None:
        """Let the axes span the clip, and the values from zero."""
        clip = self.session.clip
        n = len(clip) if clip is not None else 1
        self.plot.setXRange(0, max(n - 1, 1), padding=0.02)
        # A frame has no fractions.
        whole = [[(frame, str(frame)) for frame in range(n)]] if n <= MANY else None
        self.plot.getPlotItem().getAxis("bottom").setTicks(whole)
        found = [v for s in STYLES if (v := self.values(s)) is not None and np.isfinite(v).any()]
        top = max((float(np.nanmax(v)) for v in found), default=1.0)
        self.plot.setYRange(0, top, padding=0.1)
        scores = self._hardness.yData
        finite = scores[np.isfinite(scores)] if scores is not None else np.empty(0)
        self._right.setYRange(0, float(finite.max()) if finite.size else 1.0, padding=0.1)

    def move_cursor(self, _event: object = None) -> None:
        """Put the cursor on the frame on show."""
        self._cursor.setValue(self.current_frame())

    def _align(self) -> None:
        self._right.setGeometry(self.plot.getPlotItem().vb.sceneBoundingRect())

    def _on_click(self, event: pg.GraphicsScene.mouseEvents.MouseClickEvent) -> None:
        clip, box = self.session.clip, self.plot.getPlotItem().vb
        if clip is not None and box.sceneBoundingRect().contains(event.scenePos()):
            frame = round(box.mapSceneToView(event.scenePos()).x())
            self.frame_wanted.emit(min(max(frame, 0), len(clip) - 1))
