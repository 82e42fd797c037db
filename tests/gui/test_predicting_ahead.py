"""Models run on the next clip while the reader looks at this one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import napari
import numpy as np
import pytest
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot

from napari_echo.core.clip import EchoClip
from napari_echo.core.params import PredictParams
from napari_echo.gui import begun
from napari_echo.gui.begun import Begun
from napari_echo.gui.review import EchoReview
from napari_echo.ml.packs import ModelPack
from napari_echo.ml.predictor import Engine, Predictor
from napari_echo.workflow.session import Session

Reviewed = tuple[napari.Viewer, EchoReview]

PATIENCE_MS = 20_000
T = 12


class CountingEngine:
    """Counts the frames that it is given; it can be held up."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.frames = 0
        self.most = 10**6
        self._go = threading.Event()

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        if self.frames >= self.most:
            self._go.wait(PATIENCE_MS / 1000)
        self.frames += len(batch)
        return self.engine(batch)

    def hold(self, after: int) -> None:
        """Stop before it is given more than so many frames from now on."""
        self.most = self.frames + after

    def go_on(self) -> None:
        """Be held up no more."""
        self.most = 10**6
        self._go.set()


@pytest.fixture
def folder(clip: EchoClip, tmp_path: Path) -> Path:
    made = tmp_path / "clips"
    made.mkdir()
    for index in range(3):
        np.save(made / f"{index}.npy", np.roll(clip.frames, index, axis=2))
    return made


@pytest.fixture
def counting(engine: Engine) -> CountingEngine:
    return CountingEngine(engine)


@pytest.fixture
def review(
    dock: Callable[[Session], Reviewed],
    make_session: Callable[..., Session],
    counting: CountingEngine,
    folder: Path,
    qtbot: QtBot,
) -> EchoReview:
    _, review = dock(make_session(counting))
    review.studying.open_paths([folder])
    qtbot.waitUntil(lambda: review.session.clip is not None, timeout=PATIENCE_MS)
    qtbot.waitUntil(is_ready(review), timeout=PATIENCE_MS)
    return review


def is_ready(review: EchoReview) -> Callable[[], bool]:
    """Say when nothing is going on, ahead or not."""
    runners = (review.jobs, review.studying.ahead, review.predicting_ahead.runner)
    return lambda: not any(runner.busy for runner in runners)


def test_the_next_clip_opens_with_what_the_model_says_of_it(
    review: EchoReview, counting: CountingEngine, qtbot: QtBot
) -> None:
    review.verbs.predict()
    qtbot.waitUntil(lambda: counting.frames == 2 * T, timeout=PATIENCE_MS)
    qtbot.waitUntil(is_ready(review), timeout=PATIENCE_MS)
    counting.hold(0)  # all is there: not a frame is run again
    first = review.session.clip
    review.studying.step(1)
    qtbot.waitUntil(lambda: review.session.prediction is not None, timeout=PATIENCE_MS)
    clip, prediction = review.session.require_clip(), review.session.prediction
    assert clip is not first
    assert prediction is not None
    assert prediction.clip_id == clip.clip_id
    counting.go_on()
    qtbot.waitUntil(is_ready(review), timeout=PATIENCE_MS)
    # It says what it says of a clip that is opened and run.
    review.verbs.predict()
    qtbot.waitUntil(is_ready(review), timeout=PATIENCE_MS)
    again = review.session.prediction
    assert again is not None
    assert again is not prediction
    np.testing.assert_array_equal(again.segmentation.labels, prediction.segmentation.labels)


def test_what_was_begun_ahead_goes_on_where_it_was(
    review: EchoReview, counting: CountingEngine, qtbot: QtBot
) -> None:
    review.studying.step(1)
    qtbot.waitUntil(is_ready(review), timeout=PATIENCE_MS)
    counting.hold(T + 5)
    review.verbs.predict()
    qtbot.waitUntil(lambda: counting.frames == T + 5, timeout=PATIENCE_MS)
    review.studying.step(1)
    counting.go_on()
    qtbot.waitUntil(lambda: review.session.prediction is not None, timeout=PATIENCE_MS)
    qtbot.waitUntil(is_ready(review), timeout=PATIENCE_MS)
    assert counting.frames == 2 * T


def test_the_time_of_a_model_is_without_the_time_that_it_was_left(
    clip: EchoClip, engine: Engine, pack: ModelPack, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(begun, "time", SimpleNamespace(perf_counter=lambda: now))

    def model(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        nonlocal now
        now += 1.0
        return engine(batch)

    steps = Begun(clip, Predictor(pack, model), batch=1).steps()
    prediction = None
    while prediction is None:
        try:
            next(steps)
            now += 100.0  # while the reader looks at another clip
        except StopIteration as end:
            prediction = end.value
    assert prediction.seconds == T


def test_who_passes_by_does_not_have_models_run(
    review: EchoReview, counting: CountingEngine, qtbot: QtBot
) -> None:
    for _ in range(2):
        review.studying.step(1)
        qtbot.waitUntil(is_ready(review), timeout=PATIENCE_MS)
    assert counting.frames == 0
    assert review.session.prediction is None


def test_nothing_runs_ahead_where_it_is_switched_off_or_read_blind(
    review: EchoReview, counting: CountingEngine, qtbot: QtBot
) -> None:
    dialog = review.model_panel.ask_settings()
    dialog.ahead.click()
    dialog.accept()
    review.verbs.predict()
    qtbot.waitUntil(is_ready(review), timeout=PATIENCE_MS)
    assert counting.frames == T
    review.session.blind.switch(True)
    review.predicting_ahead.set_wanted(True)
    review.studying.step(1)
    qtbot.waitUntil(is_ready(review), timeout=PATIENCE_MS)
    assert counting.frames == T
    assert review.session.prediction is None


def test_to_read_blind_drops_what_was_run_ahead(
    review: EchoReview, counting: CountingEngine, qtbot: QtBot
) -> None:
    review.verbs.predict()
    qtbot.waitUntil(lambda: counting.frames == 2 * T, timeout=PATIENCE_MS)
    qtbot.waitUntil(is_ready(review), timeout=PATIENCE_MS)
    review.session.blind.switch(True)
    review.studying.step(1)
    qtbot.waitUntil(is_ready(review), timeout=PATIENCE_MS)
    review.session.blind.switch(False)
    assert review.session.prediction is None
    assert counting.frames == 2 * T


def test_closing_the_window_stops_what_runs_ahead(
    review: EchoReview, counting: CountingEngine, qtbot: QtBot
) -> None:
    counting.hold(T + 2)
    review.verbs.predict()
    qtbot.waitUntil(lambda: counting.frames == T + 2, timeout=PATIENCE_MS)
    review.viewer.window.remove_dock_widget(review)
    counting.go_on()
    qtbot.waitUntil(lambda: not review.predicting_ahead.runner.busy, timeout=PATIENCE_MS)
    assert counting.frames <= T + 3


def test_who_comes_back_finds_what_the_model_said(
    review: EchoReview, counting: CountingEngine, qtbot: QtBot
) -> None:
    review.verbs.predict()
    qtbot.waitUntil(lambda: counting.frames == 2 * T, timeout=PATIENCE_MS)
    qtbot.waitUntil(is_ready(review), timeout=PATIENCE_MS)
    first = review.session.prediction
    assert first is not None
    review.studying.step(1)
    qtbot.waitUntil(lambda: counting.frames == 3 * T, timeout=PATIENCE_MS)
    qtbot.waitUntil(is_ready(review), timeout=PATIENCE_MS)
    counting.hold(0)
    review.studying.step(-1)
    qtbot.waitUntil(lambda: review.session.prediction is not None, timeout=PATIENCE_MS)
    again = review.session.prediction
    assert again is not None
    assert again.clip_id == first.clip_id
    assert again.segmentation is first.segmentation
    counting.go_on()
    qtbot.waitUntil(is_ready(review), timeout=PATIENCE_MS)
    # With other settings it would say something else.
    review.session.set_predict_params(PredictParams(mirror=True))
    review.studying.step(1)
    qtbot.waitUntil(is_ready(review), timeout=PATIENCE_MS)
    assert review.session.prediction is None
    assert counting.frames == 3 * T
