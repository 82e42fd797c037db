"""What a propagation would fill, and the job that finds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import LabelSchema
from napari_echo.gui.workers import Job, Progress, shown
from napari_echo.metrics.volume import LVMeasures
from napari_echo.workflow.measure import iter_measure

if TYPE_CHECKING:
    from napari_echo.ml.predictor import Predictor

FLOW_NAME = "optical flow"


@dataclass(frozen=True, eq=False)
class Propagation:
    """What a propagation would fill.

    Parameters
    ----------
    labels : ndarray of uint8, shape (T, H, W)
        Of the whole clip; empty on the frames that were given, and where
        nothing was propagated.
    first, last : int
        The first and the last frame that it reaches.
    given : tuple of int
        Frames that it started from.
    measures : LVMeasures
        Of the LV on each frame that it reaches, the given ones as they were given.
    name : str
        Who propagated.
    """

    labels: NDArray[np.uint8]
    first: int
    last: int
    given: tuple[int, ...]
    measures: LVMeasures
    name: str


def propagation_job(
    clip: EchoClip,
    span: tuple[int, int],
    masks: Mapping[int, NDArray[np.uint8]],
    predictor: Predictor | None,
    schema: LabelSchema,
) -> Job[Propagation]:
    """Carry masks through a part of a clip, and measure what comes of it.

    Parameters
    ----------
    clip : EchoClip
        The clip.
    span : (int, int)
        The first and the last frame to fill.
    masks : mapping of int to ndarray of uint8, shape (H, W)
        The labels to start from, by the clip's frame, all within the span.
    predictor : Predictor or None
        A model with a memory; None takes optical flow.
    schema : LabelSchema
        What the labels mean.
    """
    from napari_echo.workflow.propagate import iter_propagate, iter_propagate_by_flow

    first, last = span
    part = replace(clip, frames=clip.frames[first : last + 1])
    given = {frame - first: mask for frame, mask in masks.items()}
    if predictor is not None:
        steps, name = iter_propagate(part, given, predictor), predictor.pack.name
    else:
        steps, name = iter_propagate_by_flow(part, given, schema=schema), FLOW_NAME
    found = yield from shown(steps, lambda at: Progress(*at, f"Propagating by {name}"))
    known = np.zeros(256, np.uint8)
    for structure in schema.structures:
        known[structure.index] = structure.index
    labels = np.zeros(clip.frames.shape, np.uint8)
    labels[first : last + 1] = known[found.segmentation.labels]
    reached = np.zeros(len(clip), np.bool_)
    reached[first : last + 1] = True
    # Only the curves are wanted: no beat.
    measuring = iter_measure(clip, labels, reached, KeyFrames((), "detected"))
    measures = yield from shown(measuring, lambda at: Progress(*at, "Measuring the propagation"))
    for frame in masks:
        labels[frame] = 0
    return Propagation(labels, first, last, tuple(masks), measures, name)
