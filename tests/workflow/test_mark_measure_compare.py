"""What is made of a prediction: hard pixels, volumes, agreement with the truth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA, IGNORE, LV_SCHEMA, Segmentation
from napari_echo.core.params import HardnessParams
from napari_echo.workflow.compare import compare
from napari_echo.workflow.mark import mark
from napari_echo.workflow.measure import measure
from napari_echo.workflow.predict import predict


def sparse_truth(clip: EchoClip, frames: list[int]) -> Segmentation:
    labels = np.zeros(clip.frames.shape, np.uint8)
    labels[frames] = clip.frames[frames] > 127
    annotated = np.zeros(len(clip), bool)
    annotated[frames] = True
    return Segmentation(labels, annotated, "ground truth", CAMUS_SCHEMA)


def test_measure_finds_the_beats_and_their_ef(
    beating: EchoClip, model: Any, beating_ef: float
) -> None:
    measures = measure(beating, predict(beating, model).segmentation)
    assert measures.key_frames == KeyFrames((Beat(0, 6), Beat(12, 18)), "detected")
    assert measures.beats[0].ef == pytest.approx(beating_ef, abs=0.03)
    assert measures.unit_volume == "ml"
    assert np.isfinite(measures.volume).all()


def test_measure_takes_the_key_frames_it_is_given(beating: EchoClip, model: Any) -> None:
    given = KeyFrames((Beat(12, 17),), "set by reader")
    measures = measure(beating, predict(beating, model).segmentation, given)
    assert measures.key_frames == given
    (beat,) = measures.beats
    assert beat.edv == measures.volume[12]


def test_measure_of_sparse_truth_leaves_the_other_frames_out(
    beating: EchoClip, beating_ef: float
) -> None:
    measures = measure(beating, sparse_truth(beating, [12, 18]))
    assert np.flatnonzero(np.isfinite(measures.area)).tolist() == [12, 18]
    assert measures.key_frames.beats == (Beat(12, 18),)
    assert measures.ef == pytest.approx(beating_ef, abs=0.03)


def test_measure_refuses_the_labels_of_another_clip(beating: EchoClip) -> None:
    other = Segmentation(np.zeros((2, 4, 4), np.uint8), np.ones(2, bool), "ground truth")
    with pytest.raises(EchoError, match="must be the same"):
        measure(beating, other)


def test_mark_scores_every_frame_and_finds_the_doubtful_one(beating: EchoClip, model: Any) -> None:
    frames = beating.frames.copy()
    frames[7, 100:, :] = 120  # neither dark nor bright
    prediction = predict(EchoClip.from_frames(frames), model)
    hardness, hard = mark(prediction, None, HardnessParams(threshold=0.9))
    assert hardness.criterion == "entropy"
    assert int(hard.frame_scores.argmax()) == 7
    assert hard.mask[7, 100:].all()
    assert not hard.mask[6].any()


def test_mark_by_error_needs_truth_and_scores_its_frames(beating: EchoClip, model: Any) -> None:
    prediction = predict(beating, model)
    params = HardnessParams(criterion="error", rule="share", share=0.1)
    with pytest.raises(EchoError, match="ground truth"):
        mark(prediction, None, params)
    _, hard = mark(prediction, sparse_truth(beating, [0, 6]), params)
    assert np.flatnonzero(np.isfinite(hard.frame_scores)).tolist() == [0, 6]
    assert hard.share == pytest.approx(0.1, abs=1e-4)


def test_compare_scores_each_annotated_frame(beating: EchoClip, model: Any) -> None:
    prediction = predict(beating, model)
    truth = sparse_truth(beating, [0, 6])
    shifted = truth.labels.copy()
    shifted[6] = np.roll(truth.labels[6], 4, axis=1)  # 2 mm to the side
    report = compare(
        prediction,
        Segmentation(shifted, truth.annotated.copy(), "ground truth"),
        beating.spacing_mm,
    )
    at_ed, at_es = report.rows
    assert [row.frame for row in report.rows] == [0, 6]
    assert report.unit == "mm"
    assert (at_ed.dice, at_ed.iou, at_ed.hd95, at_ed.asd) == (1, 1, 0, 0)
    assert 0.8 < at_es.dice < 0.99
    assert at_es.hd95 == pytest.approx(2, abs=0.2)
    key_frames = KeyFrames((Beat(0, 6), Beat(12, 18)), "traced")
    assert report.dice_at_ed(key_frames) == 1
    assert report.dice_at_es(key_frames) == at_es.dice
    assert report.dice_at_ed(KeyFrames((Beat(1, 6),), "traced")) is None
    assert report.mean_dice() == pytest.approx((1 + at_es.dice) / 2)


def test_compare_leaves_out_ignored_pixels_and_unknown_structures(
    beating: EchoClip, model: Any
) -> None:
    truth = sparse_truth(beating, [0])
    labels = truth.labels.copy()
    labels[0][labels[0] == 0] = 3  # the model knows no atrium
    labels[0, :, :80] = IGNORE  # half of the ventricle is not labelled
    report = compare(
        predict(beating, model), Segmentation(labels, truth.annotated.copy(), "ground truth"), None
    )
    (row,) = report.rows
    assert (row.name, row.dice, report.unit) == ("LV cavity", 1, "px")


def test_compare_of_a_frame_without_lv(beating: EchoClip, model: Any) -> None:
    empty = Segmentation(
        np.zeros(beating.frames.shape, np.uint8), np.arange(28) == 4, "ground truth", LV_SCHEMA
    )
    (row,) = compare(predict(beating, model), empty, beating.spacing_mm).rows
    assert row.dice == 0
    assert math.isnan(row.hd95)


def test_compare_refuses_the_truth_of_another_clip(beating: EchoClip, model: Any) -> None:
    other = Segmentation(np.zeros((2, 4, 4), np.uint8), np.ones(2, bool), "ground truth")
    with pytest.raises(EchoError, match="own truth"):
        compare(predict(beating, model), other, None)
