"""From samples to a batch of clips."""

from __future__ import annotations

import torch
from mmengine.model import BaseDataPreprocessor
from mmseg.registry import MODELS


@MODELS.register_module()
class EchoClipPreprocessor(BaseDataPreprocessor):
    """Stacks clips of one size and normalises their grey levels.

    Parameters
    ----------
    mean, std : sequence of one float
        Subtracted from the grey levels, and what divides them.
    """

    def __init__(self, mean: list[float], std: list[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean), persistent=False)
        self.register_buffer("std", torch.tensor(std), persistent=False)

    def forward(self, data: dict, training: bool = False) -> dict:
        """``inputs`` becomes (N, K, 1, H, W) of float32; ``data_samples`` stay."""
        data = self.cast_data(data)
        inputs = torch.stack(list(data["inputs"])).float()
        return {**data, "inputs": (inputs - self.mean) / self.std}
