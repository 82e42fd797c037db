"""The dock widget "Echo review": load, predict, mark, correct, export."""

from __future__ import annotations

from napari.utils.notifications import show_error
from napari.viewer import Viewer
from platformdirs import user_data_path
from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import (
    QFrame,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_echo.core.errors import EchoError
from napari_echo.gui import keys
from napari_echo.gui.adopting import Adopting
from napari_echo.gui.bottom import BottomDocks
from napari_echo.gui.closing import Closing
from napari_echo.gui.committing import Committing
from napari_echo.gui.comparing import Comparing
from napari_echo.gui.contour_tool import ContourTool
from napari_echo.gui.curves import CurvesWidget
from napari_echo.gui.dropping import Dropping
from napari_echo.gui.editing import Editing
from napari_echo.gui.fitting import Fitting
from napari_echo.gui.folding import Folding
from napari_echo.gui.following import Follower
from napari_echo.gui.garbage import Garbage
from napari_echo.gui.grid import Grid
from napari_echo.gui.guiding import Guiding
from napari_echo.gui.key_list import KeyList
from napari_echo.gui.key_names import KeyNames
from napari_echo.gui.key_passing import KeyPassing
from napari_echo.gui.layers import ReviewLayers
from napari_echo.gui.leaving import Leaving
from napari_echo.gui.legend import Legend
from napari_echo.gui.measuring import Measuring
from napari_echo.gui.noting import Noting
from napari_echo.gui.panels.checks import CHECKS_DOCK, ChecksPanel
from napari_echo.gui.panels.clip import ClipPanel
from napari_echo.gui.panels.correct import CorrectPanel
from napari_echo.gui.panels.dataset_chart import DatasetChart
from napari_echo.gui.panels.export import ExportPanel
from napari_echo.gui.panels.marks import MarksPanel
from napari_echo.gui.panels.measures import MeasuresPanel
from napari_echo.gui.panels.model import ModelPanel
from napari_echo.gui.panels.models import ModelsPanel
from napari_echo.gui.panels.propagate import PropagateRows
from napari_echo.gui.panels.readers import ReadersPanel
from napari_echo.gui.panels.retrain import RetrainPanel
from napari_echo.gui.panels.scroll import SectionScroll
from napari_echo.gui.panels.status import StatusPanel
from napari_echo.gui.panels.studies import StudiesPanel
from napari_echo.gui.playing import Playing
from napari_echo.gui.predicting_ahead import PredictingAhead
from napari_echo.gui.preferences import keep, restore
from napari_echo.gui.propagating import Propagating
from napari_echo.gui.readers import Readers
from napari_echo.gui.recovery import Recovery
from napari_echo.gui.scanning import Scanning
from napari_echo.gui.studying import Studying
from napari_echo.gui.style import style_sheet, theme_colors
from napari_echo.gui.text_shader import lighten_texts
from napari_echo.gui.verbs import Verbs
from napari_echo.gui.wording import short_names
from napari_echo.gui.workers import Jobs
from napari_echo.io.store import LabelStore
from napari_echo.workflow.session import Session

CURVES_DOCK, STUDIES_DOCK, READERS_DOCK = "Echo curves", "Studies", "Readers"
MODELS_DOCK, DATASET_DOCK = "Models", "Data set"
WIDTH = 332
STUDIES_HEIGHT = 240
SETTLE_MS = 50


class EchoReview(QWidget):
    """Guides one reader through the review of a clip.

    It reads top to bottom in the order of the work; the one button to press
    next is highlighted, and a button that cannot be pressed yet says why.

    Parameters
    ----------
    napari_viewer : Viewer
        The viewer.
    session : Session or None
        The review; None begins a new one.
    """

    def __init__(self, napari_viewer: Viewer, session: Session | None = None) -> None:
        super().__init__()
        # First: what is made below names keys.
        keys.register()
        lighten_texts()
        self.viewer = napari_viewer
        self.session = session if session is not None else _new_session()
        if session is None:
            restore(self.session)
        if self.session.corrections.store is None:
            self.session.corrections.set_store(LabelStore(user_data_path("napari-echo") / "labels"))
        self.layers: ReviewLayers = ReviewLayers(self.viewer, self.session)
        self.playing = Playing(self.viewer, self.layers)
        self.jobs = Jobs(self)
        self.background = Jobs(self)
        self.verbs: Verbs = Verbs(self.session, self.jobs)
        self.leaving = Leaving(self.session, self, lambda: self.noting.note())
        self.verbs.may_leave = self.leaving.may_leave
        self.fitting = Fitting(self.viewer)
        self.recovery = Recovery(self.verbs, self.background)
        self.studying: Studying = Studying(self.verbs, self.layers.go_to)
        self.predicting_ahead = PredictingAhead(self.verbs, self.studying)
        self.scanning = Scanning(self.studying)
        self.studies_panel: StudiesPanel = StudiesPanel(self.scanning)
        self.dropping = Dropping(self.viewer, self.studying, self)
        self.clip_panel: ClipPanel = ClipPanel(self.studying, self.recovery)
        self.comparing: Comparing = Comparing(
            self.verbs, Grid(self.viewer, self.session, self.layers, self)
        )
        self.model_panel: ModelPanel = ModelPanel(self.verbs, self.comparing, self.predicting_ahead)
        self.measuring: Measuring = Measuring(self.verbs)
        self.measures_panel: MeasuresPanel = MeasuresPanel(
            self.measuring, lambda: self.layers.frame
        )
        self.checks_panel = ChecksPanel(self.session)
        self.marks_panel: MarksPanel = MarksPanel(self.verbs)
        self.committing: Committing = Committing(self.session, Jobs(self))
        self.editing: Editing = Editing(
            self.verbs,
            self.layers,
            self.committing,
            self.studying.step,
            lambda: self.measures_panel.beat.currentIndex(),
        )
        self.contour_tool: ContourTool = ContourTool(self.editing)
        self.propagating: Propagating = Propagating(self.editing)
        self.correct_panel: CorrectPanel = CorrectPanel(
            self.verbs,
            self.recovery,
            self.editing,
            self.contour_tool,
            PropagateRows(self.propagating),
        )
        self.export_panel = ExportPanel(self.verbs)
        self.retrain_panel = RetrainPanel(self.verbs)
        self.legend: Legend = Legend(
            self.layers.showing, lambda: self.layers.frame, self.verbs.later
        )
        self.key_list: KeyList = KeyList(self)
        self.guiding = Guiding(self)
        self.status_panel = StatusPanel(self.verbs, self.guiding)
        self.curves = CurvesWidget(self.session, lambda: self.layers.frame)
        self.models_panel = ModelsPanel(self.comparing, lambda: self.layers.frame)
        self.dataset_chart = DatasetChart(self.studying)
        self.readers = Readers(self.verbs, self.studying)
        self.readers_panel = ReadersPanel(self.readers)
        self.key_names = KeyNames(self._dock_and_tabs, self)
        self.key_passing = KeyPassing(self.viewer, self._dock_and_tabs, self)
        self._lay_out()
        self._connect()
        self.adopting = Adopting(self.viewer, self.verbs, self.leaving.may_leave)
        keep(self, everything=session is None)
        self._take_theme()
        self.guiding.follow()
        self.noting = Noting(self)
        self.closing = Closing(
            self.viewer, self.session, self.jobs, self.committing, lambda: self.noting.note()
        )
        corrections = self.session.corrections
        self.destroyed.connect(lambda: corrections.close())
        self.recovery.find_waiting()
        self.garbage = Garbage(self.session)

    def _lay_out(self) -> None:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(2, 2, 2, 2)
        column.setSpacing(2)
        panels = (
            self.clip_panel,
            self.model_panel,
            self.measures_panel,
            self.marks_panel,
            self.correct_panel,
            self.export_panel,
            self.retrain_panel,
        )
        self.folding = Folding(panels, folded=(self.export_panel, self.retrain_panel))
        for index, panel in enumerate(panels):
            if index:
                rule = QFrame()
                rule.setFrameShape(QFrame.Shape.HLine)
                column.addWidget(rule)
            column.addWidget(panel)
        column.addStretch(1)
        self.column = SectionScroll(content, WIDTH)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.column, 1)
        layout.addWidget(self.legend)
        layout.addWidget(self.status_panel)
        self.bottom = BottomDocks(self.viewer)
        self.bottom.add(CURVES_DOCK, self.curves)
        self.bottom.add(STUDIES_DOCK, self.studies_panel)
        self.bottom.add(CHECKS_DOCK, self.checks_panel)
        self.bottom.add(MODELS_DOCK, self.models_panel)
        self.bottom.add(DATASET_DOCK, self.dataset_chart)
        self.bottom.add(READERS_DOCK, self.readers_panel)

    def _connect(self) -> None:
        self.verbs.refused.connect(lambda sentence: show_error(short_names(sentence)))
        for panel in (
            self.measures_panel,
            self.marks_panel,
            self.curves,
            self.models_panel,
            self.checks_panel,
        ):
            panel.frame_wanted.connect(self.layers.go_to)
        self.checks_panel.model_wanted.connect(self.comparing.show)
        self.propagating.changed.connect(
            lambda: self.curves.show_propagation(self.propagating.measures)
        )
        self.legend.told.connect(self.verbs.told)
        self.key_names.changed.connect(self.legend.refresh)
        self.comparing.grid.opening.connect(self.contour_tool.end)
        self.status_panel.keys.clicked.connect(self.key_list.toggle)
        self.correct_panel.discard.clicked.connect(self.leaving.discard)
        self.correct_panel.reader.editingFinished.connect(
            lambda: self.readers.set_reader(self.correct_panel.reader.text())
        )
        self.studying.listed.connect(self._show_studies)
        self.studies_panel.open_folder.clicked.connect(self.clip_panel.ask_folder)
        self.studies_panel.large.clicked.connect(lambda: self.bottom.enlarge(STUDIES_DOCK))
        # Who has chosen a clip wants to see it.
        self.studies_panel.table.doubleClicked.connect(lambda: self.bottom.shrink(STUDIES_DOCK))
        self.recovery.clips_wanted.connect(self.studying.add)
        self.recovery.recovered.connect(lambda replay: self.layers.go_to(replay.uncommitted[0]))
        self.follower = Follower(
            self.layers.caption.write,
            self.legend.write_whose,
            self.curves.move_cursor,
            self.models_panel.move_cursor,
            parent=self,
        )
        self.viewer.dims.events.current_step.connect(self.follower.follow)
        self.viewer.events.theme.connect(self._take_theme)
        self.session.clip_changed.connect(self._prepare_draft)

    def _dock_and_tabs(self) -> tuple[QWidget, ...]:
        return (self, *self.bottom.widgets)

    # Following the session -------------------------------------------------------

    def _show_studies(self) -> None:
        if len(self.session.studies) > 1:
            self.bottom.show(STUDIES_DOCK, STUDIES_HEIGHT)

    def _prepare_draft(self) -> None:
        QTimer.singleShot(SETTLE_MS, self.layers.draft.prepare)

    # The look -------------------------------------------------------------------

    def primary_button(self) -> QPushButton:
        """Find the button to press next."""
        return self.guiding.button

    def _take_theme(self, _event: object = None) -> None:
        style = style_sheet(self.viewer.theme)
        for widget in self._dock_and_tabs():
            widget.setStyleSheet(style)
        colors = theme_colors(self.viewer.theme)
        self.studies_panel.set_colors(colors["faint"], colors["foreground"])
        for tab in (self.curves, self.models_panel, self.dataset_chart):
            tab.set_colors(colors["background"], colors["text"])
        self.readers_panel.set_colors(colors["background"], colors["text"])
        self.retrain_panel.curves.set_colors(colors["background"], colors["text"])

    # The end --------------------------------------------------------------------

    def event(self, event: QEvent | None) -> bool:
        """Stop everything when napari takes the widget out of its dock."""
        if event is not None and event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self.tear_down()
        return bool(super().event(event))

    def tear_down(self) -> None:
        """Stop jobs, leave the viewer's layers as they are, and close the tabs below."""
        self.verbs.later.stop()
        self.noting.stop()
        self.closing.shut_down()
        self.key_names.shut_down()
        self.key_passing.shut_down()
        self.status_panel.shut_down()
        self.jobs.shut_down()
        self.measuring.shut_down()
        self.background.shut_down()
        self.scanning.shut_down()
        self.predicting_ahead.shut_down()
        self.studying.shut_down()
        self.comparing.shut_down()
        self.readers.shut_down()
        self.retrain_panel.retraining.shut_down()
        self.editing.shut_down()
        self.contour_tool.disconnect()
        self.propagating.disconnect()
        self.fitting.disconnect()
        self.playing.disconnect()
        self.layers.disconnect()
        self.committing.finish()
        self.session.corrections.close()
        self.viewer.dims.events.current_step.disconnect(self.follower.follow)
        self.follower.stop()
        self.adopting.disconnect()
        self.viewer.events.theme.disconnect(self._take_theme)
        self.bottom.remove()
        self.garbage.search_all()


def _new_session() -> Session:
    try:
        return Session()
    except EchoError as error:
        # A damaged model pack must not keep the reader from everything else.
        show_error(str(error))
        return Session(packs=())
