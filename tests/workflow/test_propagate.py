"""Masks go from given frames through a clip: by a model with a memory, and by optical flow."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import shift
from typer.testing import CliRunner

from napari_echo.cli.main import app
from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA, LV_SCHEMA
from napari_echo.core.params import FlowParams
from napari_echo.core.prediction import Prediction
from napari_echo.core.revision import Base
from napari_echo.io.labels import read_labels, write_labels
from napari_echo.io.store import LabelStore
from napari_echo.metrics.overlap import dice
from napari_echo.ml.engine import Scores
from napari_echo.ml.packs import WEIGHTS, ModelCard, ModelPack
from napari_echo.ml.predictor import Predictor
from napari_echo.ml.temporal_predictor import TemporalPredictor
from napari_echo.workflow.correct import correct
from napari_echo.workflow.predict import Cancelled, predict
from napari_echo.workflow.propagate import (
    iter_propagate,
    iter_propagate_by_flow,
    propagate,
    propagate_by_flow,
)
from napari_echo.workflow.propagate_file import propagate_file

SIZE, T, H, W = 64, 9, 48, 64
C = CAMUS_SCHEMA.n_classes


class Carrying:
    """An engine that gives every frame the mask of the frame before, and remembers its calls."""

    def __init__(self) -> None:
        self.memories: list[NDArray[np.float32]] = []
        self.memory_masks: list[NDArray[np.float32]] = []
        self.pairs: list[tuple[float, float]] = []

    def encode(self, batch: NDArray[np.float32], /) -> NDArray[np.float32]:
        return batch[:, :, ::8, ::8]

    def step(self, *state: NDArray[np.float32]) -> Scores:
        x, memory, memory_masks, previous, previous_mask = state
        self.memories.append(memory)
        self.memory_masks.append(memory_masks)
        grey = zip(x[:, 0, 0, 0].tolist(), previous[:, 0, 0, 0].tolist(), strict=True)
        self.pairs.extend(grey)
        return Scores(np.log(previous_mask + 1e-6))


def card(name: str = "carrying", temporal: bool = True) -> ModelCard:
    return ModelCard(
        id="0" * 64,
        name=name,
        description="Carries masks on as they are.",
        architecture="none",
        config="none",
        temporal=temporal,
        input_size=SIZE,
        mean=0,
        std=1,
        label_schema=CAMUS_SCHEMA.to_dict(),
        training_spacing_mm=None,
        training_data=[],
        metrics=[],
        limits=[],
        licence="BSD-3-Clause",
        citation=[],
        train_again=[],
        recommended_for="tests",
        files={WEIGHTS: "0" * 64},
    )


@pytest.fixture
def engine() -> Carrying:
    return Carrying()


@pytest.fixture
def carrying(engine: Carrying) -> TemporalPredictor:
    return TemporalPredictor(ModelPack(Path("carrying"), card()), engine)


@pytest.fixture(scope="module")
def clip() -> EchoClip:
    """Frames as bright as they are late: frame t is 10 t all over."""
    frames = np.broadcast_to(10 * np.arange(T, dtype=np.uint8)[:, None, None], (T, H, W))
    return EchoClip.from_frames(frames.copy(), study_id="steps")


def mask(left: int, label: int = 1) -> NDArray[np.uint8]:
    out = np.zeros((H, W), np.uint8)
    out[8:40, left : left + 24] = label
    return out


def step_pairs(engine: Carrying) -> list[tuple[int, int]]:
    return [(round(now / 10), round(before / 10)) for now, before in engine.pairs]


def test_masks_go_forward_after_the_last_and_backward_before_the_first(
    clip: EchoClip, carrying: TemporalPredictor, engine: Carrying
) -> None:
    told: list[tuple[int, int]] = []
    prediction = propagate(
        clip, {4: mask(16)}, carrying, on_progress=lambda *step: told.append(step)
    )
    assert sorted(step_pairs(engine)) == [
        *((t, t + 1) for t in range(4)),
        *((t, t - 1) for t in range(5, T)),
    ]
    assert told == [(done, T - 1) for done in range(1, T)]
    assert prediction.given == (4,)
    assert (prediction.model_name, prediction.clip_id) == ("carrying", clip.clip_id)
    labels = prediction.segmentation.labels
    np.testing.assert_array_equal(labels[4], mask(16))
    for frame in range(T):
        assert dice(labels[frame] == 1, mask(16) == 1) > 0.95
    assert (engine.memories[0].shape[1], engine.memory_masks[0].shape[1]) == (1, 1)
    # Grey level 40 at frame 4: that is the frame that is remembered.
    assert all((memory[:, :, :, :6] == 40).all() for memory in engine.memories)


def test_between_two_given_frames_both_ways_are_blended_by_distance(
    clip: EchoClip, carrying: TemporalPredictor, engine: Carrying
) -> None:
    a, b = mask(4, 1), mask(34, 2)
    prediction = propagate(clip, {2: a, 6: b}, carrying)
    p = prediction.probabilities.astype(float)
    inside_a, inside_b = (slice(16, 32), slice(10, 22)), (slice(16, 32), slice(42, 52))
    for frame in range(2, 7):
        share = (frame - 2) / 4
        np.testing.assert_allclose(p[frame, 1][inside_a], 1 - share, atol=0.01)
        np.testing.assert_allclose(p[frame, 2][inside_b], share, atol=0.01)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=5e-3)
    for frame in (2, 6):
        given = {2: a, 6: b}[frame]
        np.testing.assert_array_equal(prediction.segmentation.labels[frame], given)
        assert set(np.unique(prediction.probabilities[frame])) == {0, 1}
    assert all(memory.shape[1] == 2 for memory in engine.memories)
    assert (prediction.segmentation.labels[:2] == prediction.segmentation.labels[1]).all()


def test_given_frames_keep_masks_that_no_model_would_give(
    clip: EchoClip, carrying: TemporalPredictor
) -> None:
    """Two pieces of LV, of which a prediction would lose one; and an empty mask."""
    pieces = mask(4) | mask(36)
    given = {0: pieces, 8: np.zeros((H, W), np.int64)}
    labels = propagate(clip, given, carrying).segmentation.labels
    np.testing.assert_array_equal(labels[0], pieces)
    assert not labels[8].any()


def test_all_frames_given_is_no_work(clip: EchoClip, carrying: TemporalPredictor) -> None:
    given = {frame: mask(frame) for frame in range(T)}
    prediction = propagate(clip, given, carrying)
    np.testing.assert_array_equal(prediction.segmentation.labels, np.stack(list(given.values())))


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ({}, "There is no mask to propagate"),
        ({9: mask(4)}, "no frame 9 in steps"),
        ({-1: mask(4)}, "no frame -1 in steps"),
        ({1: mask(4)[:-1]}, r"frame 1 needs .*\(48, 64\).*\(47, 64\)"),
        ({1: mask(4) / 2}, "frame 1 needs whole numbers"),
        ({1: mask(4, 4)}, "frame 1 has the label 4, which .* does not know; it knows 0"),
        ({1: mask(4).astype(np.int64) - 1}, "frame 1 has the label -1"),
    ],
)
def test_what_cannot_be_propagated_is_one_sentence(
    clip: EchoClip, carrying: TemporalPredictor, masks: Mapping[int, Any], message: str
) -> None:
    with pytest.raises(EchoError, match=message):
        propagate(clip, masks, carrying)
    with pytest.raises(EchoError, match=message):
        propagate_by_flow(clip, masks)


def test_a_model_without_a_memory_is_refused(clip: EchoClip) -> None:
    still = Predictor(ModelPack(Path("still"), card("still", False)), lambda batch: batch)
    with pytest.raises(EchoError, match=r"still sees single frames .* optical flow"):
        propagate(clip, {0: mask(4)}, still)


def test_it_can_be_cancelled(clip: EchoClip, carrying: TemporalPredictor, engine: Carrying) -> None:
    with pytest.raises(Cancelled):
        propagate(clip, {0: mask(4)}, carrying, cancelled=lambda: len(engine.pairs) == 3)
    assert len(engine.pairs) == 3
    steps = iter_propagate(clip, {0: mask(4)}, carrying)
    next(steps)
    steps.close()
    assert len(engine.pairs) == 4


def test_a_temporal_stream_sees_the_first_and_the_previous_frame(
    clip: EchoClip, carrying: TemporalPredictor, engine: Carrying
) -> None:
    """Whatever the batches: memory is the clip's first frame, without a mask."""
    predict(clip, carrying, batch=2)
    assert step_pairs(engine) == [(t, max(t - 1, 0)) for t in range(T)]
    assert all((memory == 0).all() for memory in engine.memories)
    assert not any(masks.any() for masks in engine.memory_masks)
    engine.pairs.clear()
    carrying.probabilities(clip.frames)
    assert step_pairs(engine) == [(t, max(t - 1, 0)) for t in range(T)]


# --- optical flow -----------------------------------------------------------------


@pytest.fixture(scope="module")
def sliding() -> tuple[EchoClip, NDArray[np.uint8]]:
    """Speckle that drifts by 1.5 pixels a frame, with a mask that drifts along."""
    rng = np.random.default_rng(0)
    speckle = rng.normal(120, 50, (96, 128))
    y, x = np.indices(speckle.shape)
    frames, truth = [], []
    for t in range(8):
        moved = shift(speckle, (0, 1.5 * t), order=1, mode="wrap")
        frames.append(np.clip(moved, 0, 255).astype(np.uint8))
        inside = np.hypot((y - 48) / 1.3, x - (48 + 1.5 * t))
        truth.append(np.where(inside < 18, 1, np.where(inside < 26, 2, 0)).astype(np.uint8))
    return EchoClip.from_frames(np.stack(frames), study_id="sliding"), np.stack(truth)


def mean_dice(prediction: Prediction, truth: NDArray[np.uint8], frames: range) -> float:
    labels = prediction.segmentation.labels
    return float(np.mean([dice(labels[f] == 1, truth[f] == 1) for f in frames]))


@pytest.mark.parametrize("preset", ["ultrafast", "fast", "medium"])
@pytest.mark.parametrize("given", [[0], [7], [4], [0, 7]])
def test_flow_follows_the_speckle(
    sliding: tuple[EchoClip, NDArray[np.uint8]], given: list[int], preset: Any
) -> None:
    clip, truth = sliding
    masks = {frame: truth[frame] for frame in given}
    prediction = propagate_by_flow(clip, masks, FlowParams(preset=preset))
    assert prediction.model_name == "optical flow"
    assert prediction.given == tuple(given)
    assert mean_dice(prediction, truth, range(8)) > 0.97
    stay = dice(truth[0] == 1, truth[7] == 1)
    assert stay < 0.75
    np.testing.assert_allclose(prediction.probabilities.astype(float).sum(axis=1), 1, atol=5e-3)
    for frame in given:
        np.testing.assert_array_equal(prediction.segmentation.labels[frame], truth[frame])


def test_flow_goes_step_by_step_and_takes_the_schema_it_is_given(
    sliding: tuple[EchoClip, NDArray[np.uint8]],
) -> None:
    clip, truth = sliding
    lv = (truth[3] == 1).astype(np.uint8)
    steps = iter_propagate_by_flow(clip, {3: lv}, schema=LV_SCHEMA)
    assert next(steps) == (1, 7)
    prediction = propagate_by_flow(clip, {3: lv}, schema=LV_SCHEMA)
    assert prediction.probabilities.shape[1] == 2
    with pytest.raises(EchoError, match="label 2, which the label schema does not know"):
        propagate_by_flow(clip, {3: truth[3]}, schema=LV_SCHEMA)


def test_frames_too_small_for_the_flow_are_one_sentence() -> None:
    clip = EchoClip.from_frames(np.zeros((3, 4, 4), np.uint8), study_id="dot")
    with pytest.raises(EchoError, match="dot are too small for optical flow"):
        propagate_by_flow(clip, {0: np.zeros((4, 4), np.uint8)})


# --- files ------------------------------------------------------------------------


def test_the_command_carries_labels_from_files(
    sliding: tuple[EchoClip, NDArray[np.uint8]], tmp_path: Path
) -> None:
    clip, truth = sliding
    source, labels = tmp_path / "sliding.npy", tmp_path / "mine.labels.tif"
    np.save(source, clip.frames)
    write_labels(labels, truth, None, CAMUS_SCHEMA)
    command = ["propagate", str(source), "--labels", str(labels), "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(app, [*command, "--frames", "0,7"])
    assert result.exit_code == 0, result.output
    written = read_labels(tmp_path / "out" / "sliding.labels.tif").labels
    np.testing.assert_array_equal(written[[0, 7]], truth[[0, 7]])
    assert dice(written[4] == 1, truth[4] == 1) > 0.97
    assert '"given_frames": [\n  0,\n  7\n ]' in (tmp_path / "out" / "sliding.json").read_text()
    for frames, message in ((None, "name those"), ("0,9", "no label of frame 9"), ("x", "--fra")):
        result = CliRunner().invoke(app, command + ([] if frames is None else ["--frames", frames]))
        assert result.exit_code == 1
        assert message in result.output
    result = CliRunner().invoke(app, [*command, "--frames", "0", "-m", "pidnet-s-phantom"])
    assert result.exit_code == 1
    assert "sees single frames" in result.output


def test_a_readers_revision_goes_through_its_own_clip_and_no_other(
    sliding: tuple[EchoClip, NDArray[np.uint8]], tmp_path: Path
) -> None:
    clip, truth = sliding
    revision = correct(
        clip,
        truth,
        [0, 5],
        Base("nothing", ""),
        reader="reader",
        started=datetime.now(UTC),
        key_frames=KeyFrames((), "set by reader"),
        schema=CAMUS_SCHEMA,
    )
    path = LabelStore(tmp_path / "store").commit(revision)
    source, other = tmp_path / "sliding.npy", tmp_path / "other.npy"
    np.save(source, clip.frames)
    np.save(other, clip.frames[::-1])
    done = propagate_file(source, path, None, tmp_path / "out")
    labels = read_labels(done.labels_file).labels
    np.testing.assert_array_equal(labels[[0, 5]], truth[[0, 5]])
    assert dice(labels[7] == 1, truth[7] == 1) > 0.97
    with pytest.raises(EchoError, match="labels another clip than other"):
        propagate_file(other, path, None, tmp_path / "out")
