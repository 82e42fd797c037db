"""The tools of a correction in two rows: what paints, and what reshapes a whole frame."""

from __future__ import annotations

from napari.layers import Labels
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QSpinBox, QVBoxLayout, QWidget

from napari_echo.core.labels import LV, LabelSchema
from napari_echo.gui.contour_tool import ContourTool
from napari_echo.gui.draft_layer import BRUSH, MODES
from napari_echo.gui.editing import Editing
from napari_echo.gui.panels.controls import ElidedChoice, gate, may_shrink, swatch
from napari_echo.gui.preferences import read_number, write

BRUSH_SIZE = "correct/brush"
LARGEST_BRUSH = 200
# Napari's style leaves room for buttons that a narrow dock has none for.
NARROW = "QSpinBox { min-width: 30px; max-width: 30px; padding: 1px 2px; }"


class ToolRows(QWidget):
    """Brush, eraser and polygon; contour, smoothing and copies.

    Parameters
    ----------
    editing : Editing
        The tools.
    contour : ContourTool
        Drags the contour.
    """

    def __init__(
        self, editing: Editing, contour: ContourTool, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.editing, self.contour_tool = editing, contour
        self.corrections = editing.corrections
        self._layer: Labels | None = None
        self._schema: LabelSchema | None = None
        self.structure = ElidedChoice()
        may_shrink(self.structure)
        self.brush, self.erase = QPushButton("Brush"), QPushButton("Erase")
        self.polygon, self.contour = QPushButton("Polygon"), QPushButton("Contour")
        self.smooth = QPushButton("Smooth")
        self.copy_last, self.copy_next = QPushButton("‹ Copy"), QPushButton("Copy ›")
        self.brush_size = QSpinBox()
        self.brush_size.setRange(1, LARGEST_BRUSH)
        self.brush_size.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
        self.brush_size.setStyleSheet(NARROW)
        self.brush_size.setValue(read_number(BRUSH_SIZE, BRUSH, 1, LARGEST_BRUSH))
        self._tools = {"brush": self.brush, "erase": self.erase, "polygon": self.polygon}
        for button in (*self._tools.values(), self.contour):
            button.setCheckable(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        for row in (
            (self.brush, self.brush_size, self.erase, self.polygon, self.contour),
            (self.structure, self.smooth, self.copy_last, self.copy_next),
        ):
            line = QHBoxLayout()
            line.setContentsMargins(0, 0, 0, 0)
            line.setSpacing(3)
            for widget in row:
                line.addWidget(widget, {self.brush_size: 0, self.structure: 3}.get(widget, 1))
            column.addLayout(line)
        self._connect()
        self.refresh()

    def _connect(self) -> None:
        editing = self.editing
        self.structure.activated.connect(self._choose)
        for name, button in self._tools.items():
            button.clicked.connect(lambda _=False, n=name: self._take_up(n))
        self.contour.clicked.connect(lambda _=False: self._toggle_contour())
        self.smooth.clicked.connect(lambda: editing.smooth())
        self.copy_last.clicked.connect(lambda: editing.copy_from(-1))
        self.copy_next.clicked.connect(lambda: editing.copy_from(1))
        self.brush_size.valueChanged.connect(self._resize)
        self.contour_tool.changed.connect(self.refresh)
        editing.layers.draft.active_changed.connect(self._show_mode)
        for signal in (editing.session.model_changed, editing.session.truth_changed):
            signal.connect(self.refresh)

    def _chosen(self) -> int:
        index = self.structure.currentData()
        return LV if index is None else int(index)

    def _choose(self) -> None:
        layer = self.editing.layers.draft.layer
        if layer is None or layer.mode not in MODES.values() or layer.mode == "erase":
            self._take_up("brush")
        else:
            layer.selected_label = self._chosen()

    def _take_up(self, name: str) -> None:
        # With a layer to follow, its brush has the reader's size before the first stroke.
        self.editing.paint(0 if name == "erase" else self._chosen(), MODES[name])
        self.refresh()

    def _toggle_contour(self) -> None:
        self.contour_tool.toggle()
        self.refresh()

    def _resize(self, size: int) -> None:
        write(BRUSH_SIZE, size)
        layer = self.editing.layers.draft.layer
        if layer is not None:
            layer.brush_size = size

    def _follow(self) -> None:
        """Follow the layer that is painted on: its keys change tool, label and size, too."""
        layer = self.editing.layers.draft.layer
        if layer is not None and layer is not self._layer:
            self._layer = layer
            layer.brush_size = self.brush_size.value()
            layer.events.mode.connect(self._show_mode)
            layer.events.selected_label.connect(self._show_mode)
            layer.events.brush_size.connect(self._show_mode)

    def _show_mode(self, _event: object = None) -> None:
        layer, mode = self.editing.layers.draft.layer, self.editing.layers.draft.mode
        contour = self.contour_tool.active
        for name, button in self._tools.items():
            button.setChecked(mode == MODES[name] and not contour)
        self.contour.setChecked(contour)
        if layer is not None:
            self.brush_size.blockSignals(True)
            self.brush_size.setValue(min(int(layer.brush_size), LARGEST_BRUSH))
            self.brush_size.blockSignals(False)
            place = self.structure.findData(int(layer.selected_label))
            if place >= 0:
                self.structure.setCurrentIndex(place)

    def _show_structures(self) -> None:
        draft = self.corrections.draft
        choice = self.editing.choice()
        schema = self.editing.session.schema
        if draft is not None:
            schema = draft.schema
        elif choice is not None and choice.revision is not None:
            schema = choice.revision.schema
        if schema == self._schema:
            return
        self._schema = schema
        self.structure.clear()
        for structure in schema.structures:
            self.structure.addItem(swatch(structure.color), structure.name, structure.index)

    def refresh(self) -> None:
        """Show the tools as they are."""
        no_clip = "Open a clip first." if self.editing.session.clip is None else ""
        self._show_structures()
        self._follow()
        self._show_mode()
        for widget, tip in (
            (self.structure, "The structure that brush and polygon draw."),
            (
                self.brush,
                "Paint with the mouse ({brush}). Its size: {smaller_brush}, {larger_brush}.",
            ),
            (self.erase, "Erase labels with the mouse ({erase})."),
            (
                self.polygon,
                "Click the corners of a polygon; Enter or a double-click fills it, Escape drops "
                "it, a right click takes the last corner back ({polygon}).",
            ),
            (
                self.brush_size,
                "Size of brush and eraser, in pixels of the clip: {smaller_brush}, {larger_brush}.",
            ),
            (
                self.contour,
                "Drag the LV contour of this frame by its points ({contour}): yellow ends of the "
                "annulus, red apex. Double-click on the line adds a point, Delete removes it.",
            ),
            (self.smooth, "Smooth the LV contour of this frame; its area stays ({smooth})."),
            (self.copy_last, "Copy the labels of the frame before to this one ({copy_previous})."),
            (self.copy_next, "Copy the labels of the next frame to this one ({copy_next})."),
        ):
            gate(widget, no_clip, tip)
