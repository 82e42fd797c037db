"""Outlines of the chambers at end diastole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_echo.phantom.motion import HeartMotion, smoothstep
from napari_echo.phantom.params import Anatomy

_FLOAT = NDArray[np.float64]


@dataclass(frozen=True)
class Chambers:
    """Outlines in material coordinates, each (N, 2) in (u, v), mm.

    The LV's curves and the left atrium's run from the septal to the lateral
    hinge of the mitral valve; the others are closed.
    """

    endo: _FLOAT
    epi: _FLOAT
    left_atrium: _FLOAT
    right_ventricle: _FLOAT
    """Starts at the septal and ends at the lateral hinge of the tricuspid valve."""
    right_atrium: _FLOAT


def build_chambers(anatomy: Anatomy, motion: HeartMotion) -> Chambers:
    """Place the other chambers around the LV of `motion`."""
    endo, epi = motion.endocardium(0.0), motion.epicardium(0.0)
    return Chambers(
        endo,
        epi,
        _left_atrium(anatomy, endo[0], endo[-1]),
        _right_ventricle(anatomy, epi),
        _right_atrium(anatomy, min(epi[0][0], endo[0][0]), float(epi[0][1])),
    )


def _left_atrium(a: Anatomy, septal: _FLOAT, lateral: _FLOAT) -> _FLOAT:
    """A superellipse below the annulus whose width grows to the atrium's own."""
    middle, half = 0.5 * (septal + lateral), 0.5 * np.hypot(*(lateral - septal))
    t = np.linspace(np.pi, 0, 61)
    deep = np.abs(np.sin(t)) ** 0.8
    width = half + (0.5 * a.la_width - half) * smoothstep(deep * 1.4)
    x = np.sign(np.cos(t)) * np.abs(np.cos(t)) ** 0.75 * width
    slope = (lateral[1] - septal[1]) / (2 * half)
    y = deep * a.la_length + x * slope * (1 - deep)
    return np.stack([middle[0] + x + a.la_skew * deep**1.5, middle[1] + y], axis=1)


def _right_ventricle(a: Anatomy, epi: _FLOAT) -> _FLOAT:
    """A crescent along the septum, from its apex to the tricuspid annulus."""
    septum = epi[: len(epi) // 2]
    top = int(np.argmin(np.abs(septum[:, 1] - (1 - a.rv_length_ratio) * a.lv_length)))
    septum = septum[: max(top, 8)]
    base, apex = septum[0], septum[-1]
    hinge = base + np.array([-a.rv_width, -0.08 * a.rv_width])
    control = np.array([hinge[0] - 0.25 * a.rv_width, 0.5 * apex[1] + 0.5 * hinge[1]])
    t = np.linspace(0, 1, 40)[:, None]
    free_wall = (1 - t) ** 2 * apex + 2 * t * (1 - t) * control + t**2 * hinge
    return np.concatenate([septum, free_wall])


def _right_atrium(a: Anatomy, right: float, top: float) -> _FLOAT:
    """A rounded chamber left of the atrial septum."""
    t = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    x = np.sign(np.cos(t)) * np.abs(np.cos(t)) ** 0.8 * 0.5 * a.ra_width
    y = np.sign(np.sin(t)) * np.abs(np.sin(t)) ** 0.8 * 0.5 * a.ra_length
    return np.stack([right - 1.0 - 0.5 * a.ra_width + x, top + 0.5 * a.ra_length + y], axis=1)
