"""Step 2: choose a model and run it."""

from __future__ import annotations

from qtpy.QtWidgets import QComboBox, QWidget

from napari_echo.gui.panels.section import ElidedLabel, Section, gate, may_shrink
from napari_echo.gui.steps import Step, obstacle
from napari_echo.gui.verbs import Verbs


class ModelPanel(Section):
    """Chooses among the model packs and runs one."""

    def __init__(self, verbs: Verbs, parent: QWidget | None = None) -> None:
        super().__init__(Step.PREDICT.title, "Run", parent)
        self.verbs = verbs
        self.session = verbs.session
        self.packs = QComboBox()
        may_shrink(self.packs)
        self.outcome = ElidedLabel()
        self.body.addWidget(self.packs)
        self.body.addWidget(self.outcome)
        self.packs.activated.connect(self._choose)
        self.action.clicked.connect(verbs.predict)
        for signal in (
            self.session.clip_changed,
            self.session.model_changed,
            self.session.prediction_changed,
        ):
            signal.connect(self.refresh)
        verbs.runner.busy_changed.connect(self.refresh)
        self.refresh()

    def _choose(self, index: int) -> None:
        self.session.choose_pack(self.session.packs[index])

    def refresh(self) -> None:
        """Show the session as it is."""
        session, runner = self.session, self.verbs.runner
        busy = f"{runner.title} is going on." if runner.busy else ""
        gate(
            self.action,
            busy or obstacle(Step.PREDICT, session),
            "Segment every frame of the clip with this model.",
        )
        pack = session.pack
        gate(
            self.packs,
            busy or ("" if pack is not None else obstacle(Step.PREDICT, session)),
            pack.card.description if pack is not None else "",
        )
        if self.packs.count() != len(session.packs):
            self.packs.clear()
            self.packs.addItems([each.name for each in session.packs])
        if pack is not None:
            self.packs.setCurrentIndex(session.packs.index(pack))
        prediction = session.prediction
        if prediction is None:
            self.outcome.set_full_text("Not run on this clip yet." if session.clip else "")
        else:
            n = len(prediction.segmentation.annotated)
            frames = "1 frame" if n == 1 else f"{n} frames"
            self.outcome.set_full_text(
                f"{frames} by {prediction.model_name} in {prediction.seconds:.1f} s"
            )
