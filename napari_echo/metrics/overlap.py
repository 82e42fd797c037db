"""Overlap of two masks of one structure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Dice coefficient ``2 |A and B| / (|A| + |B|)`` (Dice 1945).

    Parameters
    ----------
    a, b : ndarray of bool
        Masks of one shape, such as (H, W) or (T, H, W).

    Returns
    -------
    float
        0 to 1; not-a-number where both masks are empty.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    common, total = _counts(a, b)
    return 2 * common / total if total else float("nan")


def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Intersection over union ``|A and B| / |A or B|`` (Jaccard 1912).

    Takes, returns and raises what `dice` does.
    """
    common, total = _counts(a, b)
    return common / (total - common) if total else float("nan")


def _counts(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> tuple[int, int]:
    if a.shape != b.shape:
        raise ValueError(f"masks of the shapes {a.shape} and {b.shape} cannot be compared")
    a, b = a.astype(np.bool_, copy=False), b.astype(np.bool_, copy=False)
    return int(np.count_nonzero(a & b)), int(np.count_nonzero(a) + np.count_nonzero(b))
