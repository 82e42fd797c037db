"""How sure a mean is, and whether two models differ: resampling of patients.

Several clips of one patient are no independent measurements, so whole
patients are drawn, with replacement, and every clip of theirs comes along
(Davison and Hinkley, Bootstrap Methods and their Application, 1997, ch. 3.8).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
CONFIDENCE = 0.95
_BATCH = 500  # resamples at a time, so that a large split fits in the memory


@dataclass(frozen=True)
class Estimate:
    """A mean over clips and its confidence interval.

    Parameters
    ----------
    n, patients : int
        Clips with a value, and the patients they come from.
    mean, sd : float
        Over clips; not-a-number without any, and for fewer than two.
    low, high : float
        Ends of the 95% interval; not-a-number for fewer than two patients.
    """

    n: int
    patients: int
    mean: float
    sd: float
    low: float
    high: float


@dataclass(frozen=True)
class PairedDifference:
    """Second minus first model on the clips that both could be measured on.

    Parameters
    ----------
    difference : Estimate
        Of the differences.
    first, second : float
        Means of the two on the same clips.
    p : float
        Two-sided Wilcoxon signed-rank test of the patients' mean differences
        (Wilcoxon, Biometrics Bulletin 1 (1945), 80-83); not corrected for the
        number of comparisons. Not-a-number where no patient differs.
    """

    difference: Estimate
    first: float
    second: float
    p: float


def estimate(values: Sequence[float], patients: Sequence[str], *, seed: int = 0) -> Estimate:
    """Mean of a measure over clips, with the percentile bootstrap interval over patients.

    Parameters
    ----------
    values : sequence of float
        One of each clip; not-a-number is left out.
    patients : sequence of str
        The patient of each clip.
    seed : int
        Of the resampling; the same seed gives the same interval.

    Returns
    -------
    Estimate
    """
    from scipy.stats import bootstrap

    sums, counts = _by_patient(values, patients)
    found = np.array([v for v in values if np.isfinite(v)], float)
    low = high = float("nan")
    if len(sums) > 1:
        interval = bootstrap(
            (sums, counts),
            lambda s, n, axis=-1: s.sum(axis=axis) / n.sum(axis=axis),
            paired=True,
            vectorized=True,
            n_resamples=RESAMPLES,
            batch=_BATCH,
            confidence_level=CONFIDENCE,
            method="percentile",
            rng=np.random.default_rng(seed),
        ).confidence_interval
        low, high = float(interval.low), float(interval.high)
    return Estimate(
        n=len(found),
        patients=len(sums),
        mean=float(found.mean()) if len(found) else float("nan"),
        sd=float(found.std(ddof=1)) if len(found) > 1 else float("nan"),
        low=low,
        high=high,
    )


def paired_difference(
    first: Sequence[float], second: Sequence[float], patients: Sequence[str], *, seed: int = 0
) -> PairedDifference:
    """Compare two models clip by clip.

    Parameters
    ----------
    first, second : sequence of float
        A measure of each clip by either model, in the same order. Clips that
        either could not be measured on are left out.
    patients : sequence of str
        The patient of each clip.
    seed : int
        Of the resampling.

    Returns
    -------
    PairedDifference
    """
    from scipy.stats import wilcoxon

    pairs = np.array([first, second], float)
    both = np.isfinite(pairs).all(axis=0)
    pairs = pairs[:, both]
    differences = pairs[1] - pairs[0]
    names = [name for name, kept in zip(patients, both, strict=True) if kept]
    sums, counts = _by_patient(differences.tolist(), names)
    of_patients = sums / counts
    # Rounding leaves differences of 1e-17 that would count as ranks.
    of_patients[np.abs(of_patients) < 1e-12] = 0
    means = pairs.mean(axis=1) if pairs.size else np.full(2, np.nan)
    return PairedDifference(
        difference=estimate(differences.tolist(), names, seed=seed),
        first=float(means[0]),
        second=float(means[1]),
        p=float(wilcoxon(of_patients).pvalue) if of_patients.any() else float("nan"),
    )


def _by_patient(
    values: Sequence[float], patients: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum and number of each patient's finite values, for the patients that have any."""
    collected: dict[str, list[float]] = {}
    for value, patient in zip(values, patients, strict=True):
        if np.isfinite(value):
            collected.setdefault(patient, []).append(value)
    groups = list(collected.values())
    sums = np.array([sum(group) for group in groups], float)
    return sums, np.array([len(group) for group in groups], float)
