"""Two segmentations of a frame, blended: the border moves, and no area jumps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_echo.workflow.blending import blend_by_distance

SIZE = 64


def disc(radius: float) -> NDArray[np.float32]:
    """Probabilities of background and of a disc, in the middle."""
    y, x = np.indices((SIZE, SIZE)) - (SIZE - 1) / 2
    inside = (np.hypot(y, x) < radius).astype(np.float32)
    return np.stack([1 - inside, inside])


def radius_of(probabilities: NDArray[np.floating]) -> float:
    return float(np.sqrt((probabilities.argmax(0) == 1).sum() / np.pi))


def test_a_disc_grows_evenly_into_another() -> None:
    small, large = disc(10), disc(20)
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        blended = blend_by_distance(small, large, share)
        assert abs(radius_of(blended) - (10 + 10 * share)) < 0.5
        assert np.allclose(blended.astype(np.float32).sum(0), 1, atol=0.01)
    # Their mean is one of them or the other.
    mean = 0.49 * large + 0.51 * small
    assert abs(radius_of(mean) - 10) < 0.5


def test_a_structure_that_only_one_has_comes_and_goes() -> None:
    none, there = disc(0), disc(12)
    assert (blend_by_distance(none, there, 0.2).argmax(0) == 0).all()
    assert abs(radius_of(blend_by_distance(none, there, 1.0)) - 12) < 0.5
    assert np.isfinite(blend_by_distance(none, none, 0.5)).all()
