"""Packs of models with a memory, and of models that learned which pixels are hard."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.params import HardnessParams, PredictParams
from napari_echo.ml.make_pack import convert_pack, make_pack
from napari_echo.ml.packs import GRAPH, STEP, WEIGHTS, ModelPack, open_pack
from napari_echo.ml.predictor import make_predictor
from napari_echo.ml.temporal_predictor import TemporalPredictor
from napari_echo.ml.torch_engine import TorchTemporalEngine, build_model
from napari_echo.ml.training import load_config
from napari_echo.workflow.mark import mark
from napari_echo.workflow.predict import predict
from napari_echo.workflow.propagate import propagate

DESCRIPTION = {
    "name": "tiny",
    "description": "Random weights.",
    "training_data": [],
    "metrics": [],
    "limits": [],
    "licence": "BSD-3-Clause",
    "citation": [],
    "train_again": [],
    "recommended_for": "tests",
    "training_spacing_mm": None,
}


def random_pack(config: str | Path, out: Path) -> ModelPack:
    import torch

    torch.manual_seed(0)
    model = build_model(str(config))
    model.init_weights()
    for module in model.modules():
        # Not a new network's: 0 and 1 would hide a mix-up.
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    checkpoint = out.with_suffix(".pth")
    torch.save({"state_dict": model.state_dict()}, checkpoint)
    return make_pack(str(config), checkpoint, out, DESCRIPTION)


def small_config(name: str, folder: Path) -> Path:
    """A shipped config with a shallow network, which exports in seconds."""
    cfg = load_config(name)
    cfg.size = 64
    cfg.model.backbone.update(channels=8, ppm_channels=8, num_stem_blocks=1, num_branch_blocks=1)
    cfg.model.decode_head.update(in_channels=32, channels=16)
    path = folder / "small.py"
    cfg.dump(path)
    return path


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("config")
    return small_config("pidnet-s_gpm_hl_20k_echovideo-10", folder)


@pytest.fixture(scope="module")
def pack(config: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelPack:
    return random_pack(config, tmp_path_factory.mktemp("packs") / "tiny")


@pytest.fixture(scope="module")
def frames() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 255, (7, 48, 64), dtype=np.uint8)


def reference(config: Path, pack: ModelPack) -> Any:
    """The torch model, with the pack's own weights."""
    import torch

    from napari_echo.ml.quantize import read_weights

    model = build_model(str(config))
    weights = {n: torch.from_numpy(w) for n, w in read_weights(pack.path / WEIGHTS).items()}
    model.load_state_dict(weights, strict=False)
    return model


def state(m: int, n: int, channels: int) -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(m)
    shapes = ((channels, 8, 8), (m, channels, 8, 8), (m, 4, 64, 64), (channels, 8, 8), (4, 64, 64))
    return [rng.random((n, *shape), np.float32) for shape in shapes]


def test_the_card_and_the_files_say_what_it_is(pack: ModelPack) -> None:
    assert pack.card.temporal
    assert pack.card.hardness
    assert set(pack.card.files) == {GRAPH, STEP, WEIGHTS}


@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 1), (2, 5)])
def test_onnx_steps_as_torch_does(pack: ModelPack, config: Path, n: int, m: int) -> None:
    import torch

    predictor = make_predictor(pack)
    assert isinstance(predictor, TemporalPredictor)
    model = reference(config, pack)
    squares = np.random.default_rng(n).normal(0, 1, (n, 1, 64, 64)).astype(np.float32)
    arguments = state(m, n, 32)
    with torch.inference_mode():
        features = model.encode(torch.from_numpy(squares)).numpy()
        tensors = [torch.from_numpy(part) for part in arguments]
        logits = model.step(*tensors).numpy()
        hardness = model.hardness(model.remember(*tensors)).numpy()
    np.testing.assert_allclose(predictor.engine.encode(squares), features, atol=1e-3)
    scores = predictor.engine.step(*arguments)
    np.testing.assert_allclose(scores.logits, logits, atol=1e-3)
    assert scores.hardness is not None
    np.testing.assert_allclose(scores.hardness, hardness, atol=1e-3)


def test_a_clip_in_parts_is_the_clip_as_a_whole(
    pack: ModelPack, config: Path, frames: NDArray[np.uint8]
) -> None:
    """And both are what the segmentor itself says of the clip."""
    import torch

    predictor = make_predictor(pack)
    whole = predictor.probabilities(frames)
    run = predictor.stream()
    parts = np.concatenate([run(frames[:1]), run(frames[1:6]), run(frames[6:])])
    np.testing.assert_allclose(parts.astype(float), whole.astype(float), atol=2e-3)
    squares = torch.from_numpy(predictor.squares(frames))
    with torch.inference_mode():
        model = reference(config, pack)
        logits = model.run_clips(squares[None], torch.empty(0)).logits[0]
    size = (64, 64)
    full = torch.nn.functional.interpolate(logits, size, mode="bilinear").softmax(dim=1)
    inside = full[:, :, :48].numpy()  # what is not padding
    np.testing.assert_allclose(whole.astype(float), inside, atol=5e-3)
    alone = predictor.probabilities(frames[3:4])
    assert np.abs(alone.astype(float) - whole[3:4].astype(float)).max() > 1e-3


def test_masks_change_what_follows(pack: ModelPack, frames: NDArray[np.uint8]) -> None:
    clip = EchoClip.from_frames(frames)
    masks = np.zeros((2, 48, 64), np.uint8)
    masks[1, 10:30, 20:44] = 1
    predictor = make_predictor(pack)
    nothing, something = (propagate(clip, {2: mask}, predictor) for mask in masks)
    assert nothing.model_id == pack.id
    for frame in (0, 1, 3, 6):
        change = nothing.probabilities[frame].astype(float) - something.probabilities[frame]
        assert np.abs(change).max() > 1e-3


def test_learned_hardness_marks_the_frames(pack: ModelPack, frames: NDArray[np.uint8]) -> None:
    prediction = predict(EchoClip.from_frames(frames), make_predictor(pack), batch=3)
    assert prediction.hardness is not None
    assert prediction.hardness.shape == frames.shape
    assert prediction.hardness.std() > 1e-3
    hardness, hard = mark(prediction, None, HardnessParams(criterion="learned", rule="share"))
    np.testing.assert_array_equal(hardness.values, prediction.hardness.astype(np.float32))
    assert hard.share == pytest.approx(0.02, abs=1e-3)


def test_eight_bits_keep_both_graphs(
    pack: ModelPack, frames: NDArray[np.uint8], tmp_path: Path
) -> None:
    small = convert_pack(pack, tmp_path / "small", 8)
    assert (small.card.bits, small.card.temporal) == (8, True)
    full, less = (make_predictor(p).probabilities(frames).astype(float) for p in (pack, small))
    assert 0 < np.abs(full - less).mean() < 0.02


def test_a_temporal_pack_opens_without_torch(pack: ModelPack) -> None:
    code = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from napari_echo.core.clip import EchoClip\n"
        "from napari_echo.ml.packs import open_pack\n"
        "from napari_echo.ml.predictor import make_predictor\n"
        "from napari_echo.workflow.propagate import propagate\n"
        "predictor = make_predictor(open_pack(Path(sys.argv[1])))\n"
        "clip = EchoClip.from_frames(np.zeros((3, 64, 64), np.uint8))\n"
        "propagate(clip, {1: np.ones((64, 64), np.uint8)}, predictor)\n"
        "predictor.probabilities(clip.frames)\n"
        "assert not {'torch', 'mmseg', 'mmengine'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(pack.path)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["pidnet-s_multigpm_cons_20k_echovideo-10", "pidnet-s_semi_hl_20k_echovideo-10"]
)
def test_a_shipped_config_runs_in_both_engines(
    name: str, frames: NDArray[np.uint8], tmp_path: Path
) -> None:
    pack = random_pack(name, tmp_path / "pack")
    by_torch = make_predictor(open_pack(pack.path), PredictParams(engine="torch"))
    assert by_torch.temporal == ("gpm" in name)
    if pack.card.temporal:
        assert isinstance(by_torch, TemporalPredictor)
        assert isinstance(by_torch.engine, TorchTemporalEngine)
    p, h = make_predictor(pack).stream_with_hardness()(frames)
    q, k = by_torch.stream_with_hardness()(frames)
    assert np.abs(p.astype(float) - q.astype(float)).max() < 5e-3
    assert (h is None) == (k is None) == ("hl" not in name)
    if h is not None and k is not None:
        assert np.abs(h.astype(float) - k.astype(float)).max() < 5e-3
