"""What a retraining looks like: the curves of the training, and how the models compare."""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_echo.gui.contrast import GRAPHICS, readable, readable_on
from napari_echo.gui.frame_plot import color_plot

HEIGHT = 120
# Okabe-Ito, told apart by colour-blind readers.
LOSS, DICE = "#e69f00", "#56b4e9"
WORSE = "#d55e00"


class LearningCurves(QWidget):
    """Plots the loss to the left axis and the Dice, 0 to 1, to the right one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.legend = QLabel()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.plot = pg.PlotWidget()
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.setMouseEnabled(x=False, y=False)
        item = self.plot.getPlotItem()
        # Pyqtgraph makes a menu without an owner, which outlives the plot.
        item.ctrlMenu.setParent(self, Qt.WindowType.Popup)
        item.showAxis("right")
        item.layout.setContentsMargins(1, 6, 1, 1)
        for side in ("left", "right", "bottom"):
            item.getAxis(side).enableAutoSIPrefix(False)
        self._right = pg.ViewBox(enableMenu=False)
        self._right.setMouseEnabled(x=False, y=False)
        item.scene().addItem(self._right)
        item.getAxis("right").linkToView(self._right)
        self._right.setXLink(item.vb)
        item.vb.sigResized.connect(lambda: self._right.setGeometry(item.vb.sceneBoundingRect()))
        self._loss = item.plot()
        self._dice = pg.PlotDataItem(symbol="o", symbolSize=6, symbolPen=None)
        self._right.addItem(self._dice)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.legend)
        layout.addWidget(self.plot)
        self.setFixedHeight(HEIGHT)
        self.clear()
        self.set_colors("#262930", "#f0f1f2")

    def sizeHint(self) -> QSize:
        """Ask for the height of the plot, and little width."""
        return QSize(200, HEIGHT)

    def clear(self) -> None:
        """Forget the training."""
        # By iteration: a resumed training repeats some.
        self.losses: dict[int, float] = {}
        self.dices: dict[int, float] = {}
        self._show(1)

    def add(self, iteration: int, iterations: int, loss: float | None, dice: float | None) -> None:
        """Take what was logged of an iteration."""
        if loss is not None:
            self.losses[iteration] = loss
        if dice is not None:
            self.dices[iteration] = dice
        self._show(iterations)

    def _show(self, iterations: int) -> None:
        for curve, values in ((self._loss, self.losses), (self._dice, self.dices)):
            iters = sorted(values)
            curve.setData(iters, [values[i] for i in iters])
        item = self.plot.getPlotItem()
        item.setXRange(0, iterations, padding=0.04)
        item.setYRange(0, max(self.losses.values(), default=1.0), padding=0.05)
        low = min(self.dices.values(), default=0.0)
        self._right.setYRange(max(0.0, low - 0.05), 1.0, padding=0.05)

    def set_colors(self, background: str, foreground: str) -> None:
        """Take the colours of the theme."""
        color_plot(self.plot, background, foreground, ("left", "bottom", "right"))
        loss, dice = (readable(color, background, GRAPHICS) for color in (LOSS, DICE))
        self._loss.setPen(pg.mkPen(loss, width=2))
        self._dice.setPen(pg.mkPen(dice, width=2))
        self._dice.setSymbolBrush(dice)
        self.legend.setText(
            f"<font color='{loss}'>━</font> loss &nbsp; <font color='{dice}'>●</font> "
            "validation Dice, by iteration"
        )


def comparison(outcome: dict[str, Any]) -> str:
    """The outcome of `napari-echo retrain --json` as a table of rich text."""
    titles = ("old", "new", "difference, 95%")
    head = "".join(f"<th align='right'>&nbsp;{title}</th>" for title in titles)
    lines = [f"<tr><th></th>{head}</tr>"]
    # On a ground of its own, it is read in every theme.
    worse = f"background-color:{WORSE}; color:{readable_on(WORSE)}; font-weight:bold"
    for row in outcome["compared"]:
        name = row["measure"].replace(" all frames", "").replace(", absolute", "").replace(",", "")
        name = f"{name} ({row['unit']})" if row["unit"] == "mm" else name
        digits = 3 if row["unit"] == "" else 1
        values = [
            "–" if row[key] is None else f"{row[key]:{sign}.{digits}f}".replace("-", "−")
            for key, sign in (
                ("base", ""), ("new", ""), ("difference", "+"), ("low", "+"), ("high", "+")
            )
        ]  # fmt: skip
        interval = values[2] if row["low"] is None else f"{values[3]}, {values[4]}"
        cells = [values[0], values[1], interval]
        style = f" style='{worse}'" if row["worse"] else ""
        lines.append(
            f"<tr{style}><td>{name}</td>"
            + "".join(f"<td align='right'>&nbsp;{cell}</td>" for cell in cells)
            + "</tr>"
        )
    look = "width='100%' cellspacing='1' cellpadding='0' style='font-size:small'"
    return f"<table {look}>{''.join(lines)}</table>"
