"""The column of sections, which scrolls."""

from __future__ import annotations

from qtpy.QtCore import QEvent, QObject, Qt, QTimer
from qtpy.QtWidgets import QAbstractSpinBox, QComboBox, QFrame, QScrollArea, QWidget

SETTLE_MS, MARGIN = 50, 24


class SectionScroll(QScrollArea):
    """Scrolls sections up and down, and is always as wide as they need.

    The wheel scrolls over choices and numbers, too: it changes only the one that
    the reader is at.

    Parameters
    ----------
    content : QWidget
        What holds the sections.
    width : int
        Least width.
    """

    def __init__(self, content: QWidget, width: int) -> None:
        super().__init__()
        self._least = width
        self._wanted: QWidget | None = None
        self._next: QWidget | None = None
        self._from_top = False
        self.setWidget(content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        bar = self.verticalScrollBar()
        if bar is not None:
            bar.actionTriggered.connect(self._let_go)
        self._widen()
        self._keep_the_wheel()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Widen when a section asks for more, and keep the wheel.

        What does not fit would be cut off.
        """
        kind = event.type() if event is not None else QEvent.Type.None_
        if event is not None and kind == QEvent.Type.Wheel:
            # Qt lets it see the scroll bars' events, too.
            if isinstance(watched, QComboBox | QAbstractSpinBox) and not watched.hasFocus():
                event.ignore()
                return True
        elif kind == QEvent.Type.LayoutRequest:
            self._widen()
            if self._next is not None:
                # What lies above it may be higher now.
                QTimer.singleShot(0, self._turn)
        return bool(super().eventFilter(watched, event))

    def _keep_the_wheel(self) -> None:
        """Take it from the choices and numbers: all are there when the dock is laid out."""
        content = self.widget()
        for kind in (QComboBox, QAbstractSpinBox):
            for box in content.findChildren(kind) if content is not None else ():
                if box.focusPolicy() == Qt.FocusPolicy.WheelFocus:
                    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
                    box.installEventFilter(self)

    def bring_up(self, widget: QWidget) -> None:
        """Scroll to one of its widgets once it, and what is told of it, are laid out."""
        self._wanted = widget
        QTimer.singleShot(SETTLE_MS, self._scroll)

    def turn_to(self, widget: QWidget | None, *, from_top: bool) -> None:
        """Scroll as little as shows a widget, from the top or from where it is.

        It is kept in sight, however high the sections become, until the reader scrolls.
        """
        self._next, self._from_top = widget, self._from_top or from_top
        QTimer.singleShot(0, self._turn)

    def _turn(self) -> None:
        bar = self.verticalScrollBar()
        if self._from_top and bar is not None:
            bar.setValue(0)
        self._from_top = False
        if self._next is not None:
            self.ensureWidgetVisible(self._next, 0, 0)

    def _let_go(self, _action: int) -> None:
        """Leave it to the reader, who scrolls with the wheel, the bar or its keys."""
        self._next = None

    def _scroll(self) -> None:
        if self._wanted is not None:
            self.ensureWidgetVisible(self._wanted, 0, MARGIN)

    def _widen(self) -> None:
        content, bar = self.widget(), self.verticalScrollBar()
        if content is not None and bar is not None:
            needed = content.minimumSizeHint().width() + bar.sizeHint().width()
            self.setMinimumWidth(max(self._least, needed))


def bring_into_view(widget: QWidget) -> None:
    """Scroll to a widget that was just shown, once it is laid out."""
    above = widget.parentWidget()
    while above is not None and not isinstance(above, SectionScroll):
        above = above.parentWidget()
    if above is not None:
        above.bring_up(widget)
