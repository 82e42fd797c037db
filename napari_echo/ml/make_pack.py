"""A checkpoint becomes a model pack."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import CAMUS_SCHEMA, LV_SCHEMA, LabelSchema
from napari_echo.io.writing import new_file, new_folder
from napari_echo.ml.packs import CARD, WEIGHTS, ModelCard, ModelPack, file_hash, open_pack
from napari_echo.ml.quantize import read_reads, read_weights, write_weights

Bits = Literal[8, 16]


def make_pack(
    config: str,
    checkpoint: Path,
    out: Path,
    description: Mapping[str, Any],
    bits: Bits = 16,
) -> ModelPack:
    """Write a model pack from a checkpoint.

    The pack holds the weights once, in half precision or 8 bits; the ONNX
    graphs beside them name them as external data, which the ONNX engine hands
    over when it loads a graph.

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
    bits : {8, 16}
        Bits of a convolution's weight.

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
    from napari_echo.ml.checkpoints import load_weights
    from napari_echo.ml.torch_engine import build_model
    from napari_echo.ml.training import load_config

    if out.exists():
        raise EchoError(f"{out} exists already; give the name of a new folder.")
    cfg = load_config(config)
    model = build_model(config)
    weights = load_weights(checkpoint)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise EchoError(f"{checkpoint} was not trained by the config {config}.") from error
    normalisation = cfg.model.data_preprocessor
    facts = {
        "architecture": cfg.architecture,
        "config": config,
        "input_size": int(cfg.size),
        "mean": normalisation.mean[0],
        "std": normalisation.std[0],
    }
    schema = schema_of(cfg.model.decode_head.num_classes)
    return write_pack(model, schema, out, {**facts, **description}, bits)


def write_pack(
    model: Any, schema: LabelSchema, out: Path, fields: Mapping[str, Any], bits: Bits
) -> ModelPack:
    """Write a segmentor as a pack.

    Parameters
    ----------
    model : nn.Module
        The segmentor, with its weights, ready for prediction.
    schema : LabelSchema
        What its classes mean.
    out : Path
        The pack's folder; made new, or not at all.
    fields : mapping
        All fields of `ModelCard` but the id, the files, and those that follow
        from the other arguments.
    bits : {8, 16}
        Bits of a convolution's weight.

    Raises
    ------
    EchoError
        If `out` exists or a field is missing or wrong.
    """
    from napari_echo.ml.export import export_graphs, has_hardness, is_temporal

    facts = {
        "label_schema": schema.to_dict(),
        "temporal": is_temporal(model),
        "hardness": has_hardness(model),
        "bits": bits,
    }
    _card({**facts, **fields}, {WEIGHTS: "0" * 64})  # before the export, which takes a while
    graphs, reads = export_graphs(model, fields["input_size"], schema.n_classes)
    kept = set().union(*reads.values())
    weights = {n: w.detach().numpy() for n, w in model.state_dict().items() if n in kept}
    with new_folder(out) as partial:
        for name, graph in graphs.items():
            (partial / name).write_bytes(graph)
        write_weights(partial / WEIGHTS, weights, bits, reads)
        _write_card(partial, {**facts, **fields})
    return open_pack(out)


def convert_pack(
    pack: ModelPack, out: Path, bits: Bits, description: Mapping[str, Any] | None = None
) -> ModelPack:
    """Write a pack anew with weights of other precision.

    The new card names the pack that it came from. Its measurements were made
    with other weights and are left out; `description` may bring new ones.

    Parameters
    ----------
    pack : ModelPack
        The pack, which stays as it is.
    out : Path
        The new pack's folder; made new, or not at all.
    bits : {8, 16}
        Bits of a convolution's weight.
    description : mapping, optional
        Fields of `ModelCard` that only people know, in place of the old ones.

    Raises
    ------
    EchoError
        If `out` exists, a file of the pack is missing or altered, or a field
        is wrong.
    """
    pack.verify()
    stored = pack.path / WEIGHTS
    with new_folder(out) as partial:
        for name in pack.card.files:
            if name != WEIGHTS:
                shutil.copyfile(pack.path / name, partial / name)
        write_weights(partial / WEIGHTS, read_weights(stored), bits, read_reads(stored))
        kept = pack.card.model_dump(exclude={"format_version", "id", "files", "metrics"})
        facts = {"metrics": [], "bits": bits, "converted_from": pack.id}
        _write_card(partial, {**kept, **facts, **(description or {})})
    return open_pack(out)


def amend_card(pack: ModelPack, fields: Mapping[str, Any]) -> ModelPack:
    """Write fields of a pack's card anew; its files, and so its id, stay as they are.

    Raises
    ------
    EchoError
        If a field is wrong or the disk refuses.
    """
    card = _card({**pack.card.model_dump(), **fields}, pack.card.files)
    with new_file(pack.path / CARD, replace=True) as partial:
        partial.write_text(json.dumps(card.model_dump(), indent=2) + "\n", "utf-8")
    return open_pack(pack.path)


def schema_of(n_classes: int) -> LabelSchema:
    """What the classes of a model of this project or of the original one mean.

    Raises
    ------
    EchoError
        If it has neither 2 nor 4.
    """
    for schema in (LV_SCHEMA, CAMUS_SCHEMA):
        if schema.n_classes == n_classes:
            return schema
    raise EchoError(
        f"What the {n_classes} classes of the model mean is not known; a model pack has 2 "
        "(background, LV cavity) or 4 (those, myocardium and left atrium)."
    )


def _write_card(folder: Path, fields: Mapping[str, Any]) -> None:
    """Write the card of a folder's files."""
    hashes = {path.name: file_hash(path) for path in sorted(folder.iterdir())}
    card = _card(fields, hashes)
    (folder / CARD).write_text(json.dumps(card.model_dump(), indent=2) + "\n", "utf-8")


def _card(fields: Mapping[str, Any], hashes: Mapping[str, str]) -> ModelCard:
    try:
        # A pack's files are those that were written, whatever the fields say.
        return ModelCard(**{**fields, "id": hashes[WEIGHTS], "files": hashes})
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise EchoError(
            f"The model card's field '{where}' is wrong: {error.errors()[0]['msg']}."
        ) from error
