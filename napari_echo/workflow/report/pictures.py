"""Pictures of the clips that the models find hardest."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.labels import IGNORE, LV
from napari_echo.io.clipset import ClipEntry, ClipSet
from napari_echo.workflow import overlay
from napari_echo.workflow.evaluate import segment
from napari_echo.workflow.predict import SegmentationModel
from napari_echo.workflow.report.summary import Measured
from napari_echo.workflow.scores import ClipResult

_SIDE = 360


@dataclass(frozen=True)
class Picture:
    """One picture and the score below it.

    Parameters
    ----------
    uri : str
        The picture as a ``data:`` URI.
    alt : str
        What it shows.
    dice : float
        Of the LV in the frame; not-a-number for the frame alone.
    hd95_mm : float
        Alike.
    """

    uri: str
    alt: str
    dice: float = math.nan
    hd95_mm: float = math.nan


@dataclass(frozen=True)
class HardFrame:
    """A frame of a hard clip: the image, then each model's segmentation."""

    phase: str
    frame: int
    image: Picture
    models: tuple[Picture, ...]


def hardest_clips(models: Sequence[Measured], lv: str, n: int) -> list[int]:
    """Places of the clips of the lowest mean LV Dice, the hardest first.

    The mean over the models of a clip's mean Dice at ED and ES, or, where
    neither is labelled, in all its labelled frames.
    """

    def dice(clip: ClipResult) -> float:
        values = [clip.mean("dice", lv, phase) for phase in ("ED", "ES")]
        known = [value for value in values if math.isfinite(value)]
        return sum(known) / len(known) if known else clip.mean("dice", lv)

    means = np.array([[dice(clip) for clip in model.evaluation.clips] for model in models])
    of_clips = means.mean(axis=0)
    known = [i for i in range(len(of_clips)) if math.isfinite(of_clips[i])]
    return sorted(known, key=lambda i: float(of_clips[i]))[:n]


def worst_frames(clips: Sequence[ClipResult], lv: str) -> dict[str, int]:
    """The ED and the ES frame of a clip at which its models score least; else the worst of all.

    Parameters
    ----------
    clips : sequence of ClipResult
        What each model does on one clip.
    lv : str
        The LV cavity's name.

    Returns
    -------
    dict of str to int
        Phase to frame.
    """
    found: dict[str, tuple[float, int]] = {}
    for clip in clips:
        for score in clip.scores:
            if score.structure == lv and not math.isnan(score.dice):
                best = found.get(score.phase, (math.inf, 0))
                found[score.phase] = min(best, (score.dice, score.frame))
    if not found:
        return {clip.scores[0].phase: clip.scores[0].frame for clip in clips[:1] if clip.scores}
    key: dict[str, int] = {phase: found[phase][1] for phase in ("ED", "ES") if phase in found}
    if not key:
        key["between"] = found["between"][1]
    return key


def draw_clip(
    clips: ClipSet,
    results: Sequence[ClipResult],
    segmentors: Sequence[tuple[str, SegmentationModel]],
    lv: str,
) -> list[HardFrame]:
    """Draw the worst ED and ES frames of a clip around its LV, segmented anew by each model.

    Parameters
    ----------
    clips : ClipSet
        The data set.
    results : sequence of ClipResult
        What each model does on the clip.
    segmentors : sequence of (str, SegmentationModel)
        The models with their names, in the same order.
    lv : str
        The LV cavity's name.
    """
    entry = results[0].entry
    wanted = worst_frames(results, lv)
    labels = [segment(model, clips, entry).of(list(wanted.values())) for _, model in segmentors]
    rows = [entry.labelled_frames.index(frame) for frame in wanted.values()]
    truth, frames = clips.labels(entry)[rows], clips.frames(entry)
    cavities: NDArray[np.bool_] = np.concatenate([truth, *labels]) == LV
    box = _around(np.any(cavities, axis=0, keepdims=True)[0])
    drawn = []
    for row, (phase, frame) in enumerate(wanted.items()):
        true = truth[row][box]
        image = overlay.fit(np.asarray(frames[frame])[box], _SIDE)
        pictures = []
        for (name, _), result, found in zip(segmentors, results, labels, strict=True):
            with_errors = image.copy()
            counted = true != IGNORE
            mask = (found[row][box] == LV) & counted
            # Two pixels wide: pages show the pictures at half their size.
            overlay.draw_errors(with_errors, mask, true == LV, width=2)
            (score,) = [s for s in result.scores if s.structure == lv and s.frame == frame]
            what = f"{_title(entry)}, frame {frame}: LV by {name} against the truth"
            pictures.append(Picture(_jpeg(with_errors), what, score.dice, score.hd95_mm))
        alone = Picture(_jpeg(image), f"{_title(entry)}, frame {frame}")
        drawn.append(HardFrame(phase, frame, alone, tuple(pictures)))
    return drawn


def _around(masks: NDArray[np.bool_]) -> tuple[slice, slice]:
    """A square around a mask (H, W), with room for what lies beside it, within the image."""
    if not masks.any():
        return slice(0, masks.shape[0]), slice(0, masks.shape[1])
    ends = [np.flatnonzero(masks.any(axis=axis))[[0, -1]] for axis in (1, 0)]
    side = round(max(1.4 * max(last - first for first, last in ends), 0.4 * max(masks.shape)))
    box = []
    for (first, last), length in zip(ends, masks.shape, strict=True):
        start = int(max(0, min((first + last - side) // 2, length - side)))
        box.append(slice(start, start + side))
    return box[0], box[1]


def _title(entry: ClipEntry) -> str:
    return f"{entry.study_id} {entry.view}"


def _jpeg(image: overlay.RGB) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=88, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
