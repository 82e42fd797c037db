"""Models of the original project become packs; their checkpoints run no code."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from napari_echo.cli.main import app
from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LV_SCHEMA
from napari_echo.core.params import PredictParams
from napari_echo.ml.geometry import letterbox
from napari_echo.ml.legacy import import_legacy, read_state
from napari_echo.ml.mmseg_compat import use_mmseg
from napari_echo.ml.packs import open_pack
from napari_echo.ml.predictor import make_predictor

BASE = """
size = 64
norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True, pad_val=0, seg_pad_val=255, size=(size, size)),
    backbone=dict(
        type='PIDNet', in_channels=3, channels=8, ppm_channels=8, num_stem_blocks=1,
        num_branch_blocks=1, align_corners=False, norm_cfg=norm_cfg,
        act_cfg=dict(type='ReLU', inplace=True),
        init_cfg=dict(type='Pretrained', checkpoint='nowhere.pth')),
    decode_head=dict(
        type='PIDHead', in_channels=32, channels=16, num_classes=2, norm_cfg=norm_cfg,
        act_cfg=dict(type='ReLU', inplace=True), align_corners=True,
        loss_decode=[dict(type='LossOfTheFork', weight=3)] * 4),
    train_cfg=dict(), test_cfg=dict(mode='whole'))
"""
# As the original writes its configs: the rest in a base file.
CHILD = "_base_ = './base.py'\ncustom_imports = dict(imports=['a_fork_that_is_not_here'])\n"


@pytest.fixture(scope="module")
def original() -> Any:
    """The network as mmsegmentation builds it, its statistics not those of a new one."""
    use_mmseg()
    import torch
    from mmseg.registry import MODELS

    model: dict[str, Any] = {}
    exec(BASE, model)
    parts = model["model"]
    norm = {"type": "BN"}
    parts["backbone"] |= {"norm_cfg": norm, "init_cfg": None}
    parts["decode_head"] |= {"norm_cfg": norm, "loss_decode": [{"type": "CrossEntropyLoss"}] * 4}
    torch.manual_seed(0)
    built = MODELS.build(parts).eval()
    for module in built.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 1.5)
    return built


class Evil:
    """What a pickle can do to those who load it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch was-here",)


@pytest.fixture
def files(original: Any, tmp_path: Path) -> tuple[Path, Path]:
    """A config with its base, and a checkpoint with mmengine's usual luggage and an evil one."""
    import torch
    from mmengine.logging import HistoryBuffer

    (tmp_path / "base.py").write_text(BASE)
    config = tmp_path / "pidnet-s_20k_echovideo-2.py"
    config.write_text(CHILD)
    checkpoint = tmp_path / "iter_20000.pth"
    history = HistoryBuffer([1.0, 2.0], [1, 1])
    torch.save(
        {
            "meta": {"iter": 20000, "evil": Evil()},
            "message_hub": {"log_scalars": {"loss": history}, "best": np.float64(0.9)},
            "optimizer": {"state": {0: {"momentum_buffer": torch.zeros(2)}}},
            "state_dict": original.state_dict(),
        },
        checkpoint,
    )
    return config, checkpoint


def test_an_imported_pack_gives_what_the_original_gives(
    files: tuple[Path, Path], original: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.chdir(tmp_path)
    command = ["models", "import", *map(str, files), "-o", "mine", "--licence", "MIT"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert f"Executing {files[0]}, which is Python code." in result.output
    assert not (tmp_path / "was-here").exists()
    pack = open_pack(tmp_path / "mine")
    assert pack.schema == LV_SCHEMA
    assert (pack.name, pack.card.licence, pack.card.input_size) == ("mine", "MIT", 64)
    assert pack.card.config == "pidnet-s_20k_echovideo-2"

    frames = np.random.default_rng(0).integers(0, 255, (2, 64, 64), dtype=np.uint8)
    grey = torch.from_numpy(np.stack([letterbox(f, 64) for f in frames])).float()[:, None]
    mean, std = torch.tensor([123.675, 116.28, 103.53]), torch.tensor([58.395, 57.12, 57.375])
    with torch.inference_mode():
        squares = (grey - mean[:, None, None]) / std[:, None, None]
        logits = original.decode_head(original.extract_feat(squares))
        wanted = torch.nn.functional.interpolate(logits, (64, 64), mode="bilinear").softmax(dim=1)
    for params in (PredictParams(), PredictParams(engine="torch")):
        got = make_predictor(pack, params).probabilities(frames)
        assert np.abs(got.astype(float) - wanted.numpy()).max() < 5e-3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("type='PIDNet'", "type='GPMNet'"), "backbone .* is GPMNet; only PIDNet"),
        (("ppm_channels=8", "ppm_channels=8, gpm=True"), "backbone .* has 'gpm', which is not"),
        (("type='PIDHead'", "type='FCNHead'"), "decode_head .* is FCNHead; only PIDHead"),
        (("type='EncoderDecoder'", "type='VideoDecoder'"), "model .* is VideoDecoder"),
        (("num_classes=2", "num_classes=19"), "the 19 classes"),
        (("type='ReLU'", "type='GELU'"), "other layers than BN and ReLU"),
        (("size=(size, size)", "size=(64, 96)"), "no square: give --input-size"),
        (("channels=8,", "channels=16,"), "was not trained by the config"),
        (("num_branch_blocks=1", "num_branch_blocks=2"), "has no 'backbone"),
        (("channels=8,", "channels='x',"), "describes no PIDNet: channels"),
        (("size = 64", "1 / 0"), "no config of mmengine: division"),
        (("model = dict(", "module = dict("), "has no model"),
    ],
)
def test_what_is_not_known_is_refused(
    files: tuple[Path, Path], tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    config, checkpoint = files
    assert change[0] in BASE
    (tmp_path / "base.py").write_text(BASE.replace(change[0], change[1], 1))
    with pytest.raises(EchoError, match=message):
        import_legacy(config, checkpoint, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_weights_of_another_network_are_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    import torch

    config, checkpoint = files
    state = read_state(checkpoint)
    torch.save({"state_dict": {**state, "decode_head.gpm.w": torch.zeros(1)}}, checkpoint)
    with pytest.raises(EchoError, match=r"has 'decode_head\.gpm\.w', unlike the network"):
        import_legacy(config, checkpoint, tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"notes", b"PK\x03\x04"])
def test_a_file_that_is_no_checkpoint_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.pth"
    path.write_bytes(content)
    with pytest.raises(EchoError, match=r"notes\.pth is not a checkpoint"):
        read_state(path)


def test_a_checkpoint_without_weights_is_one_sentence(tmp_path: Path) -> None:
    import torch

    for content in ({"weights": 1}, {"state_dict": {}}, {"state_dict": {"a": 1}}, [1]):
        torch.save(content, tmp_path / "x.pth")
        with pytest.raises(EchoError, match=r"x\.pth (is not a checkpoint of|holds no)"):
            read_state(tmp_path / "x.pth")
