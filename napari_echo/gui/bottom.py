"""The docks beside and below the canvas, in tabs: the curves, and whatever else needs room."""

from __future__ import annotations

from functools import partial

from napari.viewer import Viewer
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QApplication, QDockWidget, QMainWindow, QWidget

from napari_echo.gui.preferences import read_number, write

LARGE = 0.64
"""Share of the window that a tab has when the reader wants to see much of it."""
MOST = 10_000
_BELOW, _BESIDE = "window/height below", "window/width beside"
_KEEP_MS = 300


class BottomDocks(QObject):
    """Adds widgets below the canvas as tabs of one dock, and takes them away again.

    The room that a reader gives them by the splitter is theirs again the next time.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    """

    def __init__(self, viewer: Viewer) -> None:
        super().__init__()
        self.viewer = viewer
        self._widgets: dict[str, QWidget] = {}
        # What a tab had before it was made large.
        self._before: dict[str, int] = {}
        self._dragged = QTimer(self)
        self._dragged.setSingleShot(True)
        self._dragged.timeout.connect(self._keep)

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
        dock.installEventFilter(self)
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
        """Bring a tab to the front, and give the tabs below at least so many pixels.

        What the reader gave them by the splitter goes before.
        """
        dock = self.dock(name)
        if dock is None:
            return
        dock.show()
        dock.raise_()
        if height and not self._is_beside(dock):
            wanted = read_number(_BELOW, height, 1, MOST)
            # Not before the tab has its room: it would be given away again.
            QTimer.singleShot(0, partial(self._ask, name, wanted))

    def put_beside(self, name: str, width: int) -> None:
        """Move a tab to the left of the canvas, as wide as the reader had it, else `width`."""
        dock = self.dock(name)
        main = dock.parent() if dock is not None else None
        if dock is not None and isinstance(main, QMainWindow):
            main.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, dock)
            wanted = read_number(_BESIDE, width, 1, MOST)
            main.resizeDocks([dock], [wanted], Qt.Orientation.Horizontal)

    def enlarge(self, name: str) -> None:
        """Give a tab most of the window; or what it had, where it is large."""
        dock = self.dock(name)
        main = dock.parent() if dock is not None else None
        if dock is None or not isinstance(main, QMainWindow):
            return
        if self.is_large(name) and self.is_on_top(name):
            self.shrink(name)
            return
        self.show(name)
        beside = self._is_beside(dock)
        if not beside:
            # Napari's layer docks, above the tabs, can be no lower than they are.
            main.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
        self._before.setdefault(name, dock.width() if beside else dock.height())
        _resize(dock, round(LARGE * (main.width() if beside else main.height())), beside)

    def shrink(self, name: str) -> None:
        """Give a tab that is large the room that it had before."""
        dock = self.dock(name)
        size = self._before.pop(name, 0)
        main = dock.parent() if dock is not None else None
        if dock is not None and isinstance(main, QMainWindow) and size:
            main.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.BottomDockWidgetArea)
            _resize(dock, size, self._is_beside(dock))

    def is_large(self, name: str) -> bool:
        """Whether a tab was given most of the window."""
        return name in self._before

    def is_on_top(self, name: str) -> bool:
        """Whether a tab can be seen."""
        dock = self.dock(name)
        return dock is not None and not dock.visibleRegion().isEmpty()

    def remove(self) -> None:
        """Take all tabs away."""
        self._dragged.stop()
        for name, widget in self._widgets.items():
            if name in self.viewer.window.dock_widgets:
                self.viewer.window.remove_dock_widget(widget)
        self._widgets.clear()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Notice the splitter: a size that changes while a button of the mouse is down."""
        if (
            event is not None
            and event.type() == QEvent.Type.Resize
            and QApplication.mouseButtons() & Qt.MouseButton.LeftButton
        ):
            self._dragged.start(_KEEP_MS)
        return bool(super().eventFilter(watched, event))

    def _keep(self) -> None:
        for name in self._widgets:
            dock = self.dock(name)
            if dock is None or dock.isFloating() or not self.is_on_top(name):
                continue
            # From here on, this is what the reader wants.
            self._before.pop(name, None)
            beside = self._is_beside(dock)
            write(_BESIDE if beside else _BELOW, dock.width() if beside else dock.height())

    def _ask(self, name: str, height: int) -> None:
        dock = self.dock(name)
        if dock is not None and dock.height() < height:
            _resize(dock, height, False)

    def _is_beside(self, dock: QDockWidget) -> bool:
        main = dock.parent()
        sides = (Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea)
        return isinstance(main, QMainWindow) and main.dockWidgetArea(dock) in sides

    def dock(self, name: str) -> QDockWidget | None:
        """The dock of a tab."""
        widget = self._widgets.get(name)
        # A window that was closed meanwhile took its docks with it.
        parent = widget.parent() if widget is not None and _alive(widget) else None
        return parent if isinstance(parent, QDockWidget) else None


def _resize(dock: QDockWidget, size: int, beside: bool) -> None:
    main = dock.parent()
    if isinstance(main, QMainWindow):
        way = Qt.Orientation.Horizontal if beside else Qt.Orientation.Vertical
        main.resizeDocks([dock], [size], way)


def _alive(widget: QWidget) -> bool:
    return bool(isalive(widget))  # type: ignore[no-untyped-call]
