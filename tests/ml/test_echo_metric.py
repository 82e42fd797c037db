"""The metric on cases computed by hand, for samples that are frames and samples that are clips."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.metrics.volume import lv_measures

SIZE = 96


def _metric(**arguments: Any) -> Any:
    from napari_echo.ml.mmseg_compat import use_mmseg

    use_mmseg()
    from napari_echo.ml.echo_metric import EchoMetric

    return EchoMetric(**arguments)


def _sample(predicted: np.ndarray, truth: np.ndarray, **meta: Any) -> dict[str, Any]:
    return {
        "pred_sem_seg": {"data": torch.from_numpy(predicted)},
        "gt_sem_seg": {"data": torch.from_numpy(truth)},
        "study_id": "p0",
        **meta,
    }


def _evaluate(metric: Any, samples: list[dict[str, Any]]) -> dict[str, float]:
    for sample in samples:
        metric.process({}, [sample])
    return metric.evaluate(len(samples))


def _box(rows: slice, columns: slice, label: int = 1) -> np.ndarray:
    labels = np.zeros((SIZE, SIZE), np.uint8)
    labels[rows, columns] = label
    return labels


def _ventricle(radius: float) -> np.ndarray:
    """Half an ellipse that stands on its flat base, as the LV does."""
    y, x = np.indices((SIZE, SIZE))
    inside = np.hypot((y - 80) / 2.2, x - 48) < radius
    return (inside & (y < 80)).astype(np.uint8)


def test_overlap_and_distances_of_frames() -> None:
    truth = _box(slice(10, 30), slice(10, 30))
    shifted = _box(slice(10, 30), slice(14, 34))  # by 4 columns of 0.5 mm
    half = _box(slice(10, 30), slice(10, 20))
    found = _evaluate(
        _metric(classes=("lv",)),
        [
            _sample(shifted[None], truth[None], phase="ed", frame_index=0, spacing_mm=(1.0, 0.5)),
            _sample(half[None], truth[None], phase="es", frame_index=5, spacing_mm=(1.0, 0.5)),
        ],
    )
    assert found["echo/dice_lv_ed"] == pytest.approx(100 * 16 / 20)
    assert found["echo/dice_lv_es"] == pytest.approx(100 * 2 * 10 / 30)
    assert found["echo/dice_lv"] == pytest.approx((80 + 200 / 3) / 2)
    assert found["echo/iou_lv_ed"] == pytest.approx(100 * 16 / 24)
    assert found["echo/iou_lv_es"] == pytest.approx(50)
    assert found["echo/hd95_lv_ed"] == pytest.approx(2.0)
    assert 0 < found["echo/asd_lv_ed"] < 2.0
    assert found["echo/hd95_lv_es"] > found["echo/hd95_lv_ed"]


def test_without_a_spacing_there_are_no_distances() -> None:
    truth = _box(slice(10, 30), slice(10, 30))[None]
    found = _evaluate(
        _metric(), [_sample(truth, truth, phase="ed", frame_index=0, spacing_mm=None)]
    )
    assert found["echo/dice_lv"] == 100
    assert not [key for key in found if "hd95" in key or "asd" in key or "myo" in key]


def test_pixels_and_frames_without_a_label_are_left_out() -> None:
    truth = np.stack([_box(slice(10, 30), slice(10, 30)), np.full((SIZE, SIZE), 255, np.uint8)])
    truth[0, :, 30:] = 255
    predicted = np.stack([_box(slice(10, 30), slice(10, 50)), _box(slice(0, 96), slice(0, 96))])
    meta = {"phases": ("ed", "between"), "frame_indices": (3, 4)}
    found = _evaluate(_metric(classes=("lv",)), [_sample(predicted, truth, **meta)])
    assert found["echo/dice_lv"] == found["echo/dice_lv_ed"] == 100


def test_hidden_truth_is_measured_where_it_is_known() -> None:
    right = np.stack([_box(slice(10, 30), slice(10, 30))] * 3)
    seen = right.copy()
    seen[1] = 255
    wrong_between = right.copy()
    wrong_between[1] = 0
    meta = {"phases": ("ed", "between", "es"), "frame_indices": (0, 1, 2)}
    sample = _sample(wrong_between, seen, **meta)
    assert _evaluate(_metric(classes=("lv",)), [sample])["echo/dice_lv"] == 100
    sample["labels_all"] = torch.from_numpy(right)
    found = _evaluate(_metric(classes=("lv",)), [sample])
    assert found["echo/dice_lv"] == pytest.approx(200 / 3)
    assert found["echo/dice_lv_es"] == 100


def _ef(masks: list[np.ndarray]) -> float:
    """EF in percent by the program's own measures."""
    stack = np.stack(masks).astype(bool)
    ef = lv_measures(stack, (0.5, 0.5), KeyFrames((Beat(0, 1),), "traced")).ef
    assert ef is not None
    return 100 * ef


@pytest.mark.parametrize("as_clips", [False, True])
def test_ef_is_of_the_prediction_against_that_of_the_true_masks(as_clips: bool) -> None:
    true = [(24, 16), (26, 22), (22, 18)]
    predicted = [(24, 17), (25, 22), (22, 15)]
    samples = []
    for clip, (t, p) in enumerate(zip(true, predicted, strict=True)):
        masks, found = ([_ventricle(r) for r in radii] for radii in (t, p))
        meta = {"study_id": "one patient", "spacing_mm": (0.5, 0.5)}
        if as_clips:
            meta |= {"phases": ("ed", "es"), "frame_indices": (0, 9)}
            samples.append(_sample(np.stack(found), np.stack(masks), **meta))
            continue
        for frame, phase in ((1, "es"), (0, "ed")):  # ES may come first in a data set
            samples.append(
                _sample(
                    found[frame][None], masks[frame][None],
                    phase=phase, frame_index=frame, clip_id=f"clip {clip}", **meta,
                )
            )  # fmt: skip
    result = _evaluate(_metric(), samples)
    efs = [[_ef([_ventricle(r) for r in radii]) for radii in each] for each in (predicted, true)]
    difference = np.subtract(*efs)
    assert result["echo/ef_clips"] == 3
    assert result["echo/ef_mae"] == pytest.approx(np.abs(difference).mean())
    assert result["echo/ef_bias"] == pytest.approx(difference.mean())
    assert result["echo/ef_sd"] == pytest.approx(difference.std(ddof=1))
    assert result["echo/ef_rmse"] == pytest.approx(np.sqrt((difference**2).mean()))
    assert result["echo/ef_r"] == pytest.approx(np.corrcoef(efs)[0, 1])
    spread = ((np.array(efs[1]) - np.mean(efs[1])) ** 2).sum()
    assert result["echo/ef_r2"] == pytest.approx(1 - (difference**2).sum() / spread)


def test_jitter_is_of_whole_clips_and_counts_repeated_frames_once() -> None:
    sides = (20, 30, 20, 20, 30)
    masks = np.stack([_box(slice(0, 10), slice(0, side)) for side in sides])
    meta = {"phases": ("ed", *("between",) * 3, "es"), "frame_indices": (0, 1, 2, 2, 3)}
    found = _evaluate(_metric(classes=("lv",)), [_sample(masks, masks, **meta)])
    # Areas 200, 300, 200, 300: second differences of 200 about a mean of 250.
    assert found["echo/jitter"] == pytest.approx(80)
    assert found["echo/jitter_truth"] == pytest.approx(80)


def test_overlap_alone_where_speed_counts() -> None:
    masks = np.stack([_ventricle(r) for r in (24, 20, 16)])
    meta = {"phases": ("ed", "between", "es"), "frame_indices": (0, 1, 2), "spacing_mm": (1, 1)}
    found = _evaluate(_metric(classes=("lv",), full=False), [_sample(masks, masks, **meta)])
    assert {key.split("_")[0] for key in found} == {"echo/dice", "echo/iou"}
