"""mmengine's Runner, whose processes share the statistics of a batch."""

from __future__ import annotations

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
