"""The list of keys: what each does, as it is bound now."""

from __future__ import annotations

from itertools import groupby

from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_echo.gui import key_names, keys

COLUMNS, KEY_WIDTH = 3, 124
# Napari's own that a reader needs most; the rest is in its preferences.
NAPARI: tuple[tuple[str, str], ...] = (
    ("{frame_before}, {frame_after}", "Previous, next frame"),
    ("{erase}, {brush}, {polygon}", "Erase, brush, polygon"),
    ("{smaller_brush}, {larger_brush}", "Smaller, larger brush"),
    # An entry of a menu: its key stays.
    ("Control-Alt-P", "Play, stop"),
    ("{fit}", "Fit the clip to the window"),
)


class KeyList(QDialog):
    """Lists the keys in groups; the key that opened it closes it.

    Parameters
    ----------
    parent : QWidget or None
        The window that it lies over.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys of the echo review")
        self._content: QWidget | None = None
        self._column = QVBoxLayout(self)
        note = QLabel("Other keys: File, Preferences, Shortcuts; choose there what keys do.")
        note.setWordWrap(True)
        self._column.addWidget(note)

    def rows(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """Return every group with its keys and what they do."""
        ordered = sorted(keys.ACTIONS, key=lambda a: _first(a.group))
        groups = [
            (group, [(key_names.key_text(action) or "none", action.title) for action in actions])
            for group, actions in groupby(ordered, key=lambda a: a.group)
        ]
        napari = [(key_names.fill_in(key), what) for key, what in NAPARI]
        return [*groups, ("Napari", napari)]

    def toggle(self) -> None:
        """Show the keys as they are bound now, or close the list."""
        if self.isVisible():
            self.close()
            return
        self._fill()
        self.show()
        self.raise_()
        self.activateWindow()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Close by the key that opened it, too."""
        opener = key_names.key_text(keys.action("keys"))
        if event is not None and event.text() and event.text() in opener:
            self.close()
        else:
            super().keyPressEvent(event)

    def _fill(self) -> None:
        if self._content is not None:
            # It is deleted later, and would have its room in the layout until then.
            self._column.removeWidget(self._content)
            self._content.deleteLater()
        self._content = QWidget()
        across = QHBoxLayout(self._content)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(24)
        groups = self.rows()
        # Each column as long as the others, headings counted.
        total = sum(len(rows) + 2 for _, rows in groups)
        columns = [QVBoxLayout() for _ in range(COLUMNS)]
        filled = 0
        for group, rows in groups:
            column = columns[min(filled * COLUMNS // total, COLUMNS - 1)]
            column.addWidget(_group(group, rows))
            filled += len(rows) + 2
        for column in columns:
            column.addStretch(1)
            across.addLayout(column)
        self._column.insertWidget(0, self._content)
        self.adjustSize()


def _first(group: str) -> int:
    """Where a group comes up first among the actions."""
    return next(place for place, action in enumerate(keys.ACTIONS) if action.group == group)


def _group(title: str, rows: list[tuple[str, str]]) -> QWidget:
    widget = QWidget()
    layout = QGridLayout(widget)
    layout.setContentsMargins(0, 0, 0, 8)
    layout.setHorizontalSpacing(12)
    layout.setVerticalSpacing(3)
    heading = QLabel(title)
    heading.setObjectName("echoHeading")
    layout.addWidget(heading, 0, 0, 1, 2)
    for place, (key, what) in enumerate(rows, start=1):
        bold = QLabel(key)
        bold.setObjectName("echoHeading")
        layout.addWidget(bold, place, 0)
        layout.addWidget(QLabel(what), place, 1)
    layout.setColumnMinimumWidth(0, KEY_WIDTH)
    layout.setColumnStretch(1, 1)
    return widget
