"""A clip that is decoded once, though two jobs may ask for it: read ahead, and then opened."""

from __future__ import annotations

import threading

from napari_echo.core.errors import EchoError
from napari_echo.gui.workers import Job, Progress
from napari_echo.workflow.studies import OpenedClip, StudyItem

_LOOK_S = 0.05


class Loading:
    """Decodes a clip in the thread that comes first; another one waits for what it gives.

    Parameters
    ----------
    item : StudyItem
        The clip.
    stamp : str
        Of its files, before they are decoded (`facts_cache.stamp_of`).
    """

    def __init__(self, item: StudyItem, stamp: str) -> None:
        self.item = item
        self.stamp = stamp
        self._lock = threading.Lock()
        self._outcome: OpenedClip | str | None = None

    def is_of(self, item: StudyItem, stamp: str) -> bool:
        """Whether it gives this clip, of files that are as they were."""
        return self.item.key == item.key and self.stamp == stamp

    def job(self) -> Job[OpenedClip | str]:
        """Give the clip; where it cannot be decoded, why. To cancel a job stops no other."""
        progress = Progress(0, 0, f"Loading {self.item.name}")
        yield progress
        while not self._lock.acquire(timeout=_LOOK_S):
            yield progress
        try:
            if self._outcome is None:
                try:
                    self._outcome = self.item.load()
                except EchoError as error:
                    self._outcome = str(error)
            return self._outcome
        finally:
            self._lock.release()
