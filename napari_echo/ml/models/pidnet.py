"""PIDNet in two halves, so that a memory can stand between its branches and their fusion."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmseg.models.backbones.pidnet import PagFM, PIDNet
from mmseg.registry import MODELS
from torch import Tensor, nn


class Branches(NamedTuple):
    """What PIDNet has computed before its branches are fused.

    ``p``, ``i`` and ``d`` are the last maps of the proportional, integral and
    derivative branch, (N, 4c, H/8, W/8) for a stem of c channels; ``aux_p``
    and ``aux_d`` the maps of the two auxiliary losses, (N, 2c, H/8, W/8).
    """

    p: Tensor
    i: Tensor
    d: Tensor
    aux_p: Tensor
    aux_d: Tensor


class SmallObjectPag(PagFM):
    """Pixel-attention-guided fusion that leans to detail where objects are small.

    PIDNet's PAG takes from the context branch what both branches agree on:
    ``sigma x_i + (1 - sigma) x_p`` with ``sigma`` from their similarity. The
    context map is two to four times coarser, so that a small cavity (ES) is
    smeared into its wall. Here ``sigma`` is lowered where the detail branch
    varies within a neighbourhood that a small object fills::

        contrast = |x_p - mean of x_p over 7 x 7|
        sigma'   = sigma * (1 - sigmoid(w . contrast + b))

    `w` starts at zero and `b` at -2, so that training starts near the plain PAG.
    """

    def __init__(self, in_channels: int, channels: int, window: int = 7, **kwargs: object) -> None:
        super().__init__(in_channels, channels, **kwargs)
        self.window = window
        self.small = nn.Conv2d(in_channels, 1, 1)

    def reset_small(self) -> None:
        """Set `w` to zero and `b` to -2; PIDNet's own initialisation would not."""
        nn.init.zeros_(self.small.weight)
        nn.init.constant_(self.small.bias, -2.0)

    def forward(self, x_p: Tensor, x_i: Tensor) -> Tensor:
        """Fuse the detail map (N, C, H, W) with the context map (N, C, h, w)."""
        size, how = x_p.shape[2:], self.upsample_mode
        f_i = F.interpolate(self.f_i(x_i), size=size, mode=how, align_corners=False)
        sigma = torch.sigmoid((self.f_p(x_p) * f_i).sum(dim=1, keepdim=True))
        mean = F.avg_pool2d(
            x_p, self.window, stride=1, padding=self.window // 2, count_include_pad=False
        )
        sigma = sigma * (1 - torch.sigmoid(self.small((x_p - mean).abs())))
        x_i = F.interpolate(x_i, size=size, mode=how, align_corners=False)
        return sigma * x_i + (1 - sigma) * x_p


@MODELS.register_module()
class EchoPIDNet(PIDNet):
    """PIDNet (arXiv 2206.02066) whose forward pass is `fuse(branches(x))`.

    Parameters
    ----------
    small_object_pag : bool
        Use `SmallObjectPag` in place of PIDNet's own PAG (``tpag``).
    **kwargs
        As for mmsegmentation's ``PIDNet``.
    """

    def __init__(self, small_object_pag: bool = False, **kwargs: object) -> None:
        super().__init__(**kwargs)
        channels = int(kwargs.get("channels", 64))
        self.channels = 4 * channels
        if small_object_pag:
            self.pag_1 = SmallObjectPag(2 * channels, channels)
            self.pag_2 = SmallObjectPag(2 * channels, channels)

    def init_weights(self) -> None:
        """Initialise as PIDNet does."""
        super().init_weights()
        for pag in (self.pag_1, self.pag_2):
            if isinstance(pag, SmallObjectPag):
                pag.reset_small()

    def branches(self, x: Tensor) -> Branches:
        """Run the three branches on images (N, 1, H, W)."""
        size = (x.shape[-2] // 8, x.shape[-1] // 8)
        x = self.stem(x)
        x_i = self.relu(self.i_branch_layers[0](x))
        x_p = self.pag_1(self.p_branch_layers[0](x), self.compression_1(x_i))
        x_d = self.d_branch_layers[0](x) + self._to(self.diff_1(x_i), size)
        aux_p = x_p
        x_i = self.relu(self.i_branch_layers[1](x_i))
        x_p = self.pag_2(self.p_branch_layers[1](F.relu(x_p)), self.compression_2(x_i))
        x_d = self.d_branch_layers[1](F.relu(x_d)) + self._to(self.diff_2(x_i), size)
        aux_d = x_d
        x_i = self._to(self.spp(self.i_branch_layers[2](x_i)), size)
        x_p = self.p_branch_layers[2](F.relu(x_p))
        x_d = self.d_branch_layers[2](F.relu(x_d))
        return Branches(x_p, x_i, x_d, aux_p, aux_d)

    def fuse(self, p: Tensor, i: Tensor, d: Tensor) -> Tensor:
        """Fuse the branches, boundary attention guided: (N, 4c, H/8, W/8)."""
        return self.dfm(p, i, d)

    def forward(self, x: Tensor) -> Tensor:
        """Fused map of images (N, 1, H, W)."""
        maps = self.branches(x)
        return self.fuse(maps.p, maps.i, maps.d)

    def _to(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        return F.interpolate(x, size=size, mode="bilinear", align_corners=self.align_corners)
