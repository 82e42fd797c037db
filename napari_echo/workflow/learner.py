"""A model that learns anew from more and more labels: the real parts of an experiment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.labels import LV
from napari_echo.io.clipset import open_clipset
from napari_echo.workflow.evaluate import evaluate


@dataclass(frozen=True)
class PackLearner:
    """Trains from one start, makes packs, and measures them on held-back patients.

    Parameters
    ----------
    start : Path
        Checkpoint that every training starts from.
    data : Path
        Clip data set that models are measured on.
    split : str
        The split of it.
    iterations, size, seed : int
        As for `ml.fine_tune.fine_tune`.
    """

    start: Path
    data: Path
    split: str
    iterations: int
    size: int
    seed: int

    def learn(self, labels: Path, folder: Path) -> Path:
        """Train on a clip data set's split "train"; a training that is done is not repeated."""
        from napari_echo.ml.fine_tune import fine_tune

        # The config is that of PIDNet-S, which the start must be a checkpoint of.
        checkpoint = fine_tune(
            self.start,
            [(labels, 1)],
            work_dir=folder,
            iterations=self.iterations,
            size=self.size,
            seed=self.seed,
        )
        return self.pack(checkpoint, folder / "pack")

    def pack(self, checkpoint: Path, folder: Path) -> Path:
        """Make a checkpoint a pack, once."""
        from napari_echo.ml.fine_tune import CONFIGS
        from napari_echo.ml.make_pack import make_pack

        if not folder.is_dir():
            about = {
                "name": folder.parent.parent.name,
                "description": "A model of an experiment.",
                "input_size": self.size,
                "training_spacing_mm": None,
                "training_data": [f"Started from {self.start.name}."],
                "metrics": [],
                "limits": ["Made for an experiment; not for use."],
                "licence": "as that of its data",
                "citation": [],
                "train_again": [],
                "recommended_for": "nothing but the experiment",
            }
            make_pack(CONFIGS["PIDNet-S"], checkpoint, folder, about)
        return folder

    def ready(self, pack: Path) -> Callable[[NDArray[np.uint8]], NDArray[np.float16]]:
        """Make a pack ready to segment frames."""
        from napari_echo.ml.packs import find_pack
        from napari_echo.ml.predictor import make_predictor

        return make_predictor(find_pack(pack)).probabilities

    def measure(self, pack: Path) -> dict[str, float]:
        """Dice of the LV at ED and ES, and the error of EF in points."""
        from napari_echo.ml.packs import find_pack
        from napari_echo.ml.predictor import make_predictor

        found = evaluate(make_predictor(find_pack(pack)), self.data, split=self.split)
        ef, lv = found.ef_agreement(), open_clipset(self.data).schema.name_of(LV) or ""
        return {
            "dice": found.mean("dice", lv),
            "dice_ed": found.mean("dice", lv, "ED"),
            "dice_es": found.mean("dice", lv, "ES"),
            "ef_mae": float("nan") if ef is None else ef.mae,
            "ef_bias": float("nan") if ef is None else ef.bias,
        }
