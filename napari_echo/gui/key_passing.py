"""Keys that are pressed in the dock or in a tab: those of the review and of napari go there.

A click on a table, a choice or a button must not take the keys from the canvas.
So whatever has the focus keeps only the keys that it has a use for, and what is
left by mouse or by Return gives the focus back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from weakref import ref

from napari.viewer import Viewer
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QKeyEvent, QKeySequence
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QGraphicsView,
    QLineEdit,
    QTabBar,
    QWidget,
)

_Key = Qt.Key
_MOVES = (
    _Key.Key_Up,
    _Key.Key_Down,
    _Key.Key_PageUp,
    _Key.Key_PageDown,
    _Key.Key_Home,
    _Key.Key_End,
)
_ACROSS = (_Key.Key_Left, _Key.Key_Right)
_ENTER = (_Key.Key_Return, _Key.Key_Enter)
_LEAPS = (_Key.Key_Tab, _Key.Key_Backtab)
_WITH = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


class KeyPassing(QObject):
    """Passes keys on to the canvas that the widget with the focus has no use for.

    It watches that one widget only: to look at every event of the window would
    slow the frames down.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    roots : callable
        Returns the widgets in which keys are passed on.
    parent : QObject
        Its owner: it ends with it.
    """

    def __init__(
        self, viewer: Viewer, roots: Callable[[], Iterable[QWidget]], parent: QObject
    ) -> None:
        super().__init__(parent)
        # Napari's window takes keys for the canvas.
        self._window = ref(viewer.window._qt_window)
        self._roots = roots
        self._watched: QWidget | None = None
        self._passed: set[int] = set()
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        self._app = app
        app.focusChanged.connect(self._on_focus)

    def shut_down(self) -> None:
        """Let all keys be where they are pressed."""
        self._app.focusChanged.disconnect(self._on_focus)
        self._watch(None)

    # The focus --------------------------------------------------------------------

    def _on_focus(self, old: QWidget | None, new: QWidget | None) -> None:
        inside = new is not None and any(r is new or r.isAncestorOf(new) for r in self._roots())
        self._watch(new if inside else None)
        if new is not None and inside and _is_passing(old, new):
            self._give_back()

    def _watch(self, widget: QWidget | None) -> None:
        if self._watched is not None and _alive(self._watched):
            self._watched.removeEventFilter(self)
        self._watched = widget
        if widget is not None:
            widget.installEventFilter(self)

    def _give_back(self) -> None:
        window = self._window()
        if window is not None:
            window._qt_viewer.canvas.native.setFocus(Qt.FocusReason.OtherFocusReason)

    # The keys -----------------------------------------------------------------------

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Pass a key on, or let the widget have it."""
        window = self._window()
        if isinstance(event, QKeyEvent) and isinstance(watched, QWidget) and window is not None:
            key, kind = event.key(), event.type()
            if kind == QEvent.Type.KeyPress and self._leaves(watched, event):
                return True
            if kind == QEvent.Type.KeyPress and not _needs(watched, event):
                self._passed.add(key)
                window.keyPressEvent(event)
                return True
            if kind == QEvent.Type.KeyRelease and key in self._passed:
                self._passed.discard(key)
                window.keyReleaseEvent(event)
                return True
        return bool(super().eventFilter(watched, event))

    def _leaves(self, widget: QWidget, event: QKeyEvent) -> bool:
        """Leave a field that is typed in by Return or Escape; whether the key was one of them."""
        typed_in = isinstance(widget, QLineEdit | QAbstractSpinBox)
        if not typed_in or event.key() not in (*_ENTER, _Key.Key_Escape):
            return False
        if event.key() in _ENTER:
            # It takes what was typed first.
            widget.event(event)
        if widget.hasFocus():
            self._give_back()
        return True


def _is_passing(old: QWidget | None, new: QWidget) -> bool:
    """Whether the focus comes to a widget that the reader does not mean to type in."""
    if old is not None and _alive(old) and not (old.isVisible() and old.isEnabled()):
        # What had it was hidden or disabled, and Qt took the next best.
        return True
    if isinstance(new, QAbstractButton):
        return QApplication.mouseButtons() != Qt.MouseButton.NoButton
    # The list that a choice is made from has closed.
    window = old.window() if old is not None and _alive(old) else None
    return isinstance(new, QComboBox) and window is not None and window.parentWidget() is new


def _alive(widget: QWidget) -> bool:
    return bool(isalive(widget))  # type: ignore[no-untyped-call]


def _needs(widget: QWidget, event: QKeyEvent) -> bool:
    """Whether a widget has a use of its own for a key."""
    key = event.key()
    if key in _LEAPS:
        return True
    if isinstance(widget, QLineEdit):
        return True
    if isinstance(widget, QAbstractSpinBox):
        return not event.text().isalpha()
    if isinstance(widget, QAbstractButton):
        return key == _Key.Key_Space
    if isinstance(widget, QComboBox):
        return key in (*_MOVES, _Key.Key_Space, _Key.Key_F4)
    if isinstance(widget, QAbstractItemView):
        if key == _Key.Key_Space:
            return bool(widget.currentIndex().flags() & Qt.ItemFlag.ItemIsUserCheckable)
        if key in _ENTER:
            return not event.modifiers() & _WITH
        return key in _MOVES or event.matches(QKeySequence.StandardKey.Copy)
    if isinstance(widget, QAbstractSlider | QTabBar):
        return key in (*_MOVES, *_ACROSS)
    # A section that scrolls; a plot does not.
    return key in _MOVES and not isinstance(widget, QGraphicsView)
