"""Step 2: tick one model or several, run them, and choose which is shown."""

from __future__ import annotations

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QPushButton,
    QSizePolicy,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from napari_echo.gui.cells import Contents
from napari_echo.gui.comparing import Comparing
from napari_echo.gui.model_colors import color_of
from napari_echo.gui.panels.controls import ElidedChoice, gate, may_shrink, swatch
from napari_echo.gui.panels.predict_dialog import PredictDialog, every, unusual
from napari_echo.gui.panels.section import Section
from napari_echo.gui.predicting_ahead import PredictingAhead
from napari_echo.gui.preferences import read_text, write
from napari_echo.gui.steps import Step, obstacle
from napari_echo.gui.verbs import Verbs
from napari_echo.workflow.predictions import MOST

CONTENTS: dict[Contents, tuple[str, str]] = {
    "models": ("models", "Each cell shows what one model says."),
    "references": (
        "model, truth, correction",
        "A cell for the model on show, one for the ground truth and one for the correction.",
    ),
}
SIDE_BY_SIDE = "review/side by side"
_ROWS_SHOWN, _ROW_HEIGHT = 5, 16
# Napari's style leaves the box of an unticked row all but unseen.
_BOXES = "QTreeView::indicator:unchecked { border: 1px solid #8d8f94; border-radius: 2px; }"
_NAME, _SAID = 0, 1


class ModelPanel(Section):
    """Lists the model packs: ticked ones run, the marked one is shown.

    Signals
    -------
    settings_chosen()
        The reader chose how the models run.
    """

    settings_chosen = Signal()

    def __init__(
        self,
        verbs: Verbs,
        comparing: Comparing,
        ahead: PredictingAhead,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(Step.PREDICT.title, "Run", parent)
        self.ahead = ahead
        self.verbs = verbs
        self.session = verbs.session
        self.comparing = comparing
        self.packs = QTreeWidget()
        self.packs.setColumnCount(2)
        self.packs.setHeaderHidden(True)
        self.packs.setRootIsDecorated(False)
        self.packs.setIndentation(0)
        self.packs.setStyleSheet(_BOXES)
        self.packs.setUniformRowHeights(True)
        self.packs.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.packs.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.packs.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.packs.setTextElideMode(Qt.TextElideMode.ElideRight)
        header = self.packs.header()
        if header is not None:
            header.setStretchLastSection(False)
            header.setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
            header.setSectionResizeMode(_SAID, QHeaderView.ResizeMode.ResizeToContents)
        self.settings = QPushButton("⚙")
        self.settings.setFixedWidth(28)
        self.heading_row.insertWidget(self.heading_row.count() - 1, self.settings)
        self.side_by_side = QPushButton("Side by side")
        self.side_by_side.setCheckable(True)
        self.contents = ElidedChoice()
        may_shrink(self.contents)
        for contents, (title, tip) in CONTENTS.items():
            self.contents.addItem(title, contents)
            self.contents.setItemData(self.contents.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.contents.setToolTip("What the views side by side show.")
        last = self.contents.findData(read_text(SIDE_BY_SIDE, "models"))
        self.contents.setCurrentIndex(max(last, 0))
        comparing.grid.contents = self.contents.currentData()
        self.body.addWidget(self.packs)
        self.views_row = self.add_row(self.side_by_side)
        self.views_row.addWidget(self.contents, 1)
        self._filling = self._ticking = self._was_done = False
        self.packs.itemPressed.connect(self._on_pressed)
        self.packs.itemClicked.connect(self._on_clicked)
        self.packs.itemChanged.connect(self._on_changed)
        self.action.clicked.connect(verbs.predict)
        self.settings.clicked.connect(self.ask_settings)
        self.side_by_side.clicked.connect(self._on_side_by_side)
        self.contents.activated.connect(self._on_contents)
        for signal in (
            self.session.clip_changed,
            self.session.model_changed,
            self.session.predictions_changed,
            self.session.prediction_changed,
            self.session.truth_changed,
            self.session.corrections.draft_changed,
            comparing.grid.changed,
        ):
            signal.connect(self.refresh)
        verbs.runner.busy_changed.connect(self.refresh)
        self.refresh()

    def _on_pressed(self) -> None:
        self._ticking = False

    def _on_clicked(self, item: QTreeWidgetItem) -> None:
        # A click on its box has ticked or unticked it by now, and is no choice.
        if not self._ticking:
            self.comparing.choose(self.session.packs[self.packs.indexOfTopLevelItem(item)])

    def _on_changed(self, item: QTreeWidgetItem, column: int) -> None:
        if not self._filling and column == _NAME:
            self._ticking = True
            pack = self.session.packs[self.packs.indexOfTopLevelItem(item)]
            self.comparing.tick(pack, item.checkState(_NAME) == Qt.CheckState.Checked)

    def _on_side_by_side(self) -> None:
        self.comparing.toggle_grid()
        self.refresh()

    def _on_contents(self) -> None:
        write(SIDE_BY_SIDE, self.contents.currentData())
        self.comparing.grid.set_contents(self.contents.currentData())
        self.refresh()

    def ask_settings(self) -> PredictDialog:
        """Ask how the models run, and have them run so from the next Run on."""
        dialog = PredictDialog(self.session.predict_params, ahead=self.ahead.wanted, parent=self)
        dialog.accepted.connect(lambda: self._take_settings(dialog))
        dialog.open()
        return dialog

    def _take_settings(self, dialog: PredictDialog) -> None:
        if self.verbs.may(""):
            self.session.set_predict_params(dialog.params())
            self.ahead.set_wanted(dialog.ahead.isChecked())
            self.settings_chosen.emit()
            self.refresh()

    def fold(self, folded: bool) -> None:
        """Show the heading alone, or all of it; the views side by side stay within reach."""
        super().fold(folded)
        if folded:
            self.heading_row.insertWidget(
                self.heading_row.indexOf(self.settings), self.side_by_side
            )
        else:
            self.views_row.insertWidget(0, self.side_by_side)
        self._show_heading()

    def sum_up(self, gist: str) -> None:
        """Say what it comes to, also while it is open: the dock has no line to spare for it."""
        super().sum_up(gist)
        self._show_heading()

    def _show_heading(self) -> None:
        grid = self.comparing.grid
        self.gist.setVisible(bool(self.gist.full_text()))
        self.settings.setVisible(not self.folded)
        self.side_by_side.setVisible(not self.folded or grid.is_on or not grid.obstacle())

    def refresh(self) -> None:
        """Show the session as it is."""
        if self.verbs.later.put_off(self.refresh):
            return
        session, runner = self.session, self.verbs.runner
        busy = f"{runner.title} is going on." if runner.busy else ""
        waiting = [p for p in session.ticked if p.id not in session.predictions]
        many = len(session.ticked) > 1
        self.action.setText(f"Run {len(waiting) or len(session.ticked)}" if many else "Run")
        gate(
            self.action,
            busy or obstacle(Step.PREDICT, session),
            "Segment every frame of the clip with the ticked models, one after the other; "
            "those that have run are run again when all have."
            if many
            else "Segment every frame of the clip with this model.",
        )
        gate(self.settings, busy, f"Set how the models run. Now: {every(session.predict_params)}.")
        self._fill()
        grid = self.comparing.grid
        self.side_by_side.setChecked(grid.is_on)
        gate(
            self.side_by_side,
            "" if grid.is_on else grid.obstacle(),
            "Back to one view." if grid.is_on else "Show two to four views beside each other.",
        )
        self._tell()
        if self.is_done() is not self._was_done:
            self._was_done = not self._was_done
            self.done_changed.emit()

    def is_done(self) -> bool:
        """Whether the ticked models have run, or one has and is being corrected."""
        session = self.session
        run = session.corrections.draft is not None or all(
            pack.id in session.predictions for pack in session.ticked
        )
        return session.hidden or (session.prediction is not None and run)

    def _fill(self) -> None:
        session = self.session
        self._filling = True
        if self.packs.topLevelItemCount() != len(session.packs):
            self.packs.clear()
            self.packs.addTopLevelItems([QTreeWidgetItem() for _ in session.packs])
        rows = min(max(len(session.packs), 1), _ROWS_SHOWN)
        height = max(self.packs.sizeHintForRow(0), _ROW_HEIGHT)
        self.packs.setFixedHeight(rows * height + 2 * self.packs.frameWidth())
        shown = session.prediction
        for index, pack in enumerate(session.packs):
            item = self.packs.topLevelItem(index)
            if item is None:
                continue
            ticked = pack in session.ticked
            found = session.predictions.get(pack.id)
            item.setText(_NAME, pack.name)
            item.setCheckState(_NAME, Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
            known = ticked or found is not None
            item.setIcon(_NAME, _icon(color_of(session.slot(pack.id))) if known else QIcon())
            on_show = found is not None and found is shown
            said = "" if found is None else f"{found.seconds:.1f} s"
            item.setText(_SAID, f"on show, {said}" if on_show else said)
            tip = (
                f"{pack.card.description}\nTick it to run it (up to {MOST} at once); "
                "click its name to choose it, and to show what it says."
            )
            item.setToolTip(_NAME, tip)
            item.setToolTip(_SAID, tip)
            if pack is session.pack:
                self.packs.setCurrentItem(item)
        self._filling = False
        gate(
            self.packs,
            "" if session.packs else "No model pack is installed; `napari-echo doctor` helps.",
            "",
        )

    def _tell(self) -> None:
        """Say what is not as usual of how models run, and which is on show."""
        prediction, settings = self.session.prediction, unusual(self.session.predict_params)
        shown = prediction.model_name if prediction is not None else ""
        self.sum_up(" · ".join(filter(None, (settings, shown))))


def _icon(color: str) -> QIcon:
    """A swatch that keeps its colour where its row is marked."""
    icon = swatch(color)
    icon.addPixmap(icon.pixmap(12, 12), QIcon.Mode.Selected)
    return icon
