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
    """
    from mmengine.config import Config

    cfg = Config.fromfile(find_config(config))
    if cfg_options:
        cfg.merge_from_dict(dict(cfg_options))
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
        If the config, the data or the packages for training are missing.
    """
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
        cfg.load_from = str(load_from)
    cfg.work_dir = str(work_dir)
    cfg.resume = resume

    use_mmseg()
    from mmengine.runner import Runner

    Runner.from_cfg(cfg).train()
    return best_checkpoint(work_dir)


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
