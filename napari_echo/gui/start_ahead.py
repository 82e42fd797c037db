"""The copies that the next correction starts from, made while the reader looks at the clip."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QTimer

from napari_echo.gui.workers import Job, Jobs, Progress
from napari_echo.workflow.recipe import Made, Recipe

PREPARING, SETTLE_MS = "Preparing", 100


class StartAhead:
    """Makes a draft's copies in a thread, so that a correction begins at once.

    Parameters
    ----------
    jobs : Jobs
        The runner of the review, which ends its own.
    wanted : callable
        What the next correction starts from; None where there is nothing to copy.
    """

    def __init__(self, jobs: Jobs, wanted: Callable[[], Recipe | None]) -> None:
        self._runner = Jobs(jobs)
        self._wanted = wanted
        self._ready: tuple[Recipe, Made] | None = None
        self._clock = QTimer(self._runner)
        self._clock.setSingleShot(True)
        self._clock.setInterval(SETTLE_MS)
        self._clock.timeout.connect(self._prepare)

    @property
    def busy(self) -> bool:
        """Whether copies are being made."""
        return self._runner.busy

    def prepare_soon(self) -> None:
        """Make the copies that are wanted now; what is ready of others is dropped."""
        self._clock.start()

    def take(self, recipe: Recipe) -> Made | None:
        """Hand out the copies of a recipe where they are ready, once."""
        ready, self._ready = self._ready, None
        return ready[1] if ready is not None and ready[0].is_same(recipe) else None

    def shut_down(self) -> None:
        """Stop, and let nothing arrive any more."""
        self._clock.stop()
        self._runner.shut_down()

    def _prepare(self) -> None:
        wanted = self._wanted()
        if wanted is not None and self._ready is not None and self._ready[0].is_same(wanted):
            return
        self._ready = None
        if wanted is None:
            return

        def done(made: Made) -> None:
            self._ready = wanted, made
            # It may have changed meanwhile.
            self.prepare_soon()

        if not self._runner.start(PREPARING, _make, wanted, done=done):
            self.prepare_soon()


def _make(wanted: Recipe) -> Job[Made]:
    yield Progress(0, 0, "Preparing the correction")
    return wanted.make()
