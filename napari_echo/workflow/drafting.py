"""The draft of the open clip: what it starts from, strokes, notes, and its journal. No Qt."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.labels import CAMUS_SCHEMA, LabelSchema, Segmentation
from napari_echo.core.prediction import Prediction
from napari_echo.core.revision import Base, Revision
from napari_echo.workflow.blind import BLIND_BASE
from napari_echo.workflow.committed import Committed
from napari_echo.workflow.draft import Draft
from napari_echo.workflow.forks import lineage
from napari_echo.workflow.journal import JournalFolder
from napari_echo.workflow.journal_writer import Ending
from napari_echo.workflow.recipe import Made, Recipe, Start, recipe_for

if TYPE_CHECKING:
    from napari_echo.io.store import LabelStore


class Drafting(Committed):
    """The labels that the reader is working on, beside what was committed.

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
    """

    draft_changed = Signal()
    edited = Signal()
    relabelled = Signal(tuple, bool)

    def __init__(
        self, store: LabelStore | None = None, journals: JournalFolder | None = None
    ) -> None:
        super().__init__(store)
        self.journals = journals if journals is not None else JournalFolder()
        self.reader = ""
        self.is_hidden: Callable[[], bool] = lambda: False
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
