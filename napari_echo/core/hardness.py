"""Hard pixels: where a segmentation is doubtful or wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import IGNORE, Segmentation
from napari_echo.core.params import Criterion, HardnessParams


@dataclass(frozen=True, eq=False)
class HardnessMap:
    """How hard each pixel is.

    Parameters
    ----------
    values : ndarray of float32, shape (T, H, W)
        0 is easy, 1 is as hard as can be.
    scored : ndarray of bool, shape (T,)
        The frames that have a score; `error` scores annotated frames only,
        and the values of the others are 0.
    criterion : {"entropy", "margin", "error", "learned"}
        What was measured.
    """

    values: NDArray[np.float32]
    scored: NDArray[np.bool_]
    criterion: Criterion


@dataclass(frozen=True, eq=False)
class HardPixels:
    """The pixels called hard.

    Parameters
    ----------
    mask : ndarray of bool, shape (T, H, W)
        The hard pixels.
    share : float
        Their share of the scored frames' pixels, 0 to 1.
    frame_scores : ndarray of float32, shape (T,)
        Hardness of each frame, 0 to 1 (`hard_pixels` defines it);
        not-a-number where the frame has no score.
    """

    mask: NDArray[np.bool_]
    share: float
    frame_scores: NDArray[np.float32]


def hardness_map(
    criterion: Criterion,
    probabilities: NDArray[np.float16],
    truth: Segmentation | None = None,
    learned: NDArray[np.float16] | None = None,
) -> HardnessMap:
    """Measure how hard each pixel is for a model.

    * ``entropy``: Shannon's entropy of the class probabilities over its
      maximum, ``-sum(p log p) / log C``.
    * ``margin``: one less the lead of the most probable class over the second,
      ``1 - (p1 - p2)``.
    * ``error``: one less the probability that the model gave to the true
      class, on annotated frames only. A structure that the model or the
      truth does not know counts as background on both sides; pixels that
      the truth marks as ignored are 0.
    * ``learned``: what the model has learned to call hard, as it says.

    Parameters
    ----------
    criterion : {"entropy", "margin", "error", "learned"}
        What to measure.
    probabilities : ndarray of float16, shape (T, C, H, W)
        Class probabilities, background first, summing to 1 over C.
    truth : Segmentation or None
        Needed for ``error`` alone.
    learned : ndarray of float16, shape (T, H, W), or None
        The model's own hardness in 0-1; needed for ``learned`` alone.

    Returns
    -------
    HardnessMap
        Values in 0-1. A model with a single class is never in doubt.

    Raises
    ------
    EchoError
        If ``error`` is asked for without an annotated frame of truth, or the
        truth has other frames than the probabilities; if ``learned`` is asked
        for of a model that has not learned it.
    """
    t, c, h, w = probabilities.shape
    if criterion == "learned":
        if learned is None:
            raise EchoError(
                "This model has not learned which pixels are hard; choose entropy or margin."
            )
        values = learned.astype(np.float32).clip(0, 1)
        return HardnessMap(values, np.ones(t, np.bool_), criterion)
    values = np.zeros((t, h, w), np.float32)
    scored = np.ones(t, np.bool_)
    if criterion == "error":
        if truth is None or not truth.annotated.any():
            raise EchoError(
                "The error needs ground truth and this clip has none; choose entropy or margin."
            )
        if truth.labels.shape != (t, h, w):
            raise EchoError(
                f"The truth has the shape {truth.labels.shape} and the prediction {(t, h, w)}; "
                "compare a clip with its own truth."
            )
        scored = truth.annotated.copy()
    # Frame by frame: a clip's probabilities in float32 would double its memory.
    for frame in np.flatnonzero(scored):
        p = probabilities[frame].astype(np.float32)
        if criterion == "error":
            assert truth is not None
            known = tuple(s.index for s in truth.schema.structures if s.index < c)
            values[frame] = _error(p, truth.labels[frame], known)
        elif c > 1:
            values[frame] = _entropy(p) if criterion == "entropy" else _doubt(p)
    return HardnessMap(np.clip(values, 0, 1, out=values), scored, criterion)


def hard_pixels(
    hardness: HardnessMap,
    params: HardnessParams,
    *,
    labels: NDArray[np.uint8] | None = None,
) -> HardPixels:
    """Call pixels hard and score the frames.

    By threshold, the pixels harder than ``params.threshold`` are hard. By
    share, the hardest ``params.share`` of all pixels of the scored frames are,
    an exact number of them: of equally hard pixels at the limit as many as
    fit, spread evenly over the clip. A pixel of hardness 0 is never hard.

    A frame's score is ``S / (S + A)``, with `S` the sum of the hardness of
    its pixels and `A` its labelled area in pixels: an S as large as the
    labelled area scores 0.5. Both grow alike with the image, so the score
    depends neither on its resolution nor on the threshold, and equal doubt
    weighs more on a small ventricle, as it does in its volume.

    Parameters
    ----------
    hardness : HardnessMap
        From `hardness_map`.
    params : HardnessParams
        The rule and its limit.
    labels : ndarray of uint8, shape (T, H, W), optional
        The predicted labels, whose area `A` is. Without them `A` is the whole
        frame.

    Returns
    -------
    HardPixels
    """
    values, scored = hardness.values, hardness.scored
    frames = np.flatnonzero(scored)
    if params.rule == "threshold":
        mask = values > params.threshold
        mask[~scored] = False
    else:
        mask = _hardest(values, frames, params.share)
    scores = np.full(len(values), np.nan, np.float32)
    for frame in frames:
        total = float(values[frame].sum(dtype=np.float64))
        area = values[frame].size if labels is None else np.count_nonzero(labels[frame])
        scores[frame] = total / (total + area) if total else 0.0
    n = len(frames) * values[0].size
    return HardPixels(mask, float(np.count_nonzero(mask)) / n if n else 0.0, scores)


def _entropy(p: NDArray[np.float32]) -> NDArray[np.float32]:
    log = np.log(p, out=np.zeros_like(p), where=p > 0)
    entropy: NDArray[np.float32] = -np.einsum("chw,chw->hw", p, log) / np.float32(np.log(len(p)))
    return entropy


def _doubt(p: NDArray[np.float32]) -> NDArray[np.float32]:
    first_two = np.partition(p, len(p) - 2, axis=0)[-2:]
    doubt: NDArray[np.float32] = 1 - (first_two[1] - first_two[0])
    return doubt


def _error(
    p: NDArray[np.float32], truth: NDArray[np.uint8], known: tuple[int, ...]
) -> NDArray[np.float32]:
    true_class = 1 - p[list(known)].sum(axis=0)
    for index in known:
        true_class = np.where(truth == index, p[index], true_class)
    return np.where(truth == IGNORE, np.float32(0), 1 - true_class)


def _hardest(
    values: NDArray[np.float32], frames: NDArray[np.intp], share: float
) -> NDArray[np.bool_]:
    """Mark the hardest share of the pixels of `frames`, an exact number."""
    mask = np.zeros(values.shape, np.bool_)
    pool = (values if len(frames) == len(values) else values[frames]).ravel()
    n = min(round(share * pool.size), int(np.count_nonzero(pool)))
    if n == 0:
        return mask
    limit = np.partition(pool, pool.size - n)[pool.size - n]
    hardest = pool > limit
    ties = np.flatnonzero(pool == limit)
    n_ties = n - int(np.count_nonzero(hardest))
    hardest[ties[np.arange(n_ties) * len(ties) // n_ties]] = True
    mask[frames] = hardest.reshape(-1, *values.shape[1:])
    return mask
