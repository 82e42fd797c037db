"""The mitral and tricuspid leaflets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_echo.phantom.geometry import SectorGeometry
from napari_echo.phantom.imaging import Image, draw_line
from napari_echo.phantom.motion import HeartMotion
from napari_echo.phantom.params import Anatomy, Look

_FLOAT = NDArray[np.float64]


def leaflets(motion: HeartMotion, tricuspid: _FLOAT, g: float, opening: float) -> list[_FLOAT]:
    """Curves of the four leaflets, each (N, 2) in the current (u, v).

    Parameters
    ----------
    anatomy, motion : Anatomy, HeartMotion
        The heart.
    tricuspid : ndarray, shape (2, 2)
        Material points of the lateral and the septal hinge of the tricuspid valve.
    g : float
        Contraction.
    opening : float
        0 closed to 1 wide open.
    """
    wall = motion.endocardium(g, 3)
    curves = _pair(wall[0], wall[-1], 0.62, motion.anatomy.leaflet_tent, opening)
    lateral, septal = motion.from_material(tricuspid, g)
    return curves + _pair(septal, lateral, 0.42, motion.anatomy.leaflet_tent, opening)


def draw_leaflets(
    curves: list[_FLOAT],
    geometry: SectorGeometry,
    shift: tuple[float, float],
    anatomy: Anatomy,
    look: Look,
) -> Image:
    """Amplitude of the leaflets on the polar grid (1 is 0 dB), fainter along the beam."""
    step = float(geometry.radii[1] - geometry.radii[0])
    beam = float(geometry.angles[1] - geometry.angles[0])
    thickness = max(1, round(anatomy.leaflet_thickness / step))
    amplitude = np.zeros(geometry.polar_shape, np.float32)
    for k, curve in enumerate(curves):
        points = geometry.to_polar(curve, shift)
        along = np.abs(np.gradient(points[:, 1])) * step
        across = (
            np.abs(np.gradient(points[:, 0])) * beam * (points[:, 1] * step + geometry.radii[0])
        )
        facing = float(np.mean(across / (np.hypot(along, across) + 1e-6)))
        # The tricuspid leaflets, farther from the central beam, are fainter.
        level = look.valve - look.anisotropy * (1 - facing) - (3.0 if k > 1 else 0.0)
        line = np.zeros(geometry.polar_shape, np.uint8)
        draw_line(line, points, thickness)
        amplitude = np.maximum(amplitude, line * np.float32(10 ** (level / 20) / 255))
    return amplitude


def _pair(first: _FLOAT, second: _FLOAT, share: float, tent: float, opening: float) -> list[_FLOAT]:
    """Two leaflets that meet at `share` of the annulus when closed.

    They close with a tent into the ventricle, `tent` annulus widths high,
    and swing around their hinges to open.
    """
    width = float(np.hypot(*(second - first)))
    along = (second - first) / width
    up = np.array([along[1], -along[0]])
    if up[1] > 0:
        up = -up
    curves = []
    for hinge, direction, length in (
        (first, along, share * width),
        (second, -along, (1 - share) * width),
    ):
        closed = np.arctan2(tent * width, length)
        swing = closed + opening * (1.35 - closed)
        reach = np.hypot(length, tent * width) * (1 + 0.12 * opening)
        tip = hinge + reach * (np.cos(swing) * direction + np.sin(swing) * up)
        # The belly bows to the atrium when closed and to the wall when open.
        bow = 0.08 * reach * (2.2 * opening - 1)
        across = -np.sin(swing) * direction + np.cos(swing) * up
        control = 0.5 * (hinge + tip) + bow * across
        t = np.linspace(0, 1, 14)[:, None]
        curves.append((1 - t) ** 2 * hinge + 2 * t * (1 - t) * control + t**2 * tip)
    return curves
