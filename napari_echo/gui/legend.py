"""The legend of the canvas: what is on, in which colours, by which key; a click switches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from psygnal import Signal
from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QIcon, QLinearGradient, QPainter, QPen, QPixmap, QShowEvent
from qtpy.QtWidgets import QGridLayout, QSizePolicy, QToolButton, QWidget

from napari_echo.core.labels import CAMUS_SCHEMA
from napari_echo.gui.key_names import key_text
from napari_echo.gui.keys import action
from napari_echo.gui.later import Later
from napari_echo.gui.overlays import (
    FALSE_NEGATIVE,
    FALSE_POSITIVE,
    HARD,
    OVERLAYS,
    TRUTH,
    Overlay,
)
from napari_echo.gui.panels.controls import ElidedLabel
from napari_echo.gui.showing import Showing

SWATCH = QSize(26, 14)
COLUMNS = 2


@dataclass(frozen=True)
class Entry:
    """How an overlay is written down: its name, its key's action, and what it shows."""

    title: str
    action: str
    about: str


ENTRIES: dict[Overlay, Entry] = {
    "truth": Entry("Truth", "truth", "The contour of the ground truth, on frames that have it."),
    "prediction": Entry(
        "Prediction", "prediction", "What the model on show says: LV cavity, myocardium, atrium."
    ),
    "difference": Entry(
        "FP, FN",
        "difference",
        "Where the LV of the prediction (of the correction, while one is open) is not that of the "
        "truth: too much (vermilion) and too little (sky blue).",
    ),
    "hardness": Entry("Heat map", "heat_map", "How hard every pixel is, from dark to light."),
    "hard pixels": Entry("Hard pixels", "hard_pixels", "The outline of the hard pixels."),
}


class Legend(QWidget):
    """Shows which overlays are on, and switches them.

    Parameters
    ----------
    showing : Showing
        Which overlays are on.
    frame : callable
        Returns the frame on show.
    later : Later
        Has it wait for another clip's first frame.

    Signals
    -------
    told(str)
        Why nothing can be seen of an overlay that was switched.
    """

    told = Signal(str)

    def __init__(
        self,
        showing: Showing,
        frame: Callable[[], int],
        later: Later,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.showing = showing
        self._frame = frame
        self._later = later
        self.buttons: dict[Overlay, QToolButton] = {}
        layout = QGridLayout(self)
        layout.setContentsMargins(6, 2, 6, 2)
        layout.setSpacing(2)
        self.whose = ElidedLabel()
        layout.addWidget(self.whose, 0, 0, 1, COLUMNS)
        self.all = QToolButton()
        self.all.clicked.connect(showing.toggle_all)
        for name in OVERLAYS:
            button = self.buttons[name] = QToolButton()
            button.setCheckable(True)
            button.clicked.connect(lambda _=False, name=name: self.toggle(name))
        for place, button in enumerate((*self.buttons.values(), self.all)):
            button.setObjectName("echoLegend")
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setIconSize(SWATCH)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            # A click must not take the keys from the canvas.
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            layout.addWidget(button, 1 + place // COLUMNS, place % COLUMNS)
        self.all.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
        showing.changed.connect(self.refresh)
        self.refresh()

    def toggle(self, name: Overlay) -> None:
        """Switch an overlay, and say why where nothing is to be seen of it.

        While a clip is read blind its key says so, and switches nothing for later.
        """
        reason = self.showing.obstacle(name)
        if reason and self.showing.session.hidden:
            self.told.emit(f"{ENTRIES[name].title}: {reason}")
            self.refresh()
            return
        self.showing.toggle(name)
        if reason and self.showing.is_on(name):
            self.told.emit(f"{ENTRIES[name].title}: {reason}")

    def showEvent(self, event: QShowEvent | None) -> None:
        """Write the keys as they are bound by then."""
        super().showEvent(event)
        self.refresh()

    def write_whose(self) -> None:
        """Write whose labels are drawn on the frame on show."""
        self.whose.setText(self.showing.whose(self._frame()) or "Nothing is drawn over the clip.")

    def refresh(self) -> None:
        """Show what is on."""
        if self._later.put_off(self.refresh):
            return
        self.write_whose()
        for name, button in self.buttons.items():
            entry, on, reason = ENTRIES[name], self.showing.is_on(name), self.showing.obstacle(name)
            key = key_text(action(entry.action))
            button.setText(f" {entry.title}  {key}")
            button.setChecked(on)
            button.setProperty("nothing", bool(reason))
            button.setIcon(QIcon(self._swatch(name, faint=bool(reason) or not on)))
            tip = f"{entry.about} Key: {key}." if key else entry.about
            button.setToolTip(f"{tip} {reason}" if reason else tip)
            style = button.style()
            if style is not None:
                style.unpolish(button)
                style.polish(button)
        off = self.showing.all_off
        key = key_text(action("overlays"))
        self.all.setText(f"{'All on again' if off else 'All off'}  {key}")
        self.all.setToolTip(
            "Put the overlays that were on back." if off else "Look at the clip alone for a while."
        )

    def _swatch(self, name: Overlay, *, faint: bool) -> QPixmap:
        """Paint what an overlay looks like on the canvas, on black as a clip is."""
        ratio = self.devicePixelRatioF()
        pixmap = QPixmap(SWATCH * ratio)
        pixmap.setDevicePixelRatio(ratio)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setOpacity(0.25 if faint else 1.0)
        area = QRectF(0, 0, SWATCH.width(), SWATCH.height())
        painter.fillRect(area, QColor("#3a3a3a"))
        middle = area.center().y()
        if name in ("truth", "hard pixels"):
            if name == "truth":
                painter.setPen(QPen(QColor("black"), 4))
                painter.drawLine(0, int(middle), SWATCH.width(), int(middle))
            painter.setPen(QPen(QColor(TRUTH if name == "truth" else HARD), 2))
            painter.drawLine(0, int(middle), SWATCH.width(), int(middle))
        elif name == "hardness":
            ramp = QLinearGradient(area.topLeft(), area.topRight())
            for at, color in ((0, "#160b39"), (0.4, "#932667"), (0.7, "#f37819"), (1, "#fcffa4")):
                ramp.setColorAt(at, QColor(color))
            painter.fillRect(area, ramp)
        else:
            colors = (
                [FALSE_POSITIVE, FALSE_NEGATIVE]
                if name == "difference"
                else [s.color for s in CAMUS_SCHEMA.structures]
            )
            part = SWATCH.width() / len(colors)
            for place, color in enumerate(colors):
                painter.fillRect(QRectF(place * part, 0, part, SWATCH.height()), QColor(color))
        painter.end()
        return pixmap
