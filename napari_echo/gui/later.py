"""Letting what the dock says of a clip wait until the canvas shows it."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer

SOON_MS, TABS_MS = 30, 90
"""The canvas is drawn first, then the dock, then the tabs, each in a turn of its own: a frame
is not to wait for a text or a chart."""


class Soon(QObject):
    """Calls once, some milliseconds after the window goes on.

    Parameters
    ----------
    call : callable
        What is called.
    parent : QObject
        Its owner.
    ms : int
        So many.
    """

    def __init__(self, call: Callable[[], object], parent: QObject, ms: int = SOON_MS) -> None:
        super().__init__(parent)
        self._soon = _single_shot(self, ms, call)
        # Counted from when the window goes on: opening a clip keeps it for longer than that.
        self._turn = _single_shot(self, 0, self._soon.start)

    def start(self) -> None:
        """Call it, that long after what is going on now."""
        self._soon.stop()
        self._turn.start()

    def stop(self) -> None:
        """Do not call it."""
        self._turn.stop()
        self._soon.stop()


class Later(QObject):
    """Lets those who would follow another clip wait, and calls each of them once.

    It takes a fifth of the time until the clip's first frame is on the screen.

    Parameters
    ----------
    parent : QObject
        Its owner.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._waiting: dict[Callable[[], object], None] = {}
        self._held = False
        self._soon = Soon(self.go_on, self)

    @property
    def holding(self) -> bool:
        """Whether whoever comes now has to wait."""
        return self._held

    def hold(self) -> None:
        """Let all wait until the canvas was drawn."""
        self._held = True
        self._soon.start()

    def put_off(self, follow: Callable[[], object]) -> bool:
        """Whether it has to wait; then it is called later."""
        if self._held:
            self._waiting[follow] = None
        return self._held

    def go_on(self) -> None:
        """Call those who wait, in the order in which they came."""
        self._soon.stop()
        self._held = False
        waiting, self._waiting = self._waiting, {}
        for follow in waiting:
            follow()

    def stop(self) -> None:
        """Call nobody any more."""
        self._soon.stop()
        self._held = False
        self._waiting.clear()


def _single_shot(parent: QObject, ms: int, call: Callable[[], object]) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.setInterval(ms)
    timer.timeout.connect(lambda: call())
    return timer
