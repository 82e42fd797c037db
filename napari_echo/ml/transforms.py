"""Transforms of labelled frames (H, W) and clips (K, H, W), registered in mmsegmentation."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import PixelData
from mmseg.registry import TRANSFORMS
from mmseg.structures import SegDataSample
from numpy.typing import NDArray

from napari_echo.core.labels import IGNORE
from napari_echo.io.letterbox import fit_spacing, letterbox

_LABELS = {"gt_seg_map", "hard"}  # what is moved as labels are


def _each(
    image: NDArray[np.uint8], change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
) -> NDArray[np.uint8]:
    """Change a frame (H, W), or the frames of a clip (K, H, W) all alike."""
    return change(image) if image.ndim == 2 else np.stack([change(frame) for frame in image])


@TRANSFORMS.register_module()
class EchoLetterbox(BaseTransform):
    """Bring image and labels to the model's square.

    Parameters
    ----------
    size : int
        Side of the square in pixels.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def transform(self, results: dict) -> dict:
        """Replace ``img``, ``gt_seg_map``, ``spacing_mm`` and, where it is there, ``hard``."""
        shape = results["img"].shape[-2:]
        results["spacing_mm"] = fit_spacing(results.get("spacing_mm"), shape, self.size)
        results["img"] = _each(results["img"], lambda frame: letterbox(frame, self.size))
        for key in _LABELS & results.keys():
            results[key] = _each(
                results[key], lambda frame: letterbox(frame, self.size, labels=True)
            )
        # Predictions are compared on the square, not scaled back.
        results["img_shape"] = results["ori_shape"] = results["img"].shape
        return results


@TRANSFORMS.register_module()
class EchoRandomAffine(BaseTransform):
    """Rotate, scale, stretch and shift image and labels together.

    Parameters
    ----------
    rotate : float
        Largest rotation, degrees.
    scale : (float, float)
        Range of the scale.
    stretch : float
        Largest relative change of the aspect ratio.
    shift : float
        Largest shift, as a share of the square.
    prob : float
        Probability that anything is done.
    """

    def __init__(
        self,
        rotate: float = 20.0,
        scale: tuple[float, float] = (0.7, 1.25),
        stretch: float = 0.15,
        shift: float = 0.1,
        prob: float = 0.9,
    ) -> None:
        self.rotate = rotate
        self.scale = scale
        self.stretch = stretch
        self.shift = shift
        self.prob = prob

    def transform(self, results: dict) -> dict:
        """Warp ``img`` linearly, ``gt_seg_map`` and ``hard`` by nearest neighbour."""
        if np.random.rand() > self.prob:
            return results
        height, width = results["img"].shape[-2:]
        angle = np.deg2rad(np.random.uniform(-self.rotate, self.rotate))
        scale = np.exp(np.random.uniform(*np.log(self.scale)))
        stretch = np.exp(np.random.uniform(-0.5, 0.5) * np.log1p(self.stretch))
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = rotation @ np.diag([scale * stretch, scale / stretch])
        centre = np.array([width, height]) / 2
        shift = np.random.uniform(-self.shift, self.shift, 2) * [width, height]
        affine = np.column_stack([matrix, centre + shift - matrix @ centre])
        size = (width, height)
        for key in {"img"} | (_LABELS & results.keys()):
            how = cv2.INTER_LINEAR if key == "img" else cv2.INTER_NEAREST
            results[key] = _each(
                results[key], lambda frame, how=how: cv2.warpAffine(frame, affine, size, flags=how)
            )
        return results


@TRANSFORMS.register_module()
class EchoPackClip(BaseTransform):
    """Make tensors of a clip: ``inputs`` (K, 1, H, W) and a data sample of its labels.

    Frames without a label get none: the margin that a letterbox or an affine
    transform adds is background in a labelled frame alone.

    Parameters
    ----------
    hard_weight : float, optional
        With it each pixel gets a weight of its own in the losses: ``1 + hard_weight``
        where ``hard`` is not 0, else 1.
    """

    META = ("study_id", "frame_indices", "phases", "places", "spacing_mm", "img_shape")

    def __init__(self, hard_weight: float | None = None) -> None:
        self.hard_weight = hard_weight

    def transform(self, results: dict) -> dict:
        """Pack ``img``, ``gt_seg_map`` and, for the weights, ``hard``, each (K, H, W)."""
        labels = results["gt_seg_map"].astype(np.int64)
        labels[~results["labelled"]] = IGNORE
        sample = SegDataSample(metainfo={key: results[key] for key in self.META if key in results})
        sample.set_data({"gt_sem_seg": PixelData(data=torch.from_numpy(labels))})
        if self.hard_weight is not None:
            hard = results.get("hard", np.zeros_like(results["gt_seg_map"])) != 0
            weight = torch.from_numpy(1 + np.float32(self.hard_weight) * hard)
            sample.set_data({"gt_weight": PixelData(data=weight)})
        return {
            "inputs": torch.from_numpy(np.ascontiguousarray(results["img"][:, None])),
            "data_samples": sample,
        }
