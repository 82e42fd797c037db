"""A model's scores on a clip data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import (
    CAMUS_SCHEMA,
    IGNORE,
    LV_SCHEMA,
    LabelSchema,
    Segmentation,
    Structure,
)
from napari_echo.io.clipset import write_clipset
from napari_echo.io.labelled import LabelledClip
from napari_echo.workflow.evaluate import evaluate


@dataclass
class _Threshold:
    """Calls bright pixels LV, after moving the frame some pixels to the right."""

    shift: int
    schema: LabelSchema = LV_SCHEMA

    def probabilities(self, frames: NDArray[np.uint8]) -> NDArray[np.float16]:
        bright = np.roll(frames > 100, self.shift, axis=2)
        return np.stack([~bright, bright], axis=1).astype(np.float16)


@dataclass
class _Nothing(_Threshold):
    """Finds no LV anywhere."""

    shift: int = 0

    def probabilities(self, frames: NDArray[np.uint8]) -> NDArray[np.float16]:
        return np.stack([np.ones_like(frames), np.zeros_like(frames)], axis=1).astype(np.float16)


@dataclass(eq=False)
class _Remembering(_Threshold):
    """Calls bright pixels LV in a frame and in all that it has seen before."""

    shift: int = 0
    schema: LabelSchema = LV_SCHEMA
    temporal: bool = True
    streams: int = 0

    def stream(self) -> Callable[[NDArray[np.uint8]], NDArray[np.float16]]:
        self.streams += 1
        seen = None

        def run(frames: NDArray[np.uint8]) -> NDArray[np.float16]:
            nonlocal seen
            bright = frames > 100
            if seen is not None:
                bright[0] |= seen
            bright = np.logical_or.accumulate(bright, axis=0)
            seen = bright[-1]
            return np.stack([~bright, bright], axis=1).astype(np.float16)

        return run


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


def _moving(n: int, beat: Beat, labelled: tuple[int, ...]) -> LabelledClip:
    """A bright bar of ten columns that moves one to the right in each frame."""
    labels = np.zeros((n, 48, 64), np.uint8)
    for frame in range(n):
        labels[frame, 8:40, 5 + frame : 15 + frame] = 1
    clip = EchoClip.from_frames(np.where(labels == 1, 200, 20).astype(np.uint8), study_id="m")
    annotated = np.zeros(n, bool)
    annotated[list(labelled)] = True
    labels[~annotated] = 0
    truth = Segmentation(labels, annotated, "ground truth", LV_SCHEMA)
    return LabelledClip(clip, truth, KeyFrames((beat,), "traced"), "val", 0.6)


def test_a_model_with_a_memory_sees_every_frame_from_the_beats_start(tmp_path: Path) -> None:
    """It remembers the bar from frame 2 on, over more frames than one call takes."""
    root = write_clipset(tmp_path / "clips", [_moving(30, Beat(2, 25), (2, 25))])
    model = _Remembering()
    ed, es = evaluate(model, root).scores
    assert model.streams == 1
    assert ed.dice == 1
    assert (es.predicted_px, es.true_px) == (32 * (10 + 23), 32 * 10)
    assert es.dice == pytest.approx(2 * 10 / (33 + 10))
    assert es.iou == pytest.approx(10 / 33)


def test_a_beat_begins_at_es_where_that_comes_first(tmp_path: Path) -> None:
    """The ED label alone, after an ES without one: the memory starts at the ES."""
    root = write_clipset(tmp_path / "clips", [_moving(12, Beat(ed=9, es=4), (9,))])
    (ed,) = evaluate(_Remembering(), root).scores
    assert ed.predicted_px == 32 * (10 + 5)


def test_jitter_and_flicker_need_frames_in_a_row(tmp_path: Path) -> None:
    dense = write_clipset(tmp_path / "dense", [_moving(6, Beat(0, 5), tuple(range(6)))])
    sparse = write_clipset(tmp_path / "sparse", [_moving(6, Beat(0, 5), (0, 5))])
    (clip,) = evaluate(_Threshold(0), dense).clips
    assert (clip.jitter, clip.true_jitter, clip.flicker) == (0, 0, 0)
    (clip,) = evaluate(_Remembering(), dense).clips
    # Areas of 10 to 15 columns: they grow steadily; neighbours differ by one, as the truth's do.
    assert clip.jitter == pytest.approx(0)
    gains = [2 * n / (2 * n + 1) - 18 / 20 for n in range(10, 15)]
    assert clip.flicker == pytest.approx(-100 * np.mean(gains))
    (clip,) = evaluate(_Threshold(0), sparse).clips
    assert np.isnan([clip.jitter, clip.true_jitter, clip.flicker]).all()
    (clip,) = evaluate(_Threshold(0), sparse, every_frame=True).clips
    assert (clip.jitter, clip.frames) == (0, 6)
    assert np.isnan(clip.true_jitter)


def test_areas_and_the_stated_ef_are_kept(data: Path, tmp_path: Path) -> None:
    nothing = evaluate(_Nothing(), data)
    assert [clip.area_gap("LV cavity", "ES") for clip in nothing.clips] == [-1, -1]
    assert nothing.mean("dice", "LV cavity") == nothing.mean("iou", "LV cavity") == 0
    assert np.isnan(nothing.mean("asd_mm", "LV cavity"))
    root = write_clipset(tmp_path / "clips", [_moving(6, Beat(0, 5), (0, 5))])
    (pair,) = evaluate(_Threshold(0), root).ef
    assert pair.stated == 0.6
    assert np.isnan(nothing.ef[0].stated)


def test_structures_that_one_side_does_not_know_are_not_scored(data: Path) -> None:
    wide = _Threshold(0, CAMUS_SCHEMA)
    assert evaluate(wide, data).structures == ("LV cavity",)
    other = LabelSchema("other", (Structure(7, "right ventricle", "#000000"),))
    with pytest.raises(EchoError, match="no structure in common"):
        evaluate(_Threshold(0, other), data)


def test_unlabelled_clips_are_counted(tmp_path: Path) -> None:
    (item, _) = _clips()
    bare = replace(
        item, truth=Segmentation(np.zeros((4, 48, 48), np.uint8), np.zeros(4, bool), "ground truth",
                                 LV_SCHEMA)
    )  # fmt: skip
    root = write_clipset(tmp_path / "clips", [item, bare])
    found = evaluate(_Threshold(0), root)
    assert (len(found.clips), found.unlabelled) == (1, 1)


def test_the_table_adds_all_frames_where_more_than_key_frames_are_labelled(tmp_path: Path) -> None:
    root = write_clipset(tmp_path / "clips", [_moving(6, Beat(0, 5), tuple(range(6)))])
    table = evaluate(_Threshold(0), root).table()
    assert [(row["phase"], row["frames"]) for row in table] == [
        ("ED", 1),
        ("ES", 1),
        ("between", 4),
        ("all", 6),
    ]
