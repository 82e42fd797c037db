"""What runs a network: the interfaces, and ONNX Runtime behind them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.ml.packs import GRAPH, STEP, WEIGHTS, ModelPack
from napari_echo.ml.quantize import read_reads, read_weights


class Scores(NamedTuple):
    """What a network gives for N frames, at 1/8 of the square or any other resolution.

    ``logits`` are float32 (N, C, h, w); ``hardness`` is float32 (N, 1, h, w)
    in 0-1 where the model has learned one.
    """

    logits: NDArray[np.float32]
    hardness: NDArray[np.float32] | None = None


class Engine(Protocol):
    """Runs a network that sees one frame at a time."""

    def __call__(self, batch: NDArray[np.float32], /) -> NDArray[np.float32] | Scores:
        """Logits, or all scores, of normalised squares (N, 1, S, S)."""


class TemporalEngine(Protocol):
    """Runs a network with a memory, step by step; the caller holds the state."""

    def encode(self, batch: NDArray[np.float32], /) -> NDArray[np.float32]:
        """Features (N, E, h, w) of normalised squares (N, 1, S, S)."""

    def step(
        self,
        x: NDArray[np.float32],
        memory: NDArray[np.float32],
        memory_masks: NDArray[np.float32],
        previous: NDArray[np.float32],
        previous_mask: NDArray[np.float32],
        /,
    ) -> Scores:
        """Scores of frames, given what is remembered.

        Parameters
        ----------
        x : ndarray of float32, shape (N, E, h, w)
            Features of the frames.
        memory : ndarray of float32, shape (N, M, E, h, w)
            Features of the M frames in the long-term memory of each.
        memory_masks : ndarray of float32, shape (N, M, C, S, S)
            Class probabilities of these; zeros where no mask is known.
        previous, previous_mask : ndarray of float32, (N, E, h, w) and (N, C, S, S)
            Of the frame before.
        """


def onnx_engine(pack: ModelPack) -> Engine:
    """Load an image model's graph, with the weights of its safetensors file, into ONNX Runtime."""
    (session,) = _sessions(pack, GRAPH)

    def run(batch: NDArray[np.float32]) -> Scores:
        return Scores(*session(batch))

    return run


class OnnxTemporalEngine:
    """A temporal model's two graphs in ONNX Runtime."""

    def __init__(self, pack: ModelPack) -> None:
        self._encode, self._step = _sessions(pack, GRAPH, STEP)

    def encode(self, batch: NDArray[np.float32], /) -> NDArray[np.float32]:
        """Features of normalised squares."""
        (features,) = self._encode(batch)
        return features

    def step(self, *state: NDArray[np.float32]) -> Scores:
        """Scores of frames, given what is remembered."""
        return Scores(*self._step(*state))


def _sessions(pack: ModelPack, *graphs: str) -> list[_Session]:
    weights, reads = read_weights(pack.path / WEIGHTS), read_reads(pack.path / WEIGHTS)
    sessions = []
    for graph in graphs:
        # ONNX Runtime takes no weight that the graph does not read.
        names = reads.get(graph, weights)
        missing = [name for name in names if name not in weights]
        if missing:
            raise EchoError(f"The weights of the model pack {pack.path} lack {missing[0]}.")
        sessions.append(_Session(pack.path / graph, {name: weights[name] for name in names}))
    return sessions


class _Session:
    """One graph; its inputs by place."""

    def __init__(self, path: Path, weights: dict[str, NDArray]) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # One thread a core this process may use; the default also counts those
        # it may not, and oversubscribes in containers.
        options.intra_op_num_threads = len(os.sched_getaffinity(0)) if _has_affinity() else 0
        # A thread that waits for work must not keep a core from the window.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        # The session reads the arrays while it is made, and no longer.
        values = {name: onnxruntime.OrtValue.ortvalue_from_numpy(w) for name, w in weights.items()}
        options.add_external_initializers(list(values), list(values.values()))
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise EchoError(f"ONNX Runtime cannot load {path}: {error}.") from error
        self._names = [each.name for each in self._session.get_inputs()]

    def __call__(self, *inputs: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        return list(self._session.run(None, dict(zip(self._names, inputs, strict=True))))


def _has_affinity() -> bool:
    return hasattr(os, "sched_getaffinity")
