"""Hard example mining counts labelled pixels only."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from napari_echo.ml.mmseg_compat import use_mmseg

use_mmseg()

from napari_echo.ml.losses import EchoOhemCrossEntropy  # noqa: E402


def _batch(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    score = torch.randn(2, 4, 16, 16, generator=generator)
    target = torch.randint(0, 4, (2, 16, 16), generator=generator)
    return score, target


def test_keeps_the_hardest_share_when_all_is_easy() -> None:
    _, target = _batch()
    score = 20.0 * F.one_hot(target, 4).permute(0, 3, 1, 2).float()
    score += 0.1 * torch.randn(score.shape, generator=torch.Generator().manual_seed(1))
    losses = F.cross_entropy(score, target, reduction="none").flatten().sort().values
    kept = losses[-round(0.25 * losses.numel()) :].mean()
    assert torch.allclose(EchoOhemCrossEntropy(0.9, 0.25)(score, target), kept)


def test_keeps_every_pixel_below_the_threshold() -> None:
    score, target = _batch()
    losses = F.cross_entropy(score, target, reduction="none")
    hard = losses[torch.exp(-losses) <= 0.9]
    assert torch.allclose(EchoOhemCrossEntropy(0.9, 0.01)(score, target), hard.mean())


def test_unlabelled_pixels_do_not_count() -> None:
    score, target = _batch()
    target[1] = 255
    loss = EchoOhemCrossEntropy(0.9, 0.25)
    assert torch.allclose(loss(score, target), loss(score[:1], target[:1]))


def test_nothing_labelled_gives_zero_and_a_gradient() -> None:
    score, target = _batch()
    score.requires_grad_()
    value = EchoOhemCrossEntropy()(score, torch.full_like(target, 255))
    value.backward()
    assert value.item() == 0
    assert score.grad is not None
    assert score.grad.abs().sum() == 0
