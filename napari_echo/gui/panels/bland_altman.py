"""A plot of the differences of EF against their means (Bland and Altman 1986)."""

from __future__ import annotations

import math

import pyqtgraph as pg
from psygnal import Signal
from qtpy.QtCore import Qt

from napari_echo.workflow.reader_agreement import PairAgreement, ReadPair

BLIND, OPEN = "#56b4e9", "#e69f00"  # Okabe-Ito


class BlandAltman(pg.PlotWidget):  # type: ignore[misc]
    """Shows each clip as a point, the bias and the limits of agreement.

    Signals
    -------
    pair_wanted(ReadPair)
        The reader clicked on a point.
    """

    pair_wanted = Signal(ReadPair)

    def __init__(self) -> None:
        super().__init__()
        self.setMenuEnabled(False)
        self.hideButtons()
        self.setMouseEnabled(x=False, y=False)
        item = self.getPlotItem()
        # Pyqtgraph makes a menu without an owner, which outlives the plot.
        item.ctrlMenu.setParent(self, Qt.WindowType.Popup)
        item.setLabel("bottom", "mean EF (%)")
        item.setLabel("left", "EF difference")
        item.layout.setContentsMargins(1, 6, 8, 1)
        for side in ("left", "bottom"):
            item.getAxis(side).enableAutoSIPrefix(False)
        self.points = pg.ScatterPlotItem(size=9, hoverable=True, hoverSize=12, tip=_tip)
        self.points.sigClicked.connect(self._on_click)
        item.addItem(self.points)
        self._lines: list[pg.InfiniteLine] = []
        self._foreground = "#f0f1f2"
        self._group: PairAgreement | None = None

    def set_colors(self, background: str, foreground: str) -> None:
        """Take the colours of the theme."""
        self._foreground = foreground
        self.setBackground(background)
        for side in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(foreground)
            axis.setTextPen(foreground)
        if self._group is not None:
            self.show_pairs(self._group)

    def show_pairs(self, group: PairAgreement) -> None:
        """Show the clips of a comparison; those without an EF of both are left out."""
        self._group = group
        item = self.getPlotItem()
        for line in self._lines:
            item.removeItem(line)
        self._lines.clear()
        known = [pair for pair in group.pairs if math.isfinite(pair.ef_first + pair.ef_second)]
        means = [50 * (pair.ef_first + pair.ef_second) for pair in known]
        differences = [100 * (pair.ef_first - pair.ef_second) for pair in known]
        self.points.setData(
            means,
            differences,
            data=known,
            brush=[pg.mkBrush(BLIND if pair.blind else OPEN) for pair in known],
            pen=None,
        )
        ef = group.ef
        if ef is not None:
            low, high = ef.limits
            for value, style in (
                (ef.bias, Qt.PenStyle.SolidLine),
                (low, Qt.PenStyle.DashLine),
                (high, Qt.PenStyle.DashLine),
            ):
                line = pg.InfiniteLine(
                    value,
                    angle=0,
                    pen=pg.mkPen(self._foreground, width=1, style=style),
                    label=f"{value:+.1f}",
                    labelOpts={"position": 0.99, "color": self._foreground, "anchors": _ABOVE},
                )
                item.addItem(line, ignoreBounds=True)
                self._lines.append(line)
            differences += [low, high]
        if means:
            reach = max(max(map(abs, differences)), 1.0)
            self.setYRange(-reach, reach, padding=0.15)
            self.setXRange(min(means), max(means) + 1e-6, padding=0.15)

    def _on_click(self, _item: object, points: list[pg.SpotItem], *_event: object) -> None:
        if len(points):
            self.pair_wanted.emit(points[0].data())


_ABOVE = [(1, 1), (1, 1)]


def _tip(x: float, y: float, data: ReadPair) -> str:
    how = "blind" if data.blind else "not blind"
    return (
        f"{data.study_id}, {how}\nEF {100 * data.ef_first:.1f} and {100 * data.ef_second:.1f}%\n"
        f"Dice ED {data.dice_ed:.3f}, ES {data.dice_es:.3f}\nA click opens the clip."
    )
