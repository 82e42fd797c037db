"""What comes into a label store while it is in use.

A file that comes in changes the time of its folder, so most looks take one
`stat`. Some file systems note that time to two seconds only, or not at all, and
a network drive may tell an old one for a while: the look after a change, and
each twelfth one, goes by the names of the files.
"""

from __future__ import annotations

from napari_echo.io.store import LabelStore

_BY_NAMES = 12


class StoreWatch:
    """Finds which revisions came into a label store, whoever committed them.

    Parameters
    ----------
    store : LabelStore
        The store; it need not be there yet.
    """

    def __init__(self, store: LabelStore) -> None:
        self.store = store
        self._ids: set[str] = set()
        self._time: int | None = None
        self._looks = 0
        self._changed = True

    def look(self) -> set[str]:
        """Find the ids that came since the last look; the first look finds all.

        Raises
        ------
        EchoError
            If the store was there and is gone, or cannot be read; the next
            look finds all again.
        """
        try:
            time = self.store.path.stat().st_mtime_ns
        except OSError:
            time = None  # not begun yet, or gone: the store knows which
        changed, self._time = time is None or time != self._time, time
        self._looks += 1
        if not (changed or self._changed or self._looks % _BY_NAMES == 0):
            return set()
        self._changed = changed
        before, self._ids = self._ids, set()
        self._ids = self.store.ids()
        return self._ids - before
