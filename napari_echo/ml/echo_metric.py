"""What a segmentation of the left ventricle is judged by; registered in mmsegmentation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmseg.registry import METRICS
from numpy.typing import NDArray

from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import IGNORE, LV
from napari_echo.metrics.agreement import agreement
from napari_echo.metrics.overlap import dice, iou
from napari_echo.metrics.surface import asd, hd95
from napari_echo.metrics.temporal import area_jitter
from napari_echo.metrics.volume import lv_measures

_NAN = float("nan")


@dataclass(frozen=True)  # mmengine would take a named tuple apart
class FrameRow:
    """What was measured in one frame.

    ``dice``, ``iou``, ``hd95`` and ``asd`` hold one value for each class,
    not-a-number where there is none; ``area`` (pixels) and ``volume`` (of the
    LV, in any unit) hold the prediction's and the truth's.
    """

    clip: str
    frame: int
    phase: str
    dice: tuple[float, ...]
    iou: tuple[float, ...]
    hd95: tuple[float, ...]
    asd: tuple[float, ...]
    area: tuple[float, float]
    volume: tuple[float, float]


@METRICS.register_module()
class EchoMetric(BaseMetric):
    """Overlap, distances, EF and steadiness, on the model's square.

    Takes samples that are frames, labels ``(1, S, S)``, and samples that are
    clips, labels ``(K, S, S)``; where a sample has ``labels_all``, the truth of
    frames whose labels were kept from the training, it is measured by those.
    Frames without a label and pixels of the label 255 are left out.

    It reports, under ``echo/``, for each class NAME, with ``_ed`` and ``_es``
    for these phases alone:

    ``dice_NAME``, ``iou_NAME``
        Means over the labelled frames, in percent.
    ``hd95_NAME``, ``asd_NAME``
        Distances in mm (`napari_echo.metrics.surface`), where the samples have
        ``spacing_mm``.

    and for the LV

    ``ef_mae``, ``ef_rmse``, ``ef_r2``, ``ef_r``, ``ef_bias``, ``ef_sd``, ``ef_clips``
        EF of the predicted masks against that of the true ones, both by the
        method of discs in this one plane, in percentage points, over the clips
        with an ED and an ES (`napari_echo.metrics.agreement`).
    ``jitter``, ``jitter_truth``
        `area_jitter` of the clips of three frames or more.

    Parameters
    ----------
    classes : sequence of str
        Short names of the classes from index 1, the LV, on.
    full : bool
        Whether to measure more than overlap; distances and volumes take longer
        than the network does.
    **kwargs
        Passed to mmengine's ``BaseMetric``.
    """

    default_prefix = "echo"

    def __init__(
        self, classes: Sequence[str] = ("lv", "myo", "la"), full: bool = True, **kwargs: Any
    ) -> None:
        # Results of several processes go over their network: not through a
        # folder that all of them would have to see.
        super().__init__(**{"collect_device": "gpu", **kwargs})
        self.classes = tuple(classes)
        self.full = full

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Measure a batch; one result a sample, with a row a labelled frame."""
        self.results.extend(list(self._rows(sample)) for sample in data_samples)

    def _rows(self, sample: dict) -> Iterator[FrameRow]:
        predicted = _array(sample["pred_sem_seg"])
        truth = _array(sample["labels_all" if "labels_all" in sample else "gt_sem_seg"])
        phases = sample["phases"] if "phases" in sample else (sample["phase"],)
        frames = sample["frame_indices"] if "frame_indices" in sample else (sample["frame_index"],)
        clip = str(sample.get("clip_id", sample["study_id"]))
        spacing = sample.get("spacing_mm")
        for found, true, phase, frame in zip(predicted, truth, phases, frames, strict=True):
            counted = true != IGNORE
            known = bool(counted.any())
            pairs = [
                ((found == index) & counted, true == index)
                for index in range(1, len(self.classes) + 1)
                if known
            ]
            distances = [] if spacing is None or not self.full else pairs
            areas = [_area(found), _area(true) if known else _NAN]
            volumes = (_NAN, _NAN)
            if self.full and known and phase in ("ed", "es"):
                volumes = (_volume(found == LV, spacing), _volume(true == LV, spacing))
            yield FrameRow(
                clip=clip,
                frame=int(frame),
                phase=phase,
                dice=tuple(dice(a, b) for a, b in pairs),
                iou=tuple(iou(a, b) for a, b in pairs),
                hd95=tuple(hd95(a, b, spacing) for a, b in distances),
                asd=tuple(asd(a, b, spacing) for a, b in distances),
                area=(areas[0], areas[1]),
                volume=volumes,
            )

    def compute_metrics(self, results: list[list[FrameRow]]) -> dict[str, float]:
        """Means over frames, agreement over clips."""
        rows = [row for of_sample in results for row in of_sample]
        metrics: dict[str, float] = {}
        for measure, scale in (("dice", 100), ("iou", 100), ("hd95", 1), ("asd", 1)):
            for index, name in enumerate(self.classes):
                for suffix, phase in (("", None), ("_ed", "ed"), ("_es", "es")):
                    values = [
                        getattr(row, measure)[index]
                        for row in rows
                        if phase in (None, row.phase) and getattr(row, measure)
                    ]
                    metrics[f"{measure}_{name}{suffix}"] = scale * _mean(values)
        if self.full:
            metrics.update(_ef(results))
            steady = [of_sample for of_sample in results if len(of_sample) > 2]
            for key, side in (("jitter", 0), ("jitter_truth", 1)):
                metrics[key] = _mean([_jitter(of_sample, side) for of_sample in steady])
        return {key: value for key, value in metrics.items() if math.isfinite(value)}


def _jitter(rows: list[FrameRow], side: int) -> float:
    """Jitter of a clip; a frame that a short beat shows repeatedly counts once."""
    once = {row.frame: row.area[side] for row in rows}
    return area_jitter(list(once.values()))


def _ef(results: list[list[FrameRow]]) -> dict[str, float]:
    """Agreement of EF over clips, in percentage points."""
    clips: dict[Any, list[FrameRow]] = {}
    for number, of_sample in enumerate(results):
        for row in of_sample:
            # Samples of single frames meet again as a clip.
            key = row.clip if len(of_sample) == 1 else number
            clips.setdefault(key, []).append(row)
    pairs = [_ef_pair(rows) for rows in clips.values()]
    found = agreement([p for p, _ in pairs], [t for _, t in pairs])
    if found is None:
        return {}
    names = ("mae", "rmse", "r2", "r", "bias", "sd")
    return {f"ef_{name}": getattr(found, name) for name in names} | {"ef_clips": float(found.n)}


def _ef_pair(rows: list[FrameRow]) -> tuple[float, float]:
    """EF of the prediction and of the truth: means over the beats, in percent."""
    rows = sorted(rows, key=lambda row: row.frame)
    eds, ess = ([row for row in rows if row.phase == phase] for phase in ("ed", "es"))
    pair = []
    for side in (0, 1):
        falls = []
        for ed, es in zip(eds, ess, strict=False):
            edv, esv = ed.volume[side], es.volume[side]
            falls.append(100 * (edv - esv) / edv if edv > 0 else _NAN)
        pair.append(_mean(falls))
    return pair[0], pair[1]


def _volume(mask: NDArray[np.bool_], spacing: tuple[float, float] | None) -> float:
    return float(lv_measures(mask[None], spacing, KeyFrames((), "traced")).volume[0])


def _area(labels: NDArray[np.uint8]) -> float:
    return float(np.count_nonzero(labels == LV)) or _NAN


def _array(data: Any) -> NDArray[np.uint8]:
    """Labels (K, S, S) of pixel data, of the dict that it becomes, or of a tensor."""
    data = data["data"] if isinstance(data, dict) else getattr(data, "data", data)
    return data.cpu().numpy().astype(np.uint8)


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else _NAN
