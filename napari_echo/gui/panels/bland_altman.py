"""A plot of the differences of EF against their means (Bland and Altman 1986)."""

from __future__ import annotations

import html
import math

import pyqtgraph as pg
from psygnal import Signal
from qtpy.QtCore import Qt

from napari_echo.gui.contrast import GRAPHICS, readable
from napari_echo.gui.frame_plot import color_plot
from napari_echo.gui.panels.readers_table import who
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
        # The label below hangs out of its axis.
        item.layout.setContentsMargins(1, 6, 8, 5)
        for side in ("left", "bottom"):
            item.getAxis(side).enableAutoSIPrefix(False)
        self.points = pg.ScatterPlotItem(size=9, hoverable=True, hoverSize=12, tip=_tip)
        self.points.sigClicked.connect(self._on_click)
        item.addItem(self.points)
        self._lines: list[pg.InfiniteLine] = []
        self._background, self._foreground = "#262930", "#f0f1f2"
        self._group: PairAgreement | None = None
        self._alone = False

    def set_alone(self, alone: bool) -> None:
        """Say whose clips they are where no table beside the plot does."""
        if alone is not self._alone:
            self._alone = alone
            if self._group is not None:
                self.show_pairs(self._group)

    def set_colors(self, background: str, foreground: str) -> None:
        """Take the colours of the theme."""
        self._foreground, self._background = foreground, background
        color_plot(self, background, foreground)
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
        blind, shown = (readable(c, self._background, GRAPHICS) for c in (BLIND, OPEN))
        self.points.setData(
            means,
            differences,
            data=known,
            brush=[pg.mkBrush(blind if pair.blind else shown) for pair in known],
            symbol=["o" if pair.blind else "s" for pair in known],
            pen=None,
        )
        whose = f"<b>{html.escape(who(group))}</b> &nbsp; " if self._alone else ""
        # A legend in the plot would cover points, and above it would take its height.
        item.setLabel(
            "bottom",
            f"{whose}mean EF (%) &nbsp; <font color='{blind}'>●</font> drawn blind &nbsp; "
            f"<font color='{shown}'>■</font> not blind",
        )
        # Pyqtgraph puts a label in the middle only when its axis is resized.
        item.getAxis("bottom").resizeEvent()
        ef = group.ef
        if ef is not None:
            low, high = ef.limits
            # Two that are close are written at other ends, or on other sides of their lines.
            for value, style, place, anchor in (
                (ef.bias, Qt.PenStyle.SolidLine, 0.01, (0, 1)),
                (low, Qt.PenStyle.DashLine, 0.99, (1, 0)),
                (high, Qt.PenStyle.DashLine, 0.99, (1, 1)),
            ):
                line = pg.InfiniteLine(
                    value,
                    angle=0,
                    pen=pg.mkPen(self._foreground, width=1, style=style),
                    label=f"{value:+.1f}".replace("-", "−"),
                    labelOpts={
                        "position": place,
                        "color": self._foreground,
                        "anchors": [anchor] * 2,
                    },
                )
                item.addItem(line, ignoreBounds=True)
                self._lines.append(line)
            differences += [low, high]
        if means:
            # With zero, which would be to agree.
            low, high = min(*differences, -1.0), max(*differences, 1.0)
            self.setYRange(low, high, padding=0.3)
            self.setXRange(min(means), max(means) + 1e-6, padding=0.15)

    def _on_click(self, _item: object, points: list[pg.SpotItem], *_event: object) -> None:
        if len(points):
            self.pair_wanted.emit(points[0].data())


def _tip(x: float, y: float, data: ReadPair) -> str:
    how = "blind" if data.blind else "not blind"
    return (
        f"{data.study_id}, {how}\nEF {100 * data.ef_first:.1f} and {100 * data.ef_second:.1f}%\n"
        f"Dice ED {data.dice_ed:.3f}, ES {data.dice_es:.3f}\nA click opens the clip."
    )
