"""Batch normalisation whose statistics are those of the whole batch, over all processes.

torch's ``SyncBatchNorm`` runs on CUDA alone; this one runs wherever
``all_reduce`` does: gloo on a CPU, nccl on CUDA.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from mmengine.registry import MODELS
from torch import Tensor, nn


class _SumOverProcesses(torch.autograd.Function):
    """Sum of a tensor over the processes; so is its gradient."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total


@MODELS.register_module()
class EchoSyncBN(nn.BatchNorm2d):
    """``BatchNorm2d`` over the samples of all processes.

    With one process, and in evaluation, it is ``BatchNorm2d`` itself; its
    parameters and buffers have the same names, so that checkpoints fit both.
    Statistics are computed in float32, as ``BatchNorm2d`` does under autocast.
    The processes may hold different numbers of samples.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``(N, C, H, W)``."""
        shared = dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
        if not (shared and self.training):
            return super().forward(x)
        values = x if x.dtype == torch.float64 else x.float()
        sums = torch.cat([values.sum(dim=(0, 2, 3)), values.new_tensor([x.numel() / x.shape[1]])])
        sums = _SumOverProcesses.apply(sums)
        count = float(sums[-1].detach())
        mean = sums[:-1] / count
        # About the mean, not E[x^2] - E[x]^2, which cancels where the mean is large.
        centred = values - mean[:, None, None]
        variance = _SumOverProcesses.apply((centred**2).sum(dim=(0, 2, 3))) / count
        if self.track_running_stats:
            self._follow(mean.detach(), variance.detach() * (count / max(count - 1, 1)))
        scale = torch.rsqrt(variance + self.eps)
        if self.affine:
            scale = scale * self.weight
        out = centred * scale[:, None, None]
        if self.affine:
            out = out + self.bias[:, None, None]
        return out.to(x.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        self.num_batches_tracked += 1
        weight = self.momentum
        if weight is None:  # the plain average of all batches
            weight = 1.0 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), weight)
        self.running_var.lerp_(variance.to(self.running_var.dtype), weight)


def with_sync_norm(model: nn.Module) -> nn.Module:
    """Replace each ``BatchNorm2d`` of a model by an `EchoSyncBN` with the same parameters."""
    if type(model) is nn.BatchNorm2d:
        shared = EchoSyncBN(
            model.num_features,
            eps=model.eps,
            momentum=model.momentum,
            affine=model.affine,
            track_running_stats=model.track_running_stats,
        )
        shared._parameters, shared._buffers = model._parameters, model._buffers
        return shared.train(model.training)
    for name, child in model.named_children():
        replaced = with_sync_norm(child)
        if replaced is not child:
            setattr(model, name, replaced)
    return model
