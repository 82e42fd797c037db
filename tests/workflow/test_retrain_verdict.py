"""When a retrained model may take its base's place."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from napari_echo.core.params import TrainParams
from napari_echo.workflow.retrain_verdict import compare_packs
from napari_echo.workflow.scores import ClipResult, EFPair, Evaluation, FrameScore

LV = "LV cavity"
NAN = float("nan")


def _evaluation(dices: Sequence[tuple[float, float]], efs: Sequence[float] = ()) -> Evaluation:
    """Clips by their Dice at ED and ES, and by their predicted EF where 0.6 is true."""
    clips = []
    for number, (ed, es) in enumerate(dices):
        name = f"p{number}"
        scores = tuple(
            FrameScore(name, frame, phase, LV, dice, 3.0, 1.0, dice, 10, 10)
            for frame, (phase, dice) in enumerate((("ED", ed), ("ES", es)))
        )
        entry: Any = SimpleNamespace(study_id=name)
        ef = EFPair(name, efs[number], 0.6) if efs else None
        clips.append(ClipResult(entry, scores, ef, NAN, NAN, NAN, 2, 1.0))
    return Evaluation(tuple(clips))


def _worse(old: Evaluation, new: Evaluation) -> list[str]:
    return [row.measure.key for row in compare_packs(old, new, LV, TrainParams()) if row.worse]


def test_the_same_model_is_no_worse() -> None:
    same = _evaluation([(0.9, 0.8), (0.8, 0.9)], [0.5, 0.7])
    assert _worse(same, same) == []


def test_a_thousandth_of_dice_is_borne_and_two_are_not() -> None:
    old = _evaluation([(0.9, 0.8), (0.8, 0.9)])
    assert _worse(old, _evaluation([(0.8991, 0.7991), (0.7991, 0.8991)])) == []
    lower = _evaluation([(0.898, 0.798), (0.798, 0.898)])
    assert _worse(old, lower) == ["dice_all", "dice_ed", "dice_es"]


def test_one_phase_may_not_pay_for_the_other() -> None:
    old, new = _evaluation([(0.9, 0.8)]), _evaluation([(0.95, 0.79)])
    assert _worse(old, new) == ["dice_es"]


@pytest.mark.parametrize(
    ("ef", "worse"), [(0.56, []), (0.546, []), (0.64, []), (0.54, ["ef_bias"])]
)
def test_the_bias_of_ef_may_not_move_away_from_nought(ef: float, worse: list[str]) -> None:
    # The old bias is -5 points; the tolerance half a point.
    old = _evaluation([(0.9, 0.8)] * 2, [0.55, 0.55])
    assert _worse(old, _evaluation([(0.9, 0.8)] * 2, [ef, ef])) == worse


def test_without_any_dice_nothing_is_offered() -> None:
    blind = _evaluation([(NAN, NAN)])
    (first, *others) = compare_packs(blind, blind, LV, TrainParams())
    assert "could not be measured" in first.worse
    assert not any(row.worse for row in others)
    assert first.to_dict()["new"] is None


def test_a_row_tells_the_difference_and_its_interval() -> None:
    old = _evaluation([(0.9, 0.8), (0.8, 0.9), (0.7, 0.7)])
    new = _evaluation([(0.92, 0.82), (0.82, 0.92), (0.72, 0.72)])
    row = compare_packs(old, new, LV, TrainParams())[0].to_dict()
    assert row["clips"] == 3
    assert row["difference"] == pytest.approx(0.02)
    assert row["low"] == pytest.approx(0.02)
