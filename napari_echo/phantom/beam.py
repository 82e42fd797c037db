"""Image formation: from scatterers to grey levels along the beams."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_echo.phantom.geometry import SectorGeometry
from napari_echo.phantom.params import Look

_FLOAT = NDArray[np.float64]
_IMAGE = NDArray[np.float32]

_TILE_MARGIN = 192
_BLOOD_MEMORY = 0.03
"""Seconds after which the echo of blood has wholly changed."""


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
        fall = -8.686 * radius / look.haze_depth
        rings = look.reverberation - 0.5 * radius + 5 * np.cos(2 * np.pi * radius / 4.2)
        haze = 10 ** ((look.haze + fall) / 20) + 10 ** (np.maximum(rings, -90) / 20)
        self._haze = (haze * self._white_gain).astype(np.float32)[:, None, None]
        noise = 10 ** ((look.noise - 22 * (1 - radius / radius[-1])) / 20)
        self._noise = noise.astype(np.float32)[:, None, None]

    def render(self, tissue: _IMAGE, blood: _IMAGE, bright: _IMAGE, time: float) -> _IMAGE:
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
        moving = self._decorrelating(time)
        signal = tissue * self._tissue_gain
        power = cv2.resize(
            np.square(tissue).sum(axis=2) + np.square(bright),
            (self._shape[1] // 2, self._shape[0] // 4),
            interpolation=cv2.INTER_AREA,
        )
        spread = cv2.blur(cv2.blur(power, (25, 5)), (25, 5))
        clutter = cv2.resize(
            np.sqrt(np.maximum(spread, 0)), self._shape[::-1], interpolation=cv2.INTER_LINEAR
        )
        clutter *= np.float32(10 ** (look.clutter / 20))
        amplitude = blood * np.float32(10 ** (look.blood / 20)) + clutter
        signal += moving * (amplitude * np.float32(self._white_gain))[..., None]
        static = self._crop(0)
        signal += static * (self._haze + (bright * np.float32(self._white_gain))[..., None])

        narrow = self._psf(signal)
        n = self._near_rows
        wide = cv2.GaussianBlur(signal[:n], (0, 0), sigmaX=self._wide, sigmaY=self._axial)
        wide *= np.float32(np.sqrt(self._wide / self._lateral))
        narrow[:n] += self._near_blend * (wide - narrow[:n])

        narrow *= self._gain
        noise = self._crop(round(time * 1e4) + 1, self._noise_tile)
        narrow += noise * self._noise
        envelope = cv2.magnitude(narrow[..., 0], narrow[..., 1])
        if look.envelope_smoothing > 0.2:
            envelope = cv2.GaussianBlur(envelope, (0, 0), look.envelope_smoothing)
        # A unit complex Gaussian has a mean log envelope near 0 dB.
        level = cv2.log(np.maximum(envelope, 1e-5)) * np.float32(20 / np.log(10))
        mean = cv2.GaussianBlur(level, (0, 0), sigmaX=2.5 * self._lateral, sigmaY=3.5 * self._axial)
        level = mean + np.float32(look.speckle_contrast) * (level - mean)
        grey = look.tissue_grey + level * np.float32(255 / look.dynamic_range)
        grey = np.clip(grey, 0, 255) * np.float32(1 / 255)
        return cv2.pow(grey, look.gamma) * np.float32(255)

    def _psf(self, field: _IMAGE) -> _IMAGE:
        return cv2.GaussianBlur(field, (0, 0), sigmaX=self._lateral, sigmaY=self._axial)

    def _crop(self, index: int, tile: _IMAGE | None = None) -> _IMAGE:
        """A piece of the noise tile at a place that the index names."""
        source = self._tile if tile is None else tile
        rng = np.random.default_rng([self._seed, 7, index])
        top, left = rng.integers(0, _TILE_MARGIN, 2)
        return source[top : top + self._shape[0], left : left + self._shape[1]]

    def _decorrelating(self, time: float) -> _IMAGE:
        """White noise that changes smoothly and forgets after `_BLOOD_MEMORY`."""
        knot, part = divmod(time / _BLOOD_MEMORY, 1.0)
        phase = 0.5 * np.pi * part
        first, second = self._crop(1_000_000 + int(knot)), self._crop(1_000_001 + int(knot))
        return cv2.addWeighted(first, float(np.cos(phase)), second, float(np.sin(phase)), 0)


def _blur_power(sigma: float) -> float:
    """Share of white noise's power that a Gaussian of this width leaves (one axis)."""
    return min(1.0, 1 / (2 * np.sqrt(np.pi) * sigma))


def _gain_map(geometry: SectorGeometry, look: Look, rng: np.random.Generator) -> _IMAGE:
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
