"""The way to the model's square and back."""

from __future__ import annotations

import numpy as np
import pytest

from napari_echo.ml.geometry import fit_size, letterbox, unletterbox


@pytest.mark.parametrize("shape", [(240, 320), (590, 487), (112, 112), (64, 1000)])
def test_letterbox_keeps_the_aspect_ratio_and_pads_with_black(shape: tuple[int, int]) -> None:
    square = letterbox(np.full(shape, 200, np.uint8), 256)
    height, width = fit_size(shape, 256)
    assert square.shape == (256, 256)
    assert (square[:height, :width] == 200).all()
    assert square[height:].sum() == 0
    assert square[:, width:].sum() == 0
    assert height / width == pytest.approx(shape[0] / shape[1], rel=0.05)


@pytest.mark.parametrize("shape", [(240, 320), (590, 487), (100, 100)])
@pytest.mark.parametrize("cells", [32, 256])
def test_scores_come_back_to_where_they_were(shape: tuple[int, int], cells: int) -> None:
    """A disc on the clip's grid, seen through the square, lands on itself."""
    y, x = np.indices(shape)
    centre = np.array(shape) * [0.4, 0.6]
    disc = np.hypot(y - centre[0], x - centre[1]) < 0.25 * min(shape)
    square = letterbox((disc * 255).astype(np.uint8), 256).astype(np.float32)
    scores = square.reshape(cells, 256 // cells, cells, 256 // cells).mean((1, 3))[None]
    back = unletterbox(scores, shape, 256)
    assert back.shape == (1, *shape)
    found = back[0] > 127
    assert 2 * (found & disc).sum() / (found.sum() + disc.sum()) > 0.97
    centroid = np.argwhere(found).mean(axis=0)
    assert np.abs(centroid - np.argwhere(disc).mean(axis=0)).max() < 0.6


def test_labels_stay_labels() -> None:
    labels = np.zeros((300, 200), np.uint8)
    labels[50:200, 50:150] = 3
    assert set(np.unique(letterbox(labels, 128, labels=True))) == {0, 3}
