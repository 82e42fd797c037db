"""Small data sets and a small training that the tests of this room share."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import Segmentation
from napari_echo.io.clipset import write_clipset
from napari_echo.io.labelled import LabelledClip


def _clips() -> Iterator[LabelledClip]:
    rng = np.random.default_rng(0)
    y, x = np.indices((96, 120))
    for number in range(4):
        labels = np.zeros((3, 96, 120), np.uint8)
        for frame, radius in ((0, 26), (2, 18)):
            distance = np.hypot((y - 45) / 1.3, x - 60)
            labels[frame][distance < radius + 8] = 2
            labels[frame][distance < radius] = 1
            labels[frame][np.hypot(y - 86, x - 60) < 9] = 3
        frames = rng.integers(0, 60, labels.shape, dtype=np.uint8) + np.uint8(80) * (labels == 2)
        yield LabelledClip(
            EchoClip.from_frames(
                frames.astype(np.uint8), spacing_mm=(1.0, 1.0), study_id=f"p{number}"
            ),
            Segmentation(labels, np.array([True, False, True]), "ground truth"),
            KeyFrames((Beat(0, 2),), "traced"),
            "train" if number < 3 else "val",
            None,
        )


@pytest.fixture(scope="session")
def clipset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four clips of three frames, the first and the last labelled."""
    return write_clipset(tmp_path_factory.mktemp("data") / "clips", _clips())


@pytest.fixture(scope="session")
def tiny() -> dict[str, object]:
    """Config options that make a training of seconds."""
    return {
        "train_cfg.max_iters": 2,
        "train_cfg.val_interval": 2,
        "train_dataloader.batch_size": 2,
        "val_dataloader.batch_size": 2,
        "default_hooks.checkpoint.interval": 1,
        "default_hooks.logger.interval": 1,
    }


@pytest.fixture(scope="session")
def trained(
    clipset: Path, tiny: dict[str, object], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Work folder of a training of two iterations."""
    from napari_echo.ml.training import train

    work_dir = tmp_path_factory.mktemp("work")
    train("pidnet-s_2k_phantom", work_dir=work_dir, data_roots=[clipset], cfg_options=tiny)
    return work_dir


@pytest.fixture(scope="session")
def small_config(clipset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config file with a network of milliseconds, trained from scratch, that logs every loss."""
    from napari_echo.ml.training import load_config

    cfg = load_config("pidnet-s_2k_phantom")
    size = 64
    norm = {"type": "BN", "requires_grad": True}
    cfg.model.data_preprocessor.size = (size, size)
    cfg.model.backbone = {
        "type": "UNet", "in_channels": 1, "base_channels": 8, "num_stages": 3,
        "strides": (1, 1, 1), "enc_num_convs": (1, 1, 1), "dec_num_convs": (1, 1),
        "downsamples": (True, True), "enc_dilations": (1, 1, 1), "dec_dilations": (1, 1),
        "norm_cfg": norm,
    }  # fmt: skip
    cfg.model.decode_head = {
        "type": "FCNHead", "in_channels": 8, "channels": 8, "in_index": -1, "num_convs": 1,
        "num_classes": 4, "dropout_ratio": 0.1, "norm_cfg": norm, "align_corners": False,
        "loss_decode": {"type": "CrossEntropyLoss"},
    }  # fmt: skip
    cfg.optim_wrapper = {
        "type": "OptimWrapper",
        "optimizer": {"type": "SGD", "lr": 0.01, "momentum": 0.9},
    }
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.batch_size = 4
        loader.dataset.data_roots = [str(clipset)]
        loader.dataset.pipeline[0].size = size
    cfg.train_cfg.max_iters, cfg.train_cfg.val_interval = 6, 3
    cfg.default_hooks.logger.interval = cfg.log_processor.window_size = 1
    # Without `EchoChannelsLastHook`: torch's batch norm rounds differently in that layout.
    cfg.custom_hooks = cfg.custom_hooks[1:]
    path = tmp_path_factory.mktemp("config") / "small.py"
    cfg.dump(path)
    return path


Curves = tuple[dict[int, float], dict[int, float]]


@pytest.fixture(scope="session")
def curves() -> Callable[[Path], Curves]:
    """Reads the losses and the validated Dice that a training has logged."""
    return _curves


def _curves(work_dir: Path) -> Curves:
    """Loss and validated Dice of each iteration, over all runs in a work folder in turn."""
    losses: dict[int, float] = {}
    dices: dict[int, float] = {}
    for path in sorted(work_dir.glob("*/vis_data/scalars.json"), key=lambda p: p.stat().st_mtime):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if "loss" in row:
                losses[row["step"]] = row["loss"]
            elif "echo/dice_lv" in row:
                dices[row["step"]] = row["echo/dice_lv"]
    return losses, dices
