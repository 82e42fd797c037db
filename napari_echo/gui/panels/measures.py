"""What was measured, by whose labels, and the ED and ES frames it was measured at."""

from __future__ import annotations

from collections.abc import Callable

from psygnal import Signal
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QComboBox, QGridLayout, QLabel, QPushButton, QWidget

from napari_echo.core.keyframes import Beat, Which
from napari_echo.gui.key_names import fill_in, tell
from napari_echo.gui.measuring import Measuring
from napari_echo.gui.panels import measure_rows
from napari_echo.gui.panels.controls import ElidedLabel, gate
from napari_echo.gui.panels.measure_rows import APICAL, DETAILS, LEFT, PERCENT, RIGHT, ROWS, TIPS
from napari_echo.gui.panels.section import Section
from napari_echo.gui.preferences import read_flag, write
from napari_echo.workflow.session import Source

COLUMNS: dict[Source, str] = {
    "prediction": "Model",
    "truth": "Truth",
    "correction": "Corrected",
}
# A measuring that ends sooner needs no word.
PATIENCE_MS = 400
MORE = "measures/more"


class MeasuresPanel(Section):
    """Shows what was measured, and jumps to ED and ES, sets them, adds and removes beats.

    Signals
    -------
    frame_wanted(int)
        The reader wants to see a frame.
    """

    frame_wanted = Signal(int)

    def __init__(
        self,
        measuring: Measuring,
        current_frame: Callable[[], int],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("Measures", "", parent)
        self.measuring = measuring
        self.session = measuring.session
        self.current_frame = current_frame
        self.busy_note = QLabel("measuring…")
        self.busy_note.setVisible(False)
        self.beat = QComboBox()
        tell(self.beat, "The beat whose frames and measures are shown; {next_beat} for the next.")
        self.add_beat, self.remove_beat = QPushButton("+"), QPushButton("−")
        self.more = QPushButton()
        self.more.setCheckable(True)
        self.more.setChecked(read_flag(MORE))
        self.more.toggled.connect(self._toggle_more)
        for widget in (self.busy_note, self.more, self.beat):
            self.heading_row.addWidget(widget)
        self.jump: dict[Which, QPushButton] = {}
        self.set_here: dict[Which, QPushButton] = {}
        row = self.add_row()
        keys: tuple[Which, ...] = ("ED", "ES")
        for which in keys:
            go, here = QPushButton(which), QPushButton("set")
            go.clicked.connect(lambda _=False, w=which: self.go(w))
            here.clicked.connect(lambda _=False, w=which: self.set_frame(w))
            here.setFixedWidth(36)
            row.addWidget(go, 1)
            row.addWidget(here)
            self.jump[which], self.set_here[which] = go, here
        for button, act in ((self.add_beat, self.add), (self.remove_beat, self.remove)):
            button.setFixedWidth(24)
            button.clicked.connect(act)
            row.addWidget(button)
        table = QWidget()
        # Napari pads labels so much that three columns of pairs would not fit the dock.
        table.setStyleSheet("QLabel { padding: 0px; margin: 0px; }")
        self.grid = QGridLayout(table)
        self.grid.setContentsMargins(4, 0, 4, 0)
        self.grid.setHorizontalSpacing(6)
        self.grid.setVerticalSpacing(0)
        self.body.addWidget(table)
        self.cells: dict[tuple[int, int], QLabel] = {}
        # What keeps its place, and the unit it had.
        self._rows: set[int] = set()
        self._units: dict[int, str] = {}
        self._kind: tuple[bool, bool, bool] | None = None
        self._has_band = False
        for r in range(len(ROWS) + 1):
            for c in range(len(COLUMNS) + 1):
                cell = QLabel()
                if r and ROWS[r - 1] == "EF":
                    cell.setObjectName("echoHeading")
                if c:
                    cell.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.grid.addWidget(cell, r, c)
                self.cells[r, c] = cell
        self.band = ElidedLabel(lines=2)
        self.body.addWidget(self.band)
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(PATIENCE_MS)
        self._patience.timeout.connect(lambda: self.busy_note.setVisible(True))
        self.beat.activated.connect(self.refresh)
        session = self.session
        for signal in (
            session.clip_changed,
            session.key_frames_changed,
            session.measures_changed,
            session.prediction_changed,
        ):
            signal.connect(self.refresh)
        measuring.runner.busy_changed.connect(self._show_busy)
        self.refresh()

    # ED and ES --------------------------------------------------------------------

    def _index(self) -> int:
        return max(self.beat.currentIndex(), 0)

    def _beats(self) -> tuple[Beat, ...]:
        key_frames = self.session.key_frames
        return key_frames.beats if key_frames is not None else ()

    def _beat(self) -> Beat | None:
        beats = self._beats()
        return beats[self._index()] if self._index() < len(beats) else None

    def _missing(self) -> Which | None:
        """Which of the beat's key frames is still to be set; a still has but one."""
        beat, key_frames, clip = self._beat(), self.session.key_frames, self.session.clip
        if beat is None or key_frames is None or clip is None or len(clip) == 1:
            return None
        return key_frames.missing(beat)

    def _frame_of(self, which: Which) -> int | None:
        beat = self._beat()
        if beat is None or self._missing() == which:
            return None
        return beat.ed if which == "ED" else beat.es

    def go(self, which: Which) -> None:
        """Go to the ED or the ES frame of the beat that is chosen."""
        frame = self._frame_of(which)
        if frame is not None:
            self.frame_wanted.emit(frame)

    def set_frame(self, which: Which) -> None:
        """Make the frame on show ED or ES of the beat that is chosen."""
        if self.session.clip is None:
            return
        frame = self.current_frame()
        self.measuring.set_key_frame(self._index(), which, frame)
        places = [i for i, b in enumerate(self._beats()) if frame == (b.ed, b.es)[which == "ES"]]
        if places and self._index() not in places:
            self._choose(places[0])

    def next_beat(self) -> None:
        """Choose the next beat, after the last the first, and go to its ED."""
        n = len(self._beats())
        if n:
            self._choose((self._index() + 1) % n)
            self.go("ED")

    def add(self) -> None:
        """Add a beat with the frame on show as its ED."""
        place = self.measuring.add_beat(self.current_frame())
        if place is not None:
            self._choose(place)

    def remove(self) -> None:
        """Take the beat that is chosen away."""
        if self._beat() is not None:
            self.measuring.remove_beat(self._index())

    def _choose(self, place: int) -> None:
        self.beat.setCurrentIndex(place)
        self.refresh()

    # Showing ----------------------------------------------------------------------

    def _show_busy(self) -> None:
        if not self.measuring.runner.busy:
            self._patience.stop()
            self.busy_note.setVisible(False)
        elif not self._patience.isActive() and self.busy_note.isHidden():
            self._patience.start()

    def refresh(self) -> None:
        """Show the session as it is."""
        if self.measuring.verbs.later.put_off(self.refresh):
            return
        session, n = self.session, len(self._beats())
        if self.beat.count() != n:
            chosen = min(self._index(), max(n - 1, 0))
            self.beat.clear()
            self.beat.addItems([f"beat {i + 1}/{n}" for i in range(n)])
            self.beat.setCurrentIndex(chosen)
        self.beat.setVisible(n > 1)
        key_frames = session.key_frames
        closed = "" if session.clip is not None else "Open a clip first."
        for which in self.jump:
            frame = self._frame_of(which)
            self.jump[which].setText(which if frame is None else f"{which} {frame}")
            if frame is None or key_frames is None:
                origin = ""
            else:
                origin = measure_rows.origin_tip(key_frames, which, frame)
            go, here = f"{{go_to_{which.lower()}}}", f"{{set_{which.lower()}}}"
            gate(
                self.jump[which],
                closed or ("" if frame is not None else f"No {which} frame is known yet."),
                f"Go to frame {frame} ({go}). {origin}",
            )
            gate(
                self.set_here[which],
                closed,
                f"Make the frame on show the {which} frame of this beat ({here}).",
            )
        gate(
            self.add_beat,
            closed,
            "Add a beat whose ED is the frame on show; its ES is the smallest LV before the next.",
        )
        gate(
            self.remove_beat,
            closed or ("" if n else "There is no beat to take away."),
            "Take this beat away.",
        )
        self._fill_table()

    def _toggle_more(self, shown: bool) -> None:
        write(MORE, shown)
        self._fill_table()

    def _fill_table(self) -> None:
        """Write one column a source, and hide the rows and columns that say nothing.

        A row that was there keeps its place, to the next clip of the same kind:
        what lies below must not move under the mouse.
        """
        self._forget_rows()
        texts = dict.fromkeys(self.cells, "")
        tips = dict.fromkeys(self.cells, "")
        session, clip = self.session, self.session.clip
        view = clip.view if clip is not None else "unknown"
        unit = "mm" if clip is not None and clip.spacing_mm is not None else "px"
        units = dict.fromkeys(PERCENT, "%") | dict.fromkeys((LEFT, APICAL, RIGHT), unit)
        units |= {"EF error": "pts", "Biplane V": "ml"}
        for c, (source, title) in enumerate(COLUMNS.items(), start=1):
            measures = session.measures.get(source)
            if measures is None:
                continue
            texts[0, c] = title
            units |= dict.fromkeys(("EDV", "ESV", "Volume"), measures.unit_volume)
            units |= {"Area": measures.unit_area, "Length": measures.unit_length}
            values, own_tips = measure_rows.column(
                session, self.measuring.partners, source, self._index()
            )
            for name, value in values.items():
                texts[ROWS.index(name) + 1, c] = value
                tips[ROWS.index(name) + 1, c] = own_tips.get(name, "")
        for r, name in enumerate(ROWS, start=1):
            if any(texts[r, c] for c in range(1, len(COLUMNS) + 1)):
                self._rows.add(r)
                self._units[r] = units.get(name, "")
            if r in self._rows:
                texts[r, 0] = measure_rows.row_title(name, view, self._units[r])
            tips[r, 0] = TIPS[name] or measure_rows.wall_tip(view)
        for where, cell in self.cells.items():
            if cell.text() != texts[where]:
                cell.setText(texts[where])
            cell.setToolTip(tips[where] or tips[where[0], 0])
            detail = where[0] > 0 and ROWS[where[0] - 1] in DETAILS
            there = where[0] in self._rows if where[1] == 0 else bool(texts[where])
            cell.setVisible(there and (self.more.isChecked() or not detail))
        self.more.setVisible(any(texts[ROWS.index(row) + 1, 0] for row in DETAILS))
        self.more.setText("less" if self.more.isChecked() else "more")
        self.more.setToolTip(
            "Show or hide FAC, the long axis, the contour's shortening and the errors of the walls."
        )
        self._show_band()

    def _forget_rows(self) -> None:
        """Keep no place for rows of a clip of another kind."""
        session, clip = self.session, self.session.clip
        kind = (clip is not None and len(clip) > 1, session.truth is not None, session.hidden)
        if clip is None or kind != self._kind:
            self._kind = kind
            self._rows.clear()
            self._has_band = False

    def _show_band(self) -> None:
        """Say how a beat's measures are to be taken, or why it has no EF."""
        differences = self.session.differences.get("prediction", ())
        index, missing = self._index(), self._missing()
        text, tip = "", ""
        if missing is not None:
            key = fill_in("{set_ed}" if missing == "ED" else "{set_es}")
            text = f"No EF: {missing} of this beat is to be set. Go to its frame, then {key}."
        elif self.session.measures and self._rows and self._beat() is None:
            text = fill_in("No EF: ED and ES are not known. Set them ({set_ed}, {set_es}).")
        elif index < len(differences):
            text, tip = measure_rows.band_sentence(differences[index])
        self._has_band |= bool(text)
        self.band.set_full_text(text, tip or None)
        self.band.setVisible(self._has_band)

    def shown(self, row: str, source: Source) -> str:
        """Return what the table says in a row of `ROWS` of a source; empty for nothing."""
        return self.cells[ROWS.index(row) + 1, list(COLUMNS).index(source) + 1].text()
