"""Pictures of predictions over truth while a model is validated or tested."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from mmseg.structures import SegDataSample
from numpy.typing import NDArray

from napari_echo.core.labels import CAMUS_SCHEMA, IGNORE, LV
from napari_echo.metrics.overlap import dice

_COLOURS = {
    s.index: np.array([int(s.color[i : i + 2], 16) for i in (1, 3, 5)], np.uint8)
    for s in CAMUS_SCHEMA.structures
}
_FILL = 0.4  # opacity of the prediction
_TILE, _COLUMNS, _BAR = 256, 5, 22  # pixels, tiles in a row, pixels of the caption
_Image = NDArray[np.uint8]


@HOOKS.register_module()
class SegNpyVisualizationHook(Hook):
    """Draws the prediction (filled) and the truth (outlined) of every n-th clip.

    One picture a clip, with a tile a frame, goes to the backends of the
    runner's visualizer: files under ``vis_data/vis_image``, and TensorBoard.
    The frames are those the model saw, read from the batch; a sample that is
    a single frame gives a picture of one tile. Of several processes the first
    draws, of the samples that fall to it.

    Parameters
    ----------
    draw : bool
        Whether anything is drawn.
    interval : int
        Draw each `interval`-th clip, the first included.
    """

    def __init__(self, draw: bool = False, interval: int = 50) -> None:
        self.draw = draw
        self.interval = max(1, int(interval))
        self._seen = 0

    def before_val_epoch(self, runner: Runner) -> None:
        """Count the clips anew: each validation draws the same ones."""
        self._seen = 0

    def before_test_epoch(self, runner: Runner) -> None:
        """Count the clips anew."""
        self._seen = 0

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[SegDataSample] | None = None,
    ) -> None:
        """Draw a batch of a validation."""
        self._draw_batch(runner, data_batch, outputs or (), "val")

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[SegDataSample] | None = None,
    ) -> None:
        """Draw a batch of a test."""
        self._draw_batch(runner, data_batch, outputs or (), "test")

    def _draw_batch(
        self, runner: Runner, batch: Any, samples: Sequence[SegDataSample], mode: str
    ) -> None:
        if not self.draw:
            return
        for inputs, sample in zip(batch["inputs"], samples, strict=True):
            number, self._seen = self._seen, self._seen + 1
            if number % self.interval:
                continue
            meta = sample.metainfo
            # Samples of single frames have no other name to tell them apart.
            frame = f"_{meta['frame_index']}" if "frame_index" in meta else ""
            runner.visualizer.add_image(
                f"{mode}_{number:04d}_{meta['study_id']}{frame}",
                draw_clip(inputs.cpu().numpy(), sample),
                step=runner.iter,
            )


def draw_clip(inputs: NDArray[np.uint8], sample: SegDataSample) -> NDArray[np.uint8]:
    """Draw the frames of a sample side by side.

    Parameters
    ----------
    inputs : ndarray of uint8, shape (1, S, S) or (K, 1, S, S)
        Grey levels of a frame or of a clip.
    sample : SegDataSample
        With ``pred_sem_seg`` and, where there is truth, ``labels_all`` or
        ``gt_sem_seg``.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        RGB, at most five tiles in a row.
    """
    frames = inputs.reshape(-1, *inputs.shape[-2:])
    predicted = _labels(sample, "pred_sem_seg")
    truth = _labels(sample, "labels_all" if "labels_all" in sample else "gt_sem_seg")
    meta = sample.metainfo
    phases = meta.get("phases", (meta.get("phase", ""),))
    numbers = meta.get("frame_indices", (meta.get("frame_index", 0),))
    tiles = [
        _tile(*each) for each in zip(frames, predicted, truth, phases, numbers, strict=True)
    ]  # fmt: skip
    columns = min(_COLUMNS, len(tiles))
    while len(tiles) % columns:
        tiles.append(np.zeros_like(tiles[0]))
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    return np.vstack(rows)


def _tile(frame: _Image, predicted: _Image, truth: _Image, phase: str, number: int) -> _Image:
    """One frame: the prediction filled, the truth outlined, and what it is."""
    size = max(1, round(_TILE / max(frame.shape))) * frame.shape[1], _tile_height(frame)
    image = cv2.cvtColor(
        cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR), cv2.COLOR_GRAY2RGB
    )
    known = bool((truth != IGNORE).any())
    large = [
        cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST) for labels in (predicted, truth)
    ]
    for index, colour in _COLOURS.items():
        mask = large[0] == index
        image[mask] = ((1 - _FILL) * image[mask] + _FILL * colour).astype(np.uint8)
    for index in _COLOURS:
        contours, _ = cv2.findContours(
            (large[1] == index).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
        )
        cv2.drawContours(image, contours, -1, (255, 255, 255), 1, cv2.LINE_AA)
    caption = f"{number} {phase.upper() if phase in ('ed', 'es') else ''}".strip()
    if known:
        counted = truth != IGNORE
        score = dice((predicted == LV) & counted, truth == LV)
        caption += f"   Dice {score:.3f}" if score == score else ""
    bar = np.zeros((_BAR, image.shape[1], 3), np.uint8)
    cv2.putText(
        bar, caption, (6, _BAR - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA
    )
    return np.vstack([bar, image])


def _tile_height(frame: _Image) -> int:
    return max(1, round(_TILE / max(frame.shape))) * frame.shape[0]


def _labels(sample: SegDataSample, name: str) -> _Image:
    data = sample.get(name)
    data = getattr(data, "data", data)
    return data.cpu().numpy().astype(np.uint8)
