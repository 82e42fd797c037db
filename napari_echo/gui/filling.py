"""Propagated frames go into the draft, and are known from those that a reader corrected."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_echo.workflow.corrections import Corrections

if TYPE_CHECKING:
    from napari_echo.gui.draft_layer import DraftLayer
    from napari_echo.workflow.draft import Draft

_BUDGET_S = 0.02


class Filling:
    """Takes frames over as one stroke, as many at a time as the window has time for.

    Parameters
    ----------
    corrections : Corrections
        Have the draft that is filled.
    layer : DraftLayer
        Shows it.

    Signals
    -------
    ended(int)
        So many frames were taken over.
    """

    ended = Signal(int)

    def __init__(self, corrections: Corrections, layer: DraftLayer) -> None:
        self.corrections, self.layer = corrections, layer
        self._labels: NDArray[np.uint8] | None = None
        self._left: list[int] = []
        self._count = 0
        # What each frame was filled with, and the draft that it is in.
        self._filled: dict[int, int] = {}
        self._filled_in: Draft | None = None
        self._timer = QTimer()
        self._timer.timeout.connect(self._take_some)
        corrections.relabelled.connect(self._on_relabelled)

    @property
    def busy(self) -> bool:
        """Whether frames are being taken over."""
        return bool(self._left)

    def is_filled(self, draft: Draft, frame: int) -> bool:
        """Whether a frame is as a propagation left it, and nobody said that it is right."""
        if draft is not self._filled_in or frame in draft.accepted:
            return False
        return self._filled.get(frame) == _digest(draft.labels[frame])

    def start(self, labels: NDArray[np.uint8], frames: Iterable[int]) -> None:
        """Begin to take frames over from labels (T, H, W)."""
        draft = self.corrections.draft
        if draft is not self._filled_in:
            self._filled, self._filled_in = {}, draft
        self._labels, self._left = labels, list(frames)
        self._count = len(self._left)
        self.layer.dragging = True
        self._timer.start(0)

    def finish(self) -> None:
        """Take over at once what is left."""
        while self._left:
            self._take_some()

    def disconnect(self) -> None:
        """Take over what is left, and stop following the corrections."""
        self.finish()
        self.corrections.relabelled.disconnect(self._on_relabelled)

    def stop(self) -> None:
        """Leave it at what was taken over."""
        self._timer.stop()
        if self._left:
            self.layer.dragging = False
        self._left, self._labels = [], None

    def _on_relabelled(self, _frames: tuple[int, ...], show: bool) -> None:
        # What is undone meanwhile was the stroke that goes on.
        if show:
            self.stop()

    def _take_some(self) -> None:
        labels = self._labels
        if labels is None or self.corrections.draft is not self._filled_in:
            self.stop()
            return
        end = time.perf_counter() + _BUDGET_S
        while self._left:
            frame = self._left.pop(0)
            self._filled[frame] = _digest(labels[frame])
            self.corrections.write({frame: labels[frame]}, more=bool(self._left))
            if time.perf_counter() > end:
                break
        if not self._left:
            self._timer.stop()
            self._labels, self.layer.dragging = None, False
            self.ended.emit(self._count)


def _digest(labels: NDArray[np.uint8]) -> int:
    return zlib.crc32(np.ascontiguousarray(labels).data)
