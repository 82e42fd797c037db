"""What a reader corrects: the draft, its journal, and what becomes of them. No Qt."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA, LabelSchema, Segmentation
from napari_echo.core.prediction import Prediction
from napari_echo.core.revision import Base, Revision, Status
from napari_echo.io.json_fields import key_frames_to_dict
from napari_echo.workflow.blind import BLIND_BASE
from napari_echo.workflow.committed import Committed
from napari_echo.workflow.draft import Draft
from napari_echo.workflow.forks import lineage
from napari_echo.workflow.journal import JournalFolder
from napari_echo.workflow.journal_writer import Ending
from napari_echo.workflow.recipe import Made, Recipe, Start, recipe_for

if TYPE_CHECKING:
    from napari_echo.io.store import LabelStore
    from napari_echo.workflow.journal_replay import Replay
    from napari_echo.workflow.recover import Recovered


class Corrections(Committed):
    """The corrections of the open clip, beside what was committed.

    Parameters
    ----------
    store : LabelStore or None
        Where revisions are committed.
    journals : JournalFolder or None
        Where uncommitted edits are written down; None takes the user's folder.

    Attributes
    ----------
    reader : str
        Who edits.

    Signals
    -------
    draft_changed()
        A draft began or ended, or other frames wait to be committed.
    edited()
        The draft's labels are others.
    relabelled(tuple of int, bool)
        Labels of these frames were changed, by something else than the mouse
        on the canvas; and whether the reader is to be shown one of them.
    waiting_changed()
        Uncommitted edits were found, taken up or put away.
    """

    draft_changed = Signal()
    edited = Signal()
    relabelled = Signal(tuple, bool)
    waiting_changed = Signal()

    def __init__(
        self, store: LabelStore | None = None, journals: JournalFolder | None = None
    ) -> None:
        super().__init__(store)
        self.journals = journals if journals is not None else JournalFolder()
        self.reader = ""
        self.is_hidden: Callable[[], bool] = lambda: False
        self._waiting: tuple[Replay, ...] = ()
        self._draft: Draft | None = None
        self.begin(None)

    def begin(self, clip: EchoClip | None) -> None:
        """Turn to another clip; what was not committed waits in the journal."""
        self._end_draft("keep")
        self._turn_to(clip)
        self._opened = datetime.now(UTC), time.monotonic()

    def _add(self, clip: EchoClip, revision: Revision) -> None:
        super()._add(clip, revision)
        if clip is self._clip:
            self._opened = datetime.now(UTC), time.monotonic()

    # The draft ----------------------------------------------------------------

    @property
    def draft(self) -> Draft | None:
        """The labels that the reader is working on."""
        return self._draft

    def start(
        self,
        start: Start,
        prediction: Prediction | None,
        truth: Segmentation | None,
        *,
        head: str | None = None,
        schema: LabelSchema = CAMUS_SCHEMA,
    ) -> None:
        """Start a draft: a copy of the prediction, the truth or what was committed, or empty.

        Parameters
        ----------
        start : {"truth", "prediction", "correction", "nothing"}
            Which of them.
        prediction : Prediction or None
            What a model says of the clip; lies under what was committed too.
        truth : Segmentation or None
            Ground truth of the clip.
        head : str, optional
            Id of the revision to start a correction from, a head or an
            earlier one; None takes the newest head. What does not lie behind
            it is left out.
        schema : LabelSchema
            What is drawn, where it starts from nothing.

        Raises
        ------
        EchoError
            If that does not exist.
        """
        self.start_from(self.recipe(start, prediction, truth, head=head, schema=schema))

    def recipe(
        self,
        start: Start,
        prediction: Prediction | None,
        truth: Segmentation | None,
        *,
        head: str | None = None,
        schema: LabelSchema = CAMUS_SCHEMA,
    ) -> Recipe:
        """Say what a draft is made of, as for `start`; nothing is copied yet."""
        clip = self._clip
        if clip is None:
            raise EchoError("No clip is open: open one first.")
        nothing = BLIND_BASE if self.is_hidden() else Base("nothing", "")
        head = head or (self.heads[-1].revision_id if self.revisions else None)
        line = lineage(self.revisions, head) if head is not None else []
        return recipe_for(clip, start, prediction, truth, line, nothing, schema)

    def start_from(self, recipe: Recipe, made: Made | None = None) -> None:
        """Start a draft from a recipe; `made` spares its copies where they were made before."""
        draft = self.aside(recipe, made)
        self._end_draft("keep")
        self._draft = draft
        self.draft_changed.emit()

    def aside(self, recipe: Recipe, made: Made | None = None) -> Draft:
        """Make a draft with a journal beside the open one: what a verdict alone needs."""
        clip = self._clip
        if clip is None or clip is not recipe.clip:
            raise EchoError("Another clip is open by now.")
        labels, baseline, schema = made or recipe.make()
        # Looking at the clip is a part of the work on it.
        since, opened = self._opened
        draft = Draft(
            labels,
            baseline,
            recipe.base,
            schema,
            started=since,
            spent=time.monotonic() - opened,
        )
        draft.journal = self.journals.begin(clip, draft, self.reader)
        return draft

    def _end_draft(self, ending: Ending) -> None:
        draft, self._draft = self._draft, None
        if draft is not None and draft.journal is not None:
            draft.note()
            wanted = draft.changed_frames() or draft.accepted
            self.journals.end(draft.journal, ending if wanted else "drop")
            draft.journal = None

    def touch(self, frame: int | None = None, *, more: bool = False) -> None:
        """Take down what the reader painted.

        Parameters
        ----------
        frame : int, optional
            The only frame that can have changed; all are looked at without it.
        more : bool
            Whether the stroke goes on.
        """
        with self._telling() as draft:
            if draft is not None:
                draft.note(None if frame is None else [frame], more=more)

    def look(self, budget: float = 0.02, *, more: bool = False) -> None:
        """Look for changes that nothing told of, for at most `budget` seconds."""
        with self._telling() as draft:
            if draft is not None:
                draft.look(budget, more=more)

    def undo(self) -> None:
        """Take the last stroke on the open clip back, committed or not."""
        self._replay(lambda draft: draft.undo())

    def redo(self) -> None:
        """Do the stroke that was undone last again."""
        self._replay(lambda draft: draft.redo())

    def _replay(self, step: Callable[[Draft], tuple[int, ...]]) -> None:
        frames: tuple[int, ...] = ()
        with self._telling() as draft:
            if draft is not None:
                frames = step(draft)
        if frames:
            self.relabelled.emit(frames, True)

    @contextmanager
    def _telling(self) -> Iterator[Draft | None]:
        """Tell when what waits to be committed, or what can be undone, changed."""

        def state() -> object:
            history = draft.history if draft is not None else None
            return self.uncommitted, history and (history.can_undo, history.can_redo)

        draft = self._draft
        before, version = state(), draft.version if draft is not None else 0
        yield draft
        if draft is not None and draft.version != version:
            self.edited.emit()
        if state() != before:
            self.draft_changed.emit()

    def write(
        self, changes: Mapping[int, NDArray[np.uint8]], *, more: bool = False, show: bool = False
    ) -> None:
        """Give frames other labels, as one stroke.

        Parameters
        ----------
        changes : mapping of int to ndarray of uint8, shape (H, W)
            The labels by frame.
        more : bool
            Whether the stroke goes on: the next call joins it.
        show : bool
            Whether the reader is to be shown one of the frames.
        """
        with self._telling() as draft:
            if draft is not None:
                draft.write(changes, more=more)
        if changes and draft is not None:
            self.relabelled.emit(tuple(changes), show)

    def accept(self, *frames: int) -> None:
        """Accept frames of the draft as they are, so that they are committed too."""
        if self._draft is None:
            raise EchoError("Start a correction before you accept a frame.")
        self._draft.accepted.update(frames)
        self.draft_changed.emit()

    def restore(self, frame: int) -> None:
        """Take the reader's work on a frame back; that can be undone."""
        if self._draft is not None:
            self._draft.restore(frame)
            self.edited.emit()
            self.draft_changed.emit()
            self.relabelled.emit((frame,), True)

    def describe(
        self,
        reader: str,
        comment: str,
        key_frames: KeyFrames | None,
        draft: Draft | None = None,
        verdict: Status | None = None,
    ) -> None:
        """Keep the reader's notes with the uncommitted edits of the open draft, or of another.

        A `verdict` is kept until it is committed, too.
        """
        self.reader = reader
        draft = draft or self._draft
        if draft is not None:
            key_frames_dict = None if key_frames is None else key_frames_to_dict(key_frames)
            about = {"reader": reader, "comment": comment, "key_frames": key_frames_dict}
            draft.describe(about if verdict is None else {**about, "verdict": verdict})

    def leave(self) -> None:
        """End the draft; what was not committed waits in the journal."""
        if self._draft is not None:
            self._end_draft("keep")
            self.draft_changed.emit()

    def drop(self, draft: Draft) -> None:
        """Drop a draft that was made aside, without a trace."""
        if draft is not self._draft and draft.journal is not None:
            self.journals.end(draft.journal, "drop")
            draft.journal = None

    def hand_over(self) -> Draft | None:
        """End the draft, but not its journal, for a commit that goes on behind the next clip.

        `take_handed` ends the journal.
        """
        if self._draft is None:
            return None
        self._draft.note()
        draft, self._draft = self._draft, None
        self.draft_changed.emit()
        return draft

    def take_handed(self, clip: EchoClip, draft: Draft, revision: Revision | None) -> None:
        """Take the revision of a draft that was handed over; without one it waits in the journal.

        The clip need not be open any more.
        """
        left = {*draft.changed_frames(), *draft.accepted}
        if revision is not None:
            left -= set(revision.frames)
            self._add(clip, revision)
        if draft.journal is not None:
            if revision is not None:
                draft.journal.commit(revision)
            self.journals.end(draft.journal, "keep" if left else "drop")
            draft.journal = None
        if revision is not None and self._clip is not None and self._clip.clip_id == clip.clip_id:
            self.revisions_changed.emit()

    def discard(self) -> None:
        """Drop the draft; the journal of what was not committed is set aside."""
        if self._draft is not None:
            self._end_draft("set aside")
            self.draft_changed.emit()

    @property
    def uncommitted(self) -> tuple[int, ...]:
        """Frames that wait to be committed: those changed and those accepted."""
        if self._draft is None:
            return ()
        return tuple(sorted({*self._draft.changed_frames(), *self._draft.accepted}))

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
        draft.take_commit(revision)
        self._add(clip, revision)
        self.draft_changed.emit()
        self.revisions_changed.emit()

    # Edits that wait in the journal --------------------------------------------

    @property
    def journal_error(self) -> str:
        """Why the open draft's edits cannot be written down at the moment; empty where they are."""
        draft = self._draft
        return draft.journal.error if draft is not None and draft.journal is not None else ""

    @property
    def waiting(self) -> tuple[Replay, ...]:
        """Uncommitted edits that were found in the journal, of any clip, the newest first."""
        return self._waiting

    @property
    def recoverable(self) -> Replay | None:
        """Those of the open clip, while no draft is open."""
        if self._clip is None or self._draft is not None:
            return None
        mine = (r for r in self._waiting if r.clip_id == self._clip.clip_id)
        if self.is_hidden():
            # What was drawn over a prediction would give it away.
            shown = {BLIND_BASE, *(Base("revision", r.revision_id) for r in self.revisions)}
            mine = (r for r in mine if r.base in shown)
        return next(mine, None)

    def take_waiting(self, waiting: Iterable[Replay]) -> None:
        """Take note of what `JournalFolder.waiting` found."""
        self._waiting = tuple(waiting)
        self.waiting_changed.emit()

    def take_up(self, recovered: Recovered) -> None:
        """Go on with uncommitted edits of the open clip.

        Raises
        ------
        EchoError
            If another clip is open meanwhile, or a draft; the edits are kept.
        """
        replay = recovered.replay
        if self._clip is None or self._draft is not None or replay.clip_id != self._clip.clip_id:
            if recovered.draft.journal is not None:
                self.journals.end(recovered.draft.journal, "keep")
            raise EchoError(f"The edits of {replay.clip_name} wait until it is open again.")
        self._draft = recovered.draft
        self.take_waiting(r for r in self._waiting if r.path != replay.path)
        self.draft_changed.emit()

    def close(self, timeout: float = 5.0) -> None:
        """End the draft and wait until its edits are safe in the journal."""
        self._end_draft("keep")
        self.journals.settle(timeout)

    # Committing ---------------------------------------------------------------

    def parent_for(self, reader: str, draft: Draft | None = None) -> str | None:
        """Find the revision that the open draft, or another one, goes on from.

        It is the one that the draft started from. A reader who started from a
        prediction or from truth goes on from the newest labels of his own,
        and without any begins a reading of his own.
        """
        draft = draft or self._draft
        if draft is not None and draft.base.kind == "revision":
            return draft.base.id
        mine = [head.revision_id for head in self.heads if head.reader == reader]
        return mine[-1] if mine else None
