"""What was committed: the revisions of this session's clips, and where they are kept. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from napari_echo.core.ancestry import forks, heads, in_order
from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.labels import Segmentation
from napari_echo.core.prediction import Prediction
from napari_echo.core.revision import Revision, check_frames
from napari_echo.workflow.forks import lineage

if TYPE_CHECKING:
    from napari_echo.io.store import LabelStore


class Committed:
    """The revisions of the open clip and of the clips before it.

    Parameters
    ----------
    store : LabelStore or None
        Where revisions are committed.

    Attributes
    ----------
    meanwhile : frozenset of str
        Ids of the revisions that others committed while the clip was open.

    Signals
    -------
    revisions_changed()
        Revisions of the open clip were looked up, or one was committed.
    clip_committed(str)
        Other revisions are known of the clip of this id, be it open or not.
    others_committed()
        Revisions of any clips may have come into the store.
    overtaken()
        Others committed labels of the open clip, which are listed next.
    store_changed()
        Another store was chosen.
    exported(Path)
        A labelled set was written.
    """

    revisions_changed = Signal()
    clip_committed = Signal(str)
    others_committed = Signal()
    overtaken = Signal()
    store_changed = Signal()
    exported = Signal(Path)

    def __init__(self, store: LabelStore | None) -> None:
        self._store = store
        self._clip: EchoClip | None = None
        self._revisions: dict[str, list[Revision]] = {}
        self._clips: dict[str, EchoClip] = {}
        self._export_path: Path | None = None
        self.meanwhile: frozenset[str] = frozenset()
        # While a clip is read blind, others' revisions do not count.
        self.counts: Callable[[Sequence[Revision]], Sequence[Revision]] = lambda every: every

    def _turn_to(self, clip: EchoClip | None) -> None:
        self._clip = clip
        self._export_path = None
        self.meanwhile = frozenset()

    def _add(self, clip: EchoClip, revision: Revision) -> None:
        self._clips[clip.clip_id] = clip
        known = self._revisions.setdefault(clip.clip_id, [])
        # It may have been found in the store before its commit was told.
        if all(other.revision_id != revision.revision_id for other in known):
            known.append(revision)
        self.clip_committed.emit(clip.clip_id)

    def of_clip(self, clip_id: str) -> tuple[Revision, ...]:
        """What is known to be committed for a clip of this session."""
        return tuple(self._revisions.get(clip_id, ()))

    @property
    def every_revision(self) -> tuple[Revision, ...]:
        """All that was committed for the open clip, oldest first, also what is hidden."""
        return tuple(self._revisions.get(self._clip.clip_id, ())) if self._clip else ()

    @property
    def revisions(self) -> tuple[Revision, ...]:
        """What was committed for the open clip and counts now (`counts`), oldest first."""
        return tuple(self.counts(self.every_revision))

    def take_revisions(self, revisions: Iterable[Revision]) -> None:
        """Take note of what the store holds of the open clip, oldest first.

        Raises
        ------
        EchoError
            If no clip is open or one of them labels other pixels.
        """
        if self._clip is None:
            raise EchoError("No clip is open: open one first.")
        found = list(revisions)
        for revision in found:
            check_frames(revision, self._clip)
        self._revisions[self._clip.clip_id] = found
        if found:
            self._clips[self._clip.clip_id] = self._clip
        self.clip_committed.emit(self._clip.clip_id)
        self.revisions_changed.emit()

    def take_others(self, revisions: Iterable[Revision]) -> list[Revision]:
        """Take note of what others committed to the open clip since it was looked up.

        What the reader works on stays as it is.

        Parameters
        ----------
        revisions : iterable of Revision
            Revisions of the open clip (`check_frames`).

        Returns
        -------
        list of Revision
            Those that are new and count now; none before the clip is looked up.

        Raises
        ------
        EchoError
            If one is its own ancestor.
        """
        known = self._revisions.get(self._clip.clip_id) if self._clip is not None else None
        if self._clip is None or known is None:
            return []
        ids = {revision.revision_id for revision in known}
        new = {r.revision_id: r for r in revisions if r.revision_id not in ids}
        if not new:
            return []
        together = in_order([*known, *new.values()])
        self.overtaken.emit()
        self.meanwhile |= new.keys()
        self._revisions[self._clip.clip_id] = together
        self._clips[self._clip.clip_id] = self._clip
        self.clip_committed.emit(self._clip.clip_id)
        self.revisions_changed.emit()
        return [revision for revision in self.revisions if revision.revision_id in new]

    @property
    def heads(self) -> tuple[Revision, ...]:
        """The open clip's labels as they stand, the oldest first: see `core.ancestry.heads`."""
        return tuple(heads(self.revisions))

    @property
    def fork(self) -> tuple[Revision, ...]:
        """Heads of the open clip that share an ancestor, of which a reader chooses."""
        return next(iter(forks(self.revisions)), ())

    def own_later(self, parent: str | None, reader: str) -> tuple[str, ...]:
        """Heads of a reader that go on from a revision that he went back to: it replaces them."""
        return tuple(
            head.revision_id
            for head in self.heads
            if head.reader == reader
            and head.revision_id != parent
            and parent in {r.revision_id for r in lineage(self.revisions, head.revision_id)}
        )

    def rivals(self, parent: str | None) -> tuple[str, ...]:
        """Find the other heads of the fork that a revision is a head of."""
        fork = [head.revision_id for head in self.fork]
        return tuple(head for head in fork if head != parent) if parent in fork else ()

    def all_revisions(self) -> tuple[Revision, ...]:
        """List what was committed for every clip of this session."""
        return tuple(r for revisions in self._revisions.values() for r in revisions)

    @property
    def clips(self) -> Mapping[str, EchoClip]:
        """The clips of this session that have revisions, by clip id."""
        return self._clips

    def merged(self, prediction: Prediction | None) -> Segmentation | None:
        """Lay what was committed for the open clip over a prediction (`merge`)."""
        return merge(self._clip, self.revisions, prediction) if self._clip is not None else None

    # The store and the export -------------------------------------------------

    @property
    def store(self) -> LabelStore | None:
        """Where revisions are committed."""
        return self._store

    def set_store(self, store: LabelStore) -> None:
        """Commit to another label store; what the old one held is forgotten."""
        self._store = store
        self._revisions.clear()
        self._clips.clear()
        self.store_changed.emit()

    @property
    def export_path(self) -> Path | None:
        """The labelled set that was exported last while the clip was open."""
        return self._export_path

    def take_export(self, path: Path) -> None:
        """Take note of a labelled set that was written."""
        self._export_path = path
        self.exported.emit(path)


def merge(
    clip: EchoClip, revisions: Sequence[Revision], prediction: Prediction | None
) -> Segmentation | None:
    """Lay the committed frames of a clip over a prediction.

    Parameters
    ----------
    clip : EchoClip
        The clip.
    revisions : sequence of Revision
        Its revisions, oldest first; the last that labels a frame counts.
    prediction : Prediction or None
        Labels of the other frames; without it they are not annotated.

    Returns
    -------
    Segmentation or None
        None where nothing was committed.
    """
    if not revisions:
        return None
    if prediction is not None:
        labels = prediction.segmentation.labels.copy()
        annotated = np.ones(len(clip), np.bool_)
    else:
        labels = np.zeros(clip.frames.shape, np.uint8)
        annotated = np.zeros(len(clip), np.bool_)
    for revision in revisions:
        labels[list(revision.frames)] = revision.labels
        annotated[list(revision.frames)] = True
    return Segmentation(labels, annotated, "correction", revisions[-1].schema)
