"""Training through mmengine's Runner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_echo.core.errors import EchoError
from napari_echo.ml.config_list import find_config


def load_config(config: str | Path, cfg_options: Mapping[str, Any] | None = None) -> Any:
    """Read a training config without importing torch.

    Parameters
    ----------
    config : str or Path
        Name of a shipped config, or a file.
    cfg_options : mapping, optional
        Values to replace, by dotted key.

    Returns
    -------
    mmengine.config.Config

    Raises
    ------
    EchoError
        If there is no such config, it is no config of mmengine, or a value
        to replace is not in it.
    """
    from mmengine.config import Config

    path = find_config(config)
    try:
        cfg = Config.fromfile(path)
    except Exception as error:  # a config is code: it can fail in any way
        raise EchoError(f"{path} is no config of mmengine: {error}.") from error
    for key in cfg_options or {}:
        # mmengine would take a misspelt key as a new one and train without it.
        if key.partition(".")[0] not in cfg:
            raise EchoError(f"The config {config} has no '{key}' to replace.")
    if cfg_options:
        try:
            cfg.merge_from_dict(dict(cfg_options))
        except (KeyError, TypeError, IndexError, AssertionError) as error:
            raise EchoError(f"The config {config} cannot take the options: {error}.") from error
    return cfg


def train(
    config: str | Path,
    *,
    work_dir: Path,
    data_roots: Sequence[Path] = (),
    repeats: Sequence[int] = (),
    val_roots: Sequence[Path] = (),
    load_from: Path | None = None,
    resume: bool = False,
    cfg_options: Mapping[str, Any] | None = None,
) -> Path:
    """Train a model and return its best checkpoint.

    Parameters
    ----------
    config : str or Path
        Name of a shipped config, or a file.
    work_dir : Path
        Where checkpoints and logs go.
    data_roots : sequence of Path
        Clip data sets to train on, in place of the config's.
    repeats : sequence of int
        How often each of `data_roots` is listed, to balance unequal sets.
    val_roots : sequence of Path
        Clip data sets to validate on; those of `data_roots` where none is given.
    load_from : Path, optional
        Checkpoint whose weights training starts from.
    resume : bool
        Go on from the last checkpoint in `work_dir`.
    cfg_options : mapping, optional
        Values of the config to replace, by dotted key.

    Returns
    -------
    Path
        The checkpoint with the best validation Dice, else the last one.

    Raises
    ------
    EchoError
        If the config, the data or the packages for training are missing, or
        `cfg_options` make a config that cannot be built.
    """
    from napari_echo.io.clipset import open_clipset
    from napari_echo.ml.mmseg_compat import use_mmseg

    cfg = load_config(config, cfg_options)
    if data_roots:
        cfg.train_dataloader.dataset.data_roots = [str(root) for root in data_roots]
        cfg.train_dataloader.dataset.repeats = list(repeats) or None
        val = val_roots or data_roots
        cfg.val_dataloader.dataset.data_roots = [str(root) for root in val]
    if load_from is not None:
        if not load_from.is_file():
            raise EchoError(f"The checkpoint {load_from} to start from does not exist.")
        load_weights(load_from)
        cfg.load_from = str(load_from)
    cfg.work_dir = str(work_dir)
    cfg.resume = resume
    for loader in ("train_dataloader", "val_dataloader"):
        for root in cfg.get(loader, {}).get("dataset", {}).get("data_roots", ()):
            open_clipset(Path(root))  # before a folder is made and logs are written

    use_mmseg()
    from mmengine.runner import Runner

    runner = None
    try:
        runner = Runner.from_cfg(cfg)
        runner.train()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        begun = runner is not None and runner.message_hub.runtime_info.get("iter", 0) > 0
        if begun or not cfg_options:
            raise
        options = ", ".join(f"{key}={value}" for key, value in cfg_options.items())
        raise EchoError(f"No training can be set up with {options}: {error}.") from error
    return best_checkpoint(work_dir)


def load_weights(checkpoint: Path) -> dict[str, Any]:
    """State of the trained model in a checkpoint; no code of the checkpoint is run.

    mmengine has put the average of the weights there, if it kept one.

    Raises
    ------
    EchoError
        If it is not a checkpoint of mmengine.
    """
    import pickle

    import torch

    try:
        content = torch.load(checkpoint, map_location="cpu", weights_only=True)
        return content["state_dict"]
    except pickle.UnpicklingError as error:  # its message is a page of advice
        raise EchoError(f"{checkpoint} is not a checkpoint, or holds code.") from error
    except (OSError, EOFError, KeyError, RuntimeError, TypeError) as error:
        raise EchoError(f"{checkpoint} is not a checkpoint of mmengine: {error}.") from error


def best_checkpoint(work_dir: Path) -> Path:
    """The best, else the last, checkpoint of a training.

    Raises
    ------
    EchoError
        If there is none.
    """
    best = sorted(work_dir.glob("best_*.pth"), key=lambda path: path.stat().st_mtime)
    last = sorted(work_dir.glob("iter_*.pth"), key=lambda path: path.stat().st_mtime)
    if not best and not last:
        raise EchoError(f"There is no checkpoint in {work_dir}; train first.")
    return (best or last)[-1]
