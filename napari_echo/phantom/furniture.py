"""What a scanner draws around the sector: text, bars, ticks and the ECG."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_echo.phantom.cycle import CycleClock
from napari_echo.phantom.geometry import SectorGeometry
from napari_echo.phantom.params import PhantomParams

_WORDS = (
    "TIS 0.7",
    "MI 1.2",
    "HR {rate}",
    "FR {fps}Hz",
    "{depth}cm",
    "S5-1",
    "Adult Echo",
    "2D",
    "HGen",
    "Gn 52",
    "C 50",
    "TTE",
    "P Low",
    "4CH",
    "Crd",
    "M4S",
    "Zoom 1x",
)


class Furnisher:
    """Draws the furniture of one clip, never on the sector.

    Parameters
    ----------
    params : PhantomParams
        What to draw and how bright.
    geometry : SectorGeometry
        Where the sector is.
    clock : CycleClock
        Times of the R peaks.
    seed : int
        Chooses the words.
    """

    def __init__(
        self, params: PhantomParams, geometry: SectorGeometry, clock: CycleClock, seed: int
    ) -> None:
        self._clock, self._what = clock, params.furniture
        rng = np.random.default_rng([seed, 4])
        kernel = np.ones((5, 5), np.uint8)
        self._free = cv2.dilate(geometry.sector.astype(np.uint8), kernel) == 0
        height, width = geometry.size
        still = np.zeros((height, width), np.uint8)
        if self._what.text:
            self._draw_text(still, params, rng)
        if self._what.ticks:
            self._draw_ticks(still, geometry)
        if self._what.grey_bar:
            top, left = round(0.08 * height), width - max(6, width // 28)
            bar = np.linspace(255, 0, max(12, height // 4)).astype(np.uint8)
            still[top : top + len(bar), left : left + max(3, width // 50)] = bar[:, None]
        if self._what.bottom_bar:
            self._draw_bottom_bar(still)
        self._still = still

    def draw(self, image: NDArray[np.uint8], time: float, *, allowed: NDArray[np.bool_]) -> None:
        """Draw on one frame (H, W), in place, on the allowed pixels beside the sector."""
        layer = self._still
        if self._what.ecg:
            layer = layer.copy()
            self._draw_ecg(layer, time)
        np.copyto(image, layer, where=self._free & allowed & (layer > 0))

    def _draw_text(
        self, image: NDArray[np.uint8], params: PhantomParams, rng: np.random.Generator
    ) -> None:
        height, width = image.shape
        scale = 0.0011 * height
        values = {
            "rate": round(params.cycle.heart_rate),
            "fps": round(params.cycle.fps),
            "depth": round(params.scan.depth / 10),
        }
        words = [w.format(**values) for w in rng.permutation(_WORDS)]
        line = max(8, round(0.045 * height))
        for x, count in (
            (2, int(rng.integers(1, 6))),
            (round(0.8 * width), int(rng.integers(0, 6))),
        ):
            for k in range(count):
                cv2.putText(
                    image,
                    words.pop(),
                    (x, line * (k + 1)),
                    cv2.FONT_HERSHEY_SIMPLEX,
                    scale,
                    self._what.level,
                    1,
                    cv2.LINE_AA,
                )

    def _draw_ticks(self, image: NDArray[np.uint8], geometry: SectorGeometry) -> None:
        height, width = image.shape
        x = round(0.94 * width)
        origin = geometry.to_pixels(np.zeros((1, 2)), (0.0, 0.0))[0, 1]
        face = origin - geometry.scan.apex[1] / geometry.spacing
        for k in range(int(geometry.scan.depth // 10) + 1):
            y = round(face + k * 10 / geometry.spacing)
            if 0 <= y < height:
                image[y, x : x + (4 if k % 5 == 0 else 2)] = self._what.level

    def _draw_bottom_bar(self, image: NDArray[np.uint8]) -> None:
        height, width = image.shape
        top, tall = height - max(9, height // 18), max(7, height // 22)
        left, right = round(0.12 * width), round(0.88 * width)
        image[top : top + tall, left:right] = 34
        for k, word in enumerate(("Gen", "0", "Sector", "MB Off", "On", "Page 1/3")):
            x = left + 4 + k * (right - left) // 6
            cv2.putText(
                image,
                word,
                (x, top + tall - 2),
                cv2.FONT_HERSHEY_SIMPLEX,
                0.001 * height,
                150,
                1,
                cv2.LINE_AA,
            )

    def _draw_ecg(self, image: NDArray[np.uint8], time: float) -> None:
        """A sweep of the last 2.5 s up to now, right to left."""
        height, width = image.shape
        columns = np.arange(round(0.05 * width), round(0.95 * width))
        seconds = time - (columns[-1] - columns) * (2.5 / len(columns))
        trace = np.array([_ecg(*self._clock.since_r(float(s))) for s in seconds])
        bottom = (0.9 if self._what.bottom_bar else 0.95) * height
        y = bottom - trace * 0.07 * height
        points = np.stack([columns, y], axis=1)
        cv2.polylines(
            image,
            [np.round(points * 16).astype(np.int32)],
            False,
            self._what.level,
            1,
            cv2.LINE_AA,
            4,
        )


def _ecg(since: float, rr: float) -> float:
    """Height of the ECG, `since` seconds after the R peak: P, QRS and T waves."""
    waves = (
        (-0.16, 0.022, 0.14),
        (-0.022, 0.008, -0.15),
        (0.0, 0.010, 1.0),
        (0.025, 0.009, -0.25),
        (min(0.28, 0.4 * rr), 0.045, 0.25),
    )
    total = 0.0
    for centre, width, size in waves:
        for at in (since - centre, since - rr - centre):
            total += size * float(np.exp(-0.5 * (at / width) ** 2))
    return total
