"""Training hooks, registered in mmengine."""

from __future__ import annotations

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner


@HOOKS.register_module()
class EchoChannelsLastHook(Hook):
    """Lay the weights out channels last, which convolves faster on a CPU."""

    def before_run(self, runner: Runner) -> None:
        """Change the layout; the values stay the same."""
        runner.model.to(memory_format=torch.channels_last)


@HOOKS.register_module()
class EchoPlainCheckpointHook(Hook):
    """Keep checkpoints free of code, so that ``weights_only=True`` loads them.

    mmengine pickles the history of its logs together with the functions that
    smooth it, which needs ``getattr`` to load: a door that must stay shut.
    The history only smooths what is printed; it starts anew after a resume.
    Its numpy numbers become plain ones for the same reason.
    """

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Drop the log history and make numbers plain."""
        hub = checkpoint["message_hub"]
        hub["log_scalars"] = {}
        for key, value in hub["runtime_info"].items():
            if isinstance(value, np.generic):
                hub["runtime_info"][key] = value.item()
