"""A PIDNet by its numbers, for packs whose config does not ship."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from napari_echo.ml.mmseg_compat import use_mmseg
from napari_echo.ml.packs import PIDNetNetwork


class GreyPIDNet(nn.Module):
    """mmsegmentation's PIDNet and its head, fed with grey levels.

    A network of three channels gets the grey level in each, normalised as it
    was in training. The names of its weights are those of mmsegmentation's
    ``EncoderDecoder``.

    Parameters
    ----------
    network : PIDNetNetwork
        Its numbers.
    n_classes : int
        Classes, background included.
    """

    def __init__(self, network: PIDNetNetwork, n_classes: int) -> None:
        super().__init__()
        use_mmseg()
        from mmseg.models.backbones.pidnet import PIDNet
        from mmseg.models.decode_heads.pid_head import PIDHead

        norm, act = {"type": "BN"}, {"type": "ReLU", "inplace": True}
        self.backbone = PIDNet(
            in_channels=len(network.mean),
            channels=network.channels,
            ppm_channels=network.ppm_channels,
            num_stem_blocks=network.num_stem_blocks,
            num_branch_blocks=network.num_branch_blocks,
            align_corners=network.align_corners,
            norm_cfg=norm,
            act_cfg=act,
        )
        self.decode_head = PIDHead(
            in_channels=4 * network.channels,
            channels=network.head_channels,
            num_classes=n_classes,
            align_corners=network.align_corners,
            norm_cfg=norm,
            act_cfg=act,
        )
        mean, std = (torch.tensor(v)[:, None, None] for v in (network.mean, network.std))
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)

    def extract_feat(self, grey: Tensor) -> Tensor:
        """Fused map of grey levels (N, 1, S, S)."""
        features: Tensor = self.backbone((grey - self.mean) / self.std)
        return features
