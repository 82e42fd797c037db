"""The tab "Data set": the Dice of every listed clip at ED and ES, by the Dice at ES."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_echo.gui.contrast import readable
from napari_echo.gui.frame_plot import color_plot
from napari_echo.gui.panels.controls import ElidedChoice, gate, may_shrink
from napari_echo.gui.panels.tab import Tab, sentence
from napari_echo.gui.studying import Studying
from napari_echo.workflow.facts import Facts
from napari_echo.workflow.predictions import Predictions
from napari_echo.workflow.report.charts import ED, ES, by_es

_SIDE = 210
_PHASES = ((ED[0], ED[1], "●"), (ES[0], ES[1], "■"))
"""Colour, mark, and the mark as text, of ED and of ES."""
_SETTLE_MS = 300
"""Facts come clip by clip while a list is scanned: they are drawn so often."""
_LARGE, _SMALL, _MANY = 6, 4, 60


class _Ranks(pg.AxisItem):  # type: ignore[misc]
    """Numbers the clips from 1; there is no clip between two."""

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Write whole numbers alone."""
        return [f"{value:.0f}" if float(value).is_integer() else "" for value in values]


class DatasetChart(Tab):
    """Draws the Dice at ES ascending, with that at ED beside it; a click opens the clip there.

    Parameters
    ----------
    studying : Studying
        Opens clips, and holds the facts of those that are listed.
    """

    def __init__(self, studying: Studying, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.studying = studying
        self.session = studying.session
        self.model, self.other = ElidedChoice(), ElidedChoice()
        may_shrink(self.model, self.other)
        self.told = QLabel()
        self.told.setWordWrap(True)
        self.told.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.hovered = QLabel()
        self.hovered.setWordWrap(True)
        self.hovered.setAlignment(Qt.AlignmentFlag.AlignBottom)
        self.plot = pg.PlotWidget(axisItems={"bottom": _Ranks("bottom")})
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        # The wheel and a drag look closer, along the clips alone.
        self.plot.setMouseEnabled(x=True, y=False)
        self.plot.setToolTip("Turn the wheel to look closer; a double click shows all clips.")
        item = self.plot.getPlotItem()
        item.ctrlMenu.setParent(self, Qt.WindowType.Popup)
        # The label below hangs out of its axis.
        item.layout.setContentsMargins(1, 6, 1, 5)
        item.setLabel("left", "Dice of the LV")
        item.setLabel("bottom", "clips, by Dice at ES")
        item.getAxis("left").enableAutoSIPrefix(False)
        item.getAxis("bottom").enableAutoSIPrefix(False)
        self._lines = [item.plot(), item.plot()]
        self._points = [pg.ScatterPlotItem(pxMode=True, hoverable=True, tip=None) for _ in range(4)]
        for points in self._points:
            points.sigClicked.connect(self._on_click)
            points.sigHovered.connect(self._on_hover)
            item.addItem(points)
        self._current = pg.InfiniteLine(angle=90, movable=False)
        item.addItem(self._current, ignoreBounds=True)
        item.scene().sigMouseClicked.connect(self._on_scene_click)

        choice = QGridLayout()
        choice.setSpacing(2)
        for row, (name, box) in enumerate((("Model", self.model), ("With", self.other))):
            choice.addWidget(QLabel(name), row, 0)
            choice.addWidget(box, row, 1)
        choice.setColumnStretch(1, 1)
        side = QWidget()
        side.setFixedWidth(_SIDE)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(choice)
        column.addWidget(self.told)
        column.addStretch(1)
        column.addWidget(self.hovered)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4, 2, 4, 2)
        layout.addWidget(side)
        layout.addWidget(self.plot, 1)
        self.empty = sentence()
        layout.addWidget(self.empty, 1)
        self._order: list[str] = []
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self.mark_stale)
        self.model.activated.connect(self.refresh)
        self.other.activated.connect(self.refresh)
        studying.facts.changed.connect(self._on_facts)
        session: Predictions = self.session
        session.model_changed.connect(self.mark_stale)
        self.session.clip_changed.connect(self.mark_stale)
        self.session.blind.changed.connect(self.mark_stale)
        self.set_colors("#262930", "#f0f1f2")

    def set_colors(self, background: str, foreground: str) -> None:
        """Take the colours of the theme."""
        self._background = background
        # Its lines are thin.
        self._styles = tuple((readable(c, background), mark, glyph) for c, mark, glyph in _PHASES)
        color_plot(self.plot, background, foreground)
        self._current.setPen(pg.mkPen(foreground, width=1, style=Qt.PenStyle.DotLine))
        self.mark_stale()

    def _on_facts(self, _key: str) -> None:
        if not self._settle.isActive():
            self._settle.start()

    # Drawing ----------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the facts as they are."""
        self._fill(self.model, "", "The model whose clips are ordered, the least Dice at ES first.")
        self._fill(
            self.other, "no other", "Another model, drawn hollow in the same order of clips."
        )
        # What is said of a clip would sway a reader who reads it blind.
        facts = [] if self.session.blind.on else self._facts(self.model)
        other = {f.key: f for f in ([] if self.session.blind.on else self._facts(self.other))}
        order = by_es([_known(f.dice_es) for f in facts], [_known(f.dice_ed) for f in facts])
        facts = [facts[i] for i in order]
        self._order = [f.key for f in facts]
        x = np.arange(1, len(facts) + 1, dtype=np.float64)
        size = _LARGE if len(facts) <= _MANY else _SMALL
        beside = [other.get(f.key) for f in facts]
        lowest = 1.0
        for place, (group, (phase, style)) in enumerate(
            (group, which)
            for group in (facts, beside)
            for which in zip(("dice_ed", "dice_es"), self._styles, strict=True)
        ):
            y = np.array([_known(getattr(f, phase, None)) for f in group], np.float64)
            self._scatter(place, x, y, group, style, size)
            if group is facts:
                self._lines[place].setData(x, y, pen=pg.mkPen(style[0], width=1), connect="finite")
            lowest = float(min(lowest, np.nanmin(y[np.isfinite(y)], initial=1.0)))
        self.plot.setYRange(max(0.0, math.floor(lowest * 20 - 0.2) / 20), 1.0, padding=0.03)
        self._show_all()
        self._tell(facts)
        self._mark_current()

    def _fill(self, box: QComboBox, none: str, tip: str) -> None:
        """List the models of which facts are known; the chosen model first."""
        session = self.session
        known = [p for p in session.packs if self.studying.facts.of_model(p.id)]
        known.sort(key=lambda pack: pack is not session.pack)
        entries = [(none, "")] if none else []
        entries += [(pack.name, pack.id) for pack in known]
        if [box.itemData(i) for i in range(box.count())] != [data for _, data in entries]:
            chosen = box.currentData()
            box.clear()
            for name, data in entries:
                box.addItem(name, data)
            box.setCurrentIndex(max(box.findData(chosen), 0))
        gate(box, "" if known else "No model has run on the listed clips yet.", tip)

    def _facts(self, box: QComboBox) -> list[Facts]:
        return self.studying.facts.of_model(box.currentData()) if box.currentData() else []

    def _scatter(
        self,
        place: int,
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        group: Sequence[Facts | None],
        style: tuple[str, str, str],
        size: int,
    ) -> None:
        seen = np.flatnonzero(np.isfinite(y))
        color, mark, _ = style
        hollow = place > 1
        self._points[place].setData(
            x=x[seen],
            y=y[seen],
            data=[(group[i], place % 2) for i in seen.tolist()],
            symbol=mark,
            size=size + 1 if hollow else size,
            pen=pg.mkPen(color, width=1) if hollow else pg.mkPen(self._background, width=0.5),
            brush=None if hollow else pg.mkBrush(color),
            hoverSize=size + 5,
        )

    def _tell(self, facts: Sequence[Facts]) -> None:
        self.hovered.setText("")
        self.plot.setVisible(bool(facts))
        self.empty.setVisible(not facts)
        if facts:
            means = [
                f"<font color='{color}'>{glyph}</font> {name} "
                f"{_text(_mean(getattr(f, field) for f in facts))}"
                for name, field, (color, _, glyph) in zip(
                    ("ED", "ES"), ("dice_ed", "dice_es"), self._styles, strict=True
                )
            ]
            count = "1 clip" if len(facts) == 1 else f"{len(facts)} clips"
            self.told.setText("<br>".join([f"{count}, mean Dice", *means]))
            return
        self.told.setText("")
        if self.session.blind.on:
            text = "Not shown while you read blind: it would sway you."
        elif self._facts(self.model):
            text = "No clip that was scanned has ground truth to score a model by."
        elif not len(self.session.studies):
            text = "Open a folder or a data set, and scan it: each clip then has a point here."
        else:
            text = "Scan the list in the tab Studies: each clip with truth then has a point here."
        self.empty.setText(text)

    def _mark_current(self) -> None:
        current = self.session.studies.current
        shown = current is not None and current.key in self._order
        self._current.setVisible(shown)
        if shown and current is not None:
            self._current.setValue(self._order.index(current.key) + 1)

    def _show_all(self) -> None:
        self.plot.setXRange(0.4, len(self._order) + 0.6, padding=0.01)

    # The mouse --------------------------------------------------------------------------

    def _on_hover(self, _item: object, points: Sequence[Any], _event: object = None) -> None:
        if len(points):
            facts, phase = points[0].data()
            self.hovered.setText(self.describe(facts, phase))

    def describe(self, facts: Facts, phase: int) -> str:
        """Say what a point is: clip, model, Dice and frame; `phase` is 0 at ED, 1 at ES."""
        item = self.session.studies.get(facts.key)
        frame = facts.es if phase else facts.ed
        where = f" (frame {frame})" if frame is not None else ""
        return (
            f"{item.name if item is not None else facts.key}, {facts.model_name}: "
            f"Dice {_text(facts.dice_es)} at ES, {_text(facts.dice_ed)} at ED. "
            f"A click opens {'ES' if phase else 'ED'}{where}."
        )

    def _on_click(self, _item: object, points: Sequence[Any], _event: object = None) -> None:
        if len(points):
            facts, phase = points[0].data()
            self.studying.open(facts.key, facts.es if phase else facts.ed)

    def _on_scene_click(self, event: pg.GraphicsScene.mouseEvents.MouseClickEvent) -> None:
        if event.double():
            self._show_all()


def _known(value: float | None) -> float:
    return math.nan if value is None else value


def _mean(values: Any) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else math.nan


def _text(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.3f}"
