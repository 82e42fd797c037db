"""How napari plays the clip: at its own rate, and until the reader jumps to a frame."""

from __future__ import annotations

from napari._qt.widgets.qt_dims import QtDims
from napari.settings import get_settings
from napari.viewer import Viewer
from qtpy.QtCore import QTimer

from napari_echo.gui.layers import ReviewLayers

FASTEST = 50.0
"""Frames a second: with software OpenGL more than these leave no time for the mouse."""


class Playing:
    """Follows the reader's jumps, and the rate of the clip that is open.

    Napari has no public way to either: its slider of frames, which counts by
    itself, is known here alone.

    Parameters
    ----------
    viewer : Viewer
        The viewer.
    layers : ReviewLayers
        Tells of jumps, and of another clip.
    """

    def __init__(self, viewer: Viewer, layers: ReviewLayers) -> None:
        self.viewer = viewer
        self.layers = layers
        layers.jumped.connect(self._stay)
        layers.session.clip_changed.connect(self._take_rate)

    def disconnect(self) -> None:
        """Follow no more."""
        self.layers.jumped.disconnect(self._stay)
        self.layers.session.clip_changed.disconnect(self._take_rate)

    @property
    def running(self) -> bool:
        """Whether the clip is played."""
        dims = self._dims()
        return bool(dims.is_playing and dims._animation_thread.isRunning())

    def _dims(self) -> QtDims:
        # Whoever keeps it keeps the window.
        return self.viewer.window._qt_viewer.dims

    def _stay(self, frame: int) -> None:
        """Stop on a frame that the reader wants to look at."""
        if not self.running:
            return
        self._dims().stop()
        clip = self.layers.session.clip

        def show_again() -> None:
            if self.layers.session.clip is clip:
                self.layers.viewer.dims.set_current_step(0, frame)

        # Frames that were asked for before come yet.
        QTimer.singleShot(0, show_again)

    def _take_rate(self) -> None:
        """Play a clip as fast as it was taken; one of unknown rate as napari is set."""
        clip, sliders = self.layers.session.clip, self._dims().slider_widgets
        if clip is None or not sliders:
            return
        rate = min(clip.fps, FASTEST) if clip.fps else get_settings().application.playback_fps
        sliders[0].fps = rate
