"""Step 3: find the hard pixels."""

from __future__ import annotations

from typing import get_args

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QComboBox, QDoubleSpinBox, QPushButton, QWidget

from napari_echo.core.params import Criterion, HardnessParams
from napari_echo.gui.panels.controls import ElidedLabel, gate, may_shrink
from napari_echo.gui.panels.section import Section
from napari_echo.gui.steps import Step, is_done, obstacle
from napari_echo.gui.verbs import Verbs

SETTLE_MS = 200
LEARNED: Criterion = "learned"
# The fields read as a phrase: "entropy over 0.50", "margin top 2.0%".
RULES = {"threshold": "over", "share": "top"}


class MarksPanel(Section):
    """Sets the criterion and the rule, and marks the hard pixels.

    Signals
    -------
    frame_wanted(int)
        The reader wants to see a frame.
    """

    frame_wanted = Signal(int)

    def __init__(self, verbs: Verbs, parent: QWidget | None = None) -> None:
        super().__init__(Step.MARK.title, "Mark", parent)
        self.verbs = verbs
        self.session = verbs.session
        params = self.session.hardness_params
        self.criterion, self.rule, self.value = QComboBox(), QComboBox(), QDoubleSpinBox()
        # "learned" comes and goes with models that have learned it.
        self.criterion.addItems([name for name in get_args(Criterion) if name != LEARNED])
        self.criterion.setCurrentText(params.criterion)
        for rule, word in RULES.items():
            self.rule.addItem(word, rule)
        self.rule.setCurrentIndex(self.rule.findData(params.rule))
        self.share = ElidedLabel()
        self.hardest = QPushButton()
        may_shrink(self.criterion, self.rule, self.value)
        fields = self.add_row(self.criterion, self.rule, self.value)
        for place, stretch in enumerate((6, 5, 6)):
            fields.setStretch(place, stretch)
        # Also of a folded section: where to look is what the marks are for.
        self.heading_row.insertWidget(self.heading_row.count() - 1, self.hardest)
        self.body.addWidget(self.share)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._mark_again)
        self._show_value()
        self.action.clicked.connect(self.mark)
        self.criterion.activated.connect(self._wait)
        self.criterion.currentIndexChanged.connect(self.refresh)
        self.rule.activated.connect(self._change_rule)
        self.value.valueChanged.connect(self._wait)
        self.hardest.clicked.connect(lambda: self.frame_wanted.emit(self.hardest_frame() or 0))
        for signal in (
            self.session.clip_changed,
            self.session.truth_changed,
            self.session.prediction_changed,
            self.session.marks_changed,
        ):
            signal.connect(self.refresh)
        verbs.runner.busy_changed.connect(self.refresh)
        self.refresh()

    def params(self) -> HardnessParams:
        """Read the parameters off the fields."""
        now = {
            "criterion": self.criterion.currentText(),
            "rule": self.rule.currentData(),
            self.rule.currentData(): self._scale() * self.value.value(),
        }
        return HardnessParams(**{**self.session.hardness_params.model_dump(), **now})

    def mark(self) -> None:
        """Mark with the parameters as they are on the fields."""
        self._settle.stop()
        self.verbs.mark(self.params())

    def _wait(self) -> None:
        self._settle.start()

    def _mark_again(self) -> None:
        # A change of a parameter shows at once, but only where marks are shown.
        if self.session.hardness is None or self.params() == self.session.hardness_params:
            return
        if self.verbs.runner.busy:
            self._settle.start()
        elif not self._obstacle():
            self.mark()

    def _change_rule(self) -> None:
        self._show_value()
        self._settle.start()

    def _scale(self) -> float:
        return 0.01 if self.rule.currentData() == "share" else 1.0

    def _show_value(self) -> None:
        """Show the number that the rule needs: a share in percent, or a threshold."""
        params, percent = self.session.hardness_params, self._scale() != 1.0
        with_signals = self.value.blockSignals(True)
        self.value.setRange(0.0, 100.0 if percent else 1.0)
        self.value.setSingleStep(0.5 if percent else 0.05)
        self.value.setSuffix("%" if percent else "")
        self.value.setValue(100 * params.share if percent else params.threshold)
        self.value.blockSignals(with_signals)
        fields = HardnessParams.model_fields
        self.value.setToolTip(fields[self.rule.currentData()].description or "")

    def _obstacle(self) -> str:
        reason = obstacle(Step.MARK, self.session)
        if not reason and self.criterion.currentText() == "error" and self.session.truth is None:
            reason = "The error needs ground truth, and this clip has none: choose another."
        return reason

    def _offer_learned(self) -> None:
        prediction, place = self.session.prediction, self.criterion.findText(LEARNED)
        learned = prediction is not None and prediction.hardness is not None
        if learned and place < 0:
            self.criterion.addItem(LEARNED)
        elif not learned and place >= 0:
            self.criterion.removeItem(place)

    def is_done(self) -> bool:
        """Whether they are marked, or are not to be marked yet."""
        session = self.session
        return is_done(Step.MARK, session) or bool(obstacle(Step.MARK, session))

    def hardest_frame(self) -> int | None:
        """Find the frame of the highest score."""
        hard = self.session.hard_pixels
        if hard is None or np.isnan(hard.frame_scores).all():
            return None
        return int(np.nanargmax(hard.frame_scores))

    def refresh(self) -> None:
        """Show the session as it is."""
        if self.verbs.later.put_off(self.refresh):
            return
        self._offer_learned()
        runner, hard = self.verbs.runner, self.session.hard_pixels
        busy = f"{runner.title} is going on." if runner.busy else ""
        gate(self.action, busy or self._obstacle(), "Find the doubtful and the wrong pixels.")
        about, rule = HardnessParams.model_fields, self.rule.currentData()
        unmarked = obstacle(Step.MARK, self.session)
        for field, name in ((self.criterion, "criterion"), (self.rule, "rule"), (self.value, rule)):
            gate(field, unmarked, about[name].description or "")
        frame = self.hardest_frame()
        self.share.setVisible(hard is not None)
        self.hardest.setVisible(frame is not None)
        self.hardest.setText(f"hardest: {frame}")
        self.hardest.setToolTip("Go to the frame of the highest score.")
        share = f"{hard.share:.1%} hard" if hard is not None else ""
        self.share.set_full_text(share)
        self.sum_up(share)
