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
        self._clips: OrderedDict[str, OpenedClip] = OrderedDict()

    def __contains__(self, key: str) -> bool:
        return key in self._clips

    @property
    def size(self) -> int:
        """Bytes in use."""
        return sum(map(_bytes, self._clips.values()))

    def get(self, key: str) -> OpenedClip | None:
        """A clip, which then counts as used now."""
        if key in self._clips:
            self._clips.move_to_end(key)
        return self._clips.get(key)

    def put(self, key: str, opened: OpenedClip) -> None:
        """Keep a clip; one that alone takes more than the limit is not kept."""
        self._clips.pop(key, None)
        if _bytes(opened) > self.limit:
            return
        self._clips[key] = opened
        while self.size > self.limit:
            self._clips.popitem(last=False)

    def clear(self) -> None:
        """Let go of all clips."""
        self._clips.clear()


def _bytes(opened: OpenedClip) -> int:
    truth = opened.truth.labels.nbytes if opened.truth is not None else 0
    return int(opened.clip.frames.nbytes) + truth
