"""Colour Doppler, told from grey clips that were merely stored in colour.

A frame counts as colour Doppler where at least `MIN_SHARE` of its lit pixels
lie in patches of strong colour. Three kinds of colour are no flow and pass:

- lines and text (an ECG, a caliper), which an opening by a square removes;
- banners and frames of one flat colour that touch the border of the image;
- a tint of the whole clip (sepia, blue), where all that is lit has one hue.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError

STRONG_COLOUR = 60
"""Least difference between the largest and smallest of R, G and B of a coloured pixel."""

LIT = 20
"""Least value of the largest of R, G and B of a pixel that is not black."""

MIN_SHARE = 0.01
"""Least share of a frame's lit pixels that are coloured patches in colour Doppler."""

SAMPLED_FRAMES = 24
"""Frames looked at, spread evenly over the clip: flow shows in a part of each beat."""


def refuse_doppler(path: Path, frames: NDArray[np.uint8]) -> None:
    """Raise an EchoError if a clip shows colour Doppler.

    Parameters
    ----------
    path : Path
        The file that it comes from, for the message.
    frames : ndarray of uint8, shape (T, H, W, 3)
        Red, green and blue.
    """
    share = doppler_share(frames)
    if share >= MIN_SHARE:
        raise EchoError(
            f"{path.name} shows colour Doppler ({share:.0%} of the image is coloured); "
            "only grey B-mode clips can be segmented."
        )


def doppler_share(frames: NDArray[np.uint8]) -> float:
    """Largest share of a frame's lit pixels that lie in patches of strong colour.

    Parameters
    ----------
    frames : ndarray of uint8, shape (T, H, W, 3)
        Red, green and blue. At most `SAMPLED_FRAMES` of them are looked at.
    """
    picked = np.unique(np.linspace(0, len(frames) - 1, SAMPLED_FRAMES).astype(int))
    return max(_frame_share(frames[i]) for i in picked)


def _frame_share(frame: NDArray[np.uint8]) -> float:
    import cv2

    brightest = frame.max(axis=-1)
    chroma = brightest - frame.min(axis=-1)
    lit = int((brightest > LIT).sum())
    coloured = (chroma > STRONG_COLOUR).astype(np.uint8)
    if coloured.sum() < MIN_SHARE * lit or _is_tinted(frame, brightest, chroma):
        return 0.0
    # Thicker than the strokes of an ECG line or of letters: 5 pixels of 240 rows.
    side = max(3, round(frame.shape[0] / 48))
    patches = cv2.morphologyEx(coloured, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    _, components, stats, _ = cv2.connectedComponentsWithStats(patches)
    height, width = patches.shape
    total = 0
    for index, (x, y, w, h, area) in enumerate(stats[1:], start=1):
        at_border = x == 0 or y == 0 or x + w == width or y + h == height
        if at_border and frame[components == index].std(axis=0).max() < 12:
            continue
        total += int(area)
    return total / max(lit, 1)


def _is_tinted(
    frame: NDArray[np.uint8], brightest: NDArray[np.uint8], chroma: NDArray[np.uint8]
) -> bool:
    """Whether nearly all that is lit leans to one and the same hue."""
    middle = (brightest > 60) & (brightest < 240)
    if not middle.any() or (chroma[middle] > 15).mean() < 0.8:
        return False
    rgb = frame[middle].astype(np.float32)
    lean = rgb - rgb.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(lean, axis=1).sum()
    return bool(np.linalg.norm(lean.sum(axis=0)) > 0.9 * lengths)
