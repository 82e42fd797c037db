"""Small heads on the fused map: the learned hardness and the time embedding."""

from __future__ import annotations

import math

import torch
from mmseg.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class EchoHardnessHead(nn.Module):
    """Hardness of each pixel, learned beside the segmentation (arXiv 2305.08462).

    Parameters
    ----------
    channels : int
        Of the fused map.
    """

    def __init__(self, channels: int = 128) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels // 2, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels // 2),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels // 2, 1, 1),
        )

    def forward(self, fused: Tensor) -> Tensor:
        """Hardness in 0-1, (N, 1, h, w), of fused maps (N, C, h, w); no gradient flows to them."""
        return torch.sigmoid(self.layers(fused.detach()))


@MODELS.register_module()
class EchoTimeEmbedding(nn.Module):
    """Tells the network where in the cycle a frame lies.

    The place is 0 at ED and 1 at ES. It is embedded by sines and cosines and
    scales and shifts the fused map, channel by channel. Where it is not known
    (not a number) the map passes unchanged; a share of the training clips is
    shown so, since a new clip's ED and ES are not known before it is segmented.

    Parameters
    ----------
    channels : int
        Of the fused map.
    n_frequencies : int
        Pairs of sine and cosine.
    drop : float
        Share of the training clips whose places are hidden.
    """

    def __init__(self, channels: int = 128, n_frequencies: int = 8, drop: float = 0.3) -> None:
        super().__init__()
        self.drop = drop
        self.register_buffer(
            "frequencies", math.pi * 2.0 ** torch.arange(n_frequencies), persistent=False
        )
        self.layers = nn.Sequential(
            nn.Linear(2 * n_frequencies, channels),
            nn.SiLU(),
            nn.Linear(channels, 2 * channels),
        )
        nn.init.zeros_(self.layers[-1].weight)
        nn.init.zeros_(self.layers[-1].bias)

    def forward(self, fused: Tensor, place: Tensor) -> Tensor:
        """Modulate fused maps.

        Parameters
        ----------
        fused : Tensor, shape (N, K, C, h, w)
            Maps of N clips of K frames.
        place : Tensor, shape (N, K)
            Place of each frame in the cycle, 0 to 1, or not-a-number.
        """
        if self.training:
            hidden = torch.rand(len(place), 1, device=place.device) < self.drop
            place = place.masked_fill(hidden, float("nan"))
        known = place.isfinite()
        angles = place.nan_to_num()[..., None] * self.frequencies
        both = self.layers(torch.cat([angles.sin(), angles.cos()], dim=-1))
        scale, shift = (both * known[..., None]).to(fused.dtype)[..., None, None].chunk(2, dim=2)
        return fused * (1 + scale) + shift
