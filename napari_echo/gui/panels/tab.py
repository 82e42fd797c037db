"""What lies in a tab below the canvas: while it is hidden, nothing is computed for it."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QHideEvent, QPaintEvent
from qtpy.QtWidgets import QLabel, QWidget

from napari_echo.gui.later import TABS_MS, Soon

HEIGHT = 180


class Tab(QWidget):
    """A widget that shows the session anew when it is stale and can be seen.

    Whatever makes it stale calls `mark_stale`; `refresh` comes once, when all
    that happens at that moment has happened, or when the tab is brought up.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stale = True
        self._soon = Soon(self._refresh_if_stale, self, TABS_MS)
        self.setMinimumHeight(HEIGHT - 40)

    def sizeHint(self) -> QSize:
        """Ask for the height that leaves the canvas large."""
        return QSize(600, HEIGHT)

    def refresh(self) -> None:
        """Show the session as it is."""
        raise NotImplementedError

    @property
    def is_seen(self) -> bool:
        """Whether it can be seen."""
        return self.isVisible() and not self.visibleRegion().isEmpty()

    def mark_stale(self, *_: object) -> None:
        """Show the session anew soon, or when the tab is brought up."""
        self._stale = True
        if self.is_seen:
            self._soon.start()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Catch up when the tab is brought up."""
        super().paintEvent(event)
        if self._stale:
            self._soon.start()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Compute nothing while it is hidden."""
        super().hideEvent(event)
        self._soon.stop()

    def _refresh_if_stale(self) -> None:
        if self._stale:
            self._stale = False
            self.refresh()


def sentence() -> QLabel:
    """Make the label that says, in the middle of a tab, how something comes to be in it."""
    label = QLabel()
    label.setWordWrap(True)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    return label
