"""The whole clip stays in sight as the canvas changes its size."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_echo.gui.fitting import Fitting


@pytest.fixture
def viewer() -> ViewerModel:
    viewer = ViewerModel()
    viewer.canvas.size = (500, 500)
    viewer.add_image(np.zeros((3, 100, 200), np.uint8))
    return viewer


def test_a_view_that_was_fitted_is_fitted_to_another_size(viewer: ViewerModel) -> None:
    fitting = Fitting(viewer)
    viewer.reset_view()
    before = viewer.scene.camera.zoom
    viewer.canvas.size = (500, 300)
    assert viewer.scene.camera.zoom == pytest.approx(0.6 * before)
    viewer.canvas.size = (500, 500)
    assert viewer.scene.camera.zoom == pytest.approx(before)
    fitting.disconnect()
    viewer.canvas.size = (500, 300)
    assert viewer.scene.camera.zoom == pytest.approx(before)


@pytest.mark.parametrize("moved", ["zoom", "center"])
def test_a_view_that_was_zoomed_or_moved_stays(viewer: ViewerModel, moved: str) -> None:
    fitting = Fitting(viewer)
    viewer.reset_view()
    camera = viewer.scene.camera
    if moved == "zoom":
        camera.zoom *= 2
    else:
        camera.center = (0, camera.center[1] + 5, camera.center[2])
    before = (camera.zoom, camera.center)
    viewer.canvas.size = (500, 300)
    assert (camera.zoom, camera.center) == before
    fitting.disconnect()
