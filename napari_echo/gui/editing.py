"""What a reader does to labels, and how he sends them off: each tool starts a correction itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat
from napari_echo.core.labels import LV
from napari_echo.core.reshape import AREA_KEPT, smooth_cavity, with_mask, without_structure
from napari_echo.core.revision import Revision, Status
from napari_echo.gui.committing import COMMITTING, Committing, commit_job
from napari_echo.gui.key_names import key_of
from napari_echo.gui.starting import Starting
from napari_echo.gui.verbs import Verbs
from napari_echo.gui.wording import frames_text

if TYPE_CHECKING:
    from napari_echo.gui.layers import ReviewLayers

VERDICTS: dict[Status, str] = {
    "accepted": "Accepted",
    "corrected": "Accepted",
    "rejected": "Rejected",
    "second reader": "Left for a second reader:",
}


class Editing(Starting):
    """The tools of a correction and the verdicts on a clip.

    Parameters
    ----------
    verbs : Verbs
        The verbs of the review.
    layers : ReviewLayers
        Its layers.
    committing : Committing
        Writes what is sent off.
    step : callable
        Opens the clip so many places further on.
    beat_index : callable
        Which beat is on show.

    Attributes
    ----------
    reader, comment : str
        As the reader has written them.
    resolves : callable
        Whether a commit resolves the fork that it goes on from.
    offered : str or None
        A verdict on the open clip that could not be committed: to be given again.

    Signals
    -------
    changed()
        Also: how many commits go on changed.
    sending()
        Labels are about to be sent off: what writes to them bit by bit must end now.
    sent_off()
        A verdict was given; the comment is used up.
    """

    sending = Signal()
    sent_off = Signal()

    def __init__(
        self,
        verbs: Verbs,
        layers: ReviewLayers,
        committing: Committing,
        step: Callable[[int], None],
        beat_index: Callable[[], int] = lambda: 0,
    ) -> None:
        super().__init__(verbs, layers)
        self.committing = committing
        self.step = step
        self.beat_index = beat_index
        self.reader, self.comment = self.session.reader, ""
        self.resolves: Callable[[], bool] = lambda: False
        self.offered: Status | None = None
        self.session.clip_changed.connect(lambda: self.offer(""))
        committing.committed.connect(self._on_committed)
        committing.failed.connect(lambda sentence: verbs.refused.emit(sentence))

    # Tools ------------------------------------------------------------------------

    def paint(self, structure: int, mode: str = "paint") -> None:
        """Paint a structure by brush, polygon or fill bucket; 0 erases."""
        if self.begin():
            self.layers.draft.paint_with(structure, mode)

    def smooth(self) -> None:
        """Smooth the LV contour of the frame on show."""
        if not self.begin():
            return
        clip, frame = self.session.require_clip(), self.layers.frame
        labels = self._labels(frame)
        before = labels == LV
        try:
            after = smooth_cavity(before, clip.spacing_mm)
        except EchoError as error:
            self._refuse(str(error))
            return
        self.corrections.write({frame: with_mask(without_structure(labels), after)})
        change = float(after.sum() / before.sum()) - 1
        if abs(change) > AREA_KEPT:
            by = f"{100 * change:+.1f}%".replace("-", "−")
            self.verbs.told.emit(f"Smoothed; the area of the LV changed by {by}.")
        else:
            self.verbs.told.emit("Smoothed; the area of the LV is what it was.")

    def copy_from(self, places: int) -> None:
        """Copy the labels of the frame so many places further on to the frame on show."""
        clip = self.session.clip
        if clip is None:
            self._refuse("Open a clip first.")
            return
        frame = self.layers.frame
        source = frame + places
        if not 0 <= source < len(clip):
            which = "before the first" if places < 0 else "after the last"
            self._refuse(f"There is no frame {which}.")
            return
        if not self.begin():
            return
        labels = self._labels(source)
        if not labels.any():
            self._refuse(f"Frame {source} has no labels to copy.")
            return
        self.corrections.write({frame: labels.copy()})
        self.verbs.told.emit(f"Copied the labels of frame {source} to frame {frame}.")

    def accept_frame(self) -> None:
        """Accept the frame on show as it is, so that it is committed too."""
        if self.begin():
            self.corrections.accept(self.layers.frame)

    def restore_frame(self) -> None:
        """Undo the corrections of the frame on show."""
        self.corrections.restore(self.layers.frame)

    def _labels(self, frame: int) -> NDArray[np.uint8]:
        draft = self.corrections.draft
        assert draft is not None
        self.corrections.touch(frame)
        return np.asarray(draft.labels[frame])

    # Commit and verdicts ------------------------------------------------------------

    def commit(self) -> None:
        """Commit what was corrected and stay on the clip."""
        self.sending.emit()
        self.verbs.commit(self.reader, self.comment, self.resolves())

    def pair(self) -> Beat | None:
        """ED and ES that a verdict is about: the beat on show."""
        key_frames = self.session.key_frames
        beats = key_frames.beats if key_frames is not None else ()
        index = self.beat_index()
        return beats[index if index < len(beats) else 0] if beats else None

    def obstacle(self, status: Status) -> str:
        """Say why a verdict cannot be given; empty where it can."""
        session = self.session
        if session.clip is None:
            return "Open a clip first."
        if self.verbs.runner.title == COMMITTING:
            return "Wait until the commit before is written."
        if not self.reader.strip():
            return "Write your name first: a revision says who labelled."
        if self.corrections.store is None:
            return "Choose a folder for the labels first."
        if status != "accepted":
            return ""
        if self.pair() is None:
            set_them = f"set them ({key_of('set_ed')}, {key_of('set_es')})"
            return f"ED and ES are not known: run a model, or {set_them}."
        if self.corrections.draft is None:
            choice = self.choice()
            if choice is not None and choice.start == "nothing":
                return "There is nothing to accept: run a model, or draw ED and ES first."
        return _undrawn(self._empty_of_pair())

    def _empty_of_pair(self) -> list[int]:
        """ED and ES, as far as nothing is labelled on them."""
        pair, draft = self.pair(), self.corrections.draft
        frames = sorted({pair.ed, pair.es}) if pair is not None else []
        if draft is not None:
            return [frame for frame in frames if not draft.labels[frame].any()]
        wanted = self._next_recipe()
        return [f for f in frames if not wanted.is_drawn(f)] if wanted is not None else []

    def give(self, status: Status) -> None:
        """Commit the ED/ES pair with a verdict, and go on to the next clip.

        "accepted" also commits whatever was corrected, and becomes
        "corrected" then. "rejected" covers all frames that anybody labelled,
        so that none of them is exported.
        """
        self.sending.emit()
        reason = self.obstacle(status)
        choice = self.choice()
        if reason or choice is None:
            self._refuse(reason or "Open a clip first.")
            return
        session, corrections = self.session, self.corrections
        clip, store = session.require_clip(), corrections.store
        assert store is not None
        corrections.touch()
        try:
            draft = corrections.draft or corrections.aside(*self._recipe(choice))
        except EchoError as error:
            self._refuse(str(error))
            return
        pair = self.pair()
        frames = {*corrections.uncommitted, *((pair.ed, pair.es) if pair is not None else ())}
        if status == "accepted":
            empty = sorted(f for f in frames if not draft.labels[f].any())
            if empty:
                corrections.drop(draft)
                self._refuse(_undrawn(empty))
                return
            status = "corrected" if draft.changed_frames() else "accepted"
        elif status == "rejected":
            frames |= {f for revision in corrections.revisions for f in revision.frames}
        frames = frames or {self.layers.frame}
        session.reader = self.reader.strip()
        draft.accepted |= frames
        corrections.describe(session.reader, self.comment, session.key_frames, draft, status)
        last = session.studies.neighbour(1) is None
        job = commit_job(
            session,
            store,
            clip,
            draft,
            frames,
            comment=self.comment,
            status=status,
            resolve=self.resolves(),
            alone=True,
        )
        corrections.hand_over()
        corrections.settle_key_frames(session.key_frames)
        self.committing.add(clip, draft, job)
        self.comment = ""
        self.offer("")
        self.sent_off.emit()
        if last:
            name = session.blind.name(clip)
            self.verbs.told.emit(f"{VERDICTS[status]} {name}, the last clip of the queue.")
        else:
            self.step(1)
        self.changed.emit()

    def offer(self, verdict: str) -> None:
        """Offer a verdict that was given, and could not be committed, to be given again."""
        offered = next((status for status in VERDICTS if status == verdict), None)
        if offered is not self.offered:
            self.offered = offered
            self.changed.emit()

    def _on_committed(self, clip: EchoClip, revision: Revision) -> None:
        if self.session.studies.neighbour(1) is not None or self.session.clip is not clip:
            name, frames = self.session.blind.name(clip), frames_text(revision.frames)
            self.verbs.told.emit(f"{VERDICTS[revision.status]} {name}, {frames}.")
        self.changed.emit()


def _undrawn(frames: Sequence[int]) -> str:
    """Say that nothing is labelled on frames that are to be accepted; empty without any."""
    if not frames:
        return ""
    have, them = ("has", "it") if len(frames) == 1 else ("have", "them")
    return f"{frames_text(frames).capitalize()} {have} no labels yet: draw {them} first."
