"""Undo and redo of labels: edits that know their inverse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

DEPTH = 200
"""Strokes that can be undone."""


class Frames(Protocol):
    """Labels by frame: an array of shape (T, H, W), or what reads like one."""

    def __getitem__(self, frame: int, /) -> NDArray[np.uint8]:
        """Return a frame's labels, shape (H, W), to be written in place."""


@dataclass(frozen=True, eq=False)
class Edit:
    """A change of one frame's labels inside a box.

    Parameters
    ----------
    frame, y, x : int
        The frame, and the upper left corner of the box.
    before, after : ndarray of uint8, shape (h, w)
        Labels of the whole box.
    """

    frame: int
    y: int
    x: int
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]

    @classmethod
    def between(
        cls, frame: int, before: NDArray[np.uint8], after: NDArray[np.uint8]
    ) -> Edit | None:
        """Find the change between two states of a frame, each (H, W); None where there is none."""
        changed = before != after
        rows = np.flatnonzero(changed.any(axis=1))
        if not len(rows):
            return None
        columns = np.flatnonzero(changed[rows[0] : rows[-1] + 1].any(axis=0))
        y, x = int(rows[0]), int(columns[0])
        box = (slice(y, int(rows[-1]) + 1), slice(x, int(columns[-1]) + 1))
        return cls(frame, y, x, before[box].copy(), after[box].copy())

    def inverse(self) -> Edit:
        """Return the edit that takes this one back."""
        return Edit(self.frame, self.y, self.x, self.after, self.before)

    def apply(self, labels: Frames) -> None:
        """Write the state after the edit."""
        height, width = self.after.shape
        labels[self.frame][self.y : self.y + height, self.x : self.x + width] = self.after


class History:
    """The strokes of one draft: those that are done, and those that were undone.

    A stroke is one or more edits that are undone together. The same calls in
    the same order always give the same history, so a journal can repeat them.
    """

    def __init__(self) -> None:
        self._strokes: list[list[Edit]] = []
        self._done = 0
        self._open = False

    def push(self, edits: Sequence[Edit], *, more: bool = False) -> None:
        """Take edits that were made: a stroke, or the next part of one.

        Parameters
        ----------
        edits : sequence of Edit
            In the order in which they were made.
        more : bool
            Whether the stroke goes on: the next edits join it.
        """
        if edits:
            del self._strokes[self._done :]
            if self._open and self._strokes:
                self._strokes[-1].extend(edits)
            else:
                self._strokes.append(list(edits))
            del self._strokes[:-DEPTH]
            self._done = len(self._strokes)
        self._open = more and (self._open or bool(edits))

    @property
    def is_open(self) -> bool:
        """Whether the next edits join the last stroke."""
        return self._open

    @property
    def can_undo(self) -> bool:
        """Whether there is a stroke to undo."""
        return self._done > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is a stroke to do again."""
        return self._done < len(self._strokes)

    def undo(self, labels: Frames) -> tuple[int, ...]:
        """Take the last stroke back; the frames that it changed, none where there is none."""
        if not self.can_undo:
            return ()
        self._open = False
        self._done -= 1
        stroke = self._strokes[self._done]
        for edit in reversed(stroke):
            edit.inverse().apply(labels)
        return _frames(stroke)

    def redo(self, labels: Frames) -> tuple[int, ...]:
        """Do the stroke that was undone last again; the frames that it changed."""
        if not self.can_redo:
            return ()
        self._open = False
        stroke = self._strokes[self._done]
        self._done += 1
        for edit in stroke:
            edit.apply(labels)
        return _frames(stroke)

    @property
    def strokes(self) -> tuple[tuple[Edit, ...], ...]:
        """All strokes, oldest first, those that were undone at the end."""
        return tuple(tuple(stroke) for stroke in self._strokes)

    @property
    def undone(self) -> int:
        """How many of the strokes are undone."""
        return len(self._strokes) - self._done


def _frames(stroke: Sequence[Edit]) -> tuple[int, ...]:
    return tuple(sorted({edit.frame for edit in stroke}))
