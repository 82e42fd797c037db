"""How the heart moves: an analytic map between the current and the ED positions.

Everything is described once, at end diastole, in *material* coordinates (u, v)
(see `params.Anatomy`). At contraction g (0 ED, 1 ES) a point of the image
belongs to the material point that `HeartMotion.to_material` gives, so masks,
echogenicity and scatterers all move by one and the same smooth motion.

The map has three parts, from the current to the material point:

1. the base moves towards the apex along the long axis, most at the annulus;
2. around the LV's centre the cavity shrinks by a factor that depends on the
   direction, and the wall keeps its area in the image plane, so that it thickens;
3. outside the LV the atria widen and the right ventricle's free wall moves in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_echo.phantom.params import Anatomy, Cycle

_FLOAT = NDArray[np.float64]
_ANGLES = np.linspace(-np.pi, np.pi, 721)


def smoothstep(x: _FLOAT) -> _FLOAT:
    """0 below 0, 1 above 1, a cubic between."""
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3.0 - 2.0 * x)


@dataclass(frozen=True)
class LVShape:
    """The left ventricle at end diastole, star shaped around `centre`.

    Directions are angles from the apex, positive to the lateral wall.
    """

    centre: tuple[float, float]
    endo: _FLOAT
    """Distance of the endocardium (and of the annulus plane) at `_ANGLES`."""
    epi: _FLOAT
    hinges: tuple[float, float]
    """Directions of the septal and of the lateral hinge of the mitral valve."""

    def polar(self, u: _FLOAT, v: _FLOAT) -> tuple[_FLOAT, _FLOAT]:
        """Direction and distance of points from the centre."""
        du, dv = u - self.centre[0], v - self.centre[1]
        return np.arctan2(du, -dv), np.hypot(du, dv)

    def cartesian(self, angle: _FLOAT, rho: _FLOAT) -> tuple[_FLOAT, _FLOAT]:
        """The inverse of `polar`."""
        return self.centre[0] + rho * np.sin(angle), self.centre[1] - rho * np.cos(angle)

    def radius(self, table: _FLOAT, angle: _FLOAT) -> _FLOAT:
        """Read a table over `_ANGLES` (they are evenly spaced) at other directions."""
        position = (angle + np.pi) * ((len(_ANGLES) - 1) / (2 * np.pi))
        index = np.clip(position.astype(np.intp), 0, len(_ANGLES) - 2)
        part = position - index
        result: _FLOAT = table[index] * (1 - part) + table[index + 1] * part
        return result


def lv_shape(anatomy: Anatomy) -> LVShape:
    """Build the ED shape: a blunt cap on a tapering, slightly bowed tube."""
    a = anatomy
    s = np.concatenate([0.5 * (1 - np.cos(np.linspace(0, np.pi / 2, 60))) * 2, [1.0]])[:60]
    cap = np.clip((a.lv_widest - s) / a.lv_widest, 0, 1)
    half = np.where(
        s < a.lv_widest,
        (1 - cap**a.lv_apex_power) ** (1 / a.lv_apex_power),
        1 - (1 - a.annulus_ratio) * (np.clip(s - a.lv_widest, 0, 1) / (1 - a.lv_widest)) ** 2,
    )
    bow = a.axis_bend * np.sin(np.pi * s)
    septal_u, lateral_u = -half * a.lv_width / 2 + bow, half * a.lv_width / 2 + bow
    slope = 0.5 * a.annulus_slope * s**4
    septal_v, lateral_v = s * a.lv_length - slope, s * a.lv_length + slope
    u = np.concatenate([septal_u[::-1], lateral_u[1:]])
    v = np.concatenate([septal_v[::-1], lateral_v[1:]])
    centre = (float(0.7 * a.axis_bend), 0.56 * a.lv_length)

    du, dv = u - centre[0], v - centre[1]
    angle, rho = np.arctan2(du, -dv), np.hypot(du, dv)
    # The irregularity of the outline fades towards the hinges.
    for k, (cosine, sine) in enumerate(zip(a.outline[:3], a.outline[3:], strict=True), start=2):
        fade = 1 - smoothstep(np.abs(angle) - 1.6)
        rho = rho * (1 + fade * (cosine * np.cos(k * angle) + sine * np.sin(k * angle)))
    u, v = centre[0] + rho * np.sin(angle), centre[1] - rho * np.cos(angle)

    tangent = np.gradient(np.stack([u, v], axis=1), axis=0)
    normal = np.stack([tangent[:, 1], -tangent[:, 0]], axis=1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    thickness = wall_thickness(a, angle)
    epi_u, epi_v = u + normal[:, 0] * thickness, v + normal[:, 1] * thickness

    # Close the cavity by the straight annulus.
    chord = np.linspace(0, 1, 80)[1:-1]
    all_u = np.concatenate([u, u[-1] + chord * (u[0] - u[-1])])
    all_v = np.concatenate([v, v[-1] + chord * (v[0] - v[-1])])
    endo = _table(all_u - centre[0], all_v - centre[1])
    epi = np.maximum(_table(epi_u - centre[0], epi_v - centre[1]), endo + 1.5)
    return LVShape(centre, endo, epi, (float(angle[0]), float(angle[-1])))


def wall_thickness(anatomy: Anatomy, angle: _FLOAT) -> _FLOAT:
    """Wall thickness in mm by direction from the LV's centre."""
    septum, apex, lateral = anatomy.wall
    side = smoothstep(0.5 + angle / 1.6)
    apical = np.exp(-((angle / 0.55) ** 2))
    bulge = anatomy.basal_bulge * np.exp(-(((angle + 1.7) / 0.35) ** 2))
    thickness: _FLOAT = (
        (1 - apical) * (septum * (1 - side) + lateral * side) + apical * apex + bulge
    )
    return thickness


def _table(du: _FLOAT, dv: _FLOAT) -> _FLOAT:
    """Distance by direction of a closed star-shaped outline, at `_ANGLES`."""
    angle, rho = np.arctan2(du, -dv), np.hypot(du, dv)
    order = np.argsort(angle)
    return np.interp(_ANGLES, angle[order], rho[order], period=2 * np.pi)


def disc_volume(outline: _FLOAT) -> tuple[float, float]:
    """Single-plane volume by the method of discs, and the long axis.

    Parameters
    ----------
    outline : ndarray, shape (N, 2)
        From the septal hinge over the apex to the lateral hinge, mm.

    Returns
    -------
    (float, float)
        Volume in ml of 20 discs, V = (pi/4) sum(d_i^2) L/20, and L in mm,
        from the middle of the annulus to the farthest point of the outline.
    """
    base = 0.5 * (outline[0] + outline[-1])
    distance = np.hypot(*(outline - base).T)
    top = int(distance.argmax())
    length = float(distance[top])
    axis = (base - outline[top]) / length
    along = (outline - outline[top]) @ axis
    across = (outline - outline[top]) @ np.array([axis[1], -axis[0]])
    centres = (np.arange(20) + 0.5) * length / 20
    sides = [
        np.interp(centres, np.maximum.accumulate(along[part]), across[part])
        for part in (slice(top, None, -1), slice(top, None))
    ]
    diameters = np.abs(sides[0] - sides[1])
    return float(np.pi / 4 * np.sum(diameters**2) * length / 20 / 1000), length


class HeartMotion:
    """The motion of one phantom heart.

    Parameters
    ----------
    anatomy, cycle : Anatomy, Cycle
        The radial contraction is solved for the cycle's ejection fraction.

    Attributes
    ----------
    shape : LVShape
        The LV at end diastole.
    """

    def __init__(self, anatomy: Anatomy, cycle: Cycle) -> None:
        self.anatomy = anatomy
        self.shape = lv_shape(anatomy)
        self._base_shift = cycle.longitudinal_share * cycle.ejection_fraction * anatomy.lv_length
        self._weight = self._wall_weight(cycle.akinesia)
        self._strength = 0.0
        end_diastolic = self._volume(0.0)
        self._strength = self._solve(end_diastolic * (1 - cycle.ejection_fraction))
        self._steps = np.linspace(0, 1, 25)
        self._volumes = np.array([self._volume(float(g)) for g in self._steps])

    def contraction(self, ejected: float) -> float:
        """Contraction g at which a share of the stroke volume has left the LV."""
        target = self._volumes[0] + ejected * (self._volumes[-1] - self._volumes[0])
        return float(np.interp(-target, -self._volumes, self._steps))

    def to_material(self, u: _FLOAT, v: _FLOAT, g: float) -> tuple[_FLOAT, _FLOAT]:
        """Material (ED) coordinates of the points that now lie at (u, v)."""
        a, shape = self.anatomy, self.shape
        v1 = v + self._reach(u) * (self._undo_shift(v, g) - v)
        angle, rho = shape.polar(u, v1)
        endo0, epi0 = shape.radius(shape.endo, angle), shape.radius(shape.epi, angle)
        endo, epi = self._radii(endo0, epi0, shape.radius(self._weight, angle), g)
        squeeze = self._squeeze(g)
        wall = np.sqrt(np.maximum(endo0**2 + (rho**2 - endo**2) * squeeze, 0.0))
        beyond = rho + (epi0 - epi) * np.exp(-np.maximum(rho - epi, 0.0) / 25.0)
        rho0 = np.where(rho < endo, rho * endo0 / endo, np.where(rho < epi, wall, beyond))
        u0, v0 = shape.cartesian(angle, rho0)

        outside = smoothstep((rho0 - epi0) / 10.0) * g
        strength = self._strength
        atrium = np.exp(-(((v0 - a.lv_length - 0.5 * a.la_length) / (0.45 * a.la_length)) ** 2))
        atrium *= np.exp(-((u0 / 40.0) ** 2))
        free_wall = a.wall[0] + 0.5 * a.lv_width + a.rv_width
        right = np.exp(-(((u0 + free_wall) / 22.0) ** 2 + ((v0 / a.lv_length - 0.65) / 0.5) ** 2))
        return u0 - outside * (0.45 * strength * atrium * u0 + 18.0 * strength * right), v0

    def endocardium(self, g: float, n: int = 121) -> _FLOAT:
        """The current endocardium from the septal to the lateral hinge, (n, 2) in (u, v)."""
        return self._outline(g, n, epicardium=False)

    def epicardium(self, g: float, n: int = 121) -> _FLOAT:
        """The current epicardium in the same directions, (n, 2) in (u, v)."""
        return self._outline(g, n, epicardium=True)

    def from_material(self, points: _FLOAT, g: float) -> _FLOAT:
        """Current positions of material points outside the LV, (N, 2) in (u, v).

        Solved by a damped fixed-point iteration of `to_material`.
        """
        now = points.copy()
        for _ in range(40):
            material = np.stack(self.to_material(now[:, 0], now[:, 1], g), axis=1)
            now += 0.7 * (points - material)
        return now

    def _outline(self, g: float, n: int, *, epicardium: bool) -> _FLOAT:
        shape = self.shape
        angle = np.linspace(*shape.hinges, n)
        endo0, epi0 = shape.radius(shape.endo, angle), shape.radius(shape.epi, angle)
        radii = self._radii(endo0, epi0, shape.radius(self._weight, angle), g)
        u, v = shape.cartesian(angle, radii[1] if epicardium else radii[0])
        # Part 1 forward: its table is monotone, and `_reach` is 1 at the LV but
        # for the septal side, where the same iteration as above converges fast.
        now = v - self._shift(v, g)
        for _ in range(12):
            now += v - (now + self._reach(u) * (self._undo_shift(now, g) - now))
        return np.stack([u, now], axis=1)

    def _radii(
        self, endo0: _FLOAT, epi0: _FLOAT, weight: _FLOAT, g: float
    ) -> tuple[_FLOAT, _FLOAT]:
        """Current distances of endocardium and epicardium from the centre."""
        endo = endo0 * (1 - g * self._strength * weight)
        return endo, np.sqrt(endo**2 + (epi0**2 - endo0**2) / self._squeeze(g))

    def _squeeze(self, g: float) -> float:
        """Shortening of the wall along the long axis."""
        return 1 - g * self._base_shift / self.anatomy.lv_length

    def _shift(self, v: _FLOAT, g: float) -> _FLOAT:
        """Displacement towards the apex of the material at v."""
        length = self.anatomy.lv_length
        profile = np.where(
            v < length,
            np.clip(v / length, 0, None),
            np.exp(-((np.maximum(v - length, 0) / 38.0) ** 2)),
        )
        return g * self._base_shift * profile

    def _undo_shift(self, v: _FLOAT, g: float) -> _FLOAT:
        table = np.linspace(-60, 260, 641)
        return np.interp(v, table - self._shift(table, g), table)

    def _reach(self, u: _FLOAT) -> _FLOAT:
        """How much of the base's motion a point takes part in, by its side."""
        right_heart = 1 + 0.35 * smoothstep((-u - 25.0) / 40.0)
        return right_heart * (1 - smoothstep((np.abs(u + 15.0) - 70.0) / 40.0))

    def _wall_weight(self, akinesia: tuple[float, float, float]) -> _FLOAT:
        """Radial contraction by direction: little at the apex, less at the hinges."""
        septal, lateral = self.shape.hinges
        hinge = np.where(_ANGLES < 0, -septal, lateral)
        side = np.abs(_ANGLES)
        weight = 0.3 + 0.7 * smoothstep(side / 1.1)
        weight = weight * (1 - 0.6 * smoothstep((side - hinge + 0.75) / 0.75))
        weight = weight * (1 - smoothstep((side - hinge) / 0.4))
        centre, half_width, loss = akinesia
        return weight * (1 - loss * np.exp(-(((_ANGLES - centre) / half_width) ** 2)))

    def _volume(self, g: float) -> float:
        return disc_volume(self.endocardium(g))[0]

    def _solve(self, target: float) -> float:
        low, high = 0.0, 0.9
        for _ in range(30):
            self._strength = 0.5 * (low + high)
            if self._volume(1.0) > target:
                low = self._strength
            else:
                high = self._strength
        return 0.5 * (low + high)
