"""What the hooks leave behind: plain checkpoints, pictures, averages."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from napari_echo.ml.checkpoints import best_checkpoint
from napari_echo.ml.training import train

WHITE = 255


@pytest.fixture(scope="module")
def drawn(small_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Work folder of a training that draws each second validation sample."""
    work_dir = tmp_path_factory.mktemp("drawn")
    options = {
        "train_cfg.max_iters": 2,
        "train_cfg.val_interval": 2,
        "val_dataloader.batch_size": 1,
        "default_hooks.visualization.draw": True,
        "default_hooks.visualization.interval": 2,
    }
    train(small_config, work_dir=work_dir, cfg_options=options)
    return work_dir


def test_every_nth_sample_is_drawn_as_a_file_and_in_tensorboard(drawn: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    # Two labelled frames to validate on, of which the first is drawn.
    (picture,) = drawn.glob("*/vis_data/vis_image/*.png")
    assert picture.name == "val_0000_p3_0_2.png"
    assert (cv2.imread(str(picture)) == WHITE).any()  # the outline of the truth
    (run,) = drawn.glob("*/vis_data")
    events = EventAccumulator(str(run))
    events.Reload()
    assert events.Tags()["images"] == ["val_0000_p3_0"]
    assert {"loss", "lr", "echo/dice_lv"} <= set(events.Tags()["scalars"])


def test_a_clip_is_drawn_with_a_tile_a_frame() -> None:
    from napari_echo.ml.mmseg_compat import use_mmseg

    use_mmseg()
    import torch
    from mmengine.structures import PixelData
    from mmseg.structures import SegDataSample

    from napari_echo.core.labels import CAMUS_SCHEMA
    from napari_echo.ml.visualization_hook import draw_clip

    frames = np.full((7, 1, 64, 64), 100, np.uint8)
    truth = np.full((7, 64, 64), 255, np.uint8)
    truth[0] = 0
    truth[0, 20:40, 20:40] = 1
    predicted = np.zeros((7, 64, 64), np.uint8)
    predicted[:, 20:40, 25:45] = 1
    sample = SegDataSample(
        metainfo={
            "study_id": "p0",
            "phases": ("ed", *("between",) * 5, "es"),
            "frame_indices": tuple(range(7)),
        }
    )
    sample.set_data(
        {
            "pred_sem_seg": PixelData(data=torch.from_numpy(predicted)),
            "gt_sem_seg": PixelData(data=torch.from_numpy(truth)),
        }
    )
    picture = draw_clip(frames, sample)
    height, width = picture.shape[0] // 2, picture.shape[1] // 5  # seven tiles, five in a row
    bar = height - width
    assert width == 256
    tiles = [
        picture[r * height + bar : (r + 1) * height, c * width : (c + 1) * width]
        for r in (0, 1)
        for c in range(5)
    ]
    orange = np.array([int(CAMUS_SCHEMA.structures[0].color[i : i + 2], 16) for i in (1, 3, 5)])
    for tile in tiles[:7]:
        np.testing.assert_array_equal(tile[10, 10], [100, 100, 100])
        np.testing.assert_allclose(tile[30 * 4, 42 * 4], 0.6 * 100 + 0.4 * orange, atol=1)
    assert [bool((tile > 200).all(axis=2).any()) for tile in tiles[:7]] == [True] + [False] * 6
    assert not any(tile.any() for tile in tiles[7:])


def test_checkpoints_hold_no_code_and_keep_the_logs_history(drawn: Path) -> None:
    import torch

    content = torch.load(drawn / "iter_2.pth", weights_only=True)
    history = content["message_hub"]["runtime_info"]["log_history"]["train/loss"]
    values, counts = history
    assert len(values) == 2
    assert counts.tolist() == [1, 1]


def test_a_save_that_fails_leaves_the_file_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_echo.ml.checkpoints import EchoAtomicBackend

    path = tmp_path / "iter_1.pth"
    EchoAtomicBackend().put(b"whole", str(path))

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:2])
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(Exception, match="No space left"):
        EchoAtomicBackend().put(b"newer", str(path))
    assert path.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [path]


def test_the_last_whole_checkpoint_is_found(drawn: Path, tmp_path: Path) -> None:
    import os

    from napari_echo.ml.checkpoints import last_checkpoint

    assert last_checkpoint(tmp_path) is None
    content = (drawn / "iter_2.pth").read_bytes()
    for number, age in ((500, 3), (250, 2), (750, 1)):
        path = tmp_path / f"iter_{number}.pth"
        path.write_bytes(content if number != 750 else content[: len(content) // 2])
        os.utime(path, (1e9 - age, 1e9 - age))
    # The newest is cut off; of the others the newer one, whatever its number.
    assert last_checkpoint(tmp_path) == tmp_path / "iter_250.pth"
    # mmengine's note counts for more than times, which copying changes.
    (tmp_path / "last_checkpoint").write_text("/moved/from/iter_500.pth")
    assert last_checkpoint(tmp_path) == tmp_path / "iter_500.pth"
    assert best_checkpoint(drawn).is_file()
