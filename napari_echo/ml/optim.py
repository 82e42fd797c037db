"""Mixed precision on any device, registered in mmengine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class EchoBf16OptimWrapper(OptimWrapper):
    """Runs the forward pass in bfloat16, weights and losses in float32.

    mmengine's own ``AmpOptimWrapper`` refuses to run without a GPU;
    bfloat16 needs no loss scaling, so that autocast is all there is to it.
    """

    @contextmanager
    def optim_context(self, model: torch.nn.Module) -> Iterator[None]:
        """Autocast on the device that the model lies on."""
        device = next(model.parameters()).device.type
        with super().optim_context(model), torch.autocast(device, dtype=torch.bfloat16):
            yield
