"""PIDNet in halves is mmsegmentation's PIDNet, and its head takes label tensors."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from napari_echo.ml.mmseg_compat import use_mmseg
from napari_echo.ml.training import load_config

use_mmseg()

from mmseg.datasets.transforms import GenerateEdge  # noqa: E402
from mmseg.registry import MODELS  # noqa: E402

from napari_echo.ml.models.pid_head import edges_of, hardness_losses  # noqa: E402
from napari_echo.ml.models.pidnet import SmallObjectPag  # noqa: E402


@pytest.mark.parametrize("config", ["pidnet-s_20k_camus", "pidnet-l_20k_camus"])
def test_the_halves_make_the_same_network(config: str) -> None:
    cfg = load_config(config).model.backbone
    torch.manual_seed(0)
    ours = MODELS.build(cfg).eval()
    theirs = MODELS.build({**cfg, "type": "PIDNet"}).eval()
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 1, 64, 96)
    assert torch.equal(ours(x), theirs(x))
    # In training mmsegmentation's also returns the two auxiliary maps.
    aux_p, fused, aux_d = theirs.train()(x)
    maps = ours.train().branches(x)
    for mine, other in ((maps.aux_p, aux_p), (maps.aux_d, aux_d)):
        assert torch.allclose(mine, other, atol=1e-5)
    assert torch.allclose(ours.fuse(maps.p, maps.i, maps.d), fused, atol=1e-4)


@pytest.mark.parametrize("width", [1, 3, 4])
def test_edges_are_those_of_mmsegmentation(width: int) -> None:
    generator = torch.Generator().manual_seed(width)
    coarse = torch.randint(0, 4, (1, 1, 6, 7), generator=generator).float()
    labels = F.interpolate(coarse, (48, 56))[:, 0].long()
    labels[:, 10:20, 10:20] = 255
    made = GenerateEdge(edge_width=width).transform(
        {"img_shape": (48, 56), "gt_seg_map": labels[0].numpy()}
    )["gt_edge_map"]
    assert torch.equal(edges_of(labels, width)[0], torch.from_numpy(made).float())
    assert 0 < edges_of(labels, width).mean() < 1


def test_hardness_by_hand() -> None:
    # Two labelled pixels of losses log 2 and log 4, of hardness 0.4 and 0.9.
    logits = torch.tensor([[0.0, 0.0, 0.0], [0.0, 1.0986123, 5.0]]).reshape(1, 2, 1, 3)
    labels = torch.tensor([[[0, 0, 255]]])
    hardness = torch.tensor([0.4, 0.9, 0.5]).reshape(1, 1, 1, 3).requires_grad_()
    found = hardness_losses(logits, labels, hardness)
    weights = [0.5 / 0.75, 1.0 / 0.75]
    mean = (weights[0] * 0.6931472 + weights[1] * 1.3862944) / 2
    assert found["loss_sem_i"].item() == pytest.approx(mean, rel=1e-5)
    assert found["loss_hardness"].item() == pytest.approx(-0.01 * mean, rel=1e-5)
    found["loss_hardness"].backward()
    # The hardness of the harder pixel is pushed up, of the easier one down.
    assert hardness.grad[0, 0, 0, 1] < 0 < hardness.grad[0, 0, 0, 0]
    assert hardness.grad[0, 0, 0, 2] == 0


def test_background_can_be_left_out_of_the_losses() -> None:
    cfg = load_config("pidnet-s_20k_camus").model.decode_head
    torch.manual_seed(0)
    head = MODELS.build(cfg)
    maps = (torch.randn(2, 64, 8, 8), torch.randn(2, 64, 8, 8))
    labels = torch.zeros(2, 64, 64, dtype=torch.int64)
    labels[:, 20:40, 20:40] = 1
    logits = torch.zeros(2, 4, 8, 8)
    logits[:, 1] = 4.0  # the cavity everywhere: right inside, wrong outside
    assert head.losses(logits, *maps, labels)["loss_sem_i"] > 1
    head.background = False
    assert head.losses(logits, *maps, labels)["loss_sem_i"] < 0.1


def test_the_small_object_pag_takes_more_detail_where_the_detail_branch_varies() -> None:
    torch.manual_seed(0)
    pag = SmallObjectPag(4, 2).eval()
    pag.reset_small()
    detail, context = torch.zeros(1, 4, 32, 32), torch.ones(1, 4, 16, 16)
    detail[:, :, 14:18, 14:18] = 3.0
    before = pag(detail, context)
    torch.nn.init.constant_(pag.small.weight, 1.0)
    after = pag(detail, context)
    inside, far = (..., slice(15, 17), slice(15, 17)), (..., slice(0, 6), slice(0, 6))
    assert (after - detail)[inside].abs().mean() < (before - detail)[inside].abs().mean()
    assert torch.allclose(after[far], before[far])
