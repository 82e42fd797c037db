"""Agreement of neighbouring frames, on cases computed by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from napari_echo.ml.mmseg_compat import use_mmseg

use_mmseg()

from napari_echo.ml.consistency import (  # noqa: E402
    EchoChangeSmoothness,
    EchoFeatureSimilarity,
    EchoNeighbourKL,
    EchoNeighbourMSE,
)
from napari_echo.ml.models.clip_batch import ClipOutput  # noqa: E402

ALL = [EchoNeighbourMSE, EchoNeighbourKL, EchoChangeSmoothness, EchoFeatureSimilarity]


def _output(p: list[list[float]], progress: float = 1.0) -> ClipOutput:
    """Clips of one pixel and two classes, by the probability of the first."""
    first = torch.tensor(p, dtype=torch.float64)
    logits = torch.stack([first, 1 - first], dim=2).log()[..., None, None].requires_grad_()
    maps = torch.zeros(*first.shape, 3, 1, 1)
    labels = torch.full((*first.shape, 8, 8), 255)
    return ClipOutput(logits, maps, maps, maps, labels, progress)


def _random(n: int, k: int = 5) -> ClipOutput:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(n, k, 4, 3, 3, generator=generator)
    maps = torch.randn(n, k, 6, 3, 3, generator=generator)
    labels = torch.randint(0, 4, (n, k, 24, 24), generator=generator)
    labels[:, 1:-1] = 255
    return ClipOutput(logits, maps, maps, maps, labels, 1.0)


def _value(term: torch.nn.Module, out: ClipOutput) -> torch.Tensor:
    (value,) = term(out).values()
    return value


def test_mse_by_hand() -> None:
    out = _output([[0.5, 0.7, 0.4, 0.4]])
    # Inner frames 0.7 and 0.4; both classes differ by the same amount.
    squares = (0.2**2 + 0.3**2 + 0.3**2 + 0.0**2) / 2
    assert _value(EchoNeighbourMSE(), out).item() == pytest.approx(squares)


def test_mse_moves_the_frame_and_not_its_neighbours() -> None:
    out = _output([[0.5, 0.7, 0.6]])
    _value(EchoNeighbourMSE(), out).backward()
    gradient = out.logits.grad.flatten(2).abs().sum(2)[0]
    assert gradient[1] > 0
    assert gradient[0] == gradient[2] == 0


def test_kl_by_hand() -> None:
    def kl(p: float, q: float) -> float:
        return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))

    out = _output([[0.5, 0.7, 0.4]])
    assert _value(EchoNeighbourKL(), out).item() == pytest.approx(kl(0.5, 0.7) + kl(0.4, 0.7))
    assert _value(EchoNeighbourKL(), _output([[0.3, 0.3, 0.3]])).item() == pytest.approx(0)


def test_smoothness_lets_even_motion_pass() -> None:
    even = _output([[0.2, 0.3, 0.4, 0.5]])
    assert _value(EchoChangeSmoothness(), even).item() == pytest.approx(0, abs=1e-7)
    jerky = _output([[0.2, 0.2, 0.5, 0.5]])
    assert _value(EchoChangeSmoothness(), jerky).item() == pytest.approx(0.09)


def test_features_alike_cost_nothing_and_opposite_ones_two() -> None:
    labels = torch.full((1, 2, 8, 8), 255)
    labels[0, 0] = 1
    logits = torch.tensor([-9.0, 9.0]).expand(1, 2, 2).unsqueeze(-1).unsqueeze(-1)
    maps = torch.ones(1, 2, 3, 1, 1)
    same = ClipOutput(logits, maps, maps, maps, labels, 1.0)
    assert _value(EchoFeatureSimilarity(), same).item() == pytest.approx(0, abs=1e-6)
    maps = torch.stack([maps[:, 0], -maps[:, 1]], dim=1)
    other = ClipOutput(logits, maps, maps, maps, labels, 1.0)
    assert _value(EchoFeatureSimilarity(), other).item() == pytest.approx(2, abs=1e-6)


@pytest.mark.parametrize("term", ALL)
def test_videos_are_compared_with_themselves_alone(term: type[torch.nn.Module]) -> None:
    both = _random(2)
    parts = [
        replace(
            both,
            **{
                name: getattr(both, name)[i : i + 1]
                for name in ("logits", "fused", "aux_p", "aux_d", "labels")
            },
        )
        for i in range(2)
    ]
    alone = [_value(term(), part) for part in parts]
    assert _value(term(), both).item() == pytest.approx(sum(alone).item() / 2, rel=1e-5)
    assert alone[0].item() != pytest.approx(alone[1].item())


@pytest.mark.parametrize("term", ALL)
def test_the_weight_rises_with_the_square_of_progress(term: type[torch.nn.Module]) -> None:
    out = _random(2)
    half = ClipOutput(out.logits, out.fused, out.aux_p, out.aux_d, out.labels, 0.5)
    assert _value(term(), half).item() == pytest.approx(_value(term(), out).item() / 4)
    assert _value(term(ramped=False), half).item() == pytest.approx(_value(term(), out).item())


@pytest.mark.parametrize("term", ALL[:3])
def test_two_frames_have_no_inner_one(term: type[torch.nn.Module]) -> None:
    assert _value(term(), _random(1, k=2)).item() == 0
