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


@dataclass(frozen=True, eq=False)
class Plane:
    """One view's beat: the diameters of its discs at ED and ES, and its long axes, in cm."""

    ed: NDArray[np.float64]
    es: NDArray[np.float64]
    led: float
    les: float


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


def plane_of(measures: LVMeasures, beat: int) -> Plane | None:
    """Take a beat of one view; None without a spacing or an LV in both key frames."""
    if measures.unit_length != "cm" or not 0 <= beat < len(measures.beats):
        return None
    ed, es = measures.beats[beat].ed, measures.beats[beat].es
    plane = Plane(
        measures.widths[ed],
        measures.widths[es],
        float(measures.length[ed]),
        float(measures.length[es]),
    )
    return plane if ed != es and math.isfinite(plane.led + plane.les) else None


def first_plane(measures: LVMeasures) -> Plane | None:
    """Take the first beat that can be taken; None where there is none."""
    planes = (plane_of(measures, beat) for beat in range(len(measures.beats)))
    return next((plane for plane in planes if plane is not None), None)


def biplane(plane: Plane, other: Plane) -> Biplane:
    """Measure a beat of an A4C clip together with one of an A2C clip, in either order."""
    edv = biplane_volume(plane.ed, other.ed, plane.led, other.led)
    esv = biplane_volume(plane.es, other.es, plane.les, other.les)
    gaps = [abs(a - b) / max(a, b) for a, b in ((plane.led, other.led), (plane.les, other.les))]
    return Biplane(edv, esv, (edv - esv) / edv if edv > 0 else math.nan, max(gaps))
