"""Geometric transforms of labelled frames, registered in mmsegmentation."""

from __future__ import annotations

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

from napari_echo.ml.geometry import letterbox


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
        """Replace ``img`` and ``gt_seg_map``."""
        results["img"] = letterbox(results["img"], self.size)
        results["gt_seg_map"] = letterbox(results["gt_seg_map"], self.size, labels=True)
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
        """Warp ``img`` linearly and ``gt_seg_map`` by nearest neighbour."""
        if np.random.rand() > self.prob:
            return results
        height, width = results["img"].shape
        angle = np.deg2rad(np.random.uniform(-self.rotate, self.rotate))
        scale = np.exp(np.random.uniform(*np.log(self.scale)))
        stretch = np.exp(np.random.uniform(-0.5, 0.5) * np.log1p(self.stretch))
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = rotation @ np.diag([scale * stretch, scale / stretch])
        centre = np.array([width, height]) / 2
        shift = np.random.uniform(-self.shift, self.shift, 2) * [width, height]
        affine = np.column_stack([matrix, centre + shift - matrix @ centre])
        size = (width, height)
        results["img"] = cv2.warpAffine(results["img"], affine, size, flags=cv2.INTER_LINEAR)
        results["gt_seg_map"] = cv2.warpAffine(
            results["gt_seg_map"], affine, size, flags=cv2.INTER_NEAREST
        )
        return results
