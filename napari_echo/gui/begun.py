"""A clip's segmentation that one job begins, and another one takes up where it was left."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from dataclasses import replace
from typing import TYPE_CHECKING

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.prediction import Prediction
from napari_echo.gui.drawn_area import area_of

if TYPE_CHECKING:
    from napari_echo.ml.predictor import Predictor

_LOOK_S = 0.05


class Begun:
    """A clip that a model segments, by whichever thread asks for it; no batch is run twice.

    Parameters
    ----------
    clip : EchoClip
        The clip.
    predictor : Predictor
        The model.
    batch : int
        Frames per call of the model.
    outcome : Prediction or None
        What it said, where it is done already.
    """

    def __init__(
        self,
        clip: EchoClip,
        predictor: Predictor,
        batch: int,
        outcome: Prediction | None = None,
    ) -> None:
        from napari_echo.workflow.predict import iter_predict

        self.predictor = predictor
        self._steps = iter_predict(clip, predictor, batch=batch)
        self._at = (0, len(clip))
        self._seconds = 0.0
        self._outcome: Prediction | EchoError | None = outcome
        self._lock = threading.Lock()

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to run."""
        return self._outcome is not None

    def steps(self) -> Generator[tuple[int, int], None, Prediction]:
        """Go on with it to its end.

        Yields
        ------
        tuple of int
            Frames done, and frames in all.

        Returns
        -------
        Prediction

        Raises
        ------
        EchoError
            As `workflow.predict.iter_predict` does.
        """
        while self._outcome is None:
            # A job that was cancelled may be in the middle of a batch still.
            if self._lock.acquire(timeout=_LOOK_S):
                try:
                    self._step()
                finally:
                    self._lock.release()
            if self._outcome is None:
                yield self._at
        if isinstance(self._outcome, EchoError):
            raise self._outcome
        return self._outcome

    def _step(self) -> None:
        if self._outcome is not None:
            return
        start = time.perf_counter()
        try:
            self._at = next(self._steps)
        except StopIteration as end:
            prediction: Prediction = end.value
            area_of(prediction.segmentation.labels)  # for when it is drawn
            # Not the time that it was left.
            self._outcome = replace(prediction, seconds=self._seconds)
        except EchoError as error:
            self._outcome = error
        self._seconds += time.perf_counter() - start
