"""Every shipped config parses without torch, builds, and computes a loss."""

from __future__ import annotations

import subprocess
import sys

import pytest

from napari_echo.core.errors import EchoError
from napari_echo.ml.config_list import find_config, list_configs
from napari_echo.ml.training import load_config

NAMES = sorted(list_configs())


def test_each_config_says_what_it_is() -> None:
    assert {"pidnet-s_2k_phantom", "pidnet-s_3k_camus"} <= set(NAMES)
    assert all(line.endswith(".") for line in list_configs().values())


def test_configs_parse_without_torch() -> None:
    code = (
        "import sys; from napari_echo.ml.config_list import list_configs; "
        "from napari_echo.ml.training import load_config; "
        "[load_config(name) for name in list_configs()]; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_config_names_those_there_are() -> None:
    with pytest.raises(EchoError, match="pidnet-s_3k_camus"):
        find_config("pidnet-xxl")


@pytest.mark.parametrize("name", NAMES)
def test_config_builds_and_learns(name: str) -> None:
    from napari_echo.ml.mmseg_compat import use_mmseg

    use_mmseg()
    import torch
    from mmengine.structures import PixelData
    from mmseg.registry import MODELS
    from mmseg.structures import SegDataSample

    cfg = load_config(name)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    samples = []
    for _ in range(2):
        sample = SegDataSample(metainfo={"img_shape": (cfg.size, cfg.size)})
        labels = torch.zeros(1, cfg.size, cfg.size, dtype=torch.int64)
        labels[:, 60:150, 60:150] = 1
        sample.gt_sem_seg = PixelData(data=labels)
        sample.set_data({"gt_edge_map": PixelData(data=(labels > 0).long())})
        samples.append(sample)
    inputs = torch.randn(2, 1, cfg.size, cfg.size)
    losses = model.loss(inputs, samples)
    total = sum(value for key, value in losses.items() if "loss" in key)
    assert torch.isfinite(total)
    total.backward()
    grads = [p.grad for p in model.parameters() if p.requires_grad]
    assert all(grad is not None and torch.isfinite(grad).all() for grad in grads)
    logits = model.eval().decode_head(model.extract_feat(inputs))
    assert logits.shape == (2, 4, cfg.size // 8, cfg.size // 8)
