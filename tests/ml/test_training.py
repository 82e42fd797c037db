"""Training reads clip data sets, leaves checkpoints, and goes on after a stop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_echo.core.errors import EchoError
from napari_echo.ml.training import best_checkpoint, load_config, load_weights, train


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
