"""Volumes and EF from two planes, by the method of discs (biplane Simpson).

The discs are ellipses whose diameters are those of the apical four-chamber
and of the two-chamber view at the same height,
``V = pi/4 sum(a_i b_i) L/20``, with the longer of the two long axes as L
(Lang et al., Recommendations for cardiac chamber quantification, J Am Soc
Echocardiogr 28 (2015), 1-39; Leclerc et al., IEEE TMI 38(9), 2019, compute
the EF of CAMUS so). The method assumes that both views were cut along the
same axis: where their lengths differ by more than a tenth, one of them is
probably foreshortened.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.discs import N_DISCS
from napari_echo.metrics.volume import LVMeasures

ALIKE = 0.1
"""Share by which the long axes of two views may differ."""


@dataclass(frozen=True)
class Biplane:
    """What two views of one ventricle measure together.

    Parameters
    ----------
    edv, esv : float
        Volumes in ml.
    ef : float
        ``(EDV - ESV) / EDV``, a fraction.
    length_gap : float
        By which share the two long axes differ, the larger of ED and ES.
    """

    edv: float
    esv: float
    ef: float
    length_gap: float

    @property
    def is_foreshortened(self) -> bool:
        """Whether the axes differ by more than views along the same axis do."""
        return self.length_gap > ALIKE


def biplane_volume(
    widths: NDArray[np.float64], others: NDArray[np.float64], length: float, other_length: float
) -> float:
    """Volume of a ventricle that two planes cut, in the cube of the lengths' unit.

    Parameters
    ----------
    widths, others : ndarray of float, shape (20,)
        Diameters of the discs in either plane, from apex to base.
    length, other_length : float
        Length of the long axis in either plane.
    """
    step = max(length, other_length) / N_DISCS
    return math.pi / 4 * float(widths @ others) * step


def biplane(
    measures: LVMeasures, other: LVMeasures, beat: int = 0, other_beat: int = 0
) -> Biplane | None:
    """Measure a beat of one view together with a beat of the other.

    Parameters
    ----------
    measures, other : LVMeasures
        Of an A4C and of an A2C clip of the same study, in either order.
    beat, other_beat : int
        Place among the beats of each.

    Returns
    -------
    Biplane or None
        None where either has no spacing, or no such beat with an LV in both
        key frames.
    """
    pair = ((measures, beat), (other, other_beat))
    if any(m.unit_length != "cm" or place >= len(m.beats) for m, place in pair):
        return None
    volumes, gaps = [], []
    for which in ("ed", "es"):
        frames = [getattr(m.beats[place], which) for m, place in pair]
        (a, b), (la, lb) = (
            [m.widths[frame] for (m, _), frame in zip(pair, frames, strict=True)],
            [float(m.length[frame]) for (m, _), frame in zip(pair, frames, strict=True)],
        )
        volumes.append(biplane_volume(a, b, la, lb))
        gaps.append(abs(la - lb) / max(la, lb))
    edv, esv = volumes
    if not (math.isfinite(edv) and math.isfinite(esv) and edv > 0):
        return None
    if any(m.beats[place].ed == m.beats[place].es for m, place in pair):
        return None
    return Biplane(edv, esv, (edv - esv) / edv, max(gaps))
