"""Segment some frames of a clip, a few at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.cleanup import keep_largest_piece
from napari_echo.workflow.predict import SegmentationModel

_BATCH = 16  # frames of a model call: those of a long clip would fill the memory


def iter_segment(
    model: SegmentationModel, frames: NDArray[np.uint8], wanted: Sequence[int]
) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """Segment frames of a clip.

    Parameters
    ----------
    model : SegmentationModel
        What segments. One with a memory sees them as one stream: ask for those
        before, too.
    frames : ndarray of uint8, shape (T, H, W)
        The clip.
    wanted : sequence of int
        The frames, ascending.

    Yields
    ------
    labels : ndarray of uint8, shape (N, H, W)
        Of the next of them; of the LV only the largest piece is kept.
    seconds : float
        That the model took.
    """
    stream: Callable[[NDArray[np.uint8]], NDArray[np.float16]] = model.probabilities
    if getattr(model, "temporal", False) and hasattr(model, "stream"):
        stream = model.stream()  # batches continue each other
    for first in range(0, len(wanted), _BATCH):
        batch = np.ascontiguousarray(frames[list(wanted[first : first + _BATCH])])
        started = time.perf_counter()
        probabilities = stream(batch)
        seconds = time.perf_counter() - started
        yield (
            keep_largest_piece(probabilities.argmax(axis=1).astype(np.uint8), probabilities),
            seconds,
        )
