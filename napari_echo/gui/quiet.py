"""Changing many of napari's layers at once, without what it does after each of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from napari.components import ViewerModel


class Quiet:
    """Changes many layers at once: napari draws them when all is done.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.

    Attributes
    ----------
    busy : bool
        Whether layers are being changed by its owner.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self.viewer = viewer
        self.busy = False

    @contextmanager
    def __call__(self, *, batch: bool = True) -> Iterator[None]:
        """Change layers; the selection stays.

        Parameters
        ----------
        batch : bool
            Whether napari brings its scene up to date after all changes, for which
            it looks for garbage, too: for a single layer that takes it longer.
        """
        layers = self.viewer.layers
        active = layers.selection.active
        before, self.busy = self.busy, True
        if batch:
            layers.events.begin_batch()
        try:
            yield
        finally:
            if active is not None and active in layers:
                layers.selection.active = active
            if batch:
                layers.events.end_batch()
            self.busy = before
