"""Models with a memory: clips frame after frame, and masks carried through a clip."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_echo.ml.engine import Scores, TemporalEngine
from napari_echo.ml.geometry import letterbox
from napari_echo.ml.packs import ModelPack
from napari_echo.ml.predictor import Predictor, Segmented

# Frames of a step: their attention maps take some 40 MB each at 256 x 256.
_AT_ONCE = 4


class TemporalPredictor(Predictor):
    """A pack of a temporal model made ready to run.

    Parameters
    ----------
    pack : ModelPack
        The model; its files must be verified.
    engine : TemporalEngine
        What runs its two graphs.
    """

    temporal = True

    def __init__(self, pack: ModelPack, engine: TemporalEngine) -> None:
        self.pack = pack
        self.schema = pack.schema
        self.engine = engine

    def stream_with_hardness(self) -> Callable[[NDArray[np.uint8]], Segmented]:
        """Begin a clip: a function of its next frames.

        The clip's first frame is the long-term memory, the frame before the
        short-term one, both without masks. So frames wait for no labels, and
        go through the network several at once.
        """
        first: NDArray[np.float32] | None = None
        last: NDArray[np.float32] | None = None

        def run_some(frames: NDArray[np.uint8]) -> Segmented:
            nonlocal first, last
            x = self.engine.encode(self.squares(frames))
            if first is None or last is None:
                first = last = x[:1].copy()
            previous = np.concatenate([last, x[:-1]])
            last = x[-1:].copy()
            n, (c, size) = len(x), (self.schema.n_classes, self.pack.card.input_size)
            unknown = np.zeros((n, 1, c, size, size), np.float32)
            memory = np.repeat(first[:, None], n, axis=0)
            scores = self.engine.step(x, memory, unknown, previous, unknown[:, 0])
            return self.on_grid(scores, frames.shape[1:])

        def run(frames: NDArray[np.uint8]) -> Segmented:
            parts = [
                run_some(frames[start : start + _AT_ONCE])
                for start in range(0, len(frames), _AT_ONCE)
            ]
            hardness = [h for _, h in parts if h is not None]
            return (
                np.concatenate([p for p, _ in parts]),
                np.concatenate(hardness) if hardness else None,
            )

        return run

    def recall(self, frames: NDArray[np.uint8], masks: NDArray[np.uint8]) -> MaskMemory:
        """Remember frames (M, H, W) with their labels (M, H, W), to carry them on."""
        return MaskMemory(self, frames, masks)


class MaskMemory:
    """Labelled frames of a clip in a model's long-term memory.

    `step` labels another frame by its ID branch, given the frame before with
    the class probabilities found there. Features are those of `encode`.
    """

    def __init__(
        self, predictor: TemporalPredictor, frames: NDArray[np.uint8], masks: NDArray[np.uint8]
    ) -> None:
        self._predictor = predictor
        size, n_classes = predictor.pack.card.input_size, predictor.schema.n_classes
        squares = np.stack([letterbox(mask, size, labels=True) for mask in masks])
        classes = np.arange(n_classes, dtype=np.uint8)[:, None, None]
        self.masks = (squares[:, None] == classes).astype(np.float32)
        """Class probabilities (M, C, S, S) of the remembered frames."""
        self.features = np.concatenate([self.encode(frame) for frame in frames])
        """Features (M, E, h, w) of the remembered frames."""

    def encode(self, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features (1, E, h, w) of a frame (H, W)."""
        return self._predictor.engine.encode(self._predictor.squares(frame[None]))

    def step(
        self,
        x: NDArray[np.float32],
        previous: NDArray[np.float32],
        previous_mask: NDArray[np.float32],
        shape: tuple[int, int],
    ) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
        """Label one frame.

        Parameters
        ----------
        x, previous : ndarray of float32, shape (1, E, h, w)
            Features of the frame and of the frame before.
        previous_mask : ndarray of float32, shape (1, C, S, S)
            Class probabilities of the frame before, on the model's square.
        shape : (int, int)
            Height and width of the frame.

        Returns
        -------
        probabilities : ndarray of float16, shape (C, H, W)
            On the frame's grid.
        mask : ndarray of float32, shape (1, C, S, S)
            The same on the model's square, for the next step.
        """
        scores = self._predictor.engine.step(
            x, self.features[None], self.masks[None], previous, previous_mask
        )
        probabilities, _ = self._predictor.on_grid(Scores(scores.logits), shape)
        size = self._predictor.pack.card.input_size
        logits = cv2.resize(scores.logits[0].transpose(1, 2, 0), (size, size))
        full = logits.transpose(2, 0, 1)
        full = np.exp(full - full.max(axis=0))
        return probabilities[0], np.ascontiguousarray((full / full.sum(axis=0))[None])
