"""Folders and several clips that are dropped on the canvas."""

from __future__ import annotations

from pathlib import Path

from napari.viewer import Viewer
from qtpy.QtCore import QEvent, QObject
from qtpy.QtGui import QDropEvent

from napari_echo.gui.reader import may_be_clip
from napari_echo.gui.studying import Studying


class Dropping(QObject):
    """Lists what is dropped, where napari would make a layer of every file.

    One file is left to napari, which knows other kinds, too.

    Parameters
    ----------
    viewer : Viewer
        Whose canvas is dropped on.
    studying : Studying
        What lists the clips.
    """

    def __init__(self, viewer: Viewer, studying: Studying, parent: QObject) -> None:
        super().__init__(parent)
        self.studying = studying
        viewer.window._qt_viewer.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Take drops of folders and of several clips."""
        if isinstance(event, QDropEvent) and event.type() == QEvent.Type.Drop:
            paths = _dropped(event)
            if any(path.is_dir() for path in paths) or (
                len(paths) > 1 and all(may_be_clip(path) for path in paths)
            ):
                event.acceptProposedAction()
                self.studying.open_paths(paths)
                return True
        return bool(super().eventFilter(watched, event))


def _dropped(event: QDropEvent) -> list[Path]:
    mime = event.mimeData()
    urls = mime.urls() if mime is not None else []
    return [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]
