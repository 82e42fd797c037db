"""Frames in, class probabilities out, by ONNX Runtime or by torch."""

from __future__ import annotations

import os
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LabelSchema
from napari_echo.core.params import PredictParams
from napari_echo.ml.geometry import letterbox, unletterbox
from napari_echo.ml.packs import GRAPH, WEIGHTS, ModelPack


class Engine(Protocol):
    """Runs the network: (N, 1, S, S) float32 in, logits (N, C, s, s) float32 out."""

    def __call__(self, batch: NDArray[np.float32], /) -> NDArray[np.float32]:
        """Logits of a batch of normalised squares."""


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


def onnx_engine(pack: ModelPack) -> Engine:
    """Load a pack's graph, with the weights of its safetensors file, into ONNX Runtime."""
    import onnxruntime
    from safetensors.numpy import load_file

    options = onnxruntime.SessionOptions()
    # One thread a core this process may use; the default also counts those
    # it may not, and oversubscribes in containers.
    options.intra_op_num_threads = len(os.sched_getaffinity(0)) if _has_affinity() else 0
    options.log_severity_level = 3
    weights = {
        name: value.astype(np.float32) if value.dtype == np.float16 else value
        for name, value in load_file(pack.path / WEIGHTS).items()
    }
    values = {name: onnxruntime.OrtValue.ortvalue_from_numpy(w) for name, w in weights.items()}
    options.add_external_initializers(list(values), list(values.values()))
    try:
        session = onnxruntime.InferenceSession(
            str(pack.path / GRAPH), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise EchoError(f"ONNX Runtime cannot load {pack.path / GRAPH}: {error}.") from error
    name = session.get_inputs()[0].name

    def run(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        (logits,) = session.run(None, {name: batch})
        return np.asarray(logits, np.float32)

    return run


def _has_affinity() -> bool:
    return hasattr(os, "sched_getaffinity")
