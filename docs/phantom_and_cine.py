"""Make docs/images/phantom_and_cine.png: a phantom beside the real cine.

Run from the repository's root: `python docs/phantom_and_cine.py [SEED]`.
Left the real apical four-chamber cine that pydicom ships (MIT licence), right
a phantom on the same pixel grid: two frames of each, and below them how one
row of the image runs in time (an M-mode across septum and lateral wall).
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from pydicom.examples import get_path

from napari_echo.io.load import load
from napari_echo.phantom.generate import generate

SEED = 702
OUT = Path(__file__).parent / "images" / "phantom_and_cine.png"


def panel(frames: np.ndarray, first: int, second: int, row: int, name: str) -> np.ndarray:
    """Two frames side by side over the motion of one row."""
    top = np.concatenate([frames[first], frames[second]], axis=1)
    motion = cv2.resize(
        frames[:, row].T, (top.shape[1], frames.shape[2] // 2), interpolation=cv2.INTER_NEAREST
    )
    image = cv2.resize(np.concatenate([top, motion]), None, fx=1.5, fy=1.5)
    header = np.zeros((34, image.shape[1]), np.uint8)
    cv2.putText(header, name, (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 230, 1, cv2.LINE_AA)
    return np.concatenate([header, image])


def main(seed: int) -> None:
    """Write the picture."""
    cine = load(Path(get_path("ybr_color")))
    left = panel(cine.frames, 10, 0, 100, "real cine (pydicom examples)")
    phantom = generate(seed, size=cine.frame_shape)
    beat = phantom.key_frames.beats[0]
    # As much time as the cine shows.
    fps = phantom.params.cycle.fps
    shown = phantom.clip.frames[beat.ed :][: round(len(cine) / (cine.fps or 30) * fps)]
    rows = np.flatnonzero(phantom.truth.mask(1)[beat.ed].any(axis=1))
    row = int(rows[0] + 0.6 * np.ptp(rows))
    right = panel(shown, 0, beat.es - beat.ed, row, f"phantom, seed {seed}")
    OUT.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(OUT), np.concatenate([left, right], axis=1))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SEED)
