"""The heart's tissue at end diastole: a raster of echo levels in material coordinates."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_echo.phantom.chambers import Chambers
from napari_echo.phantom.imaging import Image, blur, draw_line, resize, sample
from napari_echo.phantom.motion import LVShape, smoothstep
from napari_echo.phantom.params import Anatomy, Look, PhantomParams, Scan

_FLOAT = NDArray[np.float64]

STEP = 0.5
"""Width of a raster cell, mm."""
_U0, _V0 = -125.0, -75.0
_SHAPE = (550, 490)


def to_raster(u: _FLOAT, v: _FLOAT) -> tuple[Image, Image]:
    """Column and row of material points in the raster."""
    return ((u - _U0) / STEP).astype(np.float32), ((v - _V0) / STEP).astype(np.float32)


def build_tissue(
    params: PhantomParams, shape: LVShape, chambers: Chambers, rng: np.random.Generator
) -> Image:
    """Paint the tissue at end diastole.

    Parameters
    ----------
    params : PhantomParams
        Anatomy and look; the scan gives the direction of the beam, on which
        the brightness of surfaces depends.
    shape : LVShape
        The LV at end diastole.
    chambers : Chambers
        Outlines of all chambers.
    rng : numpy.random.Generator
        Draws the texture and the scatterers.

    Returns
    -------
    ndarray of float32, shape (rows, columns, 3)
        Real and imaginary part of the scatterers times the amplitude of the
        tissue (1 is 0 dB), and the amplitude of blood relative to that in the LV.
    """
    anatomy, look = params.anatomy, params.look
    painter = _Painter(anatomy, look, shape, chambers, rng)
    level = painter.levels(params.scan)
    blood = painter.cavities()
    veil = look.deep_veil * smoothstep((painter.v - anatomy.lv_length) / 15.0)

    scatterers = rng.standard_normal((*_SHAPE, 2), dtype=np.float32)
    # White noise would lose a varying share of its power to the interpolation
    # of the motion map; a little correlation makes that loss even.
    scatterers = blur(scatterers, 0.7) / np.float32(0.403)
    amplitude = (1 - blood) * 10 ** (level / 20)
    echo = np.dstack([scatterers * amplitude[..., None], blood * 10 ** (veil / 20)])
    return np.ascontiguousarray(echo, dtype=np.float32)


class _Painter:
    """Paints levels and cavities on the raster."""

    def __init__(
        self,
        anatomy: Anatomy,
        look: Look,
        shape: LVShape,
        chambers: Chambers,
        rng: np.random.Generator,
    ) -> None:
        self._anatomy, self._look, self._chambers = anatomy, look, chambers
        rows, columns = np.mgrid[0 : _SHAPE[0], 0 : _SHAPE[1]]
        self.u, self.v = columns * STEP + _U0, rows * STEP + _V0
        self._angle, rho = shape.polar(self.u, self.v)
        endo, epi = (shape.radius(table, self._angle) for table in (shape.endo, shape.epi))
        self._lateral = smoothstep((self._angle + 0.2) / 0.9)
        # 0 at the endocardium, 1 at the epicardium.
        self._across = np.clip((rho - endo) / (epi - endo), 0, 1)
        self._fine, self._coarse = _texture(rng, 3.0), _texture(rng, 10.0)
        self._drift = _texture(rng, 40.0)
        self._streaks = _wall_streaks(self._angle, rho - endo, rng)

        lv_and_la = _fill(np.concatenate([chambers.endo[::-1], chambers.left_atrium]))
        self._wall = _fill(np.concatenate([chambers.epi, chambers.endo[::-1]]))
        right_heart = [_fill(x) for x in (chambers.right_ventricle, chambers.right_atrium)]
        left_heart = np.maximum(self._wall, _grow(lv_and_la, 2.5))
        self._blood = np.maximum(lv_and_la, np.maximum(*right_heart) * (1 - left_heart))
        heart = np.maximum.reduce([left_heart, _grow(right_heart[0], 4), _grow(right_heart[1], 2)])
        self._depth = _distance(heart)
        """Signed distance to the heart's surface, positive inside."""

    def levels(self, scan: Scan) -> _FLOAT:
        """Echo level of solid tissue everywhere, dB."""
        look = self._look
        outer = np.maximum(-self._depth, 0.0)
        basal = smoothstep((self.v / self._anatomy.lv_length - 0.4) / 0.7)
        behind = (
            look.outside + look.drift * self._drift + look.far_band * basal * np.exp(-outer / 25.0)
        )
        facing = self._facing_surface(scan)
        surface = look.pericardium - look.anisotropy * (1 - facing) + 2.5 * self._fine
        band = np.exp(-outer / look.pericardial_band)
        level = behind + band * np.maximum(surface - behind, 0.0)

        inside = np.clip(self._depth / STEP + 0.5, 0, 1)
        other_walls = 1.5 * self._fine - look.thin_wall_loss
        level = level * (1 - inside) + inside * other_walls
        level = level * (1 - self._wall) + self._wall * self._wall_level()
        level += look.texture * self._coarse
        gain, radius = look.annulus
        chambers = self._chambers
        for point, share in (
            (0.5 * (chambers.endo[0] + chambers.epi[0]), 1.0),
            (0.6 * chambers.endo[-1] + 0.4 * chambers.epi[-1], 0.8),
            (chambers.right_ventricle[-1], 0.6),
        ):
            distance = ((self.u - point[0]) ** 2 + (self.v - point[1] - 2) ** 2) / radius**2
            level += share * gain * np.exp(-distance)
        return np.asarray(level)

    def cavities(self) -> Image:
        """Share of blood, less trabeculae, papillary muscle and moderator band."""
        a, look, chambers = self._anatomy, self._look, self._chambers
        depth = _distance(self._blood)
        # The septum is smooth, the apex the most trabeculated.
        apical = 1.3 - 0.9 * smoothstep(self.v / a.lv_length)
        reach = np.maximum(look.trabeculae * apical * (0.35 + 0.65 * self._lateral), 0.3)
        rough = smoothstep(1.6 * (self._fine + 0.9) - depth / reach * 1.4)
        right = self.u < chambers.epi[:, 0].min() * 0.6
        rough_right = smoothstep(self._fine * 1.2 - 0.7 - 4.0 * depth / a.rv_width) * right
        tissue = 0.7 * np.maximum(rough, rough_right) * (self.v < a.lv_length)

        position, length, width = a.papillary
        if width > 0:
            wall = chambers.endo[len(chambers.endo) // 2 :]
            root = wall[int(np.argmin(np.abs(wall[:, 1] - position * a.lv_length)))]
            direction = np.array([-0.33, 0.944])
            centre = root + direction * 0.42 * length - np.array([0.25 * width, 0])
            tissue = np.maximum(tissue, 0.85 * _ellipse(centre, direction, length, width))
        if a.moderator_band > 0:
            rv = chambers.right_ventricle
            level = rv[:, 1].min() + a.moderator_band * np.ptp(rv[:, 1])
            near = rv[np.abs(rv[:, 1] - level) < 4.0]
            ends = np.stack([near[near[:, 0].argmin()], near[near[:, 0].argmax()] - [0, 8.0]])
            band = np.zeros(_SHAPE, np.uint8)
            draw_line(band, np.stack(to_raster(ends[:, 0], ends[:, 1]), axis=1), 7)
            tissue = np.maximum(tissue, 0.7 * blur(band.astype(np.float32), 1.2) / 255)
        return np.asarray(self._blood * (1 - tissue), dtype=np.float32)

    def _wall_level(self) -> _FLOAT:
        """Level inside the LV's wall: a bright septum of two faces, fainter elsewhere."""
        look = self._look
        lateral = self._lateral
        apical = np.exp(-((self._angle / 0.6) ** 2))
        middle = 1 - np.exp(-(((self._across - 0.5) / 0.3) ** 2))
        level = look.septal_lines * (middle - 0.5) * (1 - 0.6 * lateral)
        level = level + look.strands * np.maximum(self._streaks - 0.3, 0) * (1 - 0.6 * lateral)
        level = level + 1.5 * self._streaks
        # Apart from the septum the wall grows brighter towards the epicardium.
        loss = look.lateral_loss * lateral + look.apical_loss * apical
        return np.asarray(level - loss * (1.1 - 0.7 * self._across))

    def _facing_surface(self, scan: Scan) -> _FLOAT:
        """How squarely the nearest surface of the heart faces the beam, 0 to 1."""
        normal_v, normal_u = np.gradient(blur(self._depth.astype(np.float32), 4.0))
        norm = np.hypot(normal_u, normal_v) + 1e-6
        tilt = np.radians(scan.tilt)
        # Position of the probe in the frame of the long axis.
        x, y = scan.apex[0], scan.apex[1] + scan.face_radius
        beam_u = self.u + x * np.cos(tilt) - y * np.sin(tilt)
        beam_v = self.v + x * np.sin(tilt) + y * np.cos(tilt)
        along = np.abs(beam_u * normal_u + beam_v * normal_v)
        return np.asarray(along / (np.hypot(beam_u, beam_v) * norm))


def _wall_streaks(angle: _FLOAT, depth: _FLOAT, rng: np.random.Generator) -> Image:
    """Texture of the wall, drawn out along it as its fibre sheets are; unit variance."""
    noise = blur(rng.standard_normal((96, 720), dtype=np.float32), 7.0, 1.6)
    noise /= noise.std()
    column = ((angle + np.pi) * (719 / (2 * np.pi))).astype(np.float32)
    row = np.clip(depth * 2.0 + 20, 0, 95).astype(np.float32)
    return sample(noise, column, row)


def _texture(rng: np.random.Generator, scale: float) -> Image:
    """Smooth noise of unit variance whose correlation length is `scale` mm."""
    shrink = max(1, round(scale / (3 * STEP)))
    small = (_SHAPE[0] // shrink + 2, _SHAPE[1] // shrink + 2)
    noise = blur(rng.standard_normal(small, dtype=np.float32), scale / (2 * STEP * shrink))
    noise = resize(noise, _SHAPE, cv2.INTER_CUBIC)
    return np.asarray((noise - noise.mean()) / noise.std(), dtype=np.float32)


def _fill(outline: _FLOAT) -> Image:
    """A filled outline, soft over about a millimetre."""
    points = np.round(np.stack(to_raster(outline[:, 0], outline[:, 1]), axis=1) * 16)
    image = np.zeros(_SHAPE, np.uint8)
    cv2.fillPoly(image, [points.astype(np.int32)], 255, cv2.LINE_AA, 4)
    return blur(image.astype(np.float32), 1.2) / np.float32(255)


def _ellipse(centre: _FLOAT, direction: _FLOAT, length: float, width: float) -> Image:
    t = np.linspace(0, 2 * np.pi, 40, endpoint=False)[:, None]
    across = np.array([-direction[1], direction[0]])
    return _fill(centre + 0.5 * length * np.cos(t) * direction + 0.5 * width * np.sin(t) * across)


def _distance(mask: Image) -> _FLOAT:
    """Signed distance to the edge of a soft mask, mm, positive inside."""
    inside = (mask > 0.5).astype(np.uint8)
    inner = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    outer = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    return np.asarray((inner - outer) * STEP, dtype=np.float64)


def _grow(mask: Image, width: float) -> Image:
    """The mask and a rim of `width` mm around it."""
    return np.clip(_distance(mask) + width + 0.5, 0, 1).astype(np.float32)
