"""mmengine's Runner, whose processes share the statistics of a batch."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from mmengine.dist import is_distributed
from mmengine.runner import Runner
from torch import nn

from napari_echo.ml.sync_norm import with_sync_norm


class EchoRunner(Runner):
    """A Runner that trains several processes as one."""

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        """Share the norms' statistics before the model is handed to DDP."""
        if self.distributed:
            model = with_sync_norm(model)
        return super().wrap_model(model_wrapper_cfg, model)


def set_launcher(cfg: Any) -> None:
    """Make a config's Runner share its work with the processes that have joined."""
    if not is_distributed():
        return
    cfg.launcher = "pytorch"
    # Not every parameter takes part in every loss: see PIDNet's auxiliary heads.
    cfg.model_wrapper_cfg = {
        "type": "MMDistributedDataParallel",
        "broadcast_buffers": False,
        "find_unused_parameters": True,
    }
    # torch 2.13 renames the argument; those before it do not know the new name.
    warnings.filterwarnings("ignore", message="`broadcast_buffers` is deprecated")
    if not torch.cuda.is_available():
        cfg.model_wrapper_cfg.device_ids = None
