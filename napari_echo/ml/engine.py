"""What runs a network: the interface, and ONNX Runtime behind it."""

from __future__ import annotations

import os
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.ml.packs import GRAPH, WEIGHTS, ModelPack


class Engine(Protocol):
    """Runs the network: (N, 1, S, S) float32 in, logits (N, C, s, s) float32 out."""

    def __call__(self, batch: NDArray[np.float32], /) -> NDArray[np.float32]:
        """Logits of a batch of normalised squares."""


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
