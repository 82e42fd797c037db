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
    mae, rmse : float
        Mean absolute difference, and the root of the mean square of the
        differences.
    r : float
        Pearson's correlation; not-a-number where either does not vary.
    r2 : float
        Coefficient of determination of the measured values as predictions of
        the reference, ``1 - sum (reference - measured)^2 / sum (reference -
        mean reference)^2``: 1 at best, 0 for a measurement no better than the
        reference's mean, and below that for a worse one. It is not the square
        of `r`, which no bias lowers. Not-a-number where the reference does
        not vary.
    """

    n: int
    bias: float
    sd: float
    mae: float
    r: float
    rmse: float
    r2: float

    @property
    def limits(self) -> tuple[float, float]:
        """Bland and Altman's 95% limits of agreement, ``bias -+ 1.96 SD``."""
        return self.bias - 1.96 * self.sd, self.bias + 1.96 * self.sd


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
    varies = pairs.std(axis=1) > 0
    squares, spread = float((difference**2).sum()), float(((pairs[1] - pairs[1].mean()) ** 2).sum())
    return Agreement(
        n=pairs.shape[1],
        bias=float(difference.mean()),
        sd=float(difference.std(ddof=1)),
        mae=float(np.abs(difference).mean()),
        r=float(np.corrcoef(pairs)[0, 1]) if varies.all() else float("nan"),
        rmse=float(np.sqrt(squares / pairs.shape[1])),
        r2=1 - squares / spread if varies[1] else float("nan"),
    )
