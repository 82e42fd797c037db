"""Hard pixels: where a segmentation is doubtful or wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Criterion = Literal["entropy", "margin", "error"]


@dataclass(frozen=True, eq=False)
class HardnessMap:
    """How hard each pixel is.

    Parameters
    ----------
    values : ndarray of float32, shape (T, H, W)
        0 is easy, 1 is as hard as can be.
    scored : ndarray of bool, shape (T,)
        The frames that have a score; `error` scores annotated frames only,
        and the values of the others are 0.
    criterion : {"entropy", "margin", "error"}
        What was measured.
    """

    values: NDArray[np.float32]
    scored: NDArray[np.bool_]
    criterion: Criterion


@dataclass(frozen=True, eq=False)
class HardPixels:
    """The pixels called hard.

    Parameters
    ----------
    mask : ndarray of bool, shape (T, H, W)
        The hard pixels.
    share : float
        Their share of the scored frames' pixels, 0 to 1.
    frame_scores : ndarray of float32, shape (T,)
        Hardness of each frame; not-a-number where the frame has no score.
    """

    mask: NDArray[np.bool_]
    share: float
    frame_scores: NDArray[np.float32]
