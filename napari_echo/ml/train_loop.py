"""Training that repeats exactly: after a stop, with more processes, or with more workers.

All chance is a function of the seed and of a place in the training: an
augmentation's of the number of the batch and the sample's place in it, a
drop-out's of the iteration. So there is no state of a random generator to
save and restore, the same total batch comes out of any number of processes
and workers, and a resumed training need not load again what was seen.

What mmengine does instead: it loads and augments every batch again up to the
one to go on with (hours, in a long training), does not replay what the model
drew, forgets a validation that was due when training stopped, and gives all
processes the same random numbers for different samples.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_dist_info
from mmengine.registry import DATA_SAMPLERS, DATASETS, LOOPS
from mmengine.runner import IterBasedTrainLoop, Runner
from mmengine.runner.loops import _InfiniteDataloaderIterator
from torch.utils.data import BatchSampler, DataLoader, Dataset, Sampler

from napari_echo.core.errors import EchoError

_DATA, _MODEL = 0, 1  # keep the random numbers of loading and of the model apart


def seed_all(*place: int) -> None:
    """Seed Python's, numpy's and torch's random numbers from a place in the training."""
    words = np.random.SeedSequence(place).generate_state(4)
    np.random.seed(words)  # noqa: NPY002  (transforms draw from the global generator)
    random.seed(words.tobytes())
    seed = int(words[0]) << 32 | int(words[1])
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)


class Draw(int):
    """A sample's index that knows when it was drawn."""

    place: tuple[int, int]

    @classmethod
    def of(cls, index: int, place: tuple[int, int]) -> Draw:
        """The `index`, drawn as number ``place[1]`` of batch ``place[0]``."""
        draw = cls(index)
        draw.place = place
        return draw


class SeededDataset(Dataset):
    """A data set whose chance depends on the draw alone, whatever process loads it.

    Parameters
    ----------
    dataset : dict
        The config of the data set within.
    seed : int
        Of the training.
    """

    def __init__(self, dataset: dict, seed: int) -> None:
        self.dataset = DATASETS.build(dataset)
        self.seed = seed

    @property
    def metainfo(self) -> dict:
        """The data set's."""
        return self.dataset.metainfo

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "dataset":  # while it is being unpickled
            raise AttributeError(name)
        return getattr(self.dataset, name)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, draw: Draw) -> Any:
        seed_all(self.seed, _DATA, *draw.place)
        return self.dataset[int(draw)]


class NumberedBatches(Sampler):
    """Batches of draws, from a given one on.

    Parameters
    ----------
    sampler : Sampler
        This process's share of the samples. As mmengine's samplers deal them
        out in turn, the j-th of a batch is the ``j * processes + rank``-th of
        the whole batch.
    batch_size : int
        Of this process.
    start : int
        Batches to leave out, without loading them.
    batches : dict
        The config of the batch sampler that puts the samples together.
    """

    def __init__(self, sampler: Sampler, batch_size: int, start: int, batches: dict) -> None:
        self.sampler = sampler
        self.batches: Iterable[list[int]] = DATA_SAMPLERS.build(
            batches, default_args={"sampler": sampler, "batch_size": batch_size}
        )
        self.start = start
        self.number = 0
        self.rank, self.world_size = get_dist_info()

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list[Draw]]:
        for batch in self.batches:
            number, self.number = self.number, self.number + 1
            if number >= self.start:
                yield [
                    Draw.of(index, (number, j * self.world_size + self.rank))
                    for j, index in enumerate(batch)
                ]
        if self.number < self.start:
            raise EchoError(
                "The training cannot be resumed: its sampler has an end; "
                "use InfiniteSampler in the config's train_dataloader."
            )


@LOOPS.register_module()
class EchoTrainLoop(IterBasedTrainLoop):
    """mmengine's loop over iterations, made repeatable; takes the same arguments."""

    def __init__(self, runner: Runner, dataloader: dict, **kwargs: Any) -> None:
        self._loading = copy.deepcopy(dict(dataloader))
        super().__init__(runner, self._dataloader(runner, start=0), **kwargs)

    def _dataloader(self, runner: Runner, start: int) -> DataLoader:
        cfg = copy.deepcopy(self._loading)
        batches = cfg.get("batch_sampler") or {"type": BatchSampler, "drop_last": False}
        cfg["batch_sampler"] = {"type": NumberedBatches, "start": start, "batches": batches}
        cfg["dataset"] = {
            "type": SeededDataset, "dataset": cfg["dataset"], "seed": runner.seed
        }  # fmt: skip
        return runner.build_dataloader(cfg, seed=runner.seed)

    def run(self) -> torch.nn.Module:
        """Train, from the iteration of the resumed checkpoint on."""
        runner = self.runner
        runner.call_hook("before_train")
        runner.call_hook("before_train_epoch")
        if self._iter > 0:
            self.dataloader = self._dataloader(runner, start=self._iter)
            self.dataloader_iterator = _InfiniteDataloaderIterator(self.dataloader)
            self._validate()  # where training stopped before a validation that was due
        while self._iter < self._max_iters and not self.stop_training:
            runner.model.train()
            batch = next(self.dataloader_iterator)
            seed_all(runner.seed, _MODEL, self._iter)
            self.run_iter(batch)
            self._validate()
        runner.call_hook("after_train_epoch")
        runner.call_hook("after_train")
        return runner.model

    def _validate(self) -> None:
        """Validate where it is due and has not been done."""
        self._decide_current_val_interval()
        due = self._iter >= self.val_begin and (
            self._iter % self.val_interval == 0 or self._iter == self._max_iters
        )
        hub = self.runner.message_hub
        if self.runner.val_loop is None or not due:
            return
        if hub.runtime_info.get("validated_iter") == self._iter:
            return
        # Before, so that a checkpoint saved at the validation's end knows of it.
        hub.update_info("validated_iter", self._iter)
        self.runner.val_loop.run()
