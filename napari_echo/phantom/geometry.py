"""Where things are: the heart under the probe, the beams and the image grid."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_echo.phantom.imaging import Image, sample
from napari_echo.phantom.params import Scan

_FLOAT = NDArray[np.float64]

_SUBPIXELS = 4


class SectorGeometry:
    """Polar scan geometry of one clip.

    The plane's coordinates are millimetres from the middle of the probe's
    face, x to the right and y into the body; beams leave from a pivot
    `face_radius` above it.

    Parameters
    ----------
    scan : Scan
        Probe, position and placement.
    size : (int, int)
        Height and width of the image.

    Attributes
    ----------
    spacing : float
        Height and width of a pixel, mm.
    radii : ndarray, shape (R,)
        Distances of the samples of a beam from the pivot, mm.
    angles : ndarray, shape (B,)
        Directions of the beams, radians, ascending to the right.
    sector : ndarray of bool, shape (H, W)
        The pixels inside the sector.
    """

    def __init__(self, scan: Scan, size: tuple[int, int]) -> None:
        self.scan = scan
        self.size = size
        height, width = size
        half = np.radians(scan.angle / 2)
        outer = scan.face_radius + scan.depth
        box_width = 2 * outer * np.sin(half)
        box_height = outer - scan.face_radius * np.cos(half)
        self.spacing = float(max(box_width / width, box_height / height) / scan.fill)
        top = (height * self.spacing - box_height) * scan.offset[0]
        left = (width * self.spacing - box_width) * scan.offset[1]
        # The face's middle in mm from the image's upper left corner.
        self._face = (left + box_width / 2, top + scan.face_radius * (1 - np.cos(half)))

        step = max(0.4, 0.55 * self.spacing)
        self.radii: _FLOAT = np.arange(scan.face_radius, outer + step, step)
        n_beams = round(scan.angle / 0.4) + 1
        self.angles: _FLOAT = np.linspace(-half, half, n_beams)

        yy, xx = np.mgrid[0:height, 0:width] + 0.5
        x = xx * self.spacing - self._face[0]
        y = yy * self.spacing - self._face[1] + scan.face_radius
        radius, angle = np.hypot(x, y), np.arctan2(x, y)
        self.sector: NDArray[np.bool_] = (
            (np.abs(angle) <= half) & (radius >= scan.face_radius) & (radius <= outer)
        )
        beam = (angle + half) / (2 * half) * (n_beams - 1)
        sample = (radius - scan.face_radius) / step
        self._beam = beam.astype(np.float32)
        self._sample = sample.astype(np.float32)
        tilt = np.radians(scan.tilt)
        self._cos, self._sin = float(np.cos(tilt)), float(np.sin(tilt))

    @property
    def polar_shape(self) -> tuple[int, int]:
        """Number of samples and of beams."""
        return len(self.radii), len(self.angles)

    def polar_grid(self, step: int) -> tuple[_FLOAT, _FLOAT]:
        """Positions (x, y) of every `step`-th sample of the polar grid, the last included."""
        rows = np.linspace(self.radii[0], self.radii[-1], len(self.radii) // step + 1)
        columns = np.linspace(self.angles[0], self.angles[-1], len(self.angles) // step + 1)
        return (
            rows[:, None] * np.sin(columns),
            rows[:, None] * np.cos(columns) - self.scan.face_radius,
        )

    def to_heart(self, x: _FLOAT, y: _FLOAT, shift: tuple[float, float]) -> tuple[_FLOAT, _FLOAT]:
        """(u, v) in the frame of the LV's long axis of points of the plane.

        `shift` is the heart's displacement, lateral and deep, mm.
        """
        dx = (-x if self.scan.mirrored else x) - self.scan.apex[0] - shift[0]
        dy = y - self.scan.apex[1] - shift[1]
        return dx * self._cos - dy * self._sin, dx * self._sin + dy * self._cos

    def to_pixels(self, points: _FLOAT, shift: tuple[float, float]) -> _FLOAT:
        """Image coordinates (x, y) of points (u, v); pixel centres are whole numbers."""
        u, v = points[:, 0], points[:, 1]
        x, y = self._to_plane(u, v, shift)
        return np.stack(
            [
                (x + self._face[0]) / self.spacing - 0.5,
                (y + self._face[1]) / self.spacing - 0.5,
            ],
            axis=1,
        )

    def to_polar(self, points: _FLOAT, shift: tuple[float, float]) -> _FLOAT:
        """Beam and sample indices of points (u, v)."""
        x, y = self._to_plane(points[:, 0], points[:, 1], shift)
        y = y + self.scan.face_radius
        half = self.angles[-1]
        beam = (np.arctan2(x, y) + half) / (2 * half) * (len(self.angles) - 1)
        step = self.radii[1] - self.radii[0]
        return np.stack([beam, (np.hypot(x, y) - self.radii[0]) / step], axis=1)

    def scan_convert(self, polar: Image) -> Image:
        """A polar image on the pixel grid, 0 outside the sector."""
        image = sample(polar, self._beam, self._sample, cv2.BORDER_REPLICATE)
        image[~self.sector] = 0
        return image

    def fill(self, outline: _FLOAT) -> NDArray[np.bool_]:
        """The pixels whose centre lies inside a closed outline (N, 2) of `to_pixels`."""
        n = _SUBPIXELS
        canvas = np.zeros((self.size[0] * n, self.size[1] * n), np.uint8)
        points = np.round(((outline + 0.5) * n - 0.5) * 16).astype(np.int32)
        cv2.fillPoly(canvas, [points], 1, cv2.LINE_8, 4)
        inside: NDArray[np.bool_] = canvas[n // 2 :: n, n // 2 :: n] > 0
        return inside

    def _to_plane(self, u: _FLOAT, v: _FLOAT, shift: tuple[float, float]) -> tuple[_FLOAT, _FLOAT]:
        x = u * self._cos + v * self._sin + self.scan.apex[0] + shift[0]
        y = -u * self._sin + v * self._cos + self.scan.apex[1] + shift[1]
        return (-x if self.scan.mirrored else x), y
