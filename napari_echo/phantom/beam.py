"""Image formation: from scatterers to grey levels along the beams."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_echo.phantom.geometry import SectorGeometry
from napari_echo.phantom.imaging import Image, blur, resize
from napari_echo.phantom.params import Look

_FLOAT = NDArray[np.float64]

_TILE_MARGIN = 192


class Beamformer:
    """Turns a frame's scatterers into a log-compressed polar image.

    Baseband: the scatterers are complex, the point spread function is a real
    Gaussian of constant length and of constant *angular* width (wider near
    the face), the envelope is the magnitude.

    Parameters
    ----------
    geometry : SectorGeometry
        Samples and beams.
    look : Look
        Levels, losses and grey map.
    rng : numpy.random.Generator
        Draws noise and gain errors.
    seed : int
        Names the noise of single frames, so that a frame looks the same
        whichever other frames are rendered.
    """

    def __init__(
        self, geometry: SectorGeometry, look: Look, rng: np.random.Generator, seed: int
    ) -> None:
        self._look, self._seed = look, seed
        scan = geometry.scan
        rows, beams = geometry.polar_shape
        self._shape = (rows, beams)
        radius = geometry.radii - geometry.radii[0]
        step_r = float(geometry.radii[1] - geometry.radii[0])
        step_a = float(np.degrees(geometry.angles[1] - geometry.angles[0]))
        self._axial = scan.axial_psf / step_r
        self._lateral = scan.lateral_psf / step_a
        self._wide = self._lateral * scan.near_psf
        self._near_rows = min(rows, int(45.0 / step_r))
        blend = np.exp(-((radius[: self._near_rows] / 18.0) ** 2))
        self._near_blend = blend.astype(np.float32)[:, None, None]

        tile = (rows + _TILE_MARGIN, beams + _TILE_MARGIN, 2)
        self._tile = rng.standard_normal(tile, dtype=np.float32)
        self._white_gain = 1 / np.sqrt(_blur_power(self._axial) * _blur_power(self._lateral))
        self._noise_tile = self._psf(self._tile) * np.float32(self._white_gain)
        # Scatterers of tissue live on a grid in mm, so how many of them the
        # beam averages, and with it their power, depends on the depth.
        across = np.maximum(geometry.radii, 8.0) * np.radians(scan.lateral_psf)
        power = np.maximum(0.35 / np.hypot(0.35, across), _blur_power(self._lateral))
        power = power * max(0.35 / np.hypot(0.35, scan.axial_psf), _blur_power(self._axial))
        self._tissue_gain = (1 / np.sqrt(power)).astype(np.float32)[:, None, None]

        self._gain = _gain_map(geometry, look, rng)
        haze = _amplitude(look.haze - 8.686 * radius / look.haze_depth)
        arcs = _amplitude(look.face_band - 0.9 * radius + 4 * np.cos(2 * np.pi * radius / 3.7))
        self._static = self._column((haze + arcs) * self._white_gain)
        # The time gain lifts the electronic noise of the deep samples.
        self._noise = self._column(_amplitude(look.noise - 22 * (1 - radius / radius[-1])))
        self._veil = float(_amplitude(look.veil)) ** 2

    def render(self, tissue: Image, blood: Image, bright: Image, time: float) -> Image:
        """Form one frame.

        Parameters
        ----------
        tissue : ndarray of float32, shape (R, B, 2)
            Complex scatterers times their amplitude.
        blood : ndarray of float32, shape (R, B)
            Share of blood.
        bright : ndarray of float32, shape (R, B)
            Amplitude of the leaflets.
        time : float
            Seconds, for what changes from frame to frame.

        Returns
        -------
        ndarray of float32, shape (R, B)
            Grey levels, 0-255.
        """
        look = self._look
        moving = self._decorrelating(time, self._tile)
        signal = tissue * self._tissue_gain
        power = np.square(tissue).sum(axis=2) + np.square(bright)
        small = resize(power, (self._shape[0] // 4, self._shape[1] // 2), cv2.INTER_AREA)
        spread = cv2.blur(cv2.blur(small, (25, 5)), (25, 5))
        clutter = resize(np.sqrt(np.maximum(spread, 0)), self._shape)
        amplitude = blood * np.float32(_amplitude(look.blood)) + clutter * np.float32(
            _amplitude(look.clutter)
        )
        signal += moving * (amplitude * np.float32(self._white_gain))[..., None]
        signal += self._crop(0, self._tile) * (
            self._static + (bright * np.float32(self._white_gain))[..., None]
        )

        field = self._psf(signal)
        n = self._near_rows
        wide = blur(signal[:n], self._wide, self._axial)
        wide *= np.float32(np.sqrt(self._wide / self._lateral))
        field[:n] += self._near_blend * (wide - field[:n])

        field *= self._gain
        noise = self._decorrelating(time, self._noise_tile)
        field += noise * self._noise
        power = np.square(field).sum(axis=2)
        power += np.float32(self._veil) * (0.6 + 0.2 * np.square(noise).sum(axis=2))
        # A unit complex Gaussian has a mean level near 0 dB.
        level = np.log10(power) * np.float32(10)
        if look.envelope_smoothing > 0.2:
            level = blur(level, look.envelope_smoothing)
        mean = blur(level, 2.5 * self._lateral, 3.5 * self._axial)
        level = mean + np.float32(look.speckle_contrast) * (level - mean)
        grey = np.float32(look.tissue_grey) + level * np.float32(255 / look.dynamic_range)
        grey += noise[..., 0] * np.float32(look.grain)
        grey = np.clip(grey, 0, 255) * np.float32(1 / 255)
        return np.asarray(cv2.pow(grey, look.gamma) * np.float32(255), dtype=np.float32)

    def _psf(self, field: Image) -> Image:
        return blur(field, self._lateral, self._axial)

    def _crop(self, index: int, tile: Image) -> Image:
        """A piece of a noise tile at a place that the index names."""
        rng = np.random.default_rng([self._seed, 7, index])
        top, left = rng.integers(0, _TILE_MARGIN, 2)
        return tile[top : top + self._shape[0], left : left + self._shape[1]]

    def _decorrelating(self, time: float, tile: Image) -> Image:
        """Noise of constant power that changes smoothly and forgets after `memory`."""
        knot, part = divmod(time / self._look.memory, 1.0)
        phase = 0.5 * np.pi * part
        first, second = self._crop(int(knot) + 1, tile), self._crop(int(knot) + 2, tile)
        return np.asarray(
            cv2.addWeighted(first, float(np.cos(phase)), second, float(np.sin(phase)), 0),
            dtype=np.float32,
        )

    @staticmethod
    def _column(values: _FLOAT) -> Image:
        """Values by sample, ready to multiply a complex field."""
        return values.astype(np.float32)[:, None, None]


def _amplitude(level: _FLOAT | float) -> _FLOAT:
    """Amplitude of a level in dB."""
    return np.asarray(10.0 ** (np.asarray(level) / 20.0))


def _blur_power(sigma: float) -> float:
    """Share of white noise's power that a Gaussian of this width leaves (one axis)."""
    return float(min(1.0, 1 / (2 * np.sqrt(np.pi) * sigma)))


def _gain_map(geometry: SectorGeometry, look: Look, rng: np.random.Generator) -> Image:
    """Amplitude factor by sample and beam: attenuation, gain errors, shadows."""
    rows, beams = geometry.polar_shape
    radius = (geometry.radii - geometry.radii[0])[:, None]
    angle = (geometry.angles / geometry.angles[-1])[None, :]
    level = -look.attenuation * radius / radius[-1] - look.edge_loss * np.abs(angle) ** 3
    ripple = rng.standard_normal((7, 6)).astype(np.float32)
    level = level + look.gain_ripple * cv2.resize(
        ripple, (beams, rows), interpolation=cv2.INTER_CUBIC
    )
    for centre, half_width, onset, loss in look.drop_outs:
        across = np.exp(-(((angle - centre) / half_width) ** 2))
        level = level - loss * across / (1 + np.exp(-(radius - onset) / 8.0))
    return np.asarray(10 ** (level / 20), dtype=np.float32)[..., None]
