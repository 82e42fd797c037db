"""Frames in, class probabilities out, by ONNX Runtime or by torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.labels import LabelSchema
from napari_echo.core.params import PredictParams
from napari_echo.ml.engine import Engine, onnx_engine
from napari_echo.ml.geometry import letterbox, unletterbox
from napari_echo.ml.packs import ModelPack


class Predictor:
    """A model pack made ready to run.

    Parameters
    ----------
    pack : ModelPack
        The model; its files must be verified.
    engine : Engine
        What runs the network.
    """

    def __init__(self, pack: ModelPack, engine: Engine) -> None:
        self.pack = pack
        self.schema: LabelSchema = pack.schema
        self._engine = engine

    def probabilities(self, frames: NDArray[np.uint8]) -> NDArray[np.float16]:
        """Class probabilities on the frames' own grid.

        Parameters
        ----------
        frames : ndarray of uint8, shape (N, H, W)
            Grey levels.

        Returns
        -------
        ndarray of float16, shape (N, C, H, W)
            Background first; they sum to 1 over C.
        """
        card, shape = self.pack.card, frames.shape[1:]
        squares = np.stack([letterbox(frame, card.input_size) for frame in frames])
        logits = self._engine((squares[:, None] - np.float32(card.mean)) / np.float32(card.std))
        out = np.empty((len(frames), logits.shape[1], *shape), np.float16)
        for index, scores in enumerate(logits):
            # Logits, not probabilities, are interpolated: contours stay smooth.
            full = unletterbox(scores, shape, card.input_size)
            np.exp(full - full.max(axis=0), out=full)
            np.divide(full, full.sum(axis=0), out=out[index], casting="same_kind")
        return out


def make_predictor(pack: ModelPack, params: PredictParams | None = None) -> Predictor:
    """Verify a pack and load it into an engine.

    Parameters
    ----------
    pack : ModelPack
        The model.
    params : PredictParams, optional
        Names the engine; ONNX Runtime by default.

    Raises
    ------
    EchoError
        If a file of the pack is missing or altered, or torch is asked for
        and not installed.
    """
    params = params or PredictParams()
    pack.verify()
    if params.engine == "torch":
        from napari_echo.ml.torch_engine import torch_engine

        return Predictor(pack, torch_engine(pack))
    return Predictor(pack, onnx_engine(pack))
