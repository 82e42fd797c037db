"""Keys as people read them: as they are bound now, in every text that names one.

A text names a key by what it does: "Smooth the contour ({smooth})."
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache

from napari.utils.action_manager import action_manager
from napari.utils.key_bindings import KeyBindingLike, coerce_keybinding
from psygnal import Signal
from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QWidget

from napari_echo.gui import keys

NAPARI: dict[str, str] = {
    "frame_before": "napari:increment_dims_left",
    "frame_after": "napari:increment_dims_right",
    "erase": "napari:activate_labels_erase_mode",
    "brush": "napari:activate_labels_paint_mode",
    "polygon": "napari:activate_labels_polygon_mode",
    "smaller_brush": "napari:decrease_brush_size",
    "larger_brush": "napari:increase_brush_size",
    "fit": "napari:reset_view",
}
"""Those of napari's own actions whose keys are told, by what they are called in a text."""
NONE = "no key"
_OURS = {action.name: action.id for action in keys.ACTIONS}
_NAMED = re.compile(r"\{(\w+)\}")
_TEXTS = ("toolTip", "placeholderText")


def key_text(action: keys.KeyAction) -> str:
    """The keys that do something now, for people: "Shift-G", "/"; empty without one."""
    return ", ".join(map(_spell, keys.bound_keys(action.id)))


def key_of(name: str) -> str:
    """The first key that does something now, by the name of an action of the review or `NAPARI`."""
    bound = keys.bound_keys(NAPARI.get(name) or _OURS[name])
    return _spell(bound[0]) if bound else NONE


def fill_in(text: str) -> str:
    """Write the keys into a text; what else it has in braces stays."""

    def key(found: re.Match[str]) -> str:
        name = found[1]
        return key_of(name) if name in NAPARI or name in _OURS else found[0]

    return _NAMED.sub(key, text) if "{" in text else text


def tell(widget: QWidget, text: str, where: str = "toolTip") -> None:
    """Give a widget a text that names keys; `KeyNames` writes it anew when they change.

    Parameters
    ----------
    widget : QWidget
        The widget.
    text : str
        The text.
    where : {'toolTip', 'placeholderText'}
        Which of its texts it is.
    """
    # Told hundreds of times for every clip, and seldom news.
    for name, value in ((_property(where), text), (where, fill_in(text))):
        if widget.property(name) != value:
            widget.setProperty(name, value)


class KeyNames(QObject):
    """Writes the texts of widgets anew when a key was changed in napari's preferences.

    Parameters
    ----------
    roots : callable
        Returns the widgets in which texts name keys.
    parent : QObject
        Its owner: it ends with it.

    Signals
    -------
    changed()
        Keys were changed, and the texts of `tell` are written.
    """

    changed = Signal()

    def __init__(self, roots: Callable[[], Iterable[QWidget]], parent: QObject) -> None:
        super().__init__(parent)
        self._roots = roots
        # Napari tells of each key, and of all of them when they go back to its defaults.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._write)
        action_manager.events.shortcut_changed.connect(self._on_changed)

    def shut_down(self) -> None:
        """Follow no more."""
        action_manager.events.shortcut_changed.disconnect(self._on_changed)
        self._soon.stop()

    def _on_changed(self, event: object) -> None:
        name = str(getattr(event, "name", ""))
        if name.startswith(f"{keys.PREFIX}:") or name in NAPARI.values():
            self._soon.start()

    def _write(self) -> None:
        for root in self._roots():
            for widget in (root, *root.findChildren(QWidget)):
                for where in _TEXTS:
                    text = widget.property(_property(where))
                    if text:
                        widget.setProperty(where, fill_in(text))
        self.changed.emit()


def _property(where: str) -> str:
    return f"echo {where}"


@cache
def _spell(key: KeyBindingLike) -> str:
    """Write a key in one way, whoever bound it: napari has them as text, or as its own kind."""
    text = str(coerce_keybinding(key).to_text(use_symbols=False, joinchar="-"))
    return text.replace("Ctrl-", "Control-")
