"""By how much a correction may change the EF, from the model's own doubt.

A reader who corrects a border puts it where the model gave the LV another
probability than one half. Where, nobody knows; here five levels from 0.1 to
0.9 are all as likely, at ED and at ES each for itself. The border's
band of doubt, however wide it is, so becomes a spread of volumes, and the
volumes a spread of EF.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.metrics.volume import lv_measures

LEVELS = (0.1, 0.3, 0.5, 0.7, 0.9)
LIMITS = (0.35, 0.40, 0.50)
"""EF at which treatment or diagnosis change."""


@dataclass(frozen=True)
class EFOutlook:
    """What a correction may do to the EF of a beat.

    Parameters
    ----------
    ef : float
        EF of the model's borders (level 0.5), a fraction.
    expected_change : float
        Mean absolute difference to the EF of the other borders, a fraction.
    crossing : tuple of float
        For each limit the chance that the corrected EF lies on its other side.
    limits : tuple of float
        The limits, as fractions.
    """

    ef: float
    expected_change: float
    crossing: tuple[float, ...]
    limits: tuple[float, ...]


def ef_outlook(
    ed: NDArray[np.floating],
    es: NDArray[np.floating],
    spacing_mm: tuple[float, float] | None,
    limits: Sequence[float] = LIMITS,
) -> EFOutlook | None:
    """Look at what a correction of ED and ES may do to the EF.

    Parameters
    ----------
    ed, es : ndarray of float, shape (H, W)
        Probability of the LV cavity at end diastole and at end systole.
    spacing_mm : (float, float) or None
        Height and width of a pixel in mm; pixels are square without it.
    limits : sequence of float
        EF values, as fractions, whose crossing matters.

    Returns
    -------
    EFOutlook or None
        None where the model sees no LV in one of the frames.
    """
    masks = np.stack([frame > level for frame in (ed, es) for level in LEVELS])
    volumes = lv_measures(masks, spacing_mm, KeyFrames((Beat(0, 1),), "detected")).volume
    edv, esv = volumes[: len(LEVELS)], volumes[len(LEVELS) :]
    middle = len(LEVELS) // 2
    if not np.isfinite([edv[middle], esv[middle]]).all():
        return None
    found = (edv[:, None] - esv[None]) / edv[:, None]
    ef = float(found[middle, middle])
    # At a high level a doubtful ventricle is gone: no volume, and no EF.
    known = found[np.isfinite(found)]
    return EFOutlook(
        ef,
        float(np.abs(known - ef).mean()),
        tuple(float(((known < limit) != (ef < limit)).mean()) for limit in limits),
        tuple(limits),
    )
