"""What follows the frame on show from outside the canvas, without slowing the frames down.

With software OpenGL a plot that is painted anew beside the canvas takes as
long as the frame itself, as Qt then puts the whole window together again, and
another caption takes half of that, as vispy draws the canvas once more. So they
follow at once when the reader takes a single step, and some times a second
while frames run, with one of the frames and not between two of them; napari's
slider counts every frame.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from qtpy.QtCore import QObject, QTimer

INTERVAL_MS = 400
REST_MS = 200
"""Without another frame for so long, none is running."""


class Follower(QObject):
    """Calls others when the frame changes: at once, and then no more often than so.

    Parameters
    ----------
    *moves : callable
        Called without arguments; the last frame of a run is always told.
    parent : QObject
        Its owner.
    """

    def __init__(self, *moves: Callable[[], object], parent: QObject) -> None:
        super().__init__(parent)
        self._moves = moves
        self._waiting = False
        self._moved = -float("inf")
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REST_MS)
        self._timer.timeout.connect(self._on_rest)

    def follow(self, _event: object = None) -> None:
        """Take note that there is another frame."""
        if 1000 * (time.monotonic() - self._moved) < INTERVAL_MS:
            self._waiting = True
        else:
            self._move()
        self._timer.start()

    def stop(self) -> None:
        """Call no more."""
        self._timer.stop()
        self._moves = ()

    def _on_rest(self) -> None:
        if self._waiting:
            self._move()

    def _move(self) -> None:
        self._waiting, self._moved = False, time.monotonic()
        for move in self._moves:
            move()
