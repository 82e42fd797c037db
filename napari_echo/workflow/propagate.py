"""Propagate: masks given on some frames go through the whole clip.

From each given frame masks are carried frame by frame: forward after the last
one, backward before the first, and between two given frames from both sides,
blended by how near each is. The given frames keep exactly their masks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.cleanup import keep_largest_piece
from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.labels import CAMUS_SCHEMA, LabelSchema, Segmentation
from napari_echo.core.params import FlowParams
from napari_echo.core.prediction import Prediction
from napari_echo.workflow.blending import blend_by_distance
from napari_echo.workflow.given_masks import Masks, checked, one_hot
from napari_echo.workflow.predict import check_memory, run_steps

if TYPE_CHECKING:
    from napari_echo.ml.predictor import Predictor

Steps = Generator[tuple[int, int], None, Prediction]

FLOW = "optical flow"


def iter_propagate(clip: EchoClip, masks: Masks, predictor: Predictor) -> Steps:
    """Carry masks through a clip by a temporal model, step by step.

    All given frames with their masks are the model's long-term memory, the
    frame before with the probabilities found there its short-term memory.

    Parameters
    ----------
    clip : EchoClip
        The clip.
    masks : mapping of int to ndarray of integers, shape (H, W)
        The given frames' labels.
    predictor : Predictor
        A model with a memory.

    Yields
    ------
    (int, int)
        Steps done and steps in all. Closing the generator cancels.

    Returns
    -------
    Prediction
        The generator's return value; `Prediction.given` names the frames. The
        probabilities of a given frame are those of its mask, 0 or 1.

    Raises
    ------
    EchoError
        Before the first step: if the model has no memory, there is no mask, a
        frame is not in the clip, a mask has another shape or a class that the
        model lacks, or the result would not fit in the memory that is free.
    """
    from napari_echo.ml.temporal_predictor import TemporalPredictor

    name = predictor.pack.name
    if not isinstance(predictor, TemporalPredictor):
        raise EchoError(
            f"The model {name} sees single frames and cannot carry masks on; choose a model "
            "with a memory (gpm), or optical flow."
        )
    given = checked(clip, masks, predictor.schema, f"the model {name}")
    frames = sorted(given)
    # A few frames of a clip that may be a memory map.
    memory = predictor.recall(clip.frames[frames], np.stack([given[frame] for frame in frames]))

    class ByMemory:
        def __init__(self) -> None:
            self.kept: dict[int, NDArray[np.float32]] = {}

        def begin(self, frame: int) -> None:
            place = frames.index(frame)
            self.previous = memory.features[place : place + 1]
            self.mask = memory.masks[place : place + 1]

        def blend(
            self, one: NDArray[np.float16], other: NDArray[np.float16], share: float
        ) -> NDArray[np.float16]:
            return one + np.float16(share) * (other - one)

        def carry(self, frame: int, *, again: bool) -> NDArray[np.float16]:
            x = self.kept.pop(frame, None)
            if x is None:
                x = memory.encode(clip.frames[frame])
                if again:
                    self.kept[frame] = x
            probabilities, self.mask = memory.step(x, self.previous, self.mask, clip.frame_shape)
            self.previous = x
            return probabilities

    return (yield from _spread(clip, given, predictor.schema, ByMemory(), predictor.pack.id, name))


def iter_propagate_by_flow(
    clip: EchoClip,
    masks: Masks,
    params: FlowParams | None = None,
    *,
    schema: LabelSchema = CAMUS_SCHEMA,
) -> Steps:
    """Carry masks through a clip by dense optical flow, step by step.

    From frame to frame the flow is OpenCV's DIS (Kroeger et al., ECCV 2016),
    from the new frame to the one before, whose class probabilities are warped
    backward along it. What comes from two sides is blended by the distances to
    its borders: the masks are sharp, and their mean would jump halfway.

    Parameters
    ----------
    clip, masks
        As for `iter_propagate`.
    params : FlowParams, optional
        How the flow is found.
    schema : LabelSchema
        What the masks' values mean.

    Yields
    ------
    (int, int)
        Steps done and steps in all. Closing the generator cancels.

    Returns
    -------
    Prediction
        The generator's return value; its model is called "optical flow".

    Raises
    ------
    EchoError
        As `iter_propagate` does; or if the frames are too small for the flow.
    """
    import cv2

    given = checked(clip, masks, schema, "the label schema")
    preset = (params or FlowParams()).preset.upper()
    flow = cv2.DISOpticalFlow.create(getattr(cv2, f"DISOPTICAL_FLOW_PRESET_{preset}"))
    y, x = np.indices(clip.frame_shape, np.float32)

    class ByFlow:
        def begin(self, frame: int) -> None:
            self.at = frame
            mask = one_hot(given[frame], schema.n_classes)
            self.probabilities = mask.transpose(1, 2, 0).astype(np.float32)

        def blend(
            self, one: NDArray[np.float16], other: NDArray[np.float16], share: float
        ) -> NDArray[np.float16]:
            return blend_by_distance(one, other, share)

        def carry(self, frame: int, *, again: bool) -> NDArray[np.float16]:
            now, before = (np.ascontiguousarray(clip.frames[at]) for at in (frame, self.at))
            still = np.zeros((*clip.frame_shape, 2), np.float32)
            try:
                moved = flow.calc(now, before, still)
            except cv2.error as error:
                raise EchoError(
                    f"The frames of {clip.name} are too small for optical flow."
                ) from error
            warped = cv2.remap(
                self.probabilities,
                x + moved[..., 0],
                y + moved[..., 1],
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
            self.probabilities = np.asarray(warped, np.float32)
            self.at = frame
            return np.asarray(self.probabilities.transpose(2, 0, 1), np.float16)

    return (yield from _spread(clip, given, schema, ByFlow(), FLOW, FLOW))


def propagate(
    clip: EchoClip,
    masks: Masks,
    predictor: Predictor,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Prediction:
    """Carry masks through a clip by a temporal model; `iter_propagate` says how.

    Raises
    ------
    Cancelled
        If `cancelled` said so before a step.
    EchoError
        As `iter_propagate` does.
    """
    return run_steps(iter_propagate(clip, masks, predictor), on_progress, cancelled)


def propagate_by_flow(
    clip: EchoClip,
    masks: Masks,
    params: FlowParams | None = None,
    *,
    schema: LabelSchema = CAMUS_SCHEMA,
    on_progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Prediction:
    """Carry masks through a clip by optical flow; `iter_propagate_by_flow` says how.

    Raises
    ------
    Cancelled
        If `cancelled` said so before a step.
    EchoError
        As `iter_propagate_by_flow` does.
    """
    steps = iter_propagate_by_flow(clip, masks, params, schema=schema)
    return run_steps(steps, on_progress, cancelled)


class _Carrier(Protocol):
    """Carries masks from a given frame to its neighbours, one after the other."""

    def begin(self, frame: int) -> None:
        """Start at a given frame."""

    def carry(self, frame: int, *, again: bool) -> NDArray[np.float16]:
        """Probabilities (C, H, W) of the next frame; `again` if it will be asked for once more."""

    def blend(
        self, one: NDArray[np.float16], other: NDArray[np.float16], share: float
    ) -> NDArray[np.float16]:
        """What came from two sides, `share` of it from the other."""


def _spread(
    clip: EchoClip,
    given: Mapping[int, NDArray[np.uint8]],
    schema: LabelSchema,
    carrier: _Carrier,
    model_id: str,
    model_name: str,
) -> Steps:
    """Carry masks from the given frames to all others."""
    started = time.perf_counter()
    check_memory(clip, schema.n_classes)
    frames = sorted(given)
    between = [list(range(a + 1, b)) for a, b in pairwise(frames)]
    before, after = range(frames[0] - 1, -1, -1), range(frames[-1] + 1, len(clip))
    total = len(before) + len(after) + 2 * sum(map(len, between))
    done = 0
    probabilities = np.empty((len(clip), schema.n_classes, *clip.frame_shape), np.float16)
    for frame in frames:
        probabilities[frame] = one_hot(given[frame], schema.n_classes)
    for start, way in ((frames[0], before), (frames[-1], after)):
        carrier.begin(start)
        for frame in way:
            probabilities[frame] = carrier.carry(frame, again=False)
            done += 1
            yield done, total
    for (first, last), way_between in zip(pairwise(frames), between, strict=True):
        carrier.begin(first)
        for frame in way_between:
            probabilities[frame] = carrier.carry(frame, again=True)
            done += 1
            yield done, total
        carrier.begin(last)
        for frame in reversed(way_between):
            back = carrier.carry(frame, again=True)
            share = (frame - first) / (last - first)
            probabilities[frame] = carrier.blend(probabilities[frame], back, share)
            done += 1
            yield done, total
    labels = np.empty(clip.frames.shape, np.uint8)
    for frame in range(len(clip)):
        if frame in given:
            labels[frame] = given[frame]
        else:
            part = probabilities[frame : frame + 1]
            found = part.argmax(axis=1).astype(np.uint8)
            labels[frame] = keep_largest_piece(found, part)[0]
    segmentation = Segmentation(labels, np.ones(len(clip), np.bool_), "prediction", schema)
    return Prediction(
        segmentation,
        probabilities,
        clip.clip_id,
        model_id,
        model_name,
        time.perf_counter() - started,
        given=tuple(frames),
    )
