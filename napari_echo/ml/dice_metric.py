"""Dice during training, registered in mmsegmentation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmseg.registry import METRICS


@METRICS.register_module()
class EchoDiceMetric(BaseMetric):
    """Mean Dice over frames, on the model's square.

    Reports ``dice_lv``, ``dice_lv_ed``, ``dice_lv_es`` and one value for
    each other class, all in percent.

    Parameters
    ----------
    classes : sequence of str
        Short names of the classes from index 1 on.
    """

    default_prefix = "echo"

    def __init__(self, classes: Sequence[str] = ("lv", "myo", "la"), **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.classes = tuple(classes)

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep one row of Dice values a frame."""
        for sample in data_samples:
            predicted = sample["pred_sem_seg"]["data"].squeeze(0)
            truth = sample["gt_sem_seg"]["data"].squeeze(0).to(predicted.device)
            labelled = truth != 255
            row = []
            for index in range(1, len(self.classes) + 1):
                a, b = (predicted == index) & labelled, truth == index
                total = int(a.sum() + b.sum())
                row.append(2.0 * int((a & b).sum()) / total if total else float("nan"))
            self.results.append((sample["phase"], row))

    def compute_metrics(self, results: list[tuple[str, list[float]]]) -> dict[str, float]:
        """Average the rows; frames without a class do not count for it."""
        phases = np.array([phase for phase, _ in results])
        rows = np.array([row for _, row in results])
        metrics = {
            f"dice_{name}": 100 * float(np.nanmean(rows[:, i]))
            for i, name in enumerate(self.classes)
            if np.isfinite(rows[:, i]).any()
        }
        for phase in ("ed", "es"):
            values = rows[phases == phase, 0]
            if np.isfinite(values).any():
                metrics[f"dice_{self.classes[0]}_{phase}"] = 100 * float(np.nanmean(values))
        return metrics
