"""What readers exported is what a training config reads."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA
from napari_echo.core.revision import Base
from napari_echo.workflow.correct import correct
from napari_echo.workflow.export import export_clipset


def test_two_iterations_on_exported_labels(beating: EchoClip, tmp_path: Path) -> None:
    from napari_echo.ml.training import train

    revision = correct(
        beating,
        (beating.frames > 127).astype("uint8"),
        (0, 6, 12, 18),
        Base("nothing", ""),
        reader="A. Reader",
        started=datetime.now(UTC),
        key_frames=KeyFrames((Beat(0, 6), Beat(12, 18)), "set by reader"),
        schema=CAMUS_SCHEMA,
    )
    roots = [
        export_clipset([revision], {beating.clip_id: beating}, tmp_path / split, split=split)
        for split in ("train", "val")
    ]
    options = {
        "train_cfg.max_iters": 2,
        "train_cfg.val_interval": 2,
        "train_dataloader.batch_size": 2,
        "default_hooks.logger.interval": 1,
    }
    train("pidnet-s_2k_phantom", work_dir=tmp_path / "work", data_roots=roots, cfg_options=options)
    (log,) = (tmp_path / "work").glob("*/*.log")
    assert "2/2]" in log.read_text()
    assert list((tmp_path / "work").glob("*.pth"))
