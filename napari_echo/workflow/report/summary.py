"""The numbers of a report: of each model, and of each against the first."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from napari_echo.metrics.paired import estimate, paired_difference
from napari_echo.workflow.scores import ClipResult, Evaluation

ALL = "all"
MEASURES = ("dice", "iou", "hd95_mm", "asd_mm")


@dataclass(frozen=True)
class Measured:
    """A model and what it scored.

    Parameters
    ----------
    name : str
        Told apart from the other models of the report.
    model_id, path : str
        Id and folder of the model pack.
    temporal : bool
        Whether it has a memory.
    evaluation : Evaluation
        On the same clips, in the same order, as the other models.
    """

    name: str
    model_id: str
    path: str
    temporal: bool
    evaluation: Evaluation


@dataclass(frozen=True)
class ClipMeasure:
    """A number that every clip has, by which models are compared.

    Parameters
    ----------
    key, label, unit : str
        For files, for people, and the unit of the value.
    better : int
        1 where more is better, -1 where less is.
    of : callable
        The number of a clip; not-a-number where it has none.
    """

    key: str
    label: str
    unit: str
    better: int
    of: Callable[[ClipResult], float]


def ef_error(clip: ClipResult) -> float:
    """Predicted minus true EF of the masks, in percentage points."""
    return 100 * (clip.ef.predicted - clip.ef.true) if clip.ef is not None else math.nan


def clip_measures(lv: str) -> list[ClipMeasure]:
    """What models are compared by, clip by clip.

    Parameters
    ----------
    lv : str
        The LV cavity's name.
    """

    def lv_mean(measure: str, phase: str | None) -> Callable[[ClipResult], float]:
        return lambda clip: clip.mean(measure, lv, phase)

    measures = [
        ClipMeasure(f"{measure}_{phase or ALL}".lower(), f"{label} {phase or 'all frames'}",
                    unit, better, lv_mean(measure, phase))
        for measure, label, unit, better in (
            ("dice", "Dice", "", 1), ("hd95_mm", "HD95", "mm", -1), ("asd_mm", "ASD", "mm", -1)
        )
        for phase in ("ED", "ES", None)
    ]  # fmt: skip
    for phase in ("ED", "ES"):
        measures.append(
            ClipMeasure(
                f"area_error_{phase}".lower(),
                f"Area, absolute error {phase}",
                "%",
                -1,
                lambda clip, phase=phase: 100 * abs(clip.area_gap(lv, phase)),  # type: ignore[misc]
            )
        )
    return [
        *measures,
        ClipMeasure("ef_error", "EF, absolute error", "points", -1, lambda c: abs(ef_error(c))),
        ClipMeasure("jitter", "Area jitter", "%", -1, lambda clip: clip.jitter),
        ClipMeasure("flicker", "Excess flicker", "points", -1, lambda clip: clip.flicker),
    ]


def summarise(model: Measured, lv: str, seed: int) -> dict[str, Any]:
    """The summary of a model, as nested numbers; not-a-number where there is none.

    Parameters
    ----------
    model : Measured
        The model.
    lv : str
        The LV cavity's name.
    seed : int
        Of the bootstrap.
    """
    evaluation = model.evaluation
    clips = evaluation.clips
    patients = [clip.entry.study_id for clip in clips]

    def mean_of(value: Callable[[ClipResult], float]) -> dict[str, Any]:
        return asdict(estimate([value(clip) for clip in clips], patients, seed=seed))

    agreements = {
        "masks": evaluation.ef_agreement(),
        "stated": evaluation.stated_ef_agreement(),
    }
    return {
        "structures": {
            name: {
                phase: _structure(evaluation, name, phase, seed)
                for phase in ("ED", "ES", "between", ALL)
            }
            for name in evaluation.structures
        },
        "area_gap_percent": {
            phase: mean_of(lambda clip, phase=phase: 100 * clip.area_gap(lv, phase))  # type: ignore[misc]
            for phase in ("ED", "ES")
        },
        "ef_points": {key: asdict(a) if a else None for key, a in agreements.items()},
        "ef_absolute_error_points": mean_of(lambda clip: abs(ef_error(clip))),
        "jitter_percent": mean_of(lambda clip: clip.jitter),
        "true_jitter_percent": mean_of(lambda clip: clip.true_jitter),
        "excess_flicker_points": mean_of(lambda clip: clip.flicker),
        "frames_per_second": evaluation.frames_per_second,
        "frames_segmented": sum(clip.frames for clip in clips),
    }


def compare_models(models: Sequence[Measured], lv: str, seed: int) -> list[dict[str, Any]]:
    """Each model against the first, measure by measure; without those that no clip has."""
    first, *others = models
    patients = [clip.entry.study_id for clip in first.evaluation.clips]
    rows = []
    for other in others:
        for measure in clip_measures(lv):
            a, b = ([measure.of(c) for c in m.evaluation.clips] for m in (first, other))
            found = paired_difference(a, b, patients, seed=seed)
            if found.difference.n:
                rows.append(
                    {
                        "first": first.name,
                        "second": other.name,
                        "measure": measure.key,
                        "label": measure.label,
                        "unit": measure.unit,
                        "better": measure.better,
                        "mean_first": found.first,
                        "mean_second": found.second,
                        "difference": asdict(found.difference),
                        "p_wilcoxon": found.p,
                    }
                )
    return rows


def count(evaluation: Evaluation, lv: str) -> dict[str, int]:
    """How many there are of everything, and how many cannot be measured."""
    clips = evaluation.clips

    def without(value: Callable[[ClipResult], float]) -> int:
        return sum(not math.isfinite(value(clip)) for clip in clips)

    return {
        "patients": len({clip.entry.study_id for clip in clips}),
        "clips": len(clips),
        "labelled_frames": sum(len(clip.entry.labelled_frames) for clip in clips),
        "clips_without_label": evaluation.unlabelled,
        "clips_without_ed": without(lambda clip: clip.mean("dice", lv, "ED")),
        "clips_without_es": without(lambda clip: clip.mean("dice", lv, "ES")),
        "clips_without_beat": sum(clip.ef is None for clip in clips),
        "clips_without_spacing": sum(clip.entry.spacing_mm is None for clip in clips),
        "clips_with_stated_ef": sum(clip.entry.ef is not None for clip in clips),
        "clips_with_jitter": sum(math.isfinite(clip.true_jitter) for clip in clips),
    }


def _structure(evaluation: Evaluation, name: str, phase: str, seed: int) -> dict[str, Any]:
    scores = [
        score
        for score in evaluation.scores
        if score.structure == name and phase in (ALL, score.phase)
    ]
    patients = [score.study_id for score in scores]
    return {
        "frames": len(scores),
        "missed": sum(bool(s.true_px) and not s.predicted_px for s in scores),
        **{
            measure: asdict(
                estimate([getattr(score, measure) for score in scores], patients, seed=seed)
            )
            for measure in MEASURES
        },
    }
