"""Stray pieces of the LV leave the labels, and only they."""

from __future__ import annotations

import numpy as np

from napari_echo.core.cleanup import keep_largest_piece


def a_prediction() -> tuple[np.ndarray, np.ndarray]:
    labels = np.zeros((2, 12, 12), np.uint8)
    labels[:, 2:7, 2:7] = 1
    labels[0, 9:11, 9:11] = 1  # a stray piece of the LV
    labels[0, 7, 7] = 1  # touches by a corner alone
    labels[:, 10, 1] = 2  # small pieces of others are not our business
    labels[:, 1, 10] = 2
    probabilities = np.zeros((2, 3, 12, 12), np.float16)
    np.put_along_axis(probabilities, labels[:, None].astype(int), 0.6, axis=1)
    probabilities[:, 2] += 0.3
    probabilities[:, 0] += 0.1
    return labels, probabilities


def test_the_largest_piece_stays_and_strays_become_the_second_guess() -> None:
    labels, probabilities = a_prediction()
    clean = keep_largest_piece(labels, probabilities)
    expected = labels.copy()
    expected[0, 9:11, 9:11] = 2
    expected[0, 7, 7] = 2
    np.testing.assert_array_equal(clean, expected)


def test_the_input_is_not_changed() -> None:
    labels, probabilities = a_prediction()
    before = labels.copy(), probabilities.copy()
    keep_largest_piece(labels, probabilities)
    np.testing.assert_array_equal(labels, before[0])
    np.testing.assert_array_equal(probabilities, before[1])


def test_a_model_of_the_lv_alone_leaves_background() -> None:
    labels, _ = a_prediction()
    labels[labels == 2] = 0
    p = np.stack([labels == 0, labels == 1], axis=1).astype(np.float16)
    clean = keep_largest_piece(labels, p)
    assert clean[0].sum() == 25
    np.testing.assert_array_equal(clean[1], labels[1])
