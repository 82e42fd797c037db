"""Models of the original project: ``config.py`` and ``iter_N.pth`` become a pack.

A config is Python code, and reading it runs it. A checkpoint is a pickle,
which could run anything as well: of that only tensors and plain containers
are read, whatever else it names.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from napari_echo.core.errors import EchoError
from napari_echo.ml.make_pack import Bits, schema_of, write_pack
from napari_echo.ml.packs import ModelPack, PIDNetNetwork

_DEFAULTS = {"channels": 64, "ppm_channels": 96, "num_stem_blocks": 2, "num_branch_blocks": 3}
# What of a config's parts is read, or changes nothing in prediction. Anything
# else may change the network, and is refused.
_BACKBONE = {"type", "in_channels", "align_corners", "norm_cfg", "act_cfg", "init_cfg", *_DEFAULTS}
_HEAD = {
    *("type", "in_channels", "channels", "num_classes", "align_corners", "norm_cfg", "act_cfg"),
    *("loss_decode", "sampler", "dropout_ratio", "ignore_index", "init_cfg", "out_channels"),
}
_MODEL = {
    *("type", "data_preprocessor", "backbone", "decode_head", "auxiliary_head"),
    *("train_cfg", "test_cfg", "init_cfg", "pretrained", "neck"),
}


def import_legacy(
    config: Path,
    checkpoint: Path,
    out: Path,
    *,
    name: str | None = None,
    licence: str = "unknown; ask who trained it",
    input_size: int | None = None,
    bits: Bits = 16,
) -> ModelPack:
    """Write a model pack from an mmsegmentation config and checkpoint; the config is executed.

    Parameters
    ----------
    config : Path
        The config: an ``EncoderDecoder`` of ``PIDNet`` and ``PIDHead``.
    checkpoint : Path
        A checkpoint that mmengine wrote in a training by it.
    out : Path
        The pack's folder; made new, or not at all.
    name : str, optional
        The pack's name; that of its folder without it.
    licence : str
        Licence of the weights.
    input_size : int, optional
        Side of the square that frames are scaled to, pixels; the config's own
        without it.
    bits : {8, 16}
        Bits of a convolution's weight.

    Returns
    -------
    ModelPack
        The new pack. Its card says that nothing was measured.

    Raises
    ------
    EchoError
        If `out` exists, the config has a part that is not known here, or the
        checkpoint is not one of it.
    """
    from napari_echo.ml.grey_pidnet import GreyPIDNet

    if out.exists():
        raise EchoError(f"{out} exists already; give the name of a new folder.")
    cfg = _run_config(config)
    network, n_classes, size = _read_network(config, cfg, input_size)
    schema = schema_of(n_classes)
    weights = read_state(checkpoint)
    model = GreyPIDNet(network, n_classes)
    _load(model, weights, config, checkpoint)
    fields = {
        "name": name or out.name,
        "description": f"Imported from {config.name} and {checkpoint.name}.",
        "architecture": _architecture(network),
        "config": config.stem,
        "network": network,
        "input_size": size,
        # The network itself takes grey levels.
        "mean": 0.0,
        "std": 1.0,
        "training_spacing_mm": None,
        "training_data": ["Not known; the config may name it."],
        "metrics": [],
        "limits": [
            "For research only; not a medical device.",
            "Imported: how well it does was not measured here.",
            "Takes grey levels of 0 to 255, as 8-bit clips have them.",
        ],
        "licence": licence,
        "citation": [],
        "train_again": [],
        "recommended_for": "comparison with the original project",
    }
    return write_pack(model.eval(), schema, out, fields, bits)


def read_state(checkpoint: Path) -> dict[str, Any]:
    """The tensors of a checkpoint of mmengine; nothing that it names is called.

    Raises
    ------
    EchoError
        If it is not such a checkpoint.
    """
    import torch

    tensors_only = ModuleType("tensors_only")
    tensors_only.Unpickler = _TensorsOnly  # type: ignore[attr-defined]
    try:
        content = torch.load(
            checkpoint, map_location="cpu", weights_only=False, pickle_module=tensors_only
        )
        state = dict(content["state_dict"])
    except (OSError, EOFError, pickle.UnpicklingError) as error:
        raise EchoError(f"{checkpoint} is not a checkpoint: {error}.") from error
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise EchoError(f"{checkpoint} is not a checkpoint of mmengine.") from error
    if not state or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise EchoError(f"{checkpoint} holds no weights.")
    return state


class _Inert:
    """Stands in for everything that a checkpoint names beside tensors; takes all, does nothing."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def __setstate__(self, state: object) -> None: ...

    def __setitem__(self, key: object, value: object) -> None: ...

    def append(self, item: object) -> None: ...

    def extend(self, items: object) -> None: ...

    def add(self, item: object) -> None: ...


class _TensorsOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        import torch

        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
            ("torch._utils", "_rebuild_parameter"): torch._utils._rebuild_parameter,
        }
        return known.get((module, name), _Inert)


def _run_config(config: Path) -> Any:
    from mmengine.config import Config

    if not config.is_file():
        raise EchoError(f"The config {config} does not exist.")
    try:
        return Config.fromfile(config, import_custom_modules=False)
    except Exception as error:  # a config is code: it can fail in any way
        raise EchoError(f"{config} is no config of mmengine: {error}.") from error


def _read_network(config: Path, cfg: Any, input_size: int | None) -> tuple[PIDNetNetwork, int, int]:
    """Read a network's numbers, its classes and the side of its input off a config."""
    model = cfg.get("model")
    if not isinstance(model, Mapping):
        raise EchoError(f"{config} has no model.")
    backbone, head = model.get("backbone") or {}, model.get("decode_head") or {}
    for part, types, fields, where in (
        (model, ("EncoderDecoder",), _MODEL, "model"),
        (backbone, ("PIDNet",), _BACKBONE, "backbone"),
        (head, ("PIDHead",), _HEAD, "decode_head"),
    ):
        kind = part.get("type")
        # New-style configs hold the class itself.
        kind = kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))
        if kind.removeprefix("mmseg.") not in types:
            raise EchoError(
                f"The {where} of {config} is {kind}; only {types[0]} can be imported: train this "
                "model anew by the config of the same name (napari-echo models configs)."
            )
        strange = sorted(set(part) - fields)
        if strange or (where == "model" and model.get("neck")):
            raise EchoError(
                f"The {where} of {config} has '{(strange or ['neck'])[0]}', which is not known "
                "here; it cannot be imported."
            )
    normalisation = model.get("data_preprocessor") or cfg.get("data_preprocessor") or {}
    for part in (backbone, head):
        norm, act = part.get("norm_cfg") or {}, part.get("act_cfg") or {}
        if norm.get("type", "BN") not in ("BN", "SyncBN") or act.get("type", "ReLU") != "ReLU":
            raise EchoError(f"{config} has other layers than BN and ReLU; it cannot be imported.")
    n_classes = int(head.get("num_classes", 0))
    if head.get("out_channels") not in (None, n_classes):
        raise EchoError(f"The decode_head of {config} has no logit for each class.")
    n_channels = int(backbone.get("in_channels", 3))
    size = input_size or _size(config, cfg, normalisation)
    try:
        network = PIDNetNetwork(
            mean=_one_a_channel(normalisation.get("mean") or 0.0, n_channels),
            std=_one_a_channel(normalisation.get("std") or 1.0, n_channels),
            head_channels=head.get("channels", 128),
            # The head's own only scales labels up, which is not done here.
            align_corners=backbone.get("align_corners", False),
            **{key: backbone.get(key, default) for key, default in _DEFAULTS.items()},
        )
    except (ValidationError, ValueError, TypeError) as error:
        raise EchoError(f"{config} describes no PIDNet: {_first_line(error)}.") from error
    return network, n_classes, size


def _size(config: Path, cfg: Any, normalisation: Mapping[str, Any]) -> int:
    """Side of the square that a config trains at."""
    for size in (normalisation.get("size"), cfg.get("crop_size"), cfg.get("size")):
        if size is not None:
            sides = {int(size)} if isinstance(size, int) else {int(side) for side in size}
            if len(sides) == 1:
                return sides.pop()
            raise EchoError(
                f"{config} trains at {tuple(size)}, which is no square: give --input-size."
            )
    raise EchoError(f"{config} does not say at what size it trains: give --input-size.")


def _one_a_channel(value: Any, n_channels: int) -> tuple[float, ...]:
    """A mean or deviation for each channel of one for all, or of as many."""
    values = tuple(float(v) for v in (value if isinstance(value, list | tuple) else [value]))
    if len(values) not in (1, n_channels):
        raise ValueError(f"{len(values)} means or deviations for {n_channels} channels")
    return values * n_channels if len(values) == 1 else values


def _architecture(network: PIDNetNetwork) -> str:
    sizes = {(32, 2): "PIDNet-S", (64, 2): "PIDNet-M", (64, 3): "PIDNet-L"}
    return sizes.get((network.channels, network.num_stem_blocks), "PIDNet")


def _load(model: Any, state: dict[str, Any], config: Path, checkpoint: Path) -> None:
    """Load a checkpoint's weights; only what training alone reads may be missing."""
    try:
        missing, unexpected = model.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise EchoError(f"{checkpoint} was not trained by the config {config}.") from error
    training = ("decode_head.p_", "decode_head.d_")
    missing = [n for n in missing if not n.startswith(training) and "num_batches" not in n]
    if unexpected or missing:
        raise EchoError(
            f"{checkpoint} has {'no ' if not unexpected else ''}'{(unexpected or missing)[0]}', "
            f"unlike the network of {config}; it cannot be imported."
        )


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error)
