"""What a reader corrects: the draft, the revisions, and where they are committed. No Qt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LabelSchema, Segmentation
from napari_echo.core.prediction import Prediction
from napari_echo.core.revision import Base, Revision, check_frames

if TYPE_CHECKING:
    from napari_echo.io.store import LabelStore

Start = Literal["truth", "prediction", "correction"]
"""What a correction starts from; "correction" is what was committed before."""


@dataclass(eq=False)
class Draft:
    """Labels that a reader is working on, not yet committed.

    Parameters
    ----------
    labels : ndarray of uint8, shape (T, H, W)
        What the reader paints on, in place.
    baseline : ndarray of uint8, shape (T, H, W)
        What the reader started from. What was corrected is the difference
        between the two when it is committed: no paint event is trusted.
    base : Base
        What the baseline is.
    schema : LabelSchema
        What the labels mean.
    started : datetime
        Aware, UTC.
    accepted : set of int
        Frames that the reader accepts as they are.
    """

    labels: NDArray[np.uint8]
    baseline: NDArray[np.uint8]
    base: Base
    schema: LabelSchema
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    accepted: set[int] = field(default_factory=set)

    def changed_frames(self) -> tuple[int, ...]:
        """Frames that differ from the baseline, ascending."""
        differs = (self.labels != self.baseline).any(axis=(1, 2))
        return tuple(int(t) for t in np.flatnonzero(differs))


class Corrections:
    """The corrections of the open clip, and the revisions of this session's clips.

    Parameters
    ----------
    store : LabelStore or None
        Where revisions are committed.
    """

    draft_changed = Signal()
    revisions_changed = Signal()
    store_changed = Signal()
    exported = Signal(Path)

    def __init__(self, store: LabelStore | None = None) -> None:
        self._store = store
        self._revisions: dict[str, list[Revision]] = {}
        self._clips: dict[str, EchoClip] = {}
        self.begin(None)

    def begin(self, clip: EchoClip | None) -> None:
        """Turn to another clip; what was not committed is dropped."""
        self._clip = clip
        self._set_draft(None)
        self._export_path: Path | None = None

    def _set_draft(self, draft: Draft | None) -> None:
        self._draft: Draft | None = draft
        self._changed: set[int] = set(draft.changed_frames()) if draft is not None else set()

    # The draft ----------------------------------------------------------------

    @property
    def draft(self) -> Draft | None:
        """The labels that the reader is working on."""
        return self._draft

    def start(
        self, start: Start, prediction: Prediction | None, truth: Segmentation | None
    ) -> None:
        """Start a draft: a copy of the prediction, the truth or what was committed.

        Parameters
        ----------
        start : {"truth", "prediction", "correction"}
            Which of them.
        prediction : Prediction or None
            What a model says of the clip; lies under what was committed too.
        truth : Segmentation or None
            Ground truth of the clip.

        Raises
        ------
        EchoError
            If that does not exist.
        """
        source: Segmentation | None
        if start == "prediction" and prediction is not None:
            source, base = prediction.segmentation, Base("model", prediction.model_id)
        elif start == "truth" and truth is not None:
            source, base = truth, Base("truth", "")
        elif start == "correction" and (source := self.merged(prediction)) is not None:
            base = Base("revision", self.revisions[-1].revision_id)
        else:
            raise EchoError(f"This clip has no {start} to start a correction from.")
        self._set_draft(Draft(source.labels.copy(), source.labels, base, source.schema))
        self.draft_changed.emit()

    def touch(self, frame: int | None = None) -> None:
        """Look again at which frames differ from the baseline.

        Parameters
        ----------
        frame : int, optional
            The only frame that can have changed; all are looked at without it.
        """
        draft = self._draft
        if draft is None:
            return
        if frame is None:
            changed = set(draft.changed_frames())
        elif np.array_equal(draft.labels[frame], draft.baseline[frame]):
            changed = self._changed - {frame}
        else:
            changed = self._changed | {frame}
        if changed != self._changed:
            self._changed = changed
            self.draft_changed.emit()

    def accept(self, frame: int) -> None:
        """Accept a frame of the draft as it is, so that it is committed too."""
        if self._draft is None:
            raise EchoError("Start a correction before you accept a frame.")
        self._draft.accepted.add(frame)
        self.draft_changed.emit()

    def restore(self, frame: int) -> None:
        """Take the reader's work on a frame back."""
        if self._draft is not None:
            self._draft.labels[frame] = self._draft.baseline[frame]
            self._draft.accepted.discard(frame)
            self._changed.discard(frame)
            self.draft_changed.emit()

    def discard(self) -> None:
        """Drop the draft and what was not committed."""
        if self._draft is not None:
            self._set_draft(None)
            self.draft_changed.emit()

    @property
    def uncommitted(self) -> tuple[int, ...]:
        """Frames that wait to be committed: those changed and those accepted."""
        accepted = self._draft.accepted if self._draft is not None else set()
        return tuple(sorted(self._changed | accepted))

    def take_commit(self, revision: Revision) -> None:
        """Take a revision of the draft that was written to the store.

        The draft goes on from it: what was committed is the new baseline,
        and strokes made since stay uncommitted.

        Raises
        ------
        EchoError
            If the revision belongs to another clip.
        """
        clip, draft = self._clip, self._draft
        if clip is None or draft is None or revision.clip_id != clip.clip_id:
            raise EchoError("This revision does not belong to the correction that is open.")
        baseline = draft.baseline.copy()
        baseline[list(revision.frames)] = revision.labels
        base = Base("revision", revision.revision_id)
        self._set_draft(Draft(draft.labels, baseline, base, draft.schema))
        self._clips[clip.clip_id] = clip
        self._revisions.setdefault(clip.clip_id, []).append(revision)
        self.draft_changed.emit()
        self.revisions_changed.emit()

    # Revisions ----------------------------------------------------------------

    @property
    def revisions(self) -> tuple[Revision, ...]:
        """What was committed for the open clip, oldest first."""
        return tuple(self._revisions.get(self._clip.clip_id, ())) if self._clip else ()

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
        self.revisions_changed.emit()

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
