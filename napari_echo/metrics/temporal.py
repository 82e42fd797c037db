"""How steady a segmentation is from frame to frame.

A beating ventricle changes smoothly; what jumps between neighbouring frames
and back is the segmentation. Two numbers say how much, both zero at best:

``area_jitter``
    ``100 mean_t |A(t-1) - 2 A(t) + A(t+1)| / mean_t A(t)``, in percent of the
    mean area. It needs no truth. It is twice the mean distance of the area
    from the mean of its two neighbours, the quantity by which Painchaud et
    al. (Echocardiography segmentation with enforced temporal consistency,
    IEEE TMI 41(10), 2022, 2867-2878) find inconsistent frames; they scale an
    attribute by its range, here it is the mean, so that a still ventricle has
    a jitter, too. The true curve has a little of its own, from its curvature
    and from the pixels: compare with it where it is known.
``excess_flicker``
    ``100 mean_t [Dice(G(t), G(t+1)) - Dice(P(t), P(t+1))]``, in points: how
    much more the predicted masks P change between neighbouring frames than
    the true masks G do. Unlike the area it also sees a mask that moves; below
    zero, the prediction moves less than the heart.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_echo.metrics.overlap import dice


def area_jitter(area: ArrayLike) -> float:
    """Mean absolute second difference of an area curve, in percent of its mean.

    Parameters
    ----------
    area : array_like of float, shape (T,)
        Area of the LV in frames that follow each other, in any unit;
        not-a-number where there is none. Frames next to such a one are left
        out.

    Returns
    -------
    float
        Not-a-number without three frames in a row that have an area.
    """
    curve = np.asarray(area, np.float64)
    bends = np.abs(np.diff(curve, 2))
    bends = bends[np.isfinite(bends)]
    if bends.size == 0:
        return float("nan")
    return float(100 * bends.mean() / np.nanmean(curve))


def excess_flicker(predicted: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """How much more neighbouring predicted masks differ than the true ones, in Dice points.

    Parameters
    ----------
    predicted, truth : ndarray of bool, shape (T, H, W)
        Masks of one structure in frames that follow each other.

    Returns
    -------
    float
        Not-a-number without a pair of neighbours in which both show the structure.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if predicted.shape != truth.shape:
        raise ValueError(f"masks of the shapes {predicted.shape} and {truth.shape} do not pair")
    excess = [
        dice(truth[t], truth[t + 1]) - dice(predicted[t], predicted[t + 1])
        for t in range(len(truth) - 1)
    ]
    finite = [value for value in excess if np.isfinite(value)]
    return 100 * float(np.mean(finite)) if finite else float("nan")
