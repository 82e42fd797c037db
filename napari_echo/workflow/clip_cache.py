"""Decoded clips that are kept for a while, within a limit of memory."""

from __future__ import annotations

from collections import OrderedDict

from napari_echo.workflow.studies import OpenedClip

LIMIT = 512 * 2**20
"""Bytes that are kept."""


class ClipCache:
    """Decoded clips within a limit of memory; the one used longest ago goes first.

    Parameters
    ----------
    limit : int
        Bytes.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self._clips: OrderedDict[str, tuple[str, OpenedClip]] = OrderedDict()

    def __contains__(self, key: str) -> bool:
        return key in self._clips

    @property
    def size(self) -> int:
        """Bytes in use."""
        return sum(_bytes(opened) for _, opened in self._clips.values())

    def get(self, key: str, stamp: str) -> OpenedClip | None:
        """A clip, which then counts as used now; none where its files changed since."""
        kept, opened = self._clips.get(key, ("", None))
        if opened is None or kept != stamp:
            return None
        self._clips.move_to_end(key)
        return opened

    def put(self, key: str, stamp: str, opened: OpenedClip) -> None:
        """Keep a clip; one that alone takes more than the limit is not kept.

        Parameters
        ----------
        key : str
            The clip, among those that are listed.
        stamp : str
            Of its files, before they were decoded (`facts_cache.stamp_of`).
        opened : OpenedClip
            The clip.
        """
        self._clips.pop(key, None)
        if _bytes(opened) > self.limit:
            return
        self._clips[key] = (stamp, opened)
        while self.size > self.limit:
            self._clips.popitem(last=False)

    def clear(self) -> None:
        """Let go of all clips."""
        self._clips.clear()


def _bytes(opened: OpenedClip) -> int:
    truth = opened.truth.labels.nbytes if opened.truth is not None else 0
    return int(opened.clip.frames.nbytes) + truth
