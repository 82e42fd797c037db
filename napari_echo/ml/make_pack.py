"""A checkpoint becomes a model pack."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import CAMUS_SCHEMA
from napari_echo.io.writing import new_folder
from napari_echo.ml.packs import CARD, GRAPH, WEIGHTS, ModelCard, ModelPack, file_hash, open_pack
from napari_echo.ml.training import load_config, load_weights


def make_pack(
    config: str,
    checkpoint: Path,
    out: Path,
    description: Mapping[str, Any],
) -> ModelPack:
    """Write a model pack from a checkpoint.

    The pack holds the weights once, in half precision; the ONNX graph beside
    them names them as external data, which the ONNX engine hands over when
    it loads the graph.

    Parameters
    ----------
    config : str
        Name of the training config.
    checkpoint : Path
        Checkpoint of a training by that config.
    out : Path
        The pack's folder; made new, or not at all.
    description : mapping
        The fields of `ModelCard` that only people know: ``name``,
        ``description``, ``training_data``, ``metrics``, ``limits``,
        ``licence``, ``citation``, ``train_again``, ``recommended_for``,
        ``training_spacing_mm``, ``rank``.

    Returns
    -------
    ModelPack
        The new pack.

    Raises
    ------
    EchoError
        If `out` exists, the checkpoint does not fit the config, or the
        description lacks a field.
    """
    from safetensors.torch import save_file

    from napari_echo.ml.torch_engine import build_model, unused_in_prediction

    if out.exists():
        raise EchoError(f"{out} exists already; give the name of a new folder.")
    cfg = load_config(config)
    size = int(cfg.size)
    model = build_model(config)
    weights = load_weights(checkpoint)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise EchoError(f"{checkpoint} was not trained by the config {config}.") from error

    kept = {
        name: value.half() if value.is_floating_point() else value
        for name, value in model.state_dict().items()
        if not unused_in_prediction(name)
    }
    with new_folder(out) as partial:
        save_file(kept, partial / WEIGHTS)
        (partial / WEIGHTS).chmod(0o644)
        _write_graph(model, set(kept), size, partial / GRAPH)
        hashes = {name: file_hash(partial / name) for name in (WEIGHTS, GRAPH)}
        try:
            card = ModelCard(
                id=hashes[WEIGHTS],
                architecture=cfg.architecture,
                config=config,
                input_size=size,
                mean=cfg.model.data_preprocessor.mean[0],
                std=cfg.model.data_preprocessor.std[0],
                label_schema=CAMUS_SCHEMA.to_dict(),
                files=hashes,
                **description,
            )
        except ValidationError as error:
            where = ".".join(map(str, error.errors()[0]["loc"]))
            raise EchoError(
                f"The model card's field '{where}' is wrong: {error.errors()[0]['msg']}."
            ) from error
        (partial / CARD).write_text(json.dumps(card.model_dump(), indent=2) + "\n", "utf-8")
    return open_pack(out)


def _write_graph(model: Any, weights: set[str], size: int, path: Path) -> None:
    """Export the network from squares to logits, without the weights' values."""
    import onnx
    import torch

    class Network(torch.nn.Module):
        """The names of its parameters are those of the segmentor."""

        def __init__(self) -> None:
            super().__init__()
            self.backbone = model.backbone
            self.decode_head = model.decode_head

        def forward(self, squares: torch.Tensor) -> torch.Tensor:
            return self.decode_head(self.backbone(squares))

    with warnings.catch_warnings():
        # The exporter's own deprecations, and operators of torchvision.
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            Network().eval(),
            (torch.zeros(2, 1, size, size),),
            dynamo=True,
            optimize=False,
            input_names=["squares"],
            output_names=["logits"],
            dynamic_shapes=[{0: torch.export.Dim("n", min=1, max=1024)}],
            verbose=False,
        )
    proto = program.model_proto
    for initializer in proto.graph.initializer:
        if initializer.name not in weights:
            continue
        initializer.ClearField("raw_data")
        initializer.data_location = onnx.TensorProto.EXTERNAL
        del initializer.external_data[:]
        initializer.external_data.add(key="location", value=WEIGHTS)
    missing = weights - {initializer.name for initializer in proto.graph.initializer}
    assert not missing, f"weights that the graph does not name: {sorted(missing)}"
    # What the exporter notes for debugging: source lines of this machine.
    for node in proto.graph.node:
        del node.metadata_props[:]
    path.write_bytes(proto.SerializeToString())
