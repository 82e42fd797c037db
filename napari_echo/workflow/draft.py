"""A draft: labels that a reader is working on, with their history and their journal. No Qt."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.history import Edit, History
from napari_echo.core.labels import LabelSchema
from napari_echo.core.revision import Base, Revision

if TYPE_CHECKING:
    from napari_echo.workflow.journal_writer import DraftJournal


@dataclass(eq=False)
class Draft:
    """Labels that a reader is working on, not yet committed.

    Parameters
    ----------
    labels : ndarray of uint8, shape (T, H, W)
        What the reader paints on, in place.
    baseline : ndarray of uint8, shape (T, H, W)
        What the reader started from; it is never written to. From the first
        commit on a copy, with what was committed. What was corrected is the
        difference between the two.
    base : Base
        What the baseline is.
    schema : LabelSchema
        What the labels mean.
    started : datetime
        Aware, UTC.
    spent : float
        Seconds of work on it before the program was started last.
    accepted : set of int
        Frames that the reader accepts as they are.
    history : History
        What can be undone.
    journal : DraftJournal or None
        Where every change is written down.

    Attributes
    ----------
    version : int
        Grows with every change that was noted.
    """

    labels: NDArray[np.uint8]
    baseline: NDArray[np.uint8]
    base: Base
    schema: LabelSchema
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    spent: float = 0.0
    accepted: set[int] = field(default_factory=set)
    history: History = field(default_factory=History)
    journal: DraftJournal | None = None

    def __post_init__(self) -> None:
        self._origin = self.baseline
        self._seen: dict[int, NDArray[np.uint8]] = {}
        self._changed: set[int] = set()
        self._next = 0
        self.version = 0
        self._told: dict[str, Any] = {}
        self._since = time.monotonic()

    def changed_frames(self) -> tuple[int, ...]:
        """Frames that differed from the baseline when they were noted last, ascending."""
        return tuple(sorted(self._changed))

    def seconds(self) -> float:
        """Time spent on it, whatever the clock was set to meanwhile."""
        return self.spent + time.monotonic() - self._since

    # Strokes --------------------------------------------------------------------

    def note(self, frames: Iterable[int] | None = None, *, more: bool = False) -> None:
        """Take down what changed since it was last noted: a stroke, or a part of one.

        Pixels are compared, as neither napari's undo nor a script that writes
        into the array tells of what it does.

        Parameters
        ----------
        frames : iterable of int, optional
            The frames to look at; all without it.
        more : bool
            Whether the stroke goes on.
        """
        edits = []
        for frame in range(len(self.labels)) if frames is None else frames:
            now, seen = self.labels[frame], self._seen.get(frame, self._origin[frame])
            if np.array_equal(now, seen):
                continue
            edit = Edit.between(frame, seen, now)
            if edit is not None:
                edits.append(edit)
                if frame not in self._seen:
                    self._seen[frame] = seen.copy()
                edit.apply(self._seen)
                self._recheck(frame)
        sealed = not edits and not more and self.history.is_open
        self.history.push(edits, more=more)
        self.version += bool(edits)
        if self.journal is not None:
            if edits:
                self.journal.edit(edits, more=more, spent=self.seconds())
            elif sealed:
                self.journal.tell("seal")

    def write(self, changes: Mapping[int, NDArray[np.uint8]], *, more: bool = False) -> None:
        """Give frames other labels, (H, W) each, as one stroke; `more` says that it goes on."""
        # What was painted on them before is a stroke of its own.
        if not self.history.is_open:
            self.note(changes)
        for frame, labels in changes.items():
            self.labels[frame] = labels
        self.note(changes, more=more)

    def look(self, budget: float, *, more: bool = False) -> None:
        """Note the frames that there is time for, going on where the last call left off.

        Parameters
        ----------
        budget : float
            Seconds.
        more : bool
            Whether a stroke is going on.
        """
        frames, end = [], time.monotonic() + budget
        for _ in range(len(self.labels)):
            frame = self._next = (self._next + 1) % len(self.labels)
            seen = self._seen.get(frame, self._origin[frame])
            if not np.array_equal(self.labels[frame], seen):
                frames.append(frame)
            if time.monotonic() > end:
                break
        self.note(frames, more=more)

    def undo(self) -> tuple[int, ...]:
        """Take the last stroke back; the frames that it changed."""
        self.note()
        return self._replayed("undo", self.history.undo(self.labels))

    def redo(self) -> tuple[int, ...]:
        """Do the stroke that was undone last again; the frames that it changed."""
        self.note()
        return self._replayed("redo", self.history.redo(self.labels))

    def _replayed(self, what: Any, frames: tuple[int, ...]) -> tuple[int, ...]:
        self.version += bool(frames)
        for frame in frames:
            self._seen[frame] = self.labels[frame].copy()
            self._recheck(frame)
        if frames and self.journal is not None:
            self.journal.tell(what, spent=self.seconds())
        return frames

    def restore(self, frame: int) -> None:
        """Write the baseline over a frame; that can be undone, too."""
        self.note()
        self.labels[frame] = self.baseline[frame]
        self.accepted.discard(frame)
        self.note([frame])

    def _recheck(self, frame: int) -> None:
        if np.array_equal(self.labels[frame], self.baseline[frame]):
            self._changed.discard(frame)
        else:
            self._changed.add(frame)

    def adopt(self) -> None:
        """Take the labels as noted where they differ from the baseline, as in a recovered draft."""
        for frame in range(len(self.labels)):
            self._recheck(frame)
        self._seen = {frame: self.labels[frame].copy() for frame in self._changed}

    # Notes and commits ----------------------------------------------------------

    def describe(self, about: dict[str, Any]) -> None:
        """Write the reader's notes to the journal where they changed, with edits to go with."""
        about = {**about, "accepted": sorted(self.accepted)}
        if about == self._told or not (self._told or self._changed or self.accepted):
            return
        self._told = about
        if self.journal is not None:
            self.journal.tell("about", **about, spent=self.seconds())

    def take_commit(self, revision: Revision) -> None:
        """Go on from a revision: what it holds is the new baseline; strokes since then stay."""
        self.note()
        if self.baseline is self._origin:
            # It is somebody else's, too: a prediction's, or the journal's, which may yet write it.
            self.baseline = self.baseline.copy()
        self.baseline[list(revision.frames)] = revision.labels
        self.base = Base("revision", revision.revision_id)
        self.accepted -= set(revision.frames)
        self.started, self.spent, self._since = datetime.now(UTC), 0.0, time.monotonic()
        for frame in {*self._changed, *revision.frames}:
            self._recheck(frame)
        if self.journal is not None:
            self.journal.commit(revision)
