"""Whether a retrained model may take the place of the one that it came from."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from napari_echo.core.params import TrainParams
from napari_echo.metrics.paired import PairedDifference, paired_difference
from napari_echo.workflow.report.summary import ClipMeasure, clip_measures, ef_error
from napari_echo.workflow.scores import ClipResult, Evaluation

_SHOWN = ("dice_all", "dice_ed", "dice_es", "hd95_mm_all")


@dataclass(frozen=True)
class Row:
    """A measure of the old and the new model on the clips that both have it on.

    Parameters
    ----------
    measure : ClipMeasure
        What was measured.
    found : PairedDifference
        New minus old.
    worse : str
        One sentence where the new model may not take the old one's place for
        it; empty where it may, or where the measure does not decide.
    """

    measure: ClipMeasure
    found: PairedDifference
    worse: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As `ml.packs.Compared` takes it; null for what is not a number."""
        difference = self.found.difference
        numbers = {
            "base": self.found.first,
            "new": self.found.second,
            "difference": difference.mean,
            "low": difference.low,
            "high": difference.high,
        }
        return {
            "measure": self.measure.label,
            "unit": self.measure.unit,
            "clips": difference.n,
            **{name: value if math.isfinite(value) else None for name, value in numbers.items()},
        }


def compare_packs(old: Evaluation, new: Evaluation, lv: str, params: TrainParams) -> list[Row]:
    """Compare a model with the one that it came from, on the same clips in the same order.

    The new one is worse where its mean Dice of the LV, over all frames, ED or
    ES, is lower by more than ``params.dice_tolerance``, or its absolute bias of
    EF larger by more than ``params.ef_tolerance`` points. HD95, the absolute
    error of EF and the other structures are told, and do not decide. What
    nobody could measure does not either, but for the Dice over all frames.

    Parameters
    ----------
    old, new : Evaluation
        Of the two models.
    lv : str
        The LV cavity's name.
    params : TrainParams
        The tolerances.

    Returns
    -------
    list of Row
        With 95% intervals over patients (`metrics.paired`).
    """
    patients = [clip.entry.study_id for clip in old.clips]
    by_key = {measure.key: measure for measure in clip_measures(lv)}
    measures = [
        *(by_key[key] for key in _SHOWN),
        ClipMeasure("ef_bias", "EF, bias", "points", -1, ef_error),
        by_key["ef_error"],
        *(
            ClipMeasure(f"dice_{name}", f"Dice {name}", "", 1, _dice(name))
            for name in old.structures
            if name != lv
        ),
    ]
    rows = []
    for measure in measures:
        first, second = ([measure.of(clip) for clip in each.clips] for each in (old, new))
        found = paired_difference(first, second, patients)
        rows.append(Row(measure, found, _worse(measure, found, params)))
    return rows


def _dice(structure: str) -> Callable[[ClipResult], float]:
    return lambda clip: clip.mean("dice", structure)


def _worse(measure: ClipMeasure, found: PairedDifference, params: TrainParams) -> str:
    old, new = found.first, found.second
    if measure.key == "dice_all" and not found.difference.n:
        return "The Dice of the LV could not be measured on any clip of the validation set."
    if measure.key in ("dice_all", "dice_ed", "dice_es") and old - new > params.dice_tolerance:
        return (
            f"{measure.label} fell by {old - new:.4f}, from {old:.4f} to {new:.4f}; "
            f"{params.dice_tolerance:g} is allowed."
        )
    if measure.key == "ef_bias" and abs(new) - abs(old) > params.ef_tolerance:
        return (
            f"The EF's bias went from {old:+.1f} to {new:+.1f} points; "
            f"{params.ef_tolerance:g} points farther from 0 are allowed."
        )
    return ""
