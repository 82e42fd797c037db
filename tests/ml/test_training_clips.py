"""Short trainings of the clip configs: they learn, resume, and are measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_echo.ml.checkpoints import load_weights
from napari_echo.ml.testing import run_test
from napari_echo.ml.training import train

SMALL = {
    "train_cfg.val_interval": 2,
    "train_dataloader.batch_size": 2,
    "train_dataloader.num_workers": 0,
    "train_dataloader.persistent_workers": False,
    "train_dataloader.dataset.n_frames": 3,
    "train_dataloader.dataset.pipeline.0.size": 64,
    "val_dataloader.num_workers": 0,
    "val_dataloader.persistent_workers": False,
    "val_dataloader.dataset.n_frames": 3,
    "val_dataloader.dataset.pipeline.0.size": 64,
    "default_hooks.checkpoint.interval": 2,
    "default_hooks.logger.interval": 1,
}


@pytest.mark.parametrize(
    "config",
    [
        "pidnet-s_gpm_cons_mse_20k_echovideo-10",
        "pidnet-s_semi_mt_200_phantom-10",
    ],
)
def test_a_clip_config_trains_resumes_and_is_measured(
    config: str, clipset: Path, tmp_path: Path
) -> None:
    work_dir = tmp_path / "run"
    for iters in (2, 4):
        best = train(
            config,
            work_dir=work_dir,
            data_roots=[clipset],
            resume=iters == 4,
            cfg_options={**SMALL, "train_cfg.max_iters": iters},
        )
    assert (work_dir / "iter_4.pth").is_file()
    assert load_weights(best)
    log = "".join(path.read_text() for path in sorted(work_dir.glob("*/*.log")))
    assert "Iter(train) [4/4]" in log
    assert log.count("Iter(train) [2/") == 1  # not trained again after the resume
    measured = run_test(
        config, work_dir / "iter_4.pth", data_roots=[clipset], split="val", cfg_options=SMALL
    )
    assert 0 <= measured["dice_lv_ed"] <= 100
    assert 0 <= measured["dice_lv_es"] <= 100
