"""How well two measurements of the same quantity agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Agreement:
    """Agreement of a measured quantity with its reference.

    Parameters
    ----------
    n : int
        Pairs that both could be measured.
    bias, sd : float
        Mean of measured minus reference, and the standard deviation of the
        differences (Bland and Altman, Lancet 327 (1986), 307-310).
    mae : float
        Mean absolute difference.
    r : float
        Pearson's correlation; not-a-number where either does not vary.
    """

    n: int
    bias: float
    sd: float
    mae: float
    r: float


def agreement(measured: Sequence[float], reference: Sequence[float]) -> Agreement | None:
    """Compare pairs of measurements, in their own unit.

    Parameters
    ----------
    measured, reference : sequence of float
        The two of each pair at the same place; pairs with not-a-number are left out.

    Returns
    -------
    Agreement or None
        None for fewer than two pairs.
    """
    pairs = np.array([measured, reference], float)
    pairs = pairs[:, np.isfinite(pairs).all(axis=0)]
    if pairs.shape[1] < 2:
        return None
    difference = pairs[0] - pairs[1]
    varies = bool((pairs.std(axis=1) > 0).all())
    return Agreement(
        n=pairs.shape[1],
        bias=float(difference.mean()),
        sd=float(difference.std(ddof=1)),
        mae=float(np.abs(difference).mean()),
        r=float(np.corrcoef(pairs)[0, 1]) if varies else float("nan"),
    )
