"""The heart's tissue at end diastole: a raster of echo levels in material coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_echo.phantom.motion import HeartMotion, LVShape, smoothstep
from napari_echo.phantom.params import Anatomy, Look, Scan

_FLOAT = NDArray[np.float64]
_IMAGE = NDArray[np.float32]

STEP = 0.5
"""Width of a raster cell, mm."""
_U0, _V0 = -125.0, -75.0
_SHAPE = (550, 490)


def to_raster(u: _FLOAT, v: _FLOAT) -> tuple[_IMAGE, _IMAGE]:
    """Column and row of material points in the raster."""
    return ((u - _U0) / STEP).astype(np.float32), ((v - _V0) / STEP).astype(np.float32)


@dataclass(frozen=True)
class Outlines:
    """Closed outlines at end diastole, each (N, 2) in (u, v)."""

    endo: _FLOAT
    epi: _FLOAT
    left_atrium: _FLOAT
    right_ventricle: _FLOAT
    right_atrium: _FLOAT


def outlines(anatomy: Anatomy, motion: HeartMotion) -> Outlines:
    """The chambers' outlines; they share no points but at the valves."""
    a = anatomy
    endo, epi = motion.endocardium(0.0), motion.epicardium(0.0)
    septal, lateral = endo[0], endo[-1]
    return Outlines(
        endo,
        epi,
        _left_atrium(a, septal, lateral),
        _right_ventricle(a, epi),
        _right_atrium(a, septal, epi[0]),
    )


def _left_atrium(a: Anatomy, septal: _FLOAT, lateral: _FLOAT) -> _FLOAT:
    """From the septal hinge around the atrial floor to the lateral hinge."""
    middle, half = 0.5 * (septal + lateral), 0.5 * np.hypot(*(lateral - septal))
    t = np.linspace(np.pi, 0, 61)
    # A superellipse whose width grows from the annulus to the atrium's own.
    deep = np.abs(np.sin(t)) ** 0.8
    width = half + (0.5 * a.la_width - half) * smoothstep(deep * 1.4)
    x = np.sign(np.cos(t)) * np.abs(np.cos(t)) ** 0.75 * width
    slope = (lateral[1] - septal[1]) / (2 * half)
    y = deep * a.la_length + x * slope * (1 - deep)
    return np.stack([middle[0] + x + a.la_skew * deep**1.5, middle[1] + y], axis=1)


def _right_ventricle(a: Anatomy, epi: _FLOAT) -> _FLOAT:
    """A crescent beside the septum, from its apex to the tricuspid annulus."""
    septum = epi[: len(epi) // 2]
    top = int(np.argmin(np.abs(septum[:, 1] - (1 - a.rv_length_ratio) * a.lv_length)))
    septum = septum[: max(top, 8)]
    base, apex = septum[0], septum[-1]
    hinge = base + np.array([-a.rv_width, -0.08 * a.rv_width])
    control = np.array([hinge[0] - 0.12 * a.rv_width, 0.45 * apex[1] + 0.55 * hinge[1]])
    t = np.linspace(0, 1, 40)[:, None]
    free_wall = (1 - t) ** 2 * apex + 2 * t * (1 - t) * control + t**2 * hinge
    return np.concatenate([septum, free_wall])


def _right_atrium(a: Anatomy, septal: _FLOAT, crux: _FLOAT) -> _FLOAT:
    """A rounded chamber left of the atrial septum."""
    left = min(crux[0], septal[0]) - 1.0
    centre = np.array([left - 0.5 * a.ra_width, crux[1] + 0.5 * a.ra_length])
    t = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    x = np.sign(np.cos(t)) * np.abs(np.cos(t)) ** 0.8 * 0.5 * a.ra_width
    y = np.sign(np.sin(t)) * np.abs(np.sin(t)) ** 0.8 * 0.5 * a.ra_length
    return centre + np.stack([x, y], axis=1)


@dataclass(frozen=True)
class Tissue:
    """Rasters at end diastole.

    Attributes
    ----------
    echo : ndarray of float32, shape (rows, columns, 3)
        Real and imaginary part of the scatterers times the amplitude of
        the tissue, and the share of blood (above 1 where it scatters more).
    outlines : Outlines
        The chambers.
    """

    echo: _IMAGE
    outlines: Outlines


def build_tissue(
    anatomy: Anatomy, look: Look, scan: Scan, motion: HeartMotion, rng: np.random.Generator
) -> Tissue:
    """Paint the tissue at end diastole.

    Parameters
    ----------
    anatomy, look, scan : Anatomy, Look, Scan
        The groups of `PhantomParams`; the scan gives the direction of the
        beam, on which the brightness of surfaces depends.
    motion : HeartMotion
        Gives the LV at end diastole.
    rng : numpy.random.Generator
        Draws the texture and the scatterers.

    Returns
    -------
    Tissue
    """
    shape = motion.shape
    chambers = outlines(anatomy, motion)
    v, u = np.mgrid[0 : _SHAPE[0], 0 : _SHAPE[1]]
    u, v = u * STEP + _U0, v * STEP + _V0
    angle, rho = shape.polar(u, v)
    fine, coarse = _texture(rng, 3.0), _texture(rng, 12.0)

    lv_and_la = np.concatenate([chambers.endo[::-1], chambers.left_atrium])
    cavities = [_fill(x) for x in (lv_and_la, chambers.right_ventricle, chambers.right_atrium)]
    lv_wall = _fill(np.concatenate([chambers.epi, chambers.endo[::-1]]))
    blood = np.maximum.reduce([c * (1 - lv_wall) if i else c for i, c in enumerate(cavities)])

    heart = np.maximum.reduce(
        [
            lv_wall,
            _grow(cavities[0], 2.5),
            _grow(cavities[1], 4.0),
            _grow(cavities[2], 2.5),
        ]
    )
    signed = _distance(heart)
    level = _levels(anatomy, look, chambers, (u, v), angle, signed, lv_wall, coarse)
    wall_grain = _wall_streaks(shape, angle, rho, rng)
    grain = fine * (1 - 0.7 * lv_wall) + wall_grain * 0.8 * lv_wall
    septal = 1 - 0.7 * smoothstep((angle + 0.3) / 0.9)
    level = level + look.strands * np.maximum(wall_grain - 0.4, 0) * lv_wall * septal
    level = level + look.texture[0] * grain + look.texture[1] * coarse * (0.6 + 0.4 * lv_wall)
    level += _surfaces(look, scan, signed, coarse, fine)
    blood = _inside_cavities(anatomy, look, chambers, blood, fine, (u, v))
    deep = smoothstep((v - anatomy.lv_length) / 15.0) * look.deep_veil

    scatterers = rng.standard_normal((*_SHAPE, 2), dtype=np.float32)
    # White noise would lose a varying share of its power to the interpolation
    # of the motion map; a little correlation makes that loss even.
    scatterers = cv2.GaussianBlur(scatterers, (0, 0), 0.7) / 0.403
    amplitude = np.maximum(1 - blood, 0) * 10.0 ** (level / 20.0)
    echo = np.dstack(
        [scatterers * amplitude[..., None].astype(np.float32), blood * 10 ** (deep / 20)]
    )
    return Tissue(np.ascontiguousarray(echo, dtype=np.float32), chambers)


def _levels(
    a: Anatomy,
    look: Look,
    chambers: Outlines,
    where: tuple[_FLOAT, _FLOAT],
    angle: _FLOAT,
    signed: _FLOAT,
    lv_wall: _IMAGE,
    coarse: _IMAGE,
) -> _FLOAT:
    """Mean echo level in dB of every kind of tissue."""
    u, v = where
    depth = v / a.lv_length
    outer = np.maximum(-signed, 0.0)
    basal = smoothstep((depth - 0.45) / 0.6)
    level = look.outside + 2.0 * coarse
    level = level + look.far_band * basal * np.exp(-outer / 18.0)
    # Side of the LV wall: bright septum, fainter apex and lateral wall.
    lateral = smoothstep((angle + 0.2) / 0.9)
    apical = np.exp(-((angle / 0.6) ** 2))
    wall = look.myocardium - look.lateral_loss * lateral - look.apical_loss * apical
    inside = np.clip(signed, 0, 1)
    level = level * (1 - inside) + inside * (look.myocardium - 0.5 * look.lateral_loss)
    level = level * (1 - lv_wall) + lv_wall * wall
    # The fibrous crux and the fat in the atrioventricular grooves are bright.
    for point, width, gain in (
        (0.5 * (chambers.endo[0] + chambers.epi[0]), 8.0, 5.0),
        (chambers.epi[-1], 8.0, 4.0),
        (chambers.right_ventricle[-1], 8.0, 4.0),
    ):
        near = ((u - point[0]) ** 2 + ((v - point[1] - 3) * 0.8) ** 2) / width**2
        level = level + gain * np.exp(-near)
    return np.asarray(level)


def _surfaces(look: Look, scan: Scan, signed: _FLOAT, coarse: _IMAGE, fine: _IMAGE) -> _FLOAT:
    """Pericardium and endocardium, bright where they face the beam."""
    smooth = cv2.GaussianBlur(signed.astype(np.float32), (0, 0), 3.0)
    normal_v, normal_u = np.gradient(smooth)
    norm = np.hypot(normal_u, normal_v) + 1e-6
    v, u = np.mgrid[0 : _SHAPE[0], 0 : _SHAPE[1]]
    tilt = np.radians(scan.tilt)
    # Position of the probe in the frame of the long axis.
    x, y = scan.apex[0], scan.apex[1] + scan.face_radius
    probe = (-x * np.cos(tilt) + y * np.sin(tilt), -x * np.sin(tilt) - y * np.cos(tilt))
    beam_u, beam_v = u * STEP + _U0 - probe[0], v * STEP + _V0 - probe[1]
    facing = np.abs(beam_u * normal_u + beam_v * normal_v) / (np.hypot(beam_u, beam_v) * norm)
    loss = look.anisotropy * (1 - facing)
    line = np.exp(-((np.abs(signed + 0.5) / 1.4) ** 2))
    return np.asarray(
        line * np.maximum(look.pericardium - loss + 2.5 * (fine + coarse) - look.myocardium, -2.0)
    )


def _inside_cavities(
    a: Anatomy,
    look: Look,
    chambers: Outlines,
    blood: _IMAGE,
    fine: _IMAGE,
    where: tuple[_FLOAT, _FLOAT],
) -> _IMAGE:
    """Trabeculae, papillary muscle, moderator band: tissue inside the cavities."""
    u, v = where
    depth = _distance(blood)
    apical = 1.3 - 0.9 * smoothstep(v / a.lv_length)
    reach = np.maximum(look.trabeculae * apical, 0.3)
    rough = smoothstep(1.6 * (fine + 0.9) - depth / reach * 1.4)
    right = u < chambers.epi[:, 0].min() * 0.6
    rough_right = smoothstep(fine * 1.2 - 0.4 - depth / 10.0) * right
    tissue = np.maximum(rough * (v < a.lv_length), rough_right)

    position, length, width = a.papillary
    if width > 0:
        wall = chambers.endo[len(chambers.endo) // 2 :]
        at = int(np.argmin(np.abs(wall[:, 1] - position * a.lv_length)))
        root = wall[at]
        direction = np.array([-0.35, 1.0]) / np.hypot(0.35, 1.0)
        centre = root + direction * 0.42 * length + np.array([-0.25 * width, 0])
        tissue = np.maximum(tissue, 0.85 * _ellipse(centre, direction, length, width))
    if a.moderator_band > 0:
        rv = chambers.right_ventricle
        v_band = rv[:, 1].min() + a.moderator_band * np.ptp(rv[:, 1])
        rows = rv[np.abs(rv[:, 1] - v_band) < 4.0]
        ends = rows[rows[:, 0].argmin()], rows[rows[:, 0].argmax()] + np.array([0, -8.0])
        band = np.zeros(_SHAPE, np.uint8)
        (x0, x1), (y0, y1) = to_raster(
            np.array([ends[0][0], ends[1][0]]), np.array([ends[0][1], ends[1][1]])
        )
        cv2.line(
            band,
            (round(float(x0)), round(float(y0))),
            (round(float(x1)), round(float(y1))),
            255,
            7,
            cv2.LINE_AA,
        )
        tissue = np.maximum(tissue, 0.7 * cv2.GaussianBlur(band, (0, 0), 1.2) / 255.0)
    return (blood * (1 - tissue)).astype(np.float32)


def _wall_streaks(shape: LVShape, angle: _FLOAT, rho: _FLOAT, rng: np.random.Generator) -> _IMAGE:
    """Texture of the wall, drawn out along it as its fibre sheets are; unit variance."""
    noise = rng.standard_normal((96, 720)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), sigmaX=7.0, sigmaY=1.6, borderType=cv2.BORDER_REFLECT)
    noise /= noise.std()
    column = ((angle + np.pi) * (719 / (2 * np.pi))).astype(np.float32)
    row = np.clip((rho - shape.radius(shape.endo, angle)) * 2.0 + 20, 0, 95).astype(np.float32)
    return cv2.remap(noise, column, row, cv2.INTER_LINEAR)


def _texture(rng: np.random.Generator, scale: float) -> _IMAGE:
    """Smooth noise of unit variance whose correlation length is `scale` mm."""
    shrink = max(1, round(scale / (3 * STEP)))
    small = (_SHAPE[0] // shrink + 2, _SHAPE[1] // shrink + 2)
    noise = rng.standard_normal(small).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), scale / (2 * STEP * shrink))
    noise = cv2.resize(noise, _SHAPE[::-1], interpolation=cv2.INTER_CUBIC)
    return (noise - noise.mean()) / noise.std()


def _fill(outline: _FLOAT) -> _IMAGE:
    """A filled outline, soft over about a millimetre."""
    x, y = to_raster(outline[:, 0], outline[:, 1])
    points = np.round(np.stack([x, y], axis=1) * 16).astype(np.int32)
    image = np.zeros(_SHAPE, np.uint8)
    cv2.fillPoly(image, [points], 255, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(image, (0, 0), 1.2).astype(np.float32) / 255.0


def _ellipse(centre: _FLOAT, direction: _FLOAT, length: float, width: float) -> _IMAGE:
    t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    across = np.array([-direction[1], direction[0]])
    return _fill(
        centre
        + 0.5 * length * np.cos(t)[:, None] * direction
        + 0.5 * width * np.sin(t)[:, None] * across
    )


def _distance(mask: _IMAGE) -> _FLOAT:
    """Signed distance to the edge of a soft mask, mm, positive inside."""
    inside = (mask > 0.5).astype(np.uint8)
    inner = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    outer = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    return np.asarray((inner - outer) * STEP, dtype=np.float64)


def _grow(mask: _IMAGE, width: float) -> _IMAGE:
    """The mask and a rim of `width` mm around it."""
    return np.clip((_distance(mask) + width) / 1.0 + 0.5, 0, 1).astype(np.float32)
