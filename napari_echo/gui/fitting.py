"""Keeping the whole clip in sight as the canvas gets larger or smaller."""

from __future__ import annotations

import numpy as np
from napari.components import ViewerModel
from numpy.typing import NDArray


class Fitting:
    """Fits the view again when the canvas has another size, unless it was zoomed or moved.

    Sliders, docks and the tabs below take room from the canvas, some of them
    only after the first clip was drawn; napari leaves the view as it was.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self.viewer = viewer
        self._fitted: NDArray[np.float64] | None = None
        viewer.events.reset_view.connect(self._note)
        viewer.canvas.events.size.connect(self._on_size)

    def disconnect(self) -> None:
        """Leave the view to napari."""
        self.viewer.events.reset_view.disconnect(self._note)
        self.viewer.canvas.events.size.disconnect(self._on_size)

    def _view(self) -> NDArray[np.float64]:
        camera = self.viewer.scene.camera
        return np.array([*camera.center, camera.zoom])

    def _note(self, _event: object = None) -> None:
        self._fitted = self._view()

    def _on_size(self, _event: object = None) -> None:
        if self._fitted is not None and np.allclose(self._view(), self._fitted, rtol=1e-3):
            self.viewer.reset_view()
