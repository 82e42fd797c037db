"""Training reads clip data sets, leaves checkpoints, and goes on after a stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from napari_echo.core.errors import EchoError
from napari_echo.ml.checkpoints import best_checkpoint, load_weights
from napari_echo.ml.training import load_config, train


def _log(work_dir: Path) -> str:
    return max(work_dir.glob("*/*.log"), key=lambda path: path.stat().st_mtime).read_text()


def test_training_leaves_a_checkpoint_and_a_validation(trained: Path) -> None:
    assert best_checkpoint(trained).suffix == ".pth"
    assert (trained / "iter_2.pth").is_file()
    assert "echo/dice_lv_ed" in _log(trained)


def test_training_resumes_where_it_stopped(
    trained: Path, clipset: Path, tiny: dict[str, object]
) -> None:
    train(
        "pidnet-s_2k_phantom",
        work_dir=trained,
        data_roots=[clipset],
        resume=True,
        cfg_options={**tiny, "train_cfg.max_iters": 3},
    )
    text = _log(trained)
    assert "3/3]" in text
    assert "1/3]" not in text


def _long_training(config: Path, work_dir: Path) -> list[str]:
    """The command of a training of 30 iterations that saves at 5, 10, ..., and validates at 10."""
    options = {
        "train_cfg.max_iters": 30,
        "train_cfg.val_interval": 10,
        "default_hooks.checkpoint.interval": 5,
        # As a random process that training itself has to repeat.
        "model.decode_head.dropout_ratio": 0.5,
    }
    flags = [f"--cfg-options={key}={value}" for key, value in options.items()]
    command = [sys.executable, "-m", "napari_echo.cli.main", "train", str(config)]
    return [*command, "--work-dir", str(work_dir), *flags]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_training_resumes_to_the_same_curve(
    small_config: Path, tmp_path: Path, curves: Callable
) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(
        _long_training(small_config, tmp_path / "whole"),
        check=True, capture_output=True, env=environment,
    )  # fmt: skip
    whole, validated = curves(tmp_path / "whole")
    assert list(whole) == list(range(1, 31))
    assert len(set(whole.values())) == 30

    command = _long_training(small_config, tmp_path / "killed")
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    )
    try:
        while max(curves(tmp_path / "killed")[0], default=0) < 12:
            assert process.poll() is None
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    before, _ = curves(tmp_path / "killed")
    assert len(before) < 30  # it was killed in the middle
    # As if it had been killed amid saving, by a file system that keeps half of it.
    (tmp_path / "killed" / "iter_99.pth").write_bytes(b"PK half a checkpoint")
    (tmp_path / "killed" / "last_checkpoint").write_text("iter_99.pth")

    resumed = subprocess.run(
        [*command, "--resume"], check=True, capture_output=True, text=True, env=environment
    )
    assert "resumed epoch: 0, iter: " in resumed.stdout
    assert "iter_99.pth is not a checkpoint" in resumed.stdout + resumed.stderr
    last = sorted((tmp_path / "killed").glob("*/vis_data/scalars.json"))[-1]
    assert '"step": 1,' not in last.read_text()  # it went on, and did not start again
    after, validated_after = curves(tmp_path / "killed")
    assert after == pytest.approx(whole, rel=1e-6)
    assert validated_after == pytest.approx(validated, rel=1e-6)


def test_a_validation_that_was_due_when_training_was_killed_is_made_up_for(
    small_config: Path, tmp_path: Path, curves: Callable
) -> None:
    # The checkpoint of iteration 3 is saved before the validation of iteration 3.
    options = {"default_hooks.checkpoint.interval": 3, "train_cfg.max_iters": 3}
    train(small_config, work_dir=tmp_path / "run", cfg_options=options)
    _, (whole,) = curves(tmp_path / "run"), curves(tmp_path / "run")[1].values()

    import torch

    path = tmp_path / "run" / "iter_3.pth"
    content = torch.load(path, weights_only=True)
    for of_validation in ("validated_iter", "best_score", "best_ckpt"):
        content["message_hub"]["runtime_info"].pop(of_validation, None)
    (tmp_path / "cut").mkdir()
    torch.save(content, tmp_path / "cut" / "iter_3.pth")
    best = train(small_config, work_dir=tmp_path / "cut", resume=True, cfg_options=options)
    assert best.name.startswith("best_")
    assert list(curves(tmp_path / "cut")[1].values()) == pytest.approx([whole])


def test_workers_change_nothing(small_config: Path, tmp_path: Path, curves: Callable) -> None:
    for workers in (0, 2):
        train(
            small_config,
            work_dir=tmp_path / str(workers),
            cfg_options={"train_dataloader.num_workers": workers},
        )
    assert curves(tmp_path / "0") == curves(tmp_path / "2")


def test_the_default_work_folder_bears_the_configs_name(
    small_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    best = train(small_config, cfg_options={"train_cfg.max_iters": 1})
    assert best.parent == Path("work_dirs/small")
    assert list(Path("work_dirs/small").glob("*/vis_data/events.out.tfevents.*"))


@pytest.mark.parametrize(
    ("amp", "wrapper"), [(True, "EchoBf16OptimWrapper"), (False, "OptimWrapper")]
)
def test_mixed_precision_is_a_flag(small_config: Path, amp: bool, wrapper: str) -> None:
    from napari_echo.ml.training import training_config

    assert training_config(small_config, amp=amp).optim_wrapper.type == wrapper


def test_missing_data_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(EchoError, match="nowhere"):
        train("pidnet-s_2k_phantom", work_dir=tmp_path, data_roots=[tmp_path / "nowhere"])


def test_a_missing_starting_checkpoint_is_one_sentence(clipset: Path, tmp_path: Path) -> None:
    with pytest.raises(EchoError, match=r"gone\.pth"):
        train(
            "pidnet-s_2k_phantom",
            work_dir=tmp_path,
            data_roots=[clipset],
            load_from=tmp_path / "gone.pth",
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trian_cfg.max_iters": 2}, r"no 'trian_cfg\.max_iters' to replace"),
        ({"size.side": 2}, "cannot take the options"),
        ({"train_cfg.max_iters": "two"}, r"set up with train_cfg\.max_iters=two: "),
        ({"train_cfg.max_iter": 2}, r"set up with train_cfg\.max_iter=2: .*max_iter"),
    ],
)
def test_options_that_fit_no_config_are_one_sentence(
    clipset: Path, tmp_path: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(EchoError, match=message):
        train(
            "pidnet-s_2k_phantom",
            work_dir=tmp_path / "run",
            data_roots=[clipset],
            cfg_options=options,
        )


@pytest.mark.parametrize("text", ["", "not a checkpoint", "PK\x03\x04"])
def test_a_file_that_is_no_checkpoint_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "notes.pth"
    path.write_text(text)
    with pytest.raises(EchoError, match=r"notes\.pth is not a checkpoint.*\.$"):
        load_weights(path)


def test_a_file_that_is_no_config_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "notes.py"
    path.write_text("this is no Python")
    with pytest.raises(EchoError, match=r"notes\.py is no config of mmengine"):
        load_config(path)


def test_frames_come_with_their_own_labels_and_phases(clipset: Path) -> None:
    from napari_echo.ml.mmseg_compat import use_mmseg

    use_mmseg()
    from napari_echo.ml.dataset import EchoFrameDataset

    data = EchoFrameDataset([str(clipset)], split="train", pipeline=[])
    assert len(data) == 6
    assert [data[i]["phase"] for i in range(2)] == ["ed", "es"]
    sizes = [(data[i]["gt_seg_map"] == 1).sum() for i in range(2)]
    assert sizes[0] > sizes[1]
    # The myocardium was drawn 80 grey levels brighter than the rest.
    sample = data[0]
    assert sample["img"][sample["gt_seg_map"] == 2].mean() > 100
    assert sample["img"][sample["gt_seg_map"] != 2].mean() < 40
    lv_only = EchoFrameDataset([str(clipset)], split="train", n_classes=2, pipeline=[])
    assert set(np.unique(lv_only[0]["gt_seg_map"])) == {0, 1}
    doubled = EchoFrameDataset([str(clipset)], split="train", repeats=[2], pipeline=[])
    assert len(doubled) == 12


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are listed in /proc")
def test_a_large_data_set_holds_no_file_open(clipset: Path) -> None:
    # Systems allow a process a thousand; EchoNet-Dynamic has twenty thousand.
    from napari_echo.ml.mmseg_compat import use_mmseg

    use_mmseg()
    from napari_echo.ml.dataset import EchoFrameDataset

    def held(paths: Path) -> int:
        links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        return sum(str(link.resolve()).startswith(str(paths)) for link in links)

    data = EchoFrameDataset([str(clipset)], split="train", pipeline=[])
    samples = [data[index] for index in range(len(data))]
    assert len(samples) == 6
    assert held(clipset) == 0


def test_training_starts_from_a_pack(
    clipset: Path, tiny: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights of the pack are those that a training of no steps ends with."""
    import torch

    from napari_echo.ml.packs import WEIGHTS, find_pack
    from napari_echo.ml.quantize import read_weights

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    still = {**tiny, "train_cfg.max_iters": 1, "optim_wrapper.optimizer.lr": 0.0}
    best = train(
        "pidnet-s_2k_phantom",
        work_dir=tmp_path / "run",
        data_roots=[clipset],
        load_from=Path("pidnet-s-phantom"),
        cfg_options=still,
    )
    found = load_weights(best)
    pack = read_weights(find_pack("pidnet-s-phantom").path / WEIGHTS)
    name = "decode_head.conv_seg.weight"
    assert torch.allclose(found[name], torch.from_numpy(pack[name]), atol=1e-6)
