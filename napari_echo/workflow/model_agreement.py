"""How far models agree on the LV of a clip, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.labels import LV
from napari_echo.core.prediction import Prediction
from napari_echo.metrics.overlap import dice


@dataclass(frozen=True, eq=False)
class ModelAgreement:
    """Dice of the LV cavity between every two models.

    Parameters
    ----------
    pairs : tuple of (str, str)
        Ids of the models.
    dice : ndarray of float64, shape (P, T)
        Of each pair in each frame, 0 to 1; not-a-number where neither model
        shows an LV.
    """

    pairs: tuple[tuple[str, str], ...]
    dice: NDArray[np.float64]

    @property
    def least(self) -> NDArray[np.float64]:
        """The least Dice of any pair in each frame (T,); not-a-number where none is known."""
        known = np.isfinite(self.dice).any(axis=0)
        least = np.full(self.dice.shape[1], np.nan)
        least[known] = np.nanmin(self.dice[:, known], axis=0)
        return least

    def worst(self) -> int | None:
        """The frame where two models agree least; None where no frame shows an LV."""
        least = self.least
        return int(np.nanargmin(least)) if np.isfinite(least).any() else None


def iter_agreement(predictions: Sequence[Prediction]) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Compare predictions of one clip frame by frame.

    Yields
    ------
    int, ndarray of float64, shape (P,)
        Frame, and the Dice of each pair, in the order of
        `itertools.combinations`.
    """
    for frame in range(len(predictions[0].segmentation.labels)):
        masks = [p.segmentation.labels[frame] == LV for p in predictions]
        yield frame, np.array([dice(a, b) for a, b in combinations(masks, 2)], np.float64)
