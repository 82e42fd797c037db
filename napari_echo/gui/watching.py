"""Looks, every few seconds, for what others commit to the label store."""

from __future__ import annotations

from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_echo.gui.verbs import Verbs
from napari_echo.gui.workers import Job, Jobs, Progress
from napari_echo.io.store_watch import StoreWatch

WATCHING = "Watching the label store"
EVERY_S, MOST_S = 4.0, 60.0
_PACE = 20  # what is done about it takes a twentieth of the time at most


class Watching:
    """Looks at the label store in the background, for as long as the window is open.

    A store that is gone is told of once; what it held is known on.

    Parameters
    ----------
    verbs : Verbs
        The verbs of the review.

    Signals
    -------
    came(set of str)
        Ids of revisions that came into the store, this session's among them.
        The first look at a store, and one at a store that was gone, finds all.
    """

    came = Signal(set)

    def __init__(self, verbs: Verbs) -> None:
        self.verbs = verbs
        self.corrections = verbs.session.corrections
        self.jobs = Jobs(verbs.runner)
        self.jobs.failed.connect(self._on_gone)
        self._watch: StoreWatch | None = None
        self._is_gone = False
        self._timer = QTimer(verbs.runner)
        self._timer.timeout.connect(self.look)
        self.corrections.store_changed.connect(self._begin)
        self._begin()
        self.pace(0)

    def pace(self, seconds: float) -> None:
        """Look less often where that, or what follows of it, takes so many seconds."""
        self._timer.start(round(1000 * min(max(EVERY_S, _PACE * seconds), MOST_S)))

    def _begin(self) -> None:
        store = self.corrections.store
        self._watch = StoreWatch(store) if store is not None else None
        self._is_gone = False

    def look(self) -> None:
        """Look now, unless the look before has not ended: a network may keep it waiting."""
        watch = self._watch
        if watch is None or self.jobs.busy:
            return

        def take(ids: set[str]) -> None:
            if watch is self._watch:
                self._is_gone = False
                if ids:
                    self.came.emit(ids)

        self.jobs.start(WATCHING, _look, watch, done=take)

    def _on_gone(self, sentence: str) -> None:
        if not self._is_gone:
            self._is_gone = True
            self.verbs.told.emit(sentence)

    def shut_down(self) -> None:
        """Stop looking."""
        self._timer.stop()
        self.jobs.shut_down()


def _look(watch: StoreWatch) -> Job[set[str]]:
    yield Progress(0, 0, WATCHING)
    return watch.look()
