"""The docks below the canvas, in tabs: the curves, and whatever else needs width."""

from __future__ import annotations

from napari.viewer import Viewer
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget


class BottomDocks:
    """Adds widgets below the canvas as tabs of one dock, and takes them away again.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self._widgets: dict[str, QWidget] = {}

    def add(self, name: str, widget: QWidget) -> None:
        """Add a tab; the first one stays on top."""
        window = self.viewer.window
        dock = window.add_dock_widget(
            widget,
            name=name,
            area="bottom",
            tabify=bool(self._widgets),
            add_vertical_stretch=False,
        )
        self._widgets[name] = widget
        main = dock.parent()
        if isinstance(main, QMainWindow):
            # The review keeps its height; napari's layer list can do with less.
            main.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
            main.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.BottomDockWidgetArea)
        self.show(next(iter(self._widgets)))

    @property
    def widgets(self) -> tuple[QWidget, ...]:
        """What lies in the tabs."""
        return tuple(self._widgets.values())

    def show(self, name: str, height: int = 0) -> None:
        """Bring a tab to the front, and give the tabs at least so many pixels."""
        dock = self._dock(name)
        if dock is None:
            return
        dock.show()
        dock.raise_()
        main = dock.parent()
        if isinstance(main, QMainWindow) and dock.height() < height:
            main.resizeDocks([dock], [height], Qt.Orientation.Vertical)

    def is_on_top(self, name: str) -> bool:
        """Whether a tab can be seen."""
        dock = self._dock(name)
        return dock is not None and not dock.visibleRegion().isEmpty()

    def remove(self) -> None:
        """Take all tabs away."""
        for name, widget in self._widgets.items():
            if name in self.viewer.window.dock_widgets:
                self.viewer.window.remove_dock_widget(widget)
        self._widgets.clear()

    def _dock(self, name: str) -> QDockWidget | None:
        parent = self._widgets[name].parent() if name in self._widgets else None
        return parent if isinstance(parent, QDockWidget) else None
