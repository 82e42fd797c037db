"""Clips that arrive by napari's own ways: opened from its menu, dropped, taken from its list."""

from __future__ import annotations

from collections.abc import Callable

from napari.components import ViewerModel
from napari.layers import Layer
from napari.utils.events import Event
from qtpy.QtCore import QTimer

from napari_echo.core.clip import EchoClip
from napari_echo.gui.layer_data import tag_of
from napari_echo.gui.verbs import Verbs


class Adopting:
    """Reviews clips whose layers napari made, and ends a review whose layer is gone.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    verbs : Verbs
        The verbs of the review.
    may_leave : callable
        Asked before the open clip is left.
    """

    def __init__(self, viewer: ViewerModel, verbs: Verbs, may_leave: Callable[[], bool]) -> None:
        self.viewer = viewer
        self.verbs = verbs
        self.session = verbs.session
        self.may_leave = may_leave
        viewer.layers.events.inserted.connect(self._on_inserted)
        viewer.layers.events.removed.connect(self._on_removed)
        QTimer.singleShot(0, self._adopt_what_is_there)

    def disconnect(self) -> None:
        """Stop following the viewer."""
        self.viewer.layers.events.inserted.disconnect(self._on_inserted)
        self.viewer.layers.events.removed.disconnect(self._on_removed)

    def _adopt_what_is_there(self) -> None:
        """Review the clip that was opened before the review was."""
        for layer in self.viewer.layers:
            if tag_of(layer).get("role") == "clip" and self.session.clip is None:
                self._adopt(layer)

    def _on_inserted(self, event: Event) -> None:
        tag = tag_of(event.value)
        clip = tag.get("clip")
        if isinstance(clip, EchoClip) and tag.get("role") == "clip":
            current = self.session.clip
            if current is None or clip.clip_id != current.clip_id:
                # Napari is still busy with the layer that it inserts.
                QTimer.singleShot(0, lambda: self._adopt(event.value))

    def _adopt(self, layer: Layer) -> None:
        tag = tag_of(layer)
        if layer not in self.viewer.layers:
            return
        if self.may_leave():
            self.verbs.adopt(tag["clip"], tag.get("truth"), tag.get("key_frames"))
        else:
            self.viewer.layers.remove(layer)

    def _on_removed(self, event: Event) -> None:
        tag, clip = tag_of(event.value), self.session.clip
        if clip is not None and tag.get("role") == "clip" and tag["clip_id"] == clip.clip_id:
            self.verbs.runner.cancel()
            self.session.close_clip()
