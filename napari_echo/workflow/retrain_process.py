"""The training process of a retraining, and what its logs tell."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_echo.core.errors import EchoError
from napari_echo.io.writing import new_file
from napari_echo.ml.child import child

if TYPE_CHECKING:
    from napari_echo.ml.fine_tune import Plan

_POLL_S = 0.2
_ESTIMATE_AFTER = 10  # iterations; the first ones are slower


@dataclass(frozen=True)
class Trained:
    """What the training process has logged.

    Parameters
    ----------
    iteration, iterations : int
        Done, and in all.
    losses : mapping of str to float
        Of the iteration, the sum as ``"loss"``; empty where it was validated.
    dice : float or None
        Dice of the LV on the validation set, 0 to 1, at the size that is trained at.
    seconds_left : float or None
        Until the training is done; None in the first ten iterations.
    """

    iteration: int
    iterations: int
    losses: Mapping[str, float]
    dice: float | None
    seconds_left: float | None


class TrainingLog:
    """Reads what a training has logged, run by run, as it is written.

    Parameters
    ----------
    folder : Path
        The training's work folder.
    iterations : int
        Of the training.
    """

    def __init__(self, folder: Path, iterations: int) -> None:
        self.folder = folder
        self.iterations = iterations
        self._read: dict[Path, int] = {}
        self._pace: _Pace | None = None

    def news(self) -> list[Trained]:
        """What was logged since the last call."""
        found = []
        for path in sorted(self.folder.glob("*/vis_data/scalars.json")):
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                text = file.read()
            whole = text[: text.rfind(b"\n") + 1]  # the last line may be half written
            self._read[path] = self._read.get(path, 0) + len(whole)
            found += [self._told(json.loads(line)) for line in whole.splitlines()]
        return found

    def _told(self, row: Mapping[str, float]) -> Trained:
        iteration = int(row["step"])
        if self._pace is None or iteration < self._pace.first:
            self._pace = _Pace(iteration, time.monotonic())
        losses = {k: float(v) for k, v in row.items() if k.startswith("loss")}
        dice = row.get("echo/dice_lv")
        return Trained(
            iteration=iteration,
            iterations=self.iterations,
            losses=losses,
            dice=None if dice is None else float(dice) / 100,
            seconds_left=self._pace.left(iteration, self.iterations),
        )


@dataclass
class _Pace:
    """Time a training takes, measured from the first iteration that was seen."""

    first: int
    began: float

    def left(self, iteration: int, iterations: int) -> float | None:
        done = iteration - self.first
        if done < min(_ESTIMATE_AFTER, iterations - self.first):
            return None
        return (time.monotonic() - self.began) / max(done, 1) * (iterations - iteration)


def train_in_process(plan: Plan, path: Path, log: Path, on_step: Callable[[Trained], None]) -> None:
    """Train and make the pack in a process of its own; it ends if this call does.

    Parameters
    ----------
    plan : Plan
        What to do.
    path : Path
        File for the plan.
    log : Path
        File for what the process writes.
    on_step : callable
        Told what has been logged.

    Raises
    ------
    EchoError
        If it fails.
    """
    with new_file(path, replace=True, sync=False) as partial:
        partial.write_text(plan.model_dump_json(indent=1), encoding="utf-8")
    plan.failure.unlink(missing_ok=True)
    news = TrainingLog(plan.work_dir, plan.params.iterations)
    with child(["-m", "napari_echo.ml.fine_tune", str(path)], log) as process:
        while process.poll() is None:
            for told in news.news():
                on_step(told)
            time.sleep(_POLL_S)
    for told in news.news():
        on_step(told)
    if process.returncode and plan.failure.is_file():
        raise EchoError(plan.failure.read_text(encoding="utf-8"))
    if process.returncode:
        ended = f"was killed (signal {-process.returncode})" if process.returncode < 0 else "failed"
        raise EchoError(
            f"The training {ended}; {log} has what it wrote. The same command goes on with it."
        )
