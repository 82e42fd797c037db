"""The layers of the views side by side, made while the reader looks, one at a time."""

from __future__ import annotations

from psygnal import SignalInstance
from qtpy.QtCore import QTimer

from napari_echo.gui.grid import Grid
from napari_echo.gui.workers import Jobs

SETTLE_MS = 150
"""What the reader asked for comes first, and what he does between two layers."""


class CellsAhead:
    """Makes the layers of the cells that are to be expected, so that a switch only shows them.

    Parameters
    ----------
    grid : Grid
        The views side by side.
    jobs : Jobs
        The runner of the review: while it is busy, nothing is made.
    """

    def __init__(self, grid: Grid, jobs: Jobs) -> None:
        self._grid = grid
        self._jobs = jobs
        self._clock = QTimer(jobs)
        self._clock.setSingleShot(True)
        self._clock.setInterval(SETTLE_MS)
        self._clock.timeout.connect(self._step)
        for signal in self._signals():
            signal.connect(self.make_soon)
        jobs.busy_changed.connect(self.make_soon)

    def _signals(self) -> tuple[SignalInstance, ...]:
        session = self._grid.session
        return (
            session.clip_changed,
            session.model_changed,
            session.predictions_changed,
            session.truth_changed,
            session.corrections.draft_changed,
            self._grid.changed,
        )

    def make_soon(self) -> None:
        """Make what is missing, as soon as nothing else is going on."""
        self._clock.start()

    def shut_down(self) -> None:
        """Make no more."""
        for signal in self._signals():
            signal.disconnect(self.make_soon)
        self._jobs.busy_changed.disconnect(self.make_soon)
        self._clock.stop()

    def _step(self) -> None:
        if self._grid.session.corrections.draft is not None:
            return  # a new layer takes the place of the chosen one, and ends the tool on it
        if not self._jobs.busy and self._grid.prepare():
            self._clock.start()
