"""Weights as they lie in a pack: half precision, or 8 bits with a scale per output channel."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError

SCALE = ".scale"
"""Ends the name of the scales of an 8-bit tensor."""

_LARGEST = 127
_LEAST = 4096
_READS = "reads"


def to_half(weights: Mapping[str, NDArray]) -> dict[str, NDArray]:
    """Floating-point weights in half precision; what it cannot hold stays as it is."""
    limit = np.finfo(np.float16).max
    return {
        name: value.astype(np.float16)
        if np.issubdtype(value.dtype, np.floating) and np.abs(value).max(initial=0) <= limit
        else value
        for name, value in weights.items()
    }


def to_8_bits(weights: Mapping[str, NDArray]) -> dict[str, NDArray]:
    """Weights in half precision, and those of larger convolutions in 8 bits.

    A tensor ``(O, ...)`` of at least two axes and more than 4,096 values whose
    name ends in ``.weight`` becomes ``round(w / s)`` with ``s = max |w| / 127``
    of each output channel, symmetric about 0; the scales lie beside it as
    ``NAME.scale``, float32 ``(O,)``. The others keep half precision: the first
    and the last convolution and the attention between branches are small, and
    errors in them cost most (they take 26 kB more in PIDNet-S, whose Dice then
    moves by a fifth as much).

    Parameters
    ----------
    weights : mapping of str to ndarray
        Names and values.

    Returns
    -------
    dict of str to ndarray
        What `read_weights` turns back.
    """
    out: dict[str, NDArray] = {}
    for name, value in weights.items():
        if name.endswith(".weight") and value.ndim >= 2 and value.size > _LEAST:
            rows = value.astype(np.float32).reshape(len(value), -1)
            scale = np.abs(rows).max(axis=1) / np.float32(_LARGEST)
            # A channel of zeros has no scale; any will do.
            scale = np.where(scale > 0, scale, np.float32(1)).astype(np.float32)
            out[name] = np.rint(rows / scale[:, None]).astype(np.int8).reshape(value.shape)
            out[name + SCALE] = scale
        else:
            out.update(to_half({name: value}))
    return out


def from_8_bits(stored: Mapping[str, NDArray]) -> dict[str, NDArray]:
    """Weights that compute: float32 of whatever precision they were stored in.

    Raises
    ------
    KeyError
        If an 8-bit tensor has no scales.
    ValueError
        If its scales are not one an output channel.
    """
    out = {}
    for name, value in stored.items():
        if name.endswith(SCALE) and name.removesuffix(SCALE) in stored:
            continue
        if value.dtype == np.int8:
            scale = stored[name + SCALE].astype(np.float32)
            if scale.shape != value.shape[:1]:
                raise ValueError(f"{name} has {len(value)} output channels and other scales")
            value = value.astype(np.float32) * scale.reshape(-1, *[1] * (value.ndim - 1))
        elif value.dtype == np.float16:
            value = value.astype(np.float32)
        out[name] = value
    return out


def write_weights(
    path: Path, weights: Mapping[str, NDArray], bits: int, reads: Mapping[str, list[str]]
) -> None:
    """Write a pack's weights.

    Parameters
    ----------
    path : Path
        The file.
    weights : mapping of str to ndarray
        Names and values.
    bits : {8, 16}
        Bits of a convolution's weight.
    reads : mapping of str to list of str
        The weights that each graph of the pack reads, by the graph's name.
    """
    from safetensors.numpy import save_file

    # By way of half precision either way: 8 bits of a pack in half precision are the same.
    stored = to_half(weights)
    if bits == 8:
        stored = to_8_bits(stored)
    stored = {name: np.ascontiguousarray(value) for name, value in stored.items()}
    save_file(stored, path, metadata={_READS: json.dumps(reads)})
    path.chmod(0o644)


def read_weights(path: Path) -> dict[str, NDArray]:
    """Read a pack's weights, in float32.

    Raises
    ------
    EchoError
        If the file is damaged or an 8-bit tensor has no fitting scales.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return from_8_bits(load_file(path))
    except (OSError, SafetensorError, ValueError) as error:
        raise EchoError(f"The weights {path} are damaged: {error}.") from error
    except KeyError as error:
        raise EchoError(f"The weights {path} are damaged: they lack {error}.") from error


def read_reads(path: Path) -> dict[str, list[str]]:
    """The weights that each graph of a pack reads; empty where its only graph reads all.

    Raises
    ------
    EchoError
        If the file is damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            reads: Any = json.loads((file.metadata() or {}).get(_READS, "{}"))
        return {str(graph): [str(name) for name in names] for graph, names in reads.items()}
    except (OSError, SafetensorError, ValueError, AttributeError, TypeError) as error:
        raise EchoError(f"The weights {path} are damaged: {error}.") from error
