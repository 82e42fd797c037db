"""Training hooks, registered in mmengine."""

from __future__ import annotations

import numpy as np
import torch
from mmengine.dist import get_world_size
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmengine.registry import HOOKS
from mmengine.runner import Runner

_HISTORY = "log_history"
_KEPT = 1000  # values of each log; what is printed is the mean of the last few


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
    The history is kept as plain tensors instead, so that a resumed training
    prints what the whole one would have printed. Numpy's numbers become
    Python's for the same reason.
    """

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Make what mmengine logs plain."""
        hub = checkpoint["message_hub"]
        info, logs = hub["runtime_info"], hub["log_scalars"]
        for key, value in info.items():
            if isinstance(value, np.generic):
                info[key] = value.item()
        info[_HISTORY] = {
            key: torch.from_numpy(np.stack(log.data)[:, -_KEPT:].astype(np.float64))
            for key, log in logs.items()
        }
        hub["resumed_keys"] = {k: v for k, v in hub["resumed_keys"].items() if k not in logs}
        hub["log_scalars"] = {}

    def before_train(self, runner: Runner) -> None:
        """Take up the history of a resumed training."""
        hub = runner.message_hub
        for key, data in hub.runtime_info.pop(_HISTORY, {}).items():
            values, counts = data.cpu().numpy()
            hub.log_scalars[key] = HistoryBuffer(values, counts)


@HOOKS.register_module()
class EchoMeanLossHook(Hook):
    """Log the mean of the losses over all processes; mmengine logs the first one's."""

    priority = "HIGHEST"

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Replace what the hooks after this one log."""
        if get_world_size() == 1 or not outputs:
            return
        mine = {key: float(value) for key, value in outputs.items()}
        gathered: list[dict] = [{}] * get_world_size()
        torch.distributed.all_gather_object(gathered, mine)
        # A term may be missing where a share of the batch has nothing for it.
        for key in dict.fromkeys(key for each in gathered for key in each):
            outputs[key] = float(np.mean([each[key] for each in gathered if key in each]))
