"""What a model saves a reader: pixels to change, and points to set or to drag.

Two readers are simulated, who stop at the same agreement with the truth. One
labels from nothing: the ends of the annulus, the apex, then always the point
at which the contour is farthest off. The other starts from the model: its
contour comes with control points, the farthest off is dragged to the truth's
outline, and a point is added only where all that there are lie on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.cleanup import keep_largest_piece
from napari_echo.core.contour import curve_through, fill_contour, open_outline
from napari_echo.core.labels import LV
from napari_echo.io.clipset import open_clipset
from napari_echo.metrics.control_points import control_points
from napari_echo.metrics.overlap import dice
from napari_echo.workflow.evaluate import labelled_entries

_MARGIN = 8
_MOST = 40


@dataclass(frozen=True)
class Effort:
    """What one frame costs a reader.

    Parameters
    ----------
    study_id : str
        The patient.
    frame : int
        Counted from 0.
    dice : float
        Of the model with the truth, before anything is corrected.
    pixels_from_nothing, pixels_from_model : int
        Pixels that change until the mask is the truth's.
    points_from_nothing, points_from_model : int
        Points set or dragged until the agreement is reached; 0 where the
        model is accepted as it is.
    """

    study_id: str
    frame: int
    dice: float
    pixels_from_nothing: int
    pixels_from_model: int
    points_from_nothing: int
    points_from_model: int


def reader_effort(
    segment: Callable[[NDArray[np.uint8]], NDArray[np.float16]],
    data: Path,
    *,
    split: str = "val",
    least_dice: float = 0.95,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Effort]:
    """Count what labelling costs with a model and without, over a split's labelled frames.

    Parameters
    ----------
    segment : callable
        Class probabilities (N, C, H, W) of frames (N, H, W); class 1 is the LV.
    data : Path
        Clip data set.
    split : str
        The split to count over.
    least_dice : float
        The agreement with the truth's LV at which a reader stops. Readers
        agree with themselves to 0.945 at ED and 0.930 at ES on CAMUS
        (Leclerc et al., IEEE TMI 38(9), 2019).
    on_progress : callable, optional
        Called with the clips done and their number.

    Returns
    -------
    list of Effort
        Frames whose true LV has no long axis are left out.

    Raises
    ------
    EchoError
        If the split has no labelled clip.
    """
    clips = open_clipset(data)
    entries, _ = labelled_entries(clips, split)
    found = []
    for done, entry in enumerate(entries):
        frames = np.ascontiguousarray(clips.frames(entry)[list(entry.labelled_frames)])
        probabilities = segment(frames)
        labels = keep_largest_piece(probabilities.argmax(axis=1).astype(np.uint8), probabilities)
        for row, frame in enumerate(entry.labelled_frames):
            true, model = clips.labels(entry)[row] == LV, labels[row] == LV
            both = _boxed(true, model)
            counts = _points(*both, least_dice)
            if counts is not None:
                changed = int(np.count_nonzero(true != model))
                whole = int(np.count_nonzero(true))
                overlap = dice(true, model)
                found.append(Effort(entry.study_id, frame, overlap, whole, changed, *counts))
        if on_progress is not None:
            on_progress(done + 1, len(entries))
    return found


def drags(model: NDArray[np.bool_], truth: NDArray[np.bool_], least_dice: float) -> int | None:
    """Points that a reader drags or adds to bring a model's contour to the truth.

    Parameters
    ----------
    model, truth : ndarray of bool, shape (H, W)
        LV cavity by the model and by the truth.
    least_dice : float
        Agreement at which the reader stops.

    Returns
    -------
    int or None
        None where the truth has no long axis, or the model none to start from.
    """
    if dice(model, truth) >= least_dice:
        return 0
    goal, points = open_outline(truth), control_points(model, 0.98)
    if goal is None or points is None:
        return None
    loose = np.ones(len(points), np.bool_)
    for count in range(1, _MOST + 1):
        targets = _targets(points, goal)
        off = np.where(loose, np.linalg.norm(points - targets, axis=1), 0)
        if off.max() >= 1:
            worst = int(off.argmax())
            points[worst], loose[worst] = targets[worst], False
        else:
            points, loose = _with_farthest(points, loose, goal)
        if dice(fill_contour(points, truth.shape), truth) >= least_dice:
            return count
    return _MOST


def _points(
    truth: NDArray[np.bool_], model: NDArray[np.bool_], least_dice: float
) -> tuple[int, int] | None:
    placed = control_points(truth, least_dice, _MOST)
    if placed is None:
        return None
    dragged = drags(model, truth, least_dice)
    # Without a contour to start from, the reader labels from nothing.
    return len(placed), len(placed) if dragged is None else dragged


def _boxed(
    truth: NDArray[np.bool_], model: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Both masks in the box around them: filling takes as long as the frame is large."""
    rows, columns = (np.flatnonzero((truth | model).any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return truth, model
    box = tuple(slice(max(0, at[0] - _MARGIN), at[-1] + 1 + _MARGIN) for at in (rows, columns))
    return truth[box], model[box]


def _targets(points: NDArray[np.float64], goal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where each point belongs: the ends at the annulus's ends, the others nearest by."""
    nearest = np.linalg.norm(points[:, None] - goal[None], axis=2).argmin(axis=1)
    nearest[0], nearest[-1] = 0, len(goal) - 1
    return np.asarray(goal[nearest])


def _with_farthest(
    points: NDArray[np.float64], loose: NDArray[np.bool_], goal: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Add the goal's point that lies farthest from the curve."""
    curve = curve_through(points)
    distance = np.linalg.norm(goal[:, None] - curve[None], axis=2)
    far = int(distance.min(axis=1).argmax())
    # Between the neighbours of the curve's nearest point.
    along = np.linalg.norm(points[:, None] - curve[None], axis=2).argmin(axis=1)
    place = int(np.searchsorted(along, distance[far].argmin()))
    place = min(max(place, 1), len(points) - 1)
    return np.insert(points, place, goal[far], axis=0), np.insert(loose, place, False)
