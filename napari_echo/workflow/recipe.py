"""What a draft is made of, to be copied before it is asked for. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LabelSchema, Segmentation
from napari_echo.core.prediction import Prediction
from napari_echo.core.revision import Base, Revision
from napari_echo.workflow.committed import merge

Start = Literal["truth", "prediction", "correction", "nothing"]
"""What a correction starts from; "correction" is what was committed before."""

Made = tuple[NDArray[np.uint8], NDArray[np.uint8], LabelSchema]
"""Labels to paint on, what they start from, both (T, H, W), and what they mean."""


@dataclass(frozen=True, eq=False)
class Recipe:
    """What a draft starts from.

    Parameters
    ----------
    clip : EchoClip
        The clip.
    base : Base
        What it is called in a revision.
    schema : LabelSchema
        What is drawn, where it starts from nothing.
    sources : tuple
        A prediction, ground truth, or a prediction (or None) and the
        revisions that lie over it, oldest first; none for nothing.
    """

    clip: EchoClip
    base: Base
    schema: LabelSchema
    sources: tuple[Any, ...]

    def is_same(self, other: Recipe) -> bool:
        """Whether another recipe gives the same draft."""
        return (
            self.clip is other.clip
            and self.base == other.base
            and self.schema == other.schema
            and len(self.sources) == len(other.sources)
            and all(a is b for a, b in zip(self.sources, other.sources, strict=True))
        )

    def is_drawn(self, frame: int) -> bool:
        """Whether anything is labelled on a frame of the draft; nothing is copied for it."""
        for source in reversed(self.sources):
            if isinstance(source, Revision):
                if frame in source.frames:
                    return bool(source.labels[source.frames.index(frame)].any())
            elif source is not None:
                laid = source if isinstance(source, Segmentation) else source.segmentation
                return bool(laid.labels[frame].any())
        return False

    def make(self) -> Made:
        """Copy the labels; of a long clip that takes a tenth of a second."""
        if not self.sources:
            shape = self.clip.frames.shape
            return np.zeros(shape, np.uint8), np.zeros(shape, np.uint8), self.schema
        source = self._source()
        return source.labels.copy(), source.labels, source.schema

    def _source(self) -> Segmentation:
        first = self.sources[0]
        if isinstance(first, Segmentation):
            return first
        if isinstance(first, Prediction) and len(self.sources) == 1:
            return first.segmentation
        revisions: list[Revision] = list(self.sources[1:])
        merged = merge(self.clip, revisions, first)
        assert merged is not None
        return merged


def recipe_for(
    clip: EchoClip,
    start: Start,
    prediction: Prediction | None,
    truth: Segmentation | None,
    line: Sequence[Revision],
    nothing: Base,
    schema: LabelSchema,
) -> Recipe:
    """Say what a draft is made of; nothing is copied yet.

    Parameters
    ----------
    clip : EchoClip
        The clip.
    start : {"truth", "prediction", "correction", "nothing"}
        What it starts from.
    prediction : Prediction or None
        What a model says; lies under what was committed, too.
    truth : Segmentation or None
        Ground truth.
    line : sequence of Revision
        The revision to go on from and what lies behind it, the oldest first.
    nothing : Base
        What a start from nothing is called.
    schema : LabelSchema
        What is drawn then.

    Raises
    ------
    EchoError
        If that does not exist.
    """
    if start == "prediction" and prediction is not None:
        return Recipe(clip, Base("model", prediction.model_id), schema, (prediction,))
    if start == "truth" and truth is not None:
        return Recipe(clip, Base("truth", ""), schema, (truth,))
    if start == "correction" and line:
        base = Base("revision", line[-1].revision_id)
        return Recipe(clip, base, schema, (prediction, *line))
    if start == "nothing":
        return Recipe(clip, nothing, schema, ())
    raise EchoError(f"This clip has no {start} to start a correction from.")
