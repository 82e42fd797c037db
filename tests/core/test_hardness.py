"""Hardness of pixels and frames, on probabilities worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.core.hardness import HardnessMap, hard_pixels, hardness_map
from napari_echo.core.labels import CAMUS_SCHEMA, IGNORE, LV_SCHEMA, LabelSchema, Segmentation
from napari_echo.core.params import HardnessParams


def probabilities(*pixels: tuple[float, ...]) -> NDArray[np.float16]:
    """One frame of one row, a pixel for each tuple of class probabilities."""
    return np.array(pixels, np.float16).T[None, :, None, :]


def truth(labels: list[int], schema: LabelSchema = CAMUS_SCHEMA) -> Segmentation:
    row = np.array(labels, np.uint8)[None, None]
    return Segmentation(row, np.ones(1, bool), "ground truth", schema)


def a_map(values: object, scored: list[bool] | None = None) -> HardnessMap:
    array = np.asarray(values, np.float32)
    return HardnessMap(array, np.array(scored or [True] * len(array)), "entropy")


def test_entropy_is_one_for_a_toss_up_and_zero_for_certainty() -> None:
    p = probabilities((0.25,) * 4, (1, 0, 0, 0), (0.5, 0.5, 0, 0))
    values = hardness_map("entropy", p).values[0, 0]
    assert values == pytest.approx([1, 0, 0.5], abs=1e-6)


def test_margin_is_the_lead_of_the_first_over_the_second() -> None:
    p = probabilities((0.5, 0.25, 0.25, 0), (1, 0, 0, 0), (0.5, 0.5, 0, 0))
    assert hardness_map("margin", p).values[0, 0] == pytest.approx([0.75, 0, 1], abs=1e-6)


def test_error_is_what_the_true_class_lacks() -> None:
    p = probabilities((0.25, 0.75, 0, 0), (0.25, 0.75, 0, 0), (0, 0, 0, 1), (0, 0, 0, 1))
    values = hardness_map("error", p, truth([1, 0, 2, IGNORE])).values[0, 0]
    assert values == pytest.approx([0.25, 0.75, 1, 0], abs=1e-6)


def test_error_counts_structures_that_one_side_does_not_know_as_background() -> None:
    of_lv_model = probabilities((1, 0), (0, 1))
    assert hardness_map("error", of_lv_model, truth([2, 2])).values[0, 0].tolist() == [0, 1]
    of_camus_model = probabilities((0, 0, 1, 0), (0, 1, 0, 0))
    lv_truth = truth([0, 0], LV_SCHEMA)
    assert hardness_map("error", of_camus_model, lv_truth).values[0, 0].tolist() == [0, 1]


def test_error_scores_annotated_frames_only() -> None:
    p = np.tile(probabilities((0, 1)), (3, 1, 1, 1))
    sparse = Segmentation(
        np.zeros((3, 1, 1), np.uint8), np.array([False, True, False]), "ground truth", LV_SCHEMA
    )
    hardness = hardness_map("error", p, sparse)
    hard = hard_pixels(hardness, HardnessParams(criterion="error"))
    assert hardness.scored.tolist() == [False, True, False]
    assert hard.mask.ravel().tolist() == [False, True, False]
    assert np.isnan(hard.frame_scores).tolist() == [True, False, True]
    assert hard.share == 1


@pytest.mark.parametrize("what", ["nothing", "no annotated frame", "another size"])
def test_error_needs_the_truth_of_this_clip(what: str) -> None:
    empty = Segmentation(np.zeros((1, 1, 2), np.uint8), np.zeros(1, bool), "ground truth")
    given_truth = {"nothing": None, "no annotated frame": empty, "another size": truth([1, 1, 1])}
    with pytest.raises(EchoError, match=r"truth"):
        hardness_map("error", probabilities((1, 0), (0, 1)), given_truth[what])


@settings(deadline=None, max_examples=40, derandomize=True)
@given(seed=st.integers(0, 10_000), n_classes=st.integers(1, 5))
def test_hardness_stays_in_its_range(seed: int, n_classes: int) -> None:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(n_classes, 0.3), (2, 5, 4)).transpose(0, 3, 1, 2)
    for criterion in ("entropy", "margin"):
        values = hardness_map(criterion, p.astype(np.float16)).values
        assert values.shape == (2, 5, 4)
        assert values.dtype == np.float32
        assert values.min() >= 0
        assert values.max() <= 1


def test_threshold_calls_pixels_above_it_hard() -> None:
    hard = hard_pixels(a_map([[[0.2, 0.5, 0.8, 1]]]), HardnessParams(threshold=0.5))
    assert hard.mask.ravel().tolist() == [False, False, True, True]
    assert hard.share == 0.5


@settings(deadline=None, max_examples=60, derandomize=True)
@given(seed=st.integers(0, 10_000), share=st.floats(0, 1), levels=st.integers(1, 8))
def test_share_calls_an_exact_number_hard_and_the_hardest(
    seed: int, share: float, levels: int
) -> None:
    rng = np.random.default_rng(seed)
    values = (1 + rng.integers(0, levels, (4, 5, 6))) / levels  # many ties
    scored = [True, False, True, True]
    values[1] = 0
    hard = hard_pixels(a_map(values, scored), HardnessParams(rule="share", share=share))
    n = round(share * 90)
    assert np.count_nonzero(hard.mask) == n
    assert not hard.mask[1].any()
    assert hard.share == pytest.approx(n / 90)
    if 0 < n < 90:
        assert values[hard.mask].min() >= values[scored][~hard.mask[scored]].max()


def test_share_spreads_ties_over_the_clip_and_never_takes_easy_pixels() -> None:
    even = hard_pixels(a_map(np.ones((10, 4, 5))), HardnessParams(rule="share", share=0.5))
    assert even.mask.sum(axis=(1, 2)).tolist() == [10] * 10
    values = np.zeros((1, 10, 10))
    values[0, 0, :3] = 0.1
    few = hard_pixels(a_map(values), HardnessParams(rule="share", share=0.5))
    assert np.count_nonzero(few.mask) == 3


def test_frame_score_relates_hardness_to_the_labelled_area() -> None:
    values = np.zeros((3, 10, 10))
    values[0, 0] = 0.5  # 5 in all
    values[1, 0] = 1.0  # 10 in all
    labels = np.zeros((3, 10, 10), np.uint8)
    labels[:, 5:7] = 1  # 20 pixels
    scores = hard_pixels(a_map(values), HardnessParams(), labels=labels).frame_scores
    assert scores == pytest.approx([5 / 25, 10 / 30, 0])


def test_frame_score_does_not_depend_on_resolution_or_threshold() -> None:
    rng = np.random.default_rng(0)
    values, labels = rng.random((2, 8, 8)), rng.integers(0, 2, (2, 8, 8)).astype(np.uint8)
    params = HardnessParams(threshold=0.2), HardnessParams(rule="share")
    small = hard_pixels(a_map(values), params[0], labels=labels).frame_scores
    large = hard_pixels(
        a_map(values.repeat(3, 1).repeat(3, 2)), params[1], labels=labels.repeat(3, 1).repeat(3, 2)
    ).frame_scores
    assert large == pytest.approx(small, rel=1e-5)


def test_a_frame_that_lost_its_ventricle_scores_hardest() -> None:
    values = np.full((2, 4, 4), 0.1)
    labels = np.zeros((2, 4, 4), np.uint8)
    labels[1, 1:3, 1:3] = 1
    scores = hard_pixels(a_map(values), HardnessParams(), labels=labels).frame_scores
    assert scores[0] == 1
    assert scores[1] < 0.5


def test_learned_hardness_is_the_models_own_and_refused_where_it_has_none() -> None:
    p = probabilities((0.5, 0.5), (1, 0))
    learned = np.array([[[0.25, 1.0]]], np.float16)
    found = hardness_map("learned", p, learned=learned)
    assert found.values[0, 0].tolist() == [0.25, 1]
    assert (found.criterion, found.scored.tolist()) == ("learned", [True])
    assert found.values.dtype == np.float32
    with pytest.raises(EchoError, match="has not learned which pixels are hard; choose entropy"):
        hardness_map("learned", p)
