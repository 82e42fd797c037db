"""The last step, now and then: train the model on with what was corrected."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QFileDialog,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QSpinBox,
    QWidget,
)

from napari_echo.core.errors import EchoError
from napari_echo.core.params import TrainParams
from napari_echo.gui.learning import LearningCurves, comparison
from napari_echo.gui.panels.controls import ElidedChoice, ElidedLabel, gate, may_shrink
from napari_echo.gui.panels.export_dialog import new_folder_obstacle
from napari_echo.gui.panels.scroll import bring_into_view
from napari_echo.gui.panels.section import Section
from napari_echo.gui.panels.set_row import SetRow
from napari_echo.gui.retraining import Retraining
from napari_echo.gui.steps import Step
from napari_echo.gui.verbs import Verbs
from napari_echo.gui.wording import duration_text
from napari_echo.ml.fine_tune import config_for
from napari_echo.ml.mmseg_compat import lacking
from napari_echo.ml.packs import ModelPack

NO_SET = "no validation set"
NO_VALIDATION = "Choose a validation set in this section first: it judges the new model."
NO_CORRECTION = "Commit a frame first: corrections are what is learned."
NO_CLIPS = "Open the folder of the labelled clips first: corrections are learned with their clips."


class RetrainPanel(Section):
    """Retrains a model in a process of its own and shows how it compares.

    Parameters
    ----------
    verbs : Verbs
        The verbs of the review.
    """

    def __init__(self, verbs: Verbs, parent: QWidget | None = None) -> None:
        super().__init__(f"{len(Step) + 1}  Retrain", "Retrain…", parent)
        self.verbs = verbs
        self.session = verbs.session
        self.retraining = Retraining(self)
        self.outcome: dict[str, Any] | None = None
        self._add_choices()
        self._add_progress()
        self._add_outcome()
        session, corrections = self.session, self.session.corrections
        for signal in (
            session.model_changed,
            session.clip_changed,
            corrections.revisions_changed,
            corrections.store_changed,
            self.retraining.running_changed,
        ):
            signal.connect(self.refresh)
        session.studies.items_changed.connect(self.refresh)
        self.retraining.told.connect(self._take)
        self.retraining.cancelled.connect(lambda sentence: self.verbs.told.emit(sentence))
        self.retraining.failed.connect(lambda sentence: self.verbs.refused.emit(sentence))
        self.refresh()

    def _add_choices(self) -> None:
        self.base = ElidedChoice()
        may_shrink(self.base)
        self.iterations = QSpinBox()
        self.iterations.setRange(2, 100_000)
        self.iterations.setValue(TrainParams().iterations)
        self.validation = SetRow(
            "validate on", "Choose the clip data set that judges the new model.", NO_SET
        )
        self.old_data = SetRow(
            "old labels",
            "Choose a clip data set to learn from besides the corrections.",
            "no old labels",
            "Learn from the corrections alone.",
        )
        self.body.addWidget(self.base)
        row = self.add_row()
        row.addWidget(QLabel("iterations"), 1)
        row.addWidget(self.iterations)
        for chosen in (self.validation, self.old_data):
            self.body.addWidget(chosen)
            chosen.changed.connect(self.refresh)
            chosen.refused.connect(lambda sentence: self.verbs.refused.emit(sentence))
        self.base.activated.connect(self.refresh)
        self.action.clicked.connect(self.ask)

    def _add_progress(self) -> None:
        self.message = ElidedLabel(lines=2)
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Stop it; the same choice goes on from where it was.")
        self.cancel.clicked.connect(self.retraining.cancel)
        row = self.add_row()
        row.addWidget(self.message, 1)
        row.addWidget(self.cancel)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(8)
        self.curves = LearningCurves()
        self.body.addWidget(self.bar)
        self.body.addWidget(self.curves)
        self.message.hide()
        self.curves.hide()

    def _add_outcome(self) -> None:
        self.table = QLabel()
        self.table.setTextFormat(Qt.TextFormat.RichText)
        self.table.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        # Else a long row would widen the whole dock.
        self.table.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.verdict = ElidedLabel(lines=3)
        self.use = QPushButton("Use the new model")
        self.use.setToolTip("Add it to the models of this session, and choose it.")
        self.use.clicked.connect(self.use_new)
        self.body.addWidget(self.table)
        self.body.addWidget(self.verdict)
        self.body.addWidget(self.use)
        for widget in (self.table, self.verdict, self.use):
            widget.hide()

    # What is done ---------------------------------------------------------------

    def ask(self) -> None:
        """Ask for the new model's folder and start."""
        name, _ = QFileDialog.getSaveFileName(
            self,
            "Write the new model to a new folder",
            f"{self.base.currentText()}-retrained",
            # Nothing is ever replaced; what exists is refused.
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if name:
            self.start(Path(name))

    def start(self, out: Path) -> None:
        """Train on, and write the new model to a new folder if it is no worse."""
        reason = self.obstacle() or new_folder_obstacle(out)
        if reason:
            self.verbs.refused.emit(reason)
            return
        self.outcome = None
        self.curves.clear()
        self.curves.hide()
        self.bar.setRange(0, 0)
        self._say("Starting…")
        for widget in (self.table, self.verdict, self.use):
            widget.hide()
        self.retraining.start(self.arguments(out))
        self.verbs.told.emit(f"{self.base.currentText()} goes on learning; the review can go on.")
        bring_into_view(self.bar)

    def obstacle(self) -> str:
        """Say in one sentence why it cannot start; empty where it can."""
        if self.retraining.running:
            return "A retraining is going on."
        if not self.session.packs:
            return "No model pack is installed."
        if not self._has_corrections():
            return NO_CORRECTION
        if not self._clips():
            return NO_CLIPS
        try:
            config_for(self._pack())
        except EchoError as error:
            return str(error)
        return lacking() or ("" if self.validation.path is not None else NO_VALIDATION)

    def _has_corrections(self) -> bool:
        """Whether the label store holds something, committed now or on an earlier day."""
        corrections = self.session.corrections
        store = corrections.store
        if store is None or corrections.all_revisions():
            return store is not None
        with suppress(OSError), os.scandir(store.path) as files:
            return any(file.name.endswith(".tif") for file in files)
        return False

    def _clips(self) -> list[str]:
        """Where labelled clips may lie: the files of this session's, and what was opened."""
        session = self.session
        sources = [clip.source for clip in session.corrections.clips.values()]
        found = (*sources, *session.studies.roots)
        return list(dict.fromkeys(str(path) for path in found if path is not None))

    def _pack(self) -> ModelPack:
        return self.session.packs[max(self.base.currentIndex(), 0)]

    def arguments(self, out: Path) -> list[str]:
        """The words after `napari-echo retrain`."""
        store = self.session.corrections.store
        assert store is not None
        words = ["--labels", str(store.path), "--base", str(self._pack().path), "--out", str(out)]
        words += ["--val", str(self.validation.path), "--iterations", str(self.iterations.value())]
        words += [word for path in self._clips() for word in ("--clips", path)]
        old = self.old_data.path
        words += [] if old is None else ["--data", str(old)]
        return [*words, "--found-only"]

    def use_new(self) -> None:
        """Choose the new model."""
        if self.outcome is not None and self.outcome["offered"]:
            self.verbs.use_pack(Path(self.outcome["pack"]))

    # What is told ---------------------------------------------------------------

    def _say(self, message: str) -> None:
        """Say how far it is, also in the heading: the section may be folded meanwhile."""
        self.message.set_full_text(message)
        self.sum_up(message)

    def _take(self, step: dict[str, Any]) -> None:
        kind = step["step"]
        if kind == "told":
            self.verbs.told.emit(step["sentence"])
        elif kind == "stage":
            self.bar.setRange(0, step["total"])
            self.bar.setValue(step["done"])
            count = f" {step['done']}/{step['total']}" if step["total"] else ""
            self._say(f"{step['what']}{count}")
        elif kind == "trained":
            self._take_training(step)
        elif kind == "outcome":
            self._take_outcome(step)

    def _take_training(self, step: dict[str, Any]) -> None:
        self.curves.show()
        self.curves.add(
            step["iteration"], step["iterations"], step["losses"].get("loss"), step["dice"]
        )
        self.bar.setRange(0, step["iterations"])
        self.bar.setValue(step["iteration"])
        left = step["seconds_left"]
        time = f", about {duration_text(left)} left" if left else ""
        self._say(f"Training {step['iteration']}/{step['iterations']}{time}")

    def _take_outcome(self, outcome: dict[str, Any]) -> None:
        self.outcome = outcome
        self.table.setText(comparison(outcome))
        self.table.setToolTip(
            "Means over the clips of the validation set, and the 95% interval of new minus old "
            "over patients."
        )
        if outcome["offered"]:
            self.verdict.set_full_text(
                f"No worse than {outcome['base']}. It is in {outcome['pack']}"
            )
        else:
            self.verdict.set_full_text(
                f"Worse than {outcome['base']}, so not offered; kept in {outcome['pack']}",
                "\n".join((*outcome["reasons"], f"It is kept in {outcome['pack']}")),
            )
        self.table.show()
        self.verdict.show()
        self.use.setVisible(outcome["offered"])

    def refresh(self) -> None:
        """Show the session as it is."""
        if self.verbs.later.put_off(self.refresh):
            return
        session, running = self.session, self.retraining.running
        if self.base.count() != len(session.packs):
            self.base.clear()
            self.base.addItems([pack.name for pack in session.packs])
            if session.pack is not None:
                self.base.setCurrentIndex(session.packs.index(session.pack))
        tip = "Learn from the committed corrections; the old model stays as it is."
        gate(self.action, self.obstacle(), tip)
        going_on = "A retraining is going on." if running else ""
        for widget, about in (
            (self.base, "The model that goes on learning; it stays as it is."),
            (self.iterations, "How many batches it learns from."),
        ):
            gate(widget, going_on, about)
        for chosen in (self.validation, self.old_data):
            chosen.refresh(going_on)
        for shown in (self.message, self.bar, self.cancel):
            shown.setVisible(running)
        if not running:
            self.sum_up("")
        self.cancel.setEnabled(not self.retraining.cancelling)
        if self.retraining.cancelling:
            self._say("Stopping…")
