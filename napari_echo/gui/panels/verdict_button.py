"""A button that takes a double-click for one click."""

from __future__ import annotations

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, QPointF, QTimer
from qtpy.QtGui import QMouseEvent, QWindow
from qtpy.QtWidgets import QApplication, QPushButton

_CLICKS = (
    QEvent.Type.MouseButtonPress,
    QEvent.Type.MouseButtonDblClick,
    QEvent.Type.MouseButtonRelease,
)


class VerdictButton(QPushButton):
    """A button of which a double-click is one click.

    By the second click the next clip is open: it would get the same verdict
    unseen, or what lies under the mouse by then would be pressed.

    Parameters
    ----------
    text : str
        What it says.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._second = _SecondClick(self)

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Take the click, and no other one that belongs to it."""
        super().mouseReleaseEvent(event)
        top = self.window()
        window = top.windowHandle() if top is not None else None
        if event is not None and window is not None:
            self._second.leave_out(event, window)


class _SecondClick(QObject):
    """Keeps the second click of a double-click from a window's widgets."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._at, self._when = QPointF(), 0
        self._window: QWindow | None = None
        self._over = QTimer(self)
        self._over.setSingleShot(True)
        self._over.timeout.connect(self._end)

    def leave_out(self, first: QMouseEvent, window: QWindow) -> None:
        """Let what is clicked at the same place right after it reach no widget."""
        self._end()
        self._at, self._when, self._window = first.globalPosition(), first.timestamp(), window
        window.installEventFilter(self)
        # A click that waits while the next clip opens is told by its time.
        self._over.start(2 * QApplication.doubleClickInterval())

    def _end(self) -> None:
        if self._window is not None and isalive(self._window):  # type: ignore[no-untyped-call]
            self._window.removeEventFilter(self)
        self._window = None

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Hold back a click that follows at once, at the same place."""
        if not isinstance(event, QMouseEvent) or event.type() not in _CLICKS:
            return False
        way = (event.globalPosition() - self._at).manhattanLength()
        waited = event.timestamp() - self._when
        near = way <= QApplication.startDragDistance()
        return near and waited <= QApplication.doubleClickInterval()
