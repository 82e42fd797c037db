"""Measure how well EchoNet's 20 discs carry a mask of the LV cavity.

Run from the repository's root: `python docs/echonet_fit.py [CAMUS]`.
Every ED and ES mask of CAMUS, where its folder is given, and of 40 phantoms is
traced as the EchoNet export does, at 112x112 and at its own size; the mask
drawn from the tracing by EchoNet's own rule is compared with the label on the
same grid. Prints the smallest and the median Dice.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import skimage.draw

from napari_echo.core.discs import long_axis
from napari_echo.core.labels import LV
from napari_echo.io.camus import read_camus
from napari_echo.io.echonet_writer import square_mask, trace
from napari_echo.io.labelled import LabelledClip
from napari_echo.phantom.generate import PhantomClip, generate

PHANTOMS = 40


def draw(lines: np.ndarray, size: int) -> np.ndarray:
    """Draw a mask as `echonet.datasets.Echo` does: without the axis, of rounded points."""
    x1, y1, x2, y2 = lines[:, 0, 1], lines[:, 0, 0], lines[:, 1, 1], lines[:, 1, 0]
    x = np.concatenate((x1[1:], np.flip(x2[1:])))
    y = np.concatenate((y1[1:], np.flip(y2[1:])))
    r, c = skimage.draw.polygon(np.rint(y).astype(int), np.rint(x).astype(int), (size, size))
    mask = np.zeros((size, size), bool)
    mask[r, c] = True
    return mask


def masks(items: Iterable[LabelledClip | PhantomClip]) -> Iterator[np.ndarray]:
    """The LV cavity of every ED and ES."""
    for item in items:
        for frame in item.key_frames.frames():
            yield item.truth.labels[frame] == LV


def measure(name: str, found: Iterator[np.ndarray]) -> None:
    """Print the Dice of a set of masks."""
    dice: dict[str, list[float]] = {"112x112": [], "native": []}
    for mask in found:
        axis = long_axis(mask)
        for key, size in (("112x112", 112), ("native", max(mask.shape))):
            if axis is None:
                dice[key].append(0.0)
                continue
            drawn, label = draw(trace(mask, axis, size), size), square_mask(mask, size)
            dice[key].append(2 * (drawn & label).sum() / (drawn.sum() + label.sum()))
    for key, values in dice.items():
        print(
            f"{name}, {key}: {len(values)} masks, smallest Dice {min(values):.4f}, "
            f"median {np.median(values):.4f}"
        )


if __name__ == "__main__":
    measure("phantoms", masks(generate(seed, frames="key") for seed in range(PHANTOMS)))
    if len(sys.argv) > 1:
        measure("CAMUS", masks(read_camus(Path(sys.argv[1]))))
