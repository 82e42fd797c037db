"""Small data sets and a small training that the tests of this room share."""

from __future__ import annotations

from collections.abc import Iterator
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
