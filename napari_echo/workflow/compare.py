"""Compare: a prediction against the ground truth."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import IGNORE, LV, Segmentation
from napari_echo.core.prediction import Prediction
from napari_echo.metrics.overlap import dice, iou
from napari_echo.metrics.surface import asd, hd95


@dataclass(frozen=True)
class ComparisonRow:
    """One structure in one annotated frame.

    Parameters
    ----------
    frame : int
        The frame, counted from 0.
    structure : int
        Index of the structure.
    name : str
        Its name.
    dice, iou : float
        Overlap, 0 to 1; not-a-number where neither side shows the structure.
    hd95, asd : float
        Distances of the outlines in the report's unit; not-a-number where
        either side does not show the structure.
    """

    frame: int
    structure: int
    name: str
    dice: float
    iou: float
    hd95: float
    asd: float


@dataclass(frozen=True)
class ComparisonReport:
    """How well a prediction agrees with the truth.

    Parameters
    ----------
    rows : tuple of ComparisonRow
        By frame, then by structure.
    unit : {"mm", "px"}
        Unit of the distances.
    """

    rows: tuple[ComparisonRow, ...]
    unit: str

    def mean_dice(self, structure: int = LV, frames: Collection[int] | None = None) -> float | None:
        """Mean Dice of a structure over `frames`, or all; None where none is defined."""
        values = [
            row.dice
            for row in self.rows
            if row.structure == structure
            and (frames is None or row.frame in frames)
            and not np.isnan(row.dice)
        ]
        return sum(values) / len(values) if values else None

    def dice_at_ed(self, key_frames: KeyFrames) -> float | None:
        """Mean LV Dice over the ED frames that are annotated; None if none is."""
        return self.mean_dice(LV, {beat.ed for beat in key_frames.beats})

    def dice_at_es(self, key_frames: KeyFrames) -> float | None:
        """Mean LV Dice over the ES frames that are annotated; None if none is."""
        return self.mean_dice(LV, {beat.es for beat in key_frames.beats})


def compare(
    prediction: Prediction, truth: Segmentation, spacing_mm: tuple[float, float] | None
) -> ComparisonReport:
    """Compare a prediction with the annotated frames of the truth.

    Parameters
    ----------
    prediction : Prediction
        A model's segmentation of a clip.
    truth : Segmentation
        The clip's ground truth. Pixels that it marks as ignored count for
        neither side.
    spacing_mm : (float, float) or None
        Height and width of a pixel in mm; None measures in pixels.

    Returns
    -------
    ComparisonReport
        One row for each annotated frame and each structure that both the
        model and the truth know.

    Raises
    ------
    EchoError
        If the truth is of another clip's size.
    """
    predicted = prediction.segmentation
    if truth.labels.shape != predicted.labels.shape:
        raise EchoError(
            f"The truth has the shape {truth.labels.shape} and the prediction "
            f"{predicted.labels.shape}; compare a clip with its own truth."
        )
    rows = [
        row
        for frame in truth.annotated_frames
        for row in compare_frame(prediction, truth, frame, spacing_mm)
    ]
    return ComparisonReport(tuple(rows), "px" if spacing_mm is None else "mm")


def compare_frame(
    prediction: Prediction,
    truth: Segmentation,
    frame: int,
    spacing_mm: tuple[float, float] | None,
) -> list[ComparisonRow]:
    """Compare one annotated frame: one row for each structure, as `compare` does."""
    predicted = prediction.segmentation
    known = {s.index for s in predicted.schema.structures}
    counted = truth.labels[frame] != IGNORE
    rows = []
    for s in truth.schema.structures:
        if s.index in known:
            a = (predicted.labels[frame] == s.index) & counted
            b = truth.labels[frame] == s.index
            rows.append(
                ComparisonRow(
                    frame,
                    s.index,
                    s.name,
                    dice(a, b),
                    iou(a, b),
                    hd95(a, b, spacing_mm),
                    asd(a, b, spacing_mm),
                )
            )
    return rows
