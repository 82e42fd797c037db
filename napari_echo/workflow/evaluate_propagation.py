"""Measure how well one corrected frame re-labels a whole beat, and how an error in it spreads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LV
from napari_echo.io.clipset import ClipEntry, ClipSet, open_clipset
from napari_echo.metrics.overlap import dice
from napari_echo.workflow.predict import predict
from napari_echo.workflow.propagate import propagate, propagate_by_flow

if TYPE_CHECKING:
    from napari_echo.ml.predictor import Predictor

TRUE, SPOILED = "true", "spoiled"
ALONE, FLOW = "model alone", "optical flow"


@dataclass(frozen=True)
class PropagationScore:
    """LV Dice of one frame that was found from the mask of another.

    Parameters
    ----------
    study_id : str
        The patient.
    method : str
        "model alone", which reads no mask, "optical flow", or the name of the pack.
    given : {"true", "spoiled", "none"}
        The mask of the given frame.
    share : float
        Distance from the given frame, as a share of the largest in the clip.
    dice : float
        0 to 1.
    """

    study_id: str
    method: str
    given: str
    share: float
    dice: float


def spoil(labels: NDArray[np.uint8], share: float = 0.04) -> NDArray[np.uint8]:
    """Move labels (H, W) to the right and down by a share of the larger side, as a slip would."""
    step = max(1, round(share * max(labels.shape)))
    moved = np.zeros_like(labels)
    moved[step:, step:] = labels[:-step, :-step]
    return moved


def evaluate_propagation(
    predictors: list[Predictor],
    data: Path,
    *,
    split: str = "test",
    on_progress: Callable[[int, int], None] | None = None,
) -> list[PropagationScore]:
    """Score what follows from the mask of ED, by each model, by optical flow, and by none.

    Parameters
    ----------
    predictors : list of Predictor
        Models with a memory; of each its propagation and its plain prediction are scored.
    data : Path
        A clip data set; clips whose every frame is labelled are used.
    split : str
        The split to score.
    on_progress : callable, optional
        Called with the clips done and their number.

    Returns
    -------
    list of PropagationScore
        Of every frame but the given ones. With "spoiled" the given mask is the
        true one moved by `spoil`; the truth it is compared with is not.

    Raises
    ------
    EchoError
        If no clip of the split is labelled in every frame, or a model has no memory.
    """
    clips = open_clipset(data)
    entries = [
        entry
        for entry in clips.entries
        if entry.split == split
        and len(entry.labelled_frames) == entry.shape[0] > 2
        and entry.key_frames.beats
    ]
    if not entries:
        raise EchoError(
            f"No clip of the split '{split}' in {data} is labelled in every frame; "
            "`napari-echo phantom --layout beats` writes such clips."
        )
    scores: list[PropagationScore] = []
    for done, entry in enumerate(entries):
        if on_progress is not None:
            on_progress(done, len(entries))
        scores.extend(_of_clip(clips, entry, predictors))
    if on_progress is not None:
        on_progress(len(entries), len(entries))
    return scores


def _of_clip(
    clips: ClipSet, entry: ClipEntry, predictors: list[Predictor]
) -> Iterator[PropagationScore]:
    frames, truth = np.array(clips.frames(entry)), np.array(clips.labels(entry))
    clip = EchoClip.from_frames(frames, spacing_mm=entry.spacing_mm, study_id=entry.study_id)
    ed = entry.key_frames.beats[0].ed
    masks = {TRUE: truth[ed], SPOILED: spoil(truth[ed])}
    found: list[tuple[str, str, NDArray[np.uint8]]] = []
    for predictor in predictors:
        name = predictor.pack.name
        alone = predict(clip, predictor).segmentation.labels
        found.append((f"{name}, {ALONE}", "none", alone))
        for given, mask in masks.items():
            labels = propagate(clip, {ed: mask}, predictor).segmentation.labels
            found.append((f"{name}, propagated", given, labels))
    for given, mask in masks.items():
        labels = propagate_by_flow(clip, {ed: mask}, schema=clips.schema).segmentation.labels
        found.append((FLOW, given, labels))
    farthest = max(ed, len(clip) - 1 - ed)
    for method, given, labels in found:
        for frame in range(len(clip)):
            if frame != ed:
                score = dice(labels[frame] == LV, truth[frame] == LV)
                yield PropagationScore(
                    entry.study_id, method, given, abs(frame - ed) / farthest, score
                )


def propagation_table(scores: list[PropagationScore]) -> list[dict[str, object]]:
    """One row for each method and given mask: mean Dice of all frames and by distance."""
    rows = []
    for method, given in dict.fromkeys((s.method, s.given) for s in scores):
        of_row = [s for s in scores if (s.method, s.given) == (method, given)]

        def mean(low: float, high: float, of_row: list[PropagationScore] = of_row) -> float:
            values = [s.dice for s in of_row if low < s.share <= high and np.isfinite(s.dice)]
            return float(np.mean(values)) if values else float("nan")

        rows.append(
            {
                "method": method,
                "given": given,
                "frames": len(of_row),
                "dice": mean(0, 1),
                "first_quarter": mean(0, 0.25),
                "half": mean(0.25, 0.5),
                "third_quarter": mean(0.5, 0.75),
                "end": mean(0.75, 1),
            }
        )
    return rows
