"""Predict: a model segments a clip."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
import psutil  # type: ignore[import-untyped]
from numpy.typing import NDArray

from napari_echo.core.cleanup import keep_largest_piece
from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LabelSchema, Segmentation
from napari_echo.core.params import PredictParams
from napari_echo.core.prediction import Prediction

T = TypeVar("T")


class PackIdentity(Protocol):
    """What a prediction remembers of the model pack that made it."""

    @property
    def id(self) -> str:
        """Id of the pack."""

    @property
    def name(self) -> str:
        """Name of the pack, for people."""


class SegmentationModel(Protocol):
    """What can segment frames; `ml.predictor.Predictor` is one."""

    @property
    def schema(self) -> LabelSchema:
        """What the classes mean."""

    @property
    def pack(self) -> PackIdentity:
        """The pack it came from."""

    @property
    def temporal(self) -> bool:
        """Whether the frames before a frame change what is said of it."""

    def stream(self) -> Callable[[NDArray[np.uint8]], NDArray[np.float16]]:
        """Begin a clip.

        Gives a function of the clip's next frames (N, H, W) that returns their
        class probabilities (N, C, H, W), on their grid.
        """

    def probabilities(self, frames: NDArray[np.uint8], /) -> NDArray[np.float16]:
        """Class probabilities of one fresh stream of frames."""


@runtime_checkable
class HardnessModel(Protocol):
    """A model that may have learned which pixels are hard."""

    def stream_with_hardness(
        self,
    ) -> Callable[[NDArray[np.uint8]], tuple[NDArray[np.float16], NDArray[np.float16] | None]]:
        """Begin a clip as `SegmentationModel.stream` does.

        Beside the probabilities the function returns the hardness (N, H, W)
        in 0-1, or None from a model that has not learned it.
        """


class Cancelled(Exception):
    """The user stopped a prediction."""


def iter_predict(
    clip: EchoClip, predictor: SegmentationModel, *, batch: int | None = None
) -> Generator[tuple[int, int], None, Prediction]:
    """Segment a clip batch by batch.

    The label of a pixel is its most probable class, and of the LV only the
    largest piece of each frame is kept (`core.cleanup.keep_largest_piece`);
    the probabilities are the model's own.

    Parameters
    ----------
    clip : EchoClip
        The clip.
    predictor : SegmentationModel
        The model. One with a memory sees the clip as one stream.
    batch : int, optional
        Frames per model call; `PredictParams`' own default without it.

    Yields
    ------
    (int, int)
        Frames done and frames in all, after each batch. Closing the generator
        cancels the prediction and frees its memory.

    Returns
    -------
    Prediction
        The generator's return value.

    Raises
    ------
    EchoError
        Before the first batch, if the result would not fit in the memory that
        is free; later, if the model gives no probabilities for the frames.
    """
    started = time.perf_counter()
    batch = batch or PredictParams().batch
    total, (height, width) = len(clip), clip.frame_shape
    n_classes = predictor.schema.n_classes
    check_memory(clip, n_classes)
    probabilities = np.empty((total, n_classes, height, width), np.float16)
    labels = np.empty((total, height, width), np.uint8)
    hardness: NDArray[np.float16] | None = None
    run = _stream(predictor)
    for first in range(0, total, batch):
        part, of_part = run(clip.frames[first : first + batch])
        done = min(first + batch, total)
        if part.shape != probabilities[first:done].shape or not np.isfinite(part).all():
            raise EchoError(
                f"The model {predictor.pack.name} gave no valid probabilities for frames "
                f"{first} to {done - 1} of {clip.name}; try another model or engine."
            )
        probabilities[first:done] = part
        labels[first:done] = keep_largest_piece(part.argmax(axis=1).astype(np.uint8), part)
        if of_part is not None:
            if hardness is None:
                hardness = np.zeros(labels.shape, np.float16)
            hardness[first:done] = of_part
        yield done, total
    segmentation = Segmentation(labels, np.ones(total, np.bool_), "prediction", predictor.schema)
    return Prediction(
        segmentation,
        probabilities,
        clip.clip_id,
        predictor.pack.id,
        predictor.pack.name,
        time.perf_counter() - started,
        hardness,
    )


def predict(
    clip: EchoClip,
    predictor: SegmentationModel,
    *,
    batch: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Prediction:
    """Segment a clip; `iter_predict` says how.

    Parameters
    ----------
    clip, predictor, batch
        As for `iter_predict`.
    on_progress : callable, optional
        Called after each batch with the frames done and the frames in all.
    cancelled : callable, optional
        Asked before each batch; once it is true the prediction ends.

    Returns
    -------
    Prediction

    Raises
    ------
    Cancelled
        If `cancelled` said so.
    EchoError
        As `iter_predict` does.
    """
    return run_steps(iter_predict(clip, predictor, batch=batch), on_progress, cancelled)


def run_steps(
    steps: Generator[tuple[int, int], None, T],
    on_progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> T:
    """Run a generator such as `iter_predict` to its end, or until it is cancelled.

    Returns
    -------
    T
        What the generator returns.

    Raises
    ------
    Cancelled
        If `cancelled` said so.
    """
    while True:
        if cancelled is not None and cancelled():
            steps.close()
            raise Cancelled
        try:
            done, total = next(steps)
        except StopIteration as stop:
            outcome: T = stop.value
            return outcome
        if on_progress is not None:
            on_progress(done, total)


def _stream(
    predictor: SegmentationModel,
) -> Callable[[NDArray[np.uint8]], tuple[NDArray[np.float16], NDArray[np.float16] | None]]:
    if isinstance(predictor, HardnessModel):
        return predictor.stream_with_hardness()
    run = predictor.stream()
    return lambda frames: (run(frames), None)


def check_memory(clip: EchoClip, n_classes: int) -> None:
    """Refuse a clip whose probabilities and labels do not fit in the memory that is free.

    Raises
    ------
    EchoError
        If they do not.
    """
    needed = clip.frames.size * (n_classes * np.dtype(np.float16).itemsize + 1)
    free = psutil.virtual_memory().available
    # A tenth stays for the model's own work on a batch.
    if needed > 0.9 * free:
        raise EchoError(
            f"Segmenting {clip.name} needs {needed / 2**30:.1f} GiB of memory and "
            f"{free / 2**30:.1f} GiB are free: close other programs, or cut the clip shorter."
        )
