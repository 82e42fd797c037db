"""Carrying corrected frames on: how, how far, and what is kept of it."""

from __future__ import annotations

from qtpy.QtWidgets import (
    QCheckBox,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from qtpy.QtWidgets import QHBoxLayout as Row

from napari_echo.gui.key_names import tell
from napari_echo.gui.panels.controls import ElidedChoice, gate, may_shrink
from napari_echo.gui.panels.scroll import bring_into_view
from napari_echo.gui.panels.tools import NARROW
from napari_echo.gui.propagating import Propagating


class PropagateRows(QWidget):
    """One row to propagate, and a second one while the outcome is shown.

    Parameters
    ----------
    propagating : Propagating
        What does it.
    """

    def __init__(self, propagating: Propagating, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.propagating = propagating
        self.button = QPushButton("Propagate")
        self.method = ElidedChoice()
        may_shrink(self.method)
        self.beat = QCheckBox("this beat")
        self.outcome = QWidget()
        self.first, self.last = QSpinBox(), QSpinBox()
        for box in (self.first, self.last):
            box.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
            box.setStyleSheet(NARROW)
        self.keep, self.drop = QPushButton("Keep"), QPushButton("Drop")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        row = Row()
        row.setSpacing(4)
        row.addWidget(self.button)
        row.addWidget(self.method, 1)
        row.addWidget(self.beat)
        column.addLayout(row)
        row = Row(self.outcome)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(QLabel("frames"))
        row.addWidget(self.first)
        row.addWidget(QLabel("to"))
        row.addWidget(self.last)
        row.addStretch(1)
        row.addWidget(self.keep)
        row.addWidget(self.drop)
        column.addWidget(self.outcome)
        self.button.clicked.connect(lambda: propagating.start())
        self.method.activated.connect(self._choose)
        self.beat.toggled.connect(self._limit)
        self.keep.clicked.connect(self.accept)
        self.drop.clicked.connect(lambda: propagating.drop())
        propagating.changed.connect(self._show_outcome)
        propagating.changed.connect(self.refresh)
        session = propagating.session
        for signal in (session.model_changed, session.key_frames_changed):
            signal.connect(self.refresh)
        self._show_outcome()
        self.refresh()

    def _choose(self) -> None:
        self.propagating.method = self.method.currentData() or ""

    def _limit(self, on: bool) -> None:
        self.propagating.cycle_only = on

    def accept(self) -> None:
        """Keep the frames that are chosen of those that are shown."""
        self.propagating.accept(self.first.value(), self.last.value())

    def _show_outcome(self) -> None:
        shown = self.propagating.shown
        self.outcome.setVisible(shown is not None)
        if shown is not None:
            for box, value in ((self.first, shown.first), (self.last, shown.last)):
                box.setRange(shown.first, shown.last)
                box.setValue(value)
            bring_into_view(self.outcome)

    def refresh(self) -> None:
        """Show what can be propagated, and how."""
        propagating = self.propagating
        methods = propagating.methods()
        if [self.method.itemData(i) for i in range(self.method.count())] != list(methods):
            self.method.clear()
            for key, name in methods.items():
                self.method.addItem(f"by {name}", key)
        self.method.setCurrentIndex(self.method.findData(propagating.chosen_method()))
        gate(
            self.button,
            propagating.obstacle(),
            "Carry the frames that you corrected through the others; shown first, then kept or "
            "dropped ({propagate}).",
        )
        gate(
            self.method,
            "",
            "A model with a memory follows the heart's motion as it learnt it; optical flow "
            "follows the speckle and needs no model.",
        )
        gate(
            self.beat,
            "" if propagating.cycle() is not None else "It takes the ED of two beats to know one.",
            "Fill only the beat around the frame on show, from ED to the next ED.",
        )
        for widget, tip in (
            (self.first, "The first frame to keep."),
            (self.last, "The last frame to keep."),
            (
                self.keep,
                "Take these frames over, all but those that you corrected ({keep_propagation}).",
            ),
            (self.drop, "Drop what is shown ({propagate})."),
        ):
            tell(widget, tip)
