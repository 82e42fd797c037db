"""Frames in, class probabilities out, by ONNX Runtime or by torch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LabelSchema
from napari_echo.core.params import PredictParams
from napari_echo.ml.engine import Engine, OnnxTemporalEngine, Scores, onnx_engine
from napari_echo.ml.geometry import letterbox, unletterbox
from napari_echo.ml.mmseg_compat import need_torch
from napari_echo.ml.packs import ModelPack

Segmented = tuple[NDArray[np.float16], NDArray[np.float16] | None]
"""Probabilities (N, C, H, W) and, of a model that has learned it, hardness (N, H, W) in 0-1."""


class Predictor:
    """A model pack made ready to run; the model sees one frame at a time.

    Parameters
    ----------
    pack : ModelPack
        The model; its files must be verified.
    engine : Engine
        What runs the network.
    """

    temporal = False
    """Whether the frames before a frame change what is said of it."""

    def __init__(self, pack: ModelPack, engine: Engine) -> None:
        self.pack = pack
        self.schema: LabelSchema = pack.schema
        self._engine = engine

    def probabilities(self, frames: NDArray[np.uint8]) -> NDArray[np.float16]:
        """Class probabilities on the frames' own grid, of one fresh stream.

        Parameters
        ----------
        frames : ndarray of uint8, shape (N, H, W)
            Grey levels; of a temporal model, the first frames of a clip.

        Returns
        -------
        ndarray of float16, shape (N, C, H, W)
            Background first; they sum to 1 over C.
        """
        return self.stream()(frames)

    def stream(self) -> Callable[[NDArray[np.uint8]], NDArray[np.float16]]:
        """Begin a clip: a function of its next frames that gives their probabilities."""
        run = self.stream_with_hardness()
        return lambda frames: run(frames)[0]

    def stream_with_hardness(self) -> Callable[[NDArray[np.uint8]], Segmented]:
        """Begin a clip as `stream` does, with the learned hardness of the frames."""
        return lambda frames: self.on_grid(self._scores(frames), frames.shape[1:])

    def squares(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Normalised squares (N, 1, S, S), as the network takes them, of frames (N, H, W)."""
        card = self.pack.card
        squares = np.stack([letterbox(frame, card.input_size) for frame in frames])
        return (squares[:, None] - np.float32(card.mean)) / np.float32(card.std)

    def on_grid(self, scores: Scores, shape: tuple[int, int]) -> Segmented:
        """Bring scores back to frames of a shape (H, W)."""
        size, logits = self.pack.card.input_size, scores.logits
        out = np.empty((*logits.shape[:2], *shape), np.float16)
        for index, each in enumerate(logits):
            # Logits, not probabilities, are interpolated: contours stay smooth.
            full = unletterbox(each, shape, size)
            np.exp(full - full.max(axis=0), out=full)
            np.divide(full, full.sum(axis=0), out=out[index], casting="same_kind")
        if scores.hardness is None:
            return out, None
        hardness = np.empty((len(logits), *shape), np.float16)
        for index, each in enumerate(scores.hardness):
            hardness[index] = unletterbox(each, shape, size)[0].clip(0, 1)
        return out, hardness

    def _scores(self, frames: NDArray[np.uint8]) -> Scores:
        return _as_scores(self._engine(self.squares(frames)))


def make_predictor(pack: ModelPack, params: PredictParams | None = None) -> Predictor:
    """Verify a pack and load it into an engine.

    Parameters
    ----------
    pack : ModelPack
        The model.
    params : PredictParams, optional
        Names the engine; ONNX Runtime by default.

    Returns
    -------
    Predictor
        A `ml.temporal_predictor.TemporalPredictor` of a model with a memory.

    Raises
    ------
    EchoError
        If a file of the pack is missing or altered, or torch is asked for
        and not installed.
    """
    params = params or PredictParams()
    pack.verify()
    if pack.card.temporal:
        if params.mirror:
            raise EchoError(f"The model {pack.name} has a memory and cannot be mirrored.")
        from napari_echo.ml.temporal_predictor import TemporalPredictor

        if params.engine == "torch":
            need_torch()
            from napari_echo.ml.torch_engine import TorchTemporalEngine

            return TemporalPredictor(pack, TorchTemporalEngine(pack))
        return TemporalPredictor(pack, OnnxTemporalEngine(pack))
    if params.engine == "torch":
        need_torch()
        from napari_echo.ml.torch_engine import torch_engine

        engine = torch_engine(pack)
    else:
        engine = onnx_engine(pack)
    return Predictor(pack, mirrored(engine) if params.mirror else engine)


def mirrored(engine: Engine) -> Engine:
    """An engine that averages the scores of squares and of the same squares mirrored."""

    def run(batch: NDArray[np.float32]) -> Scores:
        plain, flipped = (_as_scores(engine(b)) for b in (batch, batch[..., ::-1].copy()))
        hardness = None
        if plain.hardness is not None and flipped.hardness is not None:
            hardness = (plain.hardness + flipped.hardness[..., ::-1]) / 2
        return Scores((plain.logits + flipped.logits[..., ::-1]) / 2, hardness)

    return run


def _as_scores(found: NDArray[np.float32] | Scores) -> Scores:
    return found if isinstance(found, Scores) else Scores(found)
