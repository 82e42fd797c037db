"""What was measured, by whose labels, and the ED and ES frames it was measured at."""

from __future__ import annotations

import math
from collections.abc import Callable

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QGridLayout, QLabel, QPushButton, QWidget

from napari_echo.core.keyframes import Beat
from napari_echo.gui.panels.section import Section, gate
from napari_echo.gui.verbs import Verbs
from napari_echo.metrics.volume import BeatMeasures, LVMeasures
from napari_echo.workflow.session import Source

COLUMNS: dict[Source, str] = {
    "prediction": "Model",
    "truth": "Truth",
    "correction": "Corrected",
}
ROWS = ("EDV", "ESV", "EF", "FAC", "Volume", "Area", "Dice ED/ES", "Dice")


class MeasuresPanel(Section):
    """Shows volumes, EF and Dice, and jumps to ED and ES or sets them.

    Signals
    -------
    frame_wanted(int)
        The reader wants to see a frame.
    """

    frame_wanted = Signal(int)

    def __init__(
        self, verbs: Verbs, current_frame: Callable[[], int], parent: QWidget | None = None
    ) -> None:
        super().__init__("Measures", "", parent)
        self.verbs = verbs
        self.session = verbs.session
        self.beat = QComboBox()
        self.beat.setToolTip("The beat whose frames and measures are shown.")
        self.jump: dict[str, QPushButton] = {}
        self.set_here: dict[str, QPushButton] = {}
        self.heading_row.addWidget(self.beat)
        row = self.add_row()
        for which in ("ED", "ES"):
            go, here = QPushButton(which), QPushButton("set")
            go.clicked.connect(lambda _=False, w=which: self.go(w))
            here.clicked.connect(
                lambda _=False, w=which: verbs.set_key_frame(self._index(), w, current_frame())
            )
            here.setFixedWidth(40)
            row.addWidget(go, 1)
            row.addWidget(here)
            self.jump[which], self.set_here[which] = go, here
        self.grid = QGridLayout()
        self.grid.setContentsMargins(0, 0, 0, 0)
        self.grid.setHorizontalSpacing(8)
        self.grid.setVerticalSpacing(0)
        self.body.addLayout(self.grid)
        self.cells: dict[tuple[int, int], QLabel] = {}
        for r in range(len(ROWS) + 1):
            for c in range(len(COLUMNS) + 1):
                cell = QLabel()
                if r and ROWS[r - 1] == "EF":
                    cell.setObjectName("echoHeading")
                if c:
                    cell.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.grid.addWidget(cell, r, c)
                self.cells[r, c] = cell
        self.beat.activated.connect(self.refresh)
        for signal in (
            self.session.clip_changed,
            self.session.key_frames_changed,
            self.session.measures_changed,
            self.session.prediction_changed,
        ):
            signal.connect(self.refresh)
        verbs.runner.busy_changed.connect(self.refresh)
        self.refresh()

    def _index(self) -> int:
        return max(self.beat.currentIndex(), 0)

    def _beat(self) -> Beat | None:
        key_frames = self.session.key_frames
        beats = key_frames.beats if key_frames is not None else ()
        return beats[self._index()] if self._index() < len(beats) else None

    def go(self, which: str) -> None:
        """Go to the ED or the ES frame of the beat that is chosen."""
        beat = self._beat()
        if beat is not None:
            self.frame_wanted.emit(beat.ed if which == "ED" else beat.es)

    def refresh(self) -> None:
        """Show the session as it is."""
        session = self.session
        key_frames = session.key_frames
        n_beats = len(key_frames.beats) if key_frames is not None else 0
        if self.beat.count() != n_beats:
            self.beat.clear()
            self.beat.addItems([f"beat {i + 1}/{n_beats}" for i in range(n_beats)])
        self.beat.setVisible(n_beats > 1)
        beat = self._beat()
        busy = f"{self.verbs.runner.title} is going on." if self.verbs.runner.busy else ""
        closed = "" if session.clip is not None else "Open a clip first."
        for which in ("ED", "ES"):
            frame = None if beat is None else beat.ed if which == "ED" else beat.es
            self.jump[which].setText(which if frame is None else f"{which} {frame}")
            origin = key_frames.origin if key_frames is not None else ""
            gate(
                self.jump[which],
                closed or ("" if frame is not None else f"No {which} frame is known yet."),
                f"Go to frame {frame}, {which} as {origin}.",
            )
            gate(
                self.set_here[which],
                closed or busy,
                f"Make the frame on show the {which} frame of this beat.",
            )
        self._fill_table()

    def _fill_table(self) -> None:
        """Write one column a source, and hide the rows and columns that say nothing."""
        texts = dict.fromkeys(self.cells, "")
        units = {"EF": "%", "FAC": "%"}
        for c, (source, title) in enumerate(COLUMNS.items(), start=1):
            measures = self.session.measures.get(source)
            if measures is None:
                continue
            texts[0, c] = title
            units |= dict.fromkeys(("EDV", "ESV", "Volume"), measures.unit_volume)
            units["Area"] = measures.unit_area
            for name, value in self._values(source, measures).items():
                texts[ROWS.index(name) + 1, c] = value
        for r, name in enumerate(ROWS, start=1):
            if any(texts[r, c] for c in range(1, len(COLUMNS) + 1)):
                texts[r, 0] = f"{name} {units.get(name, '')}".strip()
        for where, cell in self.cells.items():
            cell.setText(texts[where])
            cell.setVisible(bool(texts[where]))

    def shown(self, row: str, source: Source) -> str:
        """Return what the table says in a row of `ROWS` of a source; empty for nothing."""
        return self.cells[ROWS.index(row) + 1, list(COLUMNS).index(source) + 1].text()

    def _values(self, source: Source, measures: LVMeasures) -> dict[str, str]:
        index, n = self._index(), len(measures.beats)
        values: dict[str, str] = {}
        if index < n:
            beat: BeatMeasures = measures.beats[index]
            values = {
                "EDV": _number(beat.edv),
                "ESV": _number(beat.esv),
                "EF": _number(100 * beat.ef),
                "FAC": _number(100 * beat.fac),
            }
        elif len(measures.area) == 1:
            # A still has no beat, but a size.
            values = {"Volume": _number(measures.volume[0]), "Area": _number(measures.area[0])}
        report, key_frames = self.session.report, self.session.key_frames
        if source == "prediction" and report is not None and key_frames is not None:
            dices = (report.dice_at_ed(key_frames), report.dice_at_es(key_frames))
            if dices != (None, None):
                values["Dice ED/ES"] = "/".join("–" if d is None else f"{d:.3f}" for d in dices)
            elif (mean := report.mean_dice()) is not None:
                values["Dice"] = f"{mean:.3f}"
        return values


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "–"
    return f"{value:.1f}" if abs(value) < 1000 else f"{value:.0f}"
