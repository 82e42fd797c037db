"""Colour Doppler, told from grey clips that were merely stored in colour.

A frame counts as colour Doppler where at least `MIN_SHARE` of its lit pixels
lie in patches of strong colour. Three kinds of colour are no flow and pass:

- lines and text (an ECG, a caliper), which an opening by a square removes;
- banners and rims of one flat colour along the border of the image;
- a tint of the whole clip (sepia, blue), where all that is lit has one hue.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError

STRONG_COLOUR = 60
"""Least difference between the largest and smallest of R, G and B of a coloured pixel."""

LIT = 20
"""Least value of the largest of R, G and B of a pixel that is not black."""

MIN_SHARE = 0.01
"""Least share of a frame's lit pixels that are coloured patches in colour Doppler."""


class ColourCheck:
    """Looks at the frames of a clip one after the other and judges at the end.

    Flow shows in a part of each beat only, so every frame is to be passed. It
    lasts longer than a frame: colour in single frames is damage.

    Parameters
    ----------
    path : Path
        The file that the frames come from, for the messages.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._shares: list[float] = []

    def add(self, frame: NDArray[np.uint8]) -> None:
        """Look at the next frame, (H, W, 3) of red, green and blue."""
        self._shares.append(doppler_share(frame))

    def finish(self) -> None:
        """Raise an EchoError if the frames so far show colour Doppler or damage."""
        coloured = [share >= MIN_SHARE for share in self._shares]
        if not any(coloured):
            return
        lasting = any(a and b for a, b in pairwise(coloured))
        if len(coloured) >= 10 and not lasting:
            raise EchoError(
                f"{self._path.name} is damaged: its frame {coloured.index(True)} shows colours "
                "that the frames around it do not have."
            )
        raise EchoError(
            f"{self._path.name} shows colour Doppler ({max(self._shares):.0%} of the image is "
            "coloured); only grey B-mode clips can be segmented."
        )


def doppler_share(frame: NDArray[np.uint8]) -> float:
    """Share of a frame's lit pixels that lie in patches of strong colour, 0 to 1.

    Parameters
    ----------
    frame : ndarray of uint8, shape (H, W, 3)
        Red, green and blue.
    """
    import cv2

    red, green, blue = cv2.split(frame)
    brightest = cv2.max(cv2.max(red, green), blue)
    chroma = brightest - cv2.min(cv2.min(red, green), blue)
    lit = int(np.count_nonzero(brightest > LIT))
    coloured = (chroma > STRONG_COLOUR).astype(np.uint8)
    if np.count_nonzero(coloured) < MIN_SHARE * lit or _is_tinted(frame, brightest, chroma):
        return 0.0
    # Thicker than the strokes of an ECG line or of letters: 5 pixels of 240 rows.
    side = max(3, round(frame.shape[0] / 48))
    patches = cv2.morphologyEx(coloured, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    _, components, stats, _ = cv2.connectedComponentsWithStats(patches)
    height, width = patches.shape
    total = 0
    for index, (x, y, w, h, area) in enumerate(stats[1:], start=1):
        at_border = x == 0 or y == 0 or x + w == width or y + h == height
        long = w > 0.6 * width or h > 0.6 * height
        banner = at_border and long and area < 0.25 * patches.size
        # A banner has one colour, give or take what compression does to it.
        if banner and frame[components == index].std(axis=0).max() < 12:
            continue
        total += int(area)
    return total / max(lit, 1)


def _is_tinted(frame: NDArray[np.uint8], brightest: NDArray[Any], chroma: NDArray[Any]) -> bool:
    """Whether nearly all that is lit leans to one and the same hue."""
    middle = (brightest > 60) & (brightest < 240)
    if not middle.any() or (chroma[middle] > 15).mean() < 0.8:
        return False
    rgb = frame[middle].astype(np.float32)
    lean = rgb - rgb.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(lean, axis=1).sum()
    return bool(np.linalg.norm(lean.sum(axis=0)) > 0.9 * lengths)
