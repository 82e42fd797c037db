"""How the window of `napari-echo open` is arranged: the studies beside the picture.

Napari's own docks would take the room to the left of the canvas. Here the
studies have it, and the layers lie in tabs behind them: a reader goes through
studies, and seldom looks at a layer. In napari itself all is left as it is.
"""

from __future__ import annotations

from napari.viewer import Viewer
from qtpy.QtCore import QByteArray, QEvent, QObject, QSize, Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QTabBar

from napari_echo.gui.preferences import preferences
from napari_echo.gui.review import STUDIES_DOCK, EchoReview

SIZE = (1280, 800)
WIDTH = 364
"""Width of the studies in pixels: names, verdicts and EFs, and a picture as wide as it is high."""
TITLE = 40
"""Height in pixels of the title that a desktop gives a window, at most; known once it is shown."""
GEOMETRY = "window/geometry"
_LAYERS = ("layer list", "layer controls")


def arrange(viewer: Viewer, review: EchoReview) -> None:
    """Put the studies to the left of the canvas, napari's layers behind them; size the window."""
    dock = review.bottom.dock(STUDIES_DOCK)
    main = dock.parent() if dock is not None else None
    if dock is None or not isinstance(main, QMainWindow):
        return
    review.bottom.put_beside(STUDIES_DOCK, WIDTH)
    for name in _LAYERS:
        layers = main.findChild(QDockWidget, name)
        if layers is not None:
            main.tabifyDockWidget(dock, layers)
    main.setTabPosition(
        Qt.DockWidgetArea.LeftDockWidgetArea,
        main.tabPosition(Qt.DockWidgetArea.BottomDockWidgetArea),
    )
    review.bottom.show(STUDIES_DOCK)
    # Not before: docks above each other would have made the window higher.
    Geometry(main)


def _hide_left_over(main: QMainWindow) -> None:
    """Hide the tabs that Qt made for two of the docks, and leaves in sight now and then."""
    bars = main.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly)
    tabs = [{bar.tabText(index) for index in range(bar.count())} for bar in bars]
    for bar, own in zip(bars, tabs, strict=True):
        if any(own < others for others in tabs):
            bar.hide()


def _fitting(main: QMainWindow) -> QSize:
    """`SIZE`, or what of it the screen has room for below the title of the window."""
    screen = main.screen()
    if screen is None:
        return QSize(*SIZE)
    room = screen.availableGeometry().size()
    return QSize(*SIZE).boundedTo(QSize(room.width(), room.height() - TITLE))


class Geometry(QObject):
    """Gives a window the size and the place that it had when it was closed last.

    At the first start it is as large as `SIZE`, and no larger than the screen.
    It also hides what Qt leaves in sight of tabs that are gone.
    """

    def __init__(self, main: QMainWindow) -> None:
        super().__init__(main)
        kept = preferences().value(GEOMETRY)
        if not isinstance(kept, QByteArray) or not main.restoreGeometry(kept):
            main.resize(_fitting(main))
        main.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Keep the geometry of a window that is closed; look after its tabs as it is laid out."""
        if event is not None and isinstance(watched, QMainWindow):
            if event.type() == QEvent.Type.Close:
                preferences().setValue(GEOMETRY, watched.saveGeometry())
            elif event.type() == QEvent.Type.LayoutRequest:
                _hide_left_over(watched)
        return bool(super().eventFilter(watched, event))
