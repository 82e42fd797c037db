"""Every shipped config parses without torch, builds, and computes a loss."""

from __future__ import annotations

import subprocess
import sys

import pytest
from mmengine.config import Config

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


def test_an_unknown_config_names_those_that_read_like_it() -> None:
    with pytest.raises(EchoError, match="did you mean pidnet-s_3k_camus") as raised:
        find_config("pidnet-s_3k_camos")
    assert len(str(raised.value)) < 250
    with pytest.raises(EchoError, match="`napari-echo models configs` lists them"):
        find_config("zzz")


def test_every_combination_of_the_original_project_is_there() -> None:
    """Of network, method and data; consistency needs frames between the labelled ones."""
    added = ("", "_cons", "_cons_mse", "_cons_kl", "_cons_mse_abs", "_hl", "_temp", "_tpag")
    wanted = {
        f"{net}{kind}{more}_20k_{data}"
        for net in ("pidnet-s", "pidnet-l")
        for kind in ("_semi", "_gpm", "_multigpm")
        for more in added
        for data in ("echovideo-10", "echovideo-2", "camus")
    }
    wanted |= {f"{net}_20k_echovideo-10" for net in ("pidnet-s", "pidnet-l")}
    assert wanted <= set(NAMES)


def test_a_config_names_what_it_builds() -> None:
    """Names and contents agree, for every config of clips."""
    for name in NAMES:
        model = load_config(name).model
        if model.type == "EncoderDecoder":
            continue
        parts = name.split("_")
        terms = [term["type"] for term in model.get("terms", [])]
        assert ("pidnet-l" in parts) == (model.backbone.channels == 64), name
        assert ("gpm" in parts or "multigpm" in parts) == ("memory" in model), name
        assert ("multigpm" in parts) == (model.get("memory_on") == "branches"), name
        assert ("hl" in parts) == ("hardness_head" in model), name
        assert ("temp" in parts) == ("time_embedding" in model), name
        assert ("tpag" in parts) == bool(model.backbone.get("small_object_pag")), name
        assert ("mt" in parts) == (model.type == "EchoMeanTeacher"), name
        cons = "cons" in parts
        assert ("EchoNeighbourMSE" in terms) == (cons and "kl" not in parts), name
        assert ("EchoNeighbourKL" in terms) == (cons and "mse" not in parts), name
        assert ("EchoChangeSmoothness" in terms) == ("abs" in parts), name
        assert ("EchoFeatureSimilarity" in terms) == ("feat" in parts), name


def _frame_model_learns(cfg: Config) -> None:
    import torch
    from mmengine.structures import PixelData
    from mmseg.registry import MODELS
    from mmseg.structures import SegDataSample

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


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in NAMES
        # One data set of each method; the large network where it differs.
        if (name.startswith("pidnet-s") and (name.endswith("_echovideo-10") or "_20k_" not in name))
        or name in ("pidnet-l_20k_camus", "pidnet-l_multigpm_cons_20k_echovideo-10")
    ],
)
def test_config_builds_and_learns(name: str) -> None:
    from napari_echo.ml.mmseg_compat import use_mmseg

    use_mmseg()
    import torch
    from mmengine.structures import PixelData
    from mmseg.registry import MODELS
    from mmseg.structures import SegDataSample

    cfg = load_config(name)
    torch.manual_seed(0)
    if cfg.model.type == "EncoderDecoder":
        _frame_model_learns(cfg)
        return
    cfg.model.mask_rate = 1.0 if cfg.model.get("memory") else 0.0
    model = MODELS.build(cfg.model)
    labels = torch.full((3, 64, 64), 255)
    labels[[0, -1]] = 0
    labels[[0, -1], 10:40, 10:40] = 1
    sample = SegDataSample(metainfo={"places": (0.0, 0.5, 1.0)})
    sample.set_data({"gt_sem_seg": PixelData(data=labels)})
    clips = torch.randn(2, 3, 1, 64, 64)
    losses = model.loss(clips, [sample, sample.clone()])
    total = sum(value for key, value in losses.items() if "loss" in key)
    assert torch.isfinite(total)
    total.backward()
    lacking = {
        key
        for key, p in model.named_parameters()
        if p.requires_grad and (p.grad is None or not torch.isfinite(p.grad).all())
    }
    assert not lacking
    with torch.no_grad():
        assert model.eval()(clips, mode="tensor").shape == (2, 3, 4, 8, 8)
