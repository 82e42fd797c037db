"""Layers come into napari's list without being selected, and without tools' drawings."""

from __future__ import annotations

from collections.abc import Callable

import napari
import numpy as np
from napari.components import ViewerModel
from napari.layers import Labels

from napari_echo.gui.adding import add_unselected, leave_out_tools

LABELS = np.tri(16, dtype=np.uint8)


def test_the_active_layer_stays_and_nobody_is_told_of_another() -> None:
    viewer = ViewerModel()
    active = viewer.add_image(np.zeros((16, 16)))
    told: list[object] = []
    for name in ("changed", "active"):
        getattr(viewer.layers.selection.events, name).connect(told.append)
    above, below = Labels(LABELS), Labels(LABELS)
    add_unselected(viewer, above)
    add_unselected(viewer, below, 0)
    assert list(viewer.layers) == [below, active, above]
    assert viewer.layers.selection == {active}
    assert viewer.layers.selection.active is active
    assert told == []


def test_the_first_layer_is_selected_as_ever() -> None:
    viewer = ViewerModel()
    layer = Labels(LABELS)
    add_unselected(viewer, layer)
    assert viewer.layers.selection.active is layer


def test_without_its_tools_a_layer_looks_the_same(
    make_napari_viewer: Callable[..., napari.Viewer],
) -> None:
    viewer = make_napari_viewer()
    pictures, visuals = [], []
    for without in (False, True):
        layer = Labels(LABELS)
        if without:
            leave_out_tools(layer)
        viewer.add_layer(layer)
        pictures.append(viewer.screenshot(canvas_only=True, flash=False))
        node = viewer.window._qt_viewer.canvas.layer_to_visual[layer].node
        visuals.append(len(node.children))
        viewer.layers.remove(layer)
    assert np.array_equal(*pictures)
    assert pictures[0].std() > 0
    assert visuals[1] < visuals[0]
