"""What a reader corrects, and what becomes of it: commits, and edits that wait. No Qt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from psygnal import Signal

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA
from napari_echo.core.revision import Base, Revision, Status
from napari_echo.io.json_fields import key_frames_to_dict
from napari_echo.workflow.blind import BLIND_BASE
from napari_echo.workflow.draft import Draft
from napari_echo.workflow.drafting import Drafting

if TYPE_CHECKING:
    from napari_echo.io.store import LabelStore
    from napari_echo.workflow.journal import JournalFolder
    from napari_echo.workflow.journal_replay import Replay
    from napari_echo.workflow.journal_writer import DraftJournal, Ending
    from napari_echo.workflow.recover import Recovered


class Corrections(Drafting):
    """The corrections of the open clip: a draft, how it is committed, and drafts of earlier days.

    Parameters
    ----------
    store, journals
        As for `Drafting`.

    Signals
    -------
    waiting_changed()
        Uncommitted edits were found, taken up or put away.
    draft_committed()
        A revision of the open draft was written.
    key_frames_kept()
        ED and ES that the reader set wait to be committed, or no longer do.
    """

    waiting_changed = Signal()
    draft_committed = Signal()
    key_frames_kept = Signal()

    def __init__(
        self, store: LabelStore | None = None, journals: JournalFolder | None = None
    ) -> None:
        self._waiting: tuple[Replay, ...] = ()
        self._kept: KeyFrames | None = None
        self._kept_in: DraftJournal | None = None
        self._settled: KeyFrames | None = None
        super().__init__(store, journals)

    def begin(self, clip: EchoClip | None) -> None:
        """Turn to another clip; what was not committed waits in the journal."""
        self._end_kept("keep")
        self._settled = None
        super().begin(clip)

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
        self.draft_committed.emit()

    # The journal ----------------------------------------------------------------

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

    @property
    def kept_key_frames(self) -> KeyFrames | None:
        """ED and ES that the reader set, where neither a revision nor an edit holds them."""
        return self._kept

    def settle_key_frames(self, key_frames: KeyFrames | None) -> None:
        """Take ED and ES as they are for known: they came with the clip, or are being committed."""
        self._settled = key_frames

    def keep_key_frames(self, reader: str, key_frames: KeyFrames | None) -> None:
        """Keep ED and ES that the reader set in a journal, while nothing else does.

        It is dropped once they are committed, or kept with edits.
        """
        clip, wanted = self._clip, key_frames
        if (
            key_frames is None
            or key_frames.origin != "set by reader"
            or key_frames == self._settled
            or self.uncommitted
            or any(key_frames.beats == r.key_frames.beats for r in self.every_revision)
        ):
            wanted = None
        if clip is None or wanted == self._kept:
            return
        if wanted is None:
            self._end_kept("drop")
        else:
            if self._kept_in is None:
                nothing = np.zeros(clip.frames.shape, np.uint8)
                base = self.recipe("nothing", None, None).base
                draft = Draft(nothing, nothing, base, CAMUS_SCHEMA)
                self._kept_in = self.journals.begin(clip, draft, reader)
            self._kept_in.tell(
                "about",
                reader=reader,
                comment="",
                key_frames=key_frames_to_dict(wanted),
                key_frames_alone=True,
                accepted=[],
            )
        self._kept = wanted
        self.key_frames_kept.emit()

    def _end_kept(self, ending: Ending) -> None:
        journal, self._kept, self._kept_in = self._kept_in, None, None
        if journal is not None:
            self.journals.end(journal, ending)

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
        self._end_kept("keep")
        self.journals.settle(timeout)
