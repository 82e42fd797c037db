"""A model's scores on a clip data set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import IGNORE, LV_SCHEMA, LabelSchema, Segmentation
from napari_echo.io.clipset import write_clipset
from napari_echo.io.labelled import LabelledClip
from napari_echo.workflow.evaluate import evaluate


@dataclass(frozen=True)
class _Threshold:
    """Calls bright pixels LV, after moving the frame some pixels to the right."""

    shift: int
    schema: LabelSchema = LV_SCHEMA

    def probabilities(self, frames: NDArray[np.uint8]) -> NDArray[np.float16]:
        bright = np.roll(frames > 100, self.shift, axis=2)
        return np.stack([~bright, bright], axis=1).astype(np.float16)


@dataclass(frozen=True)
class _Nothing(_Threshold):
    """Finds no LV anywhere."""

    shift: int = 0

    def probabilities(self, frames: NDArray[np.uint8]) -> NDArray[np.float16]:
        return np.stack([np.ones_like(frames), np.zeros_like(frames)], axis=1).astype(np.float16)


def _clips() -> Iterator[LabelledClip]:
    for number, spacing in enumerate(((0.5, 0.5), None)):
        labels = np.zeros((4, 48, 48), np.uint8)
        labels[0, 10:40, 10:30] = 1
        labels[3, 14:34, 10:20] = 1
        frames = np.where(labels == 1, 200, 20).astype(np.uint8)
        frames[:, 0, 0] = number  # two clips, not one twice
        yield LabelledClip(
            EchoClip.from_frames(frames, spacing_mm=spacing, study_id=f"p{number}"),
            Segmentation(labels, np.array([True, False, False, True]), "ground truth", LV_SCHEMA),
            KeyFrames((Beat(0, 3),), "traced"),
            "val",
            None,
        )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two clips of a bright rectangle; the second has no spacing."""
    return write_clipset(tmp_path_factory.mktemp("data") / "clips", _clips())


def test_a_perfect_model_scores_one(data: Path) -> None:
    evaluation = evaluate(_Threshold(0), data)
    assert [(s.study_id, s.frame, s.phase) for s in evaluation.scores] == [
        ("p0", 0, "ED"),
        ("p0", 3, "ES"),
        ("p1", 0, "ED"),
        ("p1", 3, "ES"),
    ]
    assert evaluation.mean("dice", "LV cavity") == 1
    assert evaluation.mean("hd95_mm", "LV cavity") == 0


def test_a_shift_costs_what_it_must(data: Path) -> None:
    ed, es = evaluate(_Threshold(2), data).table()
    # Rectangles 20 and 10 pixels wide, moved by 2 pixels of 0.5 mm.
    assert (ed["phase"], ed["frames"], es["phase"], es["frames"]) == ("ED", 2, "ES", 2)
    assert ed["dice"] == pytest.approx(18 / 20)
    assert es["dice"] == pytest.approx(8 / 10)
    assert ed["hd95_mm"] == pytest.approx(1.0)


def test_distances_are_unknown_without_a_spacing(data: Path) -> None:
    rows = evaluate(_Threshold(0), data).rows()
    assert [np.isnan(row["hd95_mm"]) for row in rows] == [False, False, True, True]


def test_ef_is_compared_clip_by_clip(data: Path) -> None:
    perfect = evaluate(_Threshold(0), data)
    assert [pair.study_id for pair in perfect.ef] == ["p0", "p1"]
    assert all(0.5 < pair.true < 0.95 for pair in perfect.ef)
    found = perfect.ef_agreement()
    assert found is not None
    assert (found.n, found.bias, found.mae) == (2, 0, 0)
    nothing = evaluate(_Nothing(), data)
    assert all(np.isnan(pair.predicted) for pair in nothing.ef)
    assert nothing.ef_agreement() is None


def test_progress_ends_with_every_clip(data: Path) -> None:
    seen: list[tuple[int, int]] = []
    evaluate(_Threshold(0), data, on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 2), (1, 2), (2, 2)]


def test_an_empty_split_is_one_sentence(data: Path) -> None:
    with pytest.raises(EchoError, match="no labelled clip in the split 'test'"):
        evaluate(_Threshold(0), data, split="test")


def test_ignored_pixels_count_for_neither_side(tmp_path: Path) -> None:
    (item, _) = _clips()
    labels = item.truth.labels.copy()
    labels[0, 10:40, 25:30] = IGNORE  # bright, so the model calls them LV
    truth = Segmentation(labels, item.truth.annotated, "ground truth", LV_SCHEMA)
    root = write_clipset(tmp_path / "clips", [replace(item, truth=truth)])
    assert evaluate(_Threshold(0), root).mean("dice", "LV cavity") == 1


def test_a_long_clip_is_segmented_in_parts(tmp_path: Path) -> None:
    (item, _) = _clips()
    labels = np.repeat(item.truth.labels[[0]], 40, axis=0)
    labels[20:, :, 20:] = 0  # so that frames out of order would score less
    clip = EchoClip.from_frames(np.where(labels == 1, 200, 20).astype(np.uint8))
    truth = Segmentation(labels, np.ones(40, bool), "ground truth", LV_SCHEMA)
    root = write_clipset(tmp_path / "clips", [LabelledClip(clip, truth, item.key_frames, "val")])
    assert [score.dice for score in evaluate(_Threshold(0), root).scores] == [1] * 40
