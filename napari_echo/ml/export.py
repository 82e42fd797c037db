"""A network becomes ONNX graphs, whose weights lie in a pack's safetensors file."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from napari_echo.ml.packs import GRAPH, STEP, WEIGHTS

# A prefix of the exporter's names for weights, taken off again.
_INSIDE = "model."


def is_temporal(model: nn.Module) -> bool:
    """Whether a segmentor remembers the frames before."""
    return bool(getattr(model, "temporal", False))


def has_hardness(model: nn.Module) -> bool:
    """Whether a segmentor gives a learned hardness."""
    return getattr(model, "hardness_head", None) is not None


def scores(model: Any, squares: Tensor) -> tuple[Tensor, ...]:
    """Logits, and where it is learned hardness, of normalised squares by an image model."""
    if not hasattr(model, "encode"):
        # Not `encode_decode`, which would also scale the logits up.
        return (model.decode_head(model.extract_feat(squares)),)
    return _decode(model, model.encode(squares))


def step_scores(model: Any, *state: Tensor) -> tuple[Tensor, ...]:
    """The same of one frame of each clip by a temporal model; `state` as for its `step`."""
    return _decode(model, model.remember(*state))


def _decode(model: Any, fused: Tensor) -> tuple[Tensor, ...]:
    # What `step` gives, from a map that the hardness needs too.
    logits = model.decode_head.segment(fused)
    return (logits, model.hardness(fused)) if has_hardness(model) else (logits,)


def example_state(
    model: nn.Module, size: int, n_classes: int, *, n: int = 2, m: int = 3
) -> tuple[Tensor, ...]:
    """Arguments of a temporal model's step: n frames, m in memory, all with a mask."""
    with torch.inference_mode():
        x = model.encode(torch.zeros(n, 1, size, size))  # type: ignore[operator]
    x = torch.zeros(x.shape)
    masks = torch.full((n, m, n_classes, size, size), 1 / n_classes)
    return x, x[:, None].repeat(1, m, 1, 1, 1), masks, x.clone(), masks[:, 0].clone()


def export_graphs(
    model: nn.Module, size: int, n_classes: int
) -> tuple[dict[str, bytes], dict[str, list[str]]]:
    """Export what prediction computes, without the weights' values.

    An image model has one graph, from ``squares`` (N, 1, S, S) to ``logits``
    and, where it has learned it, ``hardness``. A temporal model has two, from
    squares to ``features``, and the step from features and the state to
    logits; N and the number M of memory frames are free in both.

    Parameters
    ----------
    model : nn.Module
        A segmentor, ready for prediction.
    size : int
        Side S of the square.
    n_classes : int
        Classes of the masks, background included.

    Returns
    -------
    graphs : dict of str to bytes
        Serialised ONNX models by file name.
    reads : dict of str to list of str
        Names of the parameters and buffers that each graph reads.
    """
    squares = torch.zeros(2, 1, size, size)
    n, m = torch.export.Dim("n", min=1, max=1024), torch.export.Dim("m", min=1, max=1024)
    outputs = ["logits", "hardness"] if has_hardness(model) else ["logits"]
    if not is_temporal(model):
        plain = _Part(model, lambda x: scores(model, x))
        protos = {GRAPH: _export(plain, (squares,), ["squares"], outputs, ({0: n},))}
    else:
        encode = _Part(model, lambda x: model.encode(x))  # type: ignore[operator]
        step = _Part(model, lambda *state: step_scores(model, *state))
        protos = {
            GRAPH: _export(encode, (squares,), ["squares"], ["features"], ({0: n},)),
            STEP: _export(
                step,
                example_state(model, size, n_classes),
                ["x", "memory", "memory_masks", "previous", "previous_mask"],
                outputs,
                ({0: n}, {0: n, 1: m}, {0: n, 1: m}, {0: n}, {0: n}),
            ),
        }
    reads = {
        name: [each.name for each in proto.graph.initializer if each.external_data]
        for name, proto in protos.items()
    }
    return {name: proto.SerializeToString() for name, proto in protos.items()}, reads


class _Part(nn.Module):
    """Some of a model's work as a module of its own."""

    def __init__(self, model: nn.Module, work: Callable[..., Any]) -> None:
        super().__init__()
        self.model = model
        self.work = work

    def forward(self, *inputs: Tensor) -> Any:
        return self.work(*inputs)


def _export(
    part: nn.Module,
    inputs: tuple[Tensor, ...],
    input_names: Sequence[str],
    output_names: Sequence[str],
    dynamic_shapes: tuple[dict[int, Any], ...],
) -> Any:
    """Export a part to an ONNX model; its weights become external, without values."""
    import onnx

    with warnings.catch_warnings():
        # The exporter's own deprecations, and operators of torchvision.
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            part.eval(),
            inputs,
            dynamo=True,
            optimize=False,
            input_names=list(input_names),
            output_names=list(output_names),
            dynamic_shapes=[dynamic_shapes],  # `forward` takes one starred argument
            verbose=False,
        )
    proto = program.model_proto
    own = {_INSIDE + name for name in part.model.state_dict()}  # type: ignore[union-attr]
    read = {name for node in proto.graph.node for name in node.input}
    kept = [each for each in proto.graph.initializer if each.name in read]
    del proto.graph.initializer[:]
    for initializer in kept:
        if initializer.name in own:
            initializer.name = initializer.name.removeprefix(_INSIDE)
            initializer.ClearField("raw_data")
            initializer.data_location = onnx.TensorProto.EXTERNAL
            del initializer.external_data[:]
            initializer.external_data.add(key="location", value=WEIGHTS)
        proto.graph.initializer.append(initializer)
    for node in proto.graph.node:
        for place, name in enumerate(node.input):
            if name in own:
                node.input[place] = name.removeprefix(_INSIDE)
        # What the exporter notes for debugging: source lines of this machine.
        del node.metadata_props[:]
    # Shapes that the runtime infers again; they take more room than the graph.
    del proto.graph.value_info[:]
    return proto
