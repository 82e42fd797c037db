"""Training through mmengine's Runner."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_echo.core.errors import EchoError
from napari_echo.ml.config_list import find_config

LOOP = "IterBasedTrainLoop"
_LOG = logging.getLogger(__name__)


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


def training_config(
    config: str | Path,
    *,
    work_dir: Path | None = None,
    data_roots: Sequence[Path] = (),
    repeats: Sequence[int] = (),
    val_roots: Sequence[Path] = (),
    load_from: Path | None = None,
    amp: bool | None = None,
    cfg_options: Mapping[str, Any] | None = None,
    processes: int = 1,
) -> Any:
    """Put together what is to be trained, and check it before anything is written.

    Parameters
    ----------
    config, work_dir, data_roots, repeats, val_roots, load_from, amp, cfg_options
        As for `train`.
    processes : int
        Among how many processes each batch is split.

    Returns
    -------
    mmengine.config.Config

    Raises
    ------
    EchoError
        If the config or the data are missing, or a batch cannot be split.
    """
    from napari_echo.io.clipset import open_clipset

    cfg = load_config(config, cfg_options)
    cfg.work_dir = str(work_dir or Path("work_dirs") / find_config(config).stem)
    if data_roots:
        cfg.train_dataloader.dataset.data_roots = [str(root) for root in data_roots]
        cfg.train_dataloader.dataset.repeats = list(repeats) or None
        if cfg.get("val_dataloader") is not None:
            val = val_roots or data_roots
            cfg.val_dataloader.dataset.data_roots = [str(root) for root in val]
    if load_from is not None:
        from napari_echo.ml.checkpoints import starting_checkpoint

        cfg.load_from = str(starting_checkpoint(load_from))
    for loader in ("train_dataloader", "val_dataloader"):
        for root in (cfg.get(loader) or {}).get("dataset", {}).get("data_roots", ()):
            open_clipset(Path(root))
    if amp is not None:
        _set_precision(cfg, amp)
    if cfg.get("train_cfg", {}).get("type") == LOOP:
        cfg.train_cfg.type = "EchoTrainLoop"  # takes the same arguments, resumes exactly
    if processes > 1:
        batch = cfg.train_dataloader.batch_size
        if batch % processes:
            raise EchoError(
                f"A batch of {batch} cannot be split over {processes} processes; give another "
                "number of devices, or --cfg-options train_dataloader.batch_size=NUMBER."
            )
        cfg.train_dataloader.batch_size = batch // processes
    return cfg


def train(
    config: str | Path,
    *,
    work_dir: Path | None = None,
    data_roots: Sequence[Path] = (),
    repeats: Sequence[int] = (),
    val_roots: Sequence[Path] = (),
    load_from: Path | None = None,
    resume: bool = False,
    amp: bool | None = None,
    cfg_options: Mapping[str, Any] | None = None,
) -> Path:
    """Train a model and return its best checkpoint.

    Under torchrun the processes train as one: each takes its share of every
    batch, so that the config's ``batch_size`` stays that of the whole.

    Parameters
    ----------
    config : str or Path
        Name of a shipped config, or a file.
    work_dir : Path, optional
        Where checkpoints and logs go; ``work_dirs/CONFIG`` by default.
    data_roots : sequence of Path
        Clip data sets to train on, in place of the config's.
    repeats : sequence of int
        How often each of `data_roots` is listed, to balance unequal sets.
    val_roots : sequence of Path
        Clip data sets to validate on; those of `data_roots` where none is given.
    load_from : Path, optional
        Checkpoint, or name or folder of a model pack, whose weights training
        starts from. What the model has beyond them starts at random.
    resume : bool
        Go on from the last checkpoint in `work_dir`, or start where there is none.
    amp : bool, optional
        Mixed precision: bfloat16 on a CPU and on CUDA devices that have it,
        else half precision with a loss scale. False trains in float32; None
        as the config says.
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
    from napari_echo.ml.checkpoints import best_checkpoint
    from napari_echo.ml.distributed import joined
    from napari_echo.ml.mmseg_compat import use_mmseg

    use_mmseg()
    from mmengine.dist import broadcast_object_list, is_main_process

    from napari_echo.ml.runner import EchoRunner, set_launcher

    with joined() as processes:
        cfg = training_config(
            config,
            work_dir=work_dir,
            data_roots=data_roots,
            repeats=repeats,
            val_roots=val_roots,
            load_from=load_from,
            amp=amp,
            cfg_options=cfg_options,
            processes=processes,
        )
        # mmengine names a run by the second; two of one second in a process would share
        # what writes their logs.
        cfg.experiment_name = f"{Path(cfg.work_dir).name}_{uuid.uuid4().hex[:8]}"
        set_launcher(cfg)
        if resume:
            _set_resume(cfg)
        runner = None
        try:
            runner = EchoRunner.from_cfg(cfg)
            runner.train()
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            begun = runner is not None and runner.message_hub.runtime_info.get("iter", 0) > 0
            if begun or not cfg_options:
                raise
            options = ", ".join(f"{key}={value}" for key, value in cfg_options.items())
            raise EchoError(f"No training can be set up with {options}: {error}.") from error
        best = [str(best_checkpoint(Path(cfg.work_dir))) if is_main_process() else ""]
        broadcast_object_list(best)  # the folder may be on another node
    return Path(best[0])


def _set_resume(cfg: Any) -> None:
    """Go on from the last whole checkpoint, with the seed that it was trained with."""
    from mmengine.dist import broadcast_object_list, is_main_process

    from napari_echo.ml.checkpoints import last_checkpoint, load_checkpoint

    found = [last_checkpoint(Path(cfg.work_dir)) if is_main_process() else None]
    broadcast_object_list(found)
    if found[0] is None:
        if is_main_process():
            _LOG.warning("%s has no checkpoint to go on from: training starts anew.", cfg.work_dir)
        return
    cfg.resume, cfg.load_from = True, str(found[0])
    seed = load_checkpoint(found[0])["meta"].get("seed")
    cfg.randomness = {**cfg.get("randomness", {}), "seed": seed}


def _set_precision(cfg: Any, amp: bool) -> None:
    """Choose the optimizer's wrapper for mixed precision, or for none."""
    import torch

    wrapper = cfg.optim_wrapper
    for key in ("dtype", "loss_scale", "use_fp16"):
        wrapper.pop(key, None)
    if not amp:
        wrapper.type = "OptimWrapper"
    elif not torch.cuda.is_available() or torch.cuda.is_bf16_supported():
        wrapper.type = "EchoBf16OptimWrapper"
    else:
        wrapper.type, wrapper.loss_scale = "AmpOptimWrapper", "dynamic"
