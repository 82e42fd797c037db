"""Step 1: open clips and see what is known of the open one."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QMenu, QPushButton, QWidget

from napari_echo.core.clip import EchoClip
from napari_echo.core.labels import Segmentation
from napari_echo.gui.layers import BLIND_NAME
from napari_echo.gui.panels.controls import ElidedLabel, gate
from napari_echo.gui.panels.section import Section
from napari_echo.gui.preferences import preferences
from napari_echo.gui.recovery import Recovery
from napari_echo.gui.steps import Step
from napari_echo.gui.studying import Studying
from napari_echo.io.load import CLIP_SUFFIXES
from napari_echo.workflow.truth import TRUTH_SUFFIXES


class ClipPanel(Section):
    """Opens clips and goes from one to the next."""

    def __init__(
        self, studying: Studying, recovery: Recovery, parent: QWidget | None = None
    ) -> None:
        super().__init__(Step.LOAD.title, "Open…", parent)
        self.studying = studying
        verbs = self.verbs = studying.verbs
        self.studies = studying.studies
        self.session = verbs.session
        self.truth = QPushButton("Truth…")
        self.heading_row.insertWidget(1, self.truth)
        self.name = ElidedLabel()
        self.about = ElidedLabel()
        self.note = ElidedLabel()
        self.note.setObjectName("echoNote")
        self.back, self.forward = QPushButton("◀"), QPushButton("▶")
        for button in (self.back, self.forward):
            button.setFixedWidth(28)
        row = self.add_row()
        row.addWidget(self.name, 1)
        row.addWidget(self.back)
        row.addWidget(self.forward)
        self.body.addWidget(self.about)
        self.body.addWidget(self.note)
        self.waiting = ElidedLabel(lines=2)
        self.waiting.setObjectName("echoNote")
        self.open_waiting = QPushButton("Open them")
        row = self.add_row()
        row.addWidget(self.waiting, 1)
        row.addWidget(self.open_waiting)
        self.open_waiting.clicked.connect(recovery.open_waiting)
        self.session.corrections.waiting_changed.connect(self.refresh)
        self.truth.clicked.connect(self.ask_truth)
        menu = QMenu(self)
        for text, tip, ask in (
            ("Files…", "Clips: DICOM, AVI, MP4, TIFF, NIfTI, NPY or CAMUS stills.", self.ask),
            (
                "Folder or data set…",
                "A folder of clips, a clip data set, EchoNet-Dynamic, EchoNet-Pediatric or CAMUS.",
                self.ask_folder,
            ),
        ):
            entry = menu.addAction(text)
            assert entry is not None
            entry.setToolTip(tip)
            entry.triggered.connect(ask)
        menu.setToolTipsVisible(True)
        self.action.setMenu(menu)
        self.back.clicked.connect(lambda: studying.step(-1))
        self.forward.clicked.connect(lambda: studying.step(1))
        self.session.clip_changed.connect(self.refresh)
        self.session.truth_changed.connect(self.refresh)
        self.session.hidden_changed.connect(self.refresh)
        self.studies.items_changed.connect(self.refresh)
        self.studies.order_changed.connect(self.refresh)
        verbs.runner.busy_changed.connect(self.refresh)
        self.refresh()

    def ask(self) -> None:
        """Ask for files and open them."""
        patterns = " ".join(f"*{suffix}" for suffix in CLIP_SUFFIXES)
        clip = self.session.clip
        folder = str(clip.source.parent) if clip is not None and clip.source else ""
        names, _ = QFileDialog.getOpenFileNames(
            self, "Open echo clips", folder, f"Echo clips ({patterns});;All files (*)"
        )
        if names:
            self.studying.open_paths([Path(name) for name in names])

    def ask_folder(self) -> None:
        """Ask for a folder or a data set and list its clips."""
        chosen = preferences()
        before = str(chosen.value("studies/folder", "") or "")
        name = QFileDialog.getExistingDirectory(self, "Open a folder or a data set", before)
        if name:
            chosen.setValue("studies/folder", name)
            self.studying.open_paths([Path(name)])

    def ask_truth(self) -> None:
        """Ask for the clip's ground truth and open it."""
        patterns = " ".join(f"*{suffix}" for suffix in TRUTH_SUFFIXES)
        clip = self.session.clip
        folder = str(clip.source.parent) if clip is not None and clip.source else ""
        name, _ = QFileDialog.getOpenFileName(
            self, "Open ground truth", folder, f"Labels ({patterns})"
        )
        if name:
            self.verbs.open_truth(Path(name))

    def refresh(self) -> None:
        """Show the session as it is."""
        if self.verbs.later.put_off(self.refresh):
            return
        clip, session = self.session.clip, self.session
        busy = f"{self.verbs.runner.title} is going on." if self.verbs.runner.busy else ""
        gate(self.action, busy, "Open files, a folder of clips, or a data set.")
        many = len(self.studies) > 1
        for button, places, word in ((self.back, -1, "previous"), (self.forward, 1, "next")):
            button.setVisible(many)
            item = self.studies.neighbour(places)
            gate(
                button,
                "" if item is not None else f"There is no {word} clip in the list.",
                f"Open the {word} clip: {item.name if item is not None else ''}",
            )
        gate(
            self.truth,
            busy or ("" if clip is not None else "Open a clip first."),
            "Open the clip's ground truth: a .labels.tif, or a CAMUS mask.",
        )
        self.about.setVisible(clip is not None)
        if clip is None:
            self.name.set_full_text("Open a clip, or drop one on the canvas.")
        else:
            place = ""
            if many and not session.hidden:
                here, of = self.studies.position()
                place = f"{here or '–'}/{of}  "
            self.name.set_full_text(
                place + title(clip, session.truth), f"{clip.source or clip.name}"
            )
            if session.hidden:
                # A name that the reader knows would tell him a repeat.
                self.name.set_full_text(BLIND_NAME)
            self.about.set_full_text(describe(clip))
        notes = clip.notes if clip is not None else ()
        self.note.setVisible(bool(notes))
        self.note.set_full_text("⚠ " + " ".join(notes))
        self._show_waiting(busy)

    def _show_waiting(self, busy: str) -> None:
        """Name the other clips that have edits which were never committed."""
        clip, waiting = self.session.clip, self.session.corrections.waiting
        others = {r.clip_id: r.clip_name for r in waiting}
        others.pop(clip.clip_id if clip is not None else "", None)
        for widget in (self.waiting, self.open_waiting):
            widget.setVisible(bool(others))
        gate(self.open_waiting, busy, "Open these clips, to recover their edits or put them away.")
        plural = "s" if len(others) > 1 else ""
        self.open_waiting.setText("Open them" if plural else "Open it")
        self.waiting.set_full_text(
            f"Uncommitted edits in {len(others)} clip{plural}: {', '.join(others.values())}"
        )


def describe(clip: EchoClip) -> str:
    """Say how large, how fast and how fine a clip is."""
    height, width = clip.frame_shape
    parts = ["1 frame" if len(clip) == 1 else f"{len(clip)} frames", f"{width}×{height}"]
    if len(clip) > 1:
        parts.append(f"{clip.fps:.3g} Hz" if clip.fps else "rate unknown")
    if clip.spacing_mm is None:
        parts.append("spacing unknown")
    else:
        dy, dx = clip.spacing_mm
        parts.append(f"{dy:.3g} mm" if abs(dy - dx) < 1e-3 * dy else f"{dy:.3g}×{dx:.3g} mm")
    return " · ".join(parts)


def title(clip: EchoClip, truth: Segmentation | None) -> str:
    """Name a clip, its view, and how much ground truth it has."""
    parts = [clip.name]
    if clip.view != "unknown":
        parts.append(clip.view)
    if truth is not None:
        n = len(truth.annotated_frames)
        parts.append("with truth" if n == len(clip) else f"truth in {n} frames")
    return " · ".join(parts)
