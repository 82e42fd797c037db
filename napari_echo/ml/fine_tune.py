"""Train a model on with more labels: in this process, or in one of its own.

`python -m napari_echo.ml.fine_tune PLAN.json` does what a `Plan` says and ends
with the process that started it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import CAMUS_SCHEMA
from napari_echo.core.params import TrainParams
from napari_echo.ml.packs import ModelPack

CONFIGS = {"PIDNet-S": "pidnet-s_100_corrections", "PIDNet-L": "pidnet-l_100_corrections"}


def config_for(pack: ModelPack) -> str:
    """The config by which a pack is trained on.

    Raises
    ------
    EchoError
        If it has a memory, a learned hardness or a network of its own, which
        single labelled frames do not train, or other structures.
    """
    card = pack.card
    config = CONFIGS.get(card.architecture)
    special = card.temporal or card.hardness or card.network is not None
    if config is None or special or pack.schema.n_classes != CAMUS_SCHEMA.n_classes:
        raise EchoError(
            f"The model {pack.name} cannot be trained on with corrections: that takes a plain "
            f"{' or '.join(CONFIGS)} of LV cavity, myocardium and left atrium that sees one frame "
            "at a time, such as pidnet-s-camus."
        )
    return config


def fine_tune(
    base: str | Path,
    datasets: Sequence[tuple[Path, int]],
    *,
    work_dir: Path,
    iterations: int = TrainParams().iterations,
    size: int = 256,
    seed: int = 0,
    val: Path | None = None,
    split: str = "val",
    config: str = CONFIGS["PIDNet-S"],
    params: TrainParams | None = None,
) -> Path:
    """Train on from a model's weights, on the labelled frames of the split "train".

    A training that was stopped is gone on with, and one that is done is not
    repeated: the same call gives the same checkpoint.

    Parameters
    ----------
    base : str or Path
        Name or folder of a model pack, or a checkpoint.
    datasets : sequence of (Path, int)
        Clip data sets, and how often each is listed. Of a frame that several
        label, the last one's label counts: put corrections last.
    work_dir : Path
        Where checkpoints and logs go.
    iterations, size, seed : int
        Batches, side of the square in pixels, and of all chance.
    val : Path, optional
        Clip data set whose Dice is logged five times, no more: it does not
        choose the checkpoint.
    split : str
        The split of `val`.
    config : str
        Name of the config.
    params : TrainParams, optional
        Batch, learning rate and weight of hard pixels; its `iterations`,
        `size` and `seed` are not read.

    Returns
    -------
    Path
        The last checkpoint, with the average of the weights over the last
        quarter of the training.

    Raises
    ------
    EchoError
        If a data set or the base is missing, or no frame is labelled.
    """
    from napari_echo.ml.checkpoints import last_checkpoint, load_weights
    from napari_echo.ml.training import train

    params = params or TrainParams()
    last = work_dir / f"iter_{iterations}.pth"
    if last.is_file():
        load_weights(last)
        return last
    train(
        config,
        work_dir=work_dir,
        data_roots=[root for root, _ in datasets],
        repeats=[times for _, times in datasets],
        val_roots=[] if val is None else [val],
        load_from=Path(base),
        resume=work_dir.is_dir() and last_checkpoint(work_dir) is not None,
        cfg_options=_options(iterations, size, seed, None if val is None else split, params),
    )
    return last


def _options(
    iterations: int, size: int, seed: int, split: str | None, params: TrainParams
) -> dict[str, Any]:
    warm_up = max(1, iterations // 10)
    # A checkpoint takes as long to write as a few iterations take.
    fifth = max(10, iterations // 5)
    options: dict[str, Any] = {
        "size": size,
        "randomness.seed": seed,
        "train_cfg.max_iters": iterations,
        "train_cfg.val_interval": fifth,
        "default_hooks.checkpoint.interval": fifth,
        "train_dataloader.batch_size": params.batch,
        "train_dataloader.dataset.pipeline.0.size": size,
        "train_dataloader.dataset.pipeline.3.hard_weight": params.hard_weight or None,
        "optim_wrapper.optimizer.lr": params.learning_rate,
        "param_scheduler.0.end": warm_up,
        "param_scheduler.1.begin": warm_up,
        "param_scheduler.1.end": iterations,
        "param_scheduler.1.T_max": max(1, iterations - warm_up),
        "custom_hooks.3.momentum": min(0.5, 4 / iterations),
    }
    if split is None:
        return {**options, "val_dataloader": None, "val_cfg": None, "val_evaluator": None}
    of_val = {"dataset.pipeline.0.size": size, "dataset.split": split}
    return {**options, **{f"val_dataloader.{key}": value for key, value in of_val.items()}}


class Plan(BaseModel):
    """What a process of its own is to do.

    Parameters
    ----------
    base, datasets, val, split, config, size, params
        As for `fine_tune`.
    work_dir : Path
        Where checkpoints and logs go.
    pack : Path
        The pack to make, unless it is there.
    description : dict
        As for `ml.make_pack.make_pack`.
    bits : {8, 16}
        Bits of a convolution's weight.
    failure : Path
        File for the sentence of an `EchoError` that ends it.
    """

    base: str
    datasets: list[tuple[Path, int]]
    val: Path
    split: str
    config: str
    size: int
    params: TrainParams
    work_dir: Path
    pack: Path
    description: dict[str, Any]
    bits: Literal[8, 16]
    failure: Path

    def run(self) -> None:
        """Train, then make the pack."""
        from napari_echo.ml.make_pack import make_pack

        checkpoint = fine_tune(
            self.base,
            self.datasets,
            work_dir=self.work_dir,
            iterations=self.params.iterations,
            size=self.size,
            seed=self.params.seed,
            val=self.val,
            split=self.split,
            config=self.config,
            params=self.params,
        )
        if not self.pack.exists():
            make_pack(self.config, checkpoint, self.pack, self.description, self.bits)


def main(path: Path) -> int:
    """Run the plan in a file; the exit status."""
    from napari_echo.ml.child import end_with_starter

    end_with_starter()
    plan = Plan.model_validate_json(path.read_text(encoding="utf-8"))
    try:
        plan.run()
    except EchoError as error:
        plan.failure.write_text(str(error), encoding="utf-8")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
