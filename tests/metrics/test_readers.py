"""Whether a difference is what readers differ by anyway."""

from __future__ import annotations

import math

from napari_echo.metrics.readers import dice_band, ef_band


def test_dice_is_held_against_two_readers_at_the_same_key_frame() -> None:
    assert dice_band(0.919, "ED") == "within"
    assert dice_band(0.90, "ED") == "beyond"
    assert dice_band(0.90, "ES") == "within"
    assert dice_band(0.872, "ES") == "beyond"
    assert dice_band(math.nan, "ED") is None


def test_ef_counts_in_either_direction_to_a_tenth_of_a_point() -> None:
    assert ef_band(-0.07) == ef_band(0.0704) == "within"
    assert ef_band(0.0706) == ef_band(-0.12) == "beyond"
    assert ef_band(math.nan) is None
