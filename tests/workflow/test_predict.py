"""Prediction in batches: what it keeps, how it ends early, what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.workflow.predict import Cancelled, iter_predict, predict


def test_a_prediction_is_the_models_own(beating: EchoClip, model: Any) -> None:
    prediction = predict(beating, model)
    labels = (beating.frames > 127).astype(np.uint8)
    np.testing.assert_array_equal(prediction.segmentation.labels, labels)
    np.testing.assert_array_equal(prediction.probabilities, model.probabilities(beating.frames))
    assert prediction.segmentation.annotated.all()
    assert prediction.segmentation.origin == "prediction"
    assert (prediction.clip_id, prediction.model_id) == (beating.clip_id, model.id)
    assert prediction.model_name == "brightness"
    assert prediction.seconds > 0


@pytest.mark.parametrize(("batch", "sizes"), [(8, [8, 8, 8, 4]), (64, [28])])
def test_it_goes_batch_by_batch_and_tells(
    beating: EchoClip, model: Any, batch: int, sizes: list[int]
) -> None:
    told: list[tuple[int, int]] = []
    predict(beating, model, batch=batch, on_progress=lambda *step: told.append(step))
    assert model.batches == sizes
    assert told == [(done, 28) for done in np.cumsum(sizes)]


def test_the_batch_does_not_change_the_prediction(beating: EchoClip, model: Any) -> None:
    one, many = predict(beating, model, batch=1), predict(beating, model, batch=64)
    np.testing.assert_array_equal(one.probabilities, many.probabilities)
    np.testing.assert_array_equal(one.segmentation.labels, many.segmentation.labels)


def test_cancelling_stops_before_the_next_batch(beating: EchoClip, model: Any) -> None:
    def enough() -> bool:
        return len(model.batches) == 2

    with pytest.raises(Cancelled):
        predict(beating, model, batch=4, cancelled=enough)
    assert model.batches == [4, 4]


def test_closing_the_generator_cancels(beating: EchoClip, model: Any) -> None:
    steps = iter_predict(beating, model, batch=4)
    assert next(steps) == (4, 28)
    steps.close()
    assert model.batches == [4]
    with pytest.raises(StopIteration):
        next(steps)


def test_a_stray_piece_leaves_the_labels_but_not_the_probabilities(
    beating: EchoClip, model: Any
) -> None:
    frames = beating.frames.copy()
    frames[3, 120:124, 2:6] = 200
    prediction = predict(EchoClip.from_frames(frames), model)
    assert not prediction.segmentation.labels[3, 120:124, 2:6].any()
    assert (prediction.probabilities[3, 1, 120:124, 2:6] > 0.7).all()


def _nonsense(shape: Callable[[tuple[int, ...]], tuple[int, ...]], value: float) -> Any:
    return lambda frames: np.full(shape(frames.shape), value, np.float16)


@pytest.mark.parametrize(
    "probabilities",
    [
        _nonsense(lambda s: (s[0], 2, *s[1:]), np.nan),
        _nonsense(lambda s: (s[0], 4, *s[1:]), 0.25),
        _nonsense(lambda s: (s[0], 2, 8, 8), 0.5),
    ],
)
def test_a_model_that_talks_nonsense_is_named(
    beating: EchoClip, model: Any, probabilities: Any
) -> None:
    model.probabilities = probabilities
    with pytest.raises(EchoError, match=r"brightness .* frames 0 to 3"):
        predict(beating, model)


def test_a_clip_too_large_for_the_memory_is_refused_before_the_model_runs(model: Any) -> None:
    one_frame = np.zeros((1, 2000, 2000), np.uint8)
    endless = np.broadcast_to(one_frame, (2_000_000, 2000, 2000))
    clip = EchoClip(endless, None, None, "unknown", "0" * 64, "endless")
    with pytest.raises(EchoError, match=r"endless .* GiB"):
        predict(clip, model)
    assert model.batches == []


class Remembering:
    """Says of each frame what it saw of the clip's first; and how hard the frames are."""

    temporal = True

    def __init__(self, model: Any) -> None:
        self.schema, self.pack, self.model = model.schema, model.pack, model
        self.streams = 0

    def stream_with_hardness(self) -> Callable[[Any], Any]:
        self.streams += 1
        first: list[Any] = []

        def run(frames: Any) -> Any:
            first.append(frames[0])
            seen = np.repeat(first[0][None], len(frames), axis=0)
            return self.model.probabilities(seen), (frames / 255).astype(np.float16)

        return run

    def stream(self) -> Callable[[Any], Any]:
        run = self.stream_with_hardness()
        return lambda frames: run(frames)[0]

    def probabilities(self, frames: Any) -> Any:
        return self.stream()(frames)


def test_a_clip_is_one_stream_and_brings_its_learned_hardness(
    beating: EchoClip, model: Any
) -> None:
    remembering = Remembering(model)
    prediction = predict(beating, remembering, batch=8)
    assert remembering.streams == 1
    np.testing.assert_array_equal(
        prediction.segmentation.labels,
        np.repeat((beating.frames[:1] > 127).astype(np.uint8), len(beating), axis=0),
    )
    assert prediction.hardness is not None
    np.testing.assert_allclose(prediction.hardness, beating.frames / 255, atol=1e-3)
    assert not prediction.hardness.flags.writeable
    assert predict(beating, model).hardness is None
