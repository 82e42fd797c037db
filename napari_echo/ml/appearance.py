"""Changes of a frame's look that leave its labels alone."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from numpy.typing import NDArray


def _smooth_noise(shape: tuple[int, int], cells: int) -> NDArray[np.float32]:
    """Noise in 0-1 that varies over about a `cells`-th of the image."""
    coarse = np.random.rand(cells, cells).astype(np.float32)
    return cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)


def _each(
    frames: NDArray[np.float32], change: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Change frames (K, H, W) one by one."""
    return np.stack([change(frame) for frame in frames])


@TRANSFORMS.register_module()
class EchoRandomAppearance(BaseTransform):
    """Vary gain, contrast, attenuation, haze, shadows, speckle and sharpness.

    Scanners and settings differ in all of these; each is drawn on its own. The
    frames of a clip (K, H, W) all change in the same way; only speckle differs
    from frame to frame, as it does in a moving heart.

    Parameters
    ----------
    strength : float
        0 changes nothing; 1 is the full range.
    """

    def __init__(self, strength: float = 1.0) -> None:
        self.strength = strength

    def transform(self, results: dict) -> dict:
        """Replace ``img``."""
        shape = results["img"].shape
        image = results["img"].reshape(-1, *shape[-2:]).astype(np.float32) / 255
        for change, chance in (
            (self._resolution, 0.4),
            (self._speckle, 0.4),
            (self._tone, 0.8),
            (self._gain_field, 0.5),
            (self._haze, 0.25),
            (self._shadow, 0.25),
            (self._furniture, 0.2),
        ):
            if np.random.rand() < chance * min(1.0, self.strength):
                image = change(image)
        results["img"] = (np.clip(image, 0, 1) * 255).astype(np.uint8).reshape(shape)
        return results

    def _resolution(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Blur as a coarser image or a stronger filter would, or sharpen."""
        size = image.shape[:0:-1]
        if np.random.rand() < 0.5:
            factor = np.random.uniform(0.35, 0.9)

            def coarse(frame: NDArray[np.float32]) -> NDArray[np.float32]:
                small = cv2.resize(frame, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
                return cv2.resize(small, size, interpolation=cv2.INTER_LINEAR)

            return _each(image, coarse)
        sigma = np.random.uniform(0.5, 1.5)
        blurred = _each(image, lambda frame: cv2.GaussianBlur(frame, (0, 0), sigma))
        return image + np.random.uniform(-1.0, 1.5) * (image - blurred)

    def _speckle(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Multiply by noise of a random grain."""
        noise = np.random.randn(*image.shape).astype(np.float32)
        grain = np.random.uniform(0.4, 2.5)
        wide = grain * np.random.uniform(1, 2)
        noise = _each(noise, lambda frame: cv2.GaussianBlur(frame, (0, 0), wide, sigmaY=grain))
        return image * (1 + np.random.uniform(0.05, 0.35) * noise / (noise.std() + 1e-6))

    def _tone(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Gamma, gain, and the floor below which all is black."""
        gamma = np.exp(np.random.uniform(-0.6, 0.6) * self.strength)
        floor = np.random.uniform(0, 0.12) * self.strength
        gain = np.exp(np.random.uniform(-0.4, 0.4) * self.strength)
        return gain * np.maximum(np.maximum(image, 0) ** gamma - floor, 0)

    def _gain_field(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Attenuation and uneven gain."""
        return image * (1 + self.strength * (_smooth_noise(image.shape[1:], 4) - 0.5))

    def _haze(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Reverberation haze inside the sector."""
        haze = np.clip(_smooth_noise(image.shape[1:], 5) - 0.4, 0, 1)
        inside = _each((image > 0.02).astype(np.float32), lambda frame: cv2.blur(frame, (9, 9)))
        return image + np.random.uniform(0.1, 0.4) * haze * inside

    def _shadow(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """A dark wedge from the top, as behind a rib or the lung."""
        height, width = image.shape[1:]
        top = np.random.uniform(0.3, 0.7) * width
        foot = top + np.random.uniform(-0.8, 0.8) * width
        half = np.random.uniform(0.04, 0.15) * width
        wedge = np.zeros((height, width), np.float32)
        corners = np.array([[top, 0], [foot - half, height], [foot + half, height]])
        cv2.fillPoly(wedge, [corners.astype(np.int32)], 1.0)
        wedge = cv2.GaussianBlur(wedge, (0, 0), width / 40)
        return image * (1 - np.random.uniform(0.3, 0.9) * wedge)

    def _furniture(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Bright marks near the edges, as scanners write text and bars."""
        height, width = image.shape[1:]
        ink = np.zeros((height, width), np.uint8)
        for _ in range(np.random.randint(1, 5)):
            x = int(np.random.choice([0.02, 0.75]) * width + np.random.uniform(0, 0.1) * width)
            y = int(np.random.choice([0.05, 0.85]) * height + np.random.uniform(0, 0.1) * height)
            text = "".join(np.random.choice(list("0123456789ABCEHMVcmz. "), 6))
            grey = int(np.random.uniform(128, 255))
            cv2.putText(ink, text, (x, y), cv2.FONT_HERSHEY_PLAIN, height / 300, grey)
        return np.maximum(image, ink.astype(np.float32) / 255)
