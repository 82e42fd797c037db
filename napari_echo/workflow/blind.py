"""Reading blind: what could sway a reader is hidden until he has drawn ED and ES. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_echo.core.revision import Base, Revision
from napari_echo.workflow.readings import covers, readings

if TYPE_CHECKING:
    from napari_echo.core.clip import EchoClip
    from napari_echo.workflow.session import Session


BLIND_BASE = Base("nothing", "blind")
"""What a draft starts from that is begun while all else is hidden; kept in its journal."""


class Blind:
    """Whether the open clip is read blind, and what may be shown of it.

    While it is, `Session` gives no prediction, truth, hardness or measure of
    them, and `Corrections` only what the reader drew in this reading: no
    panel can show what it is not given. The reader draws ED and ES from
    nothing; when both are committed, all is revealed.

    Parameters
    ----------
    session : Session
        The review.

    Signals
    -------
    changed()
        It was switched on or off, the open clip was hidden or revealed, or somebody
        else reads.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        self._session = session
        self._on = False
        self._hidden = False
        self._again = ""
        self._is_repeat = False
        self._read_before: set[str] | None = None
        self._shown_meanwhile = False

    # The switch -----------------------------------------------------------------

    @property
    def on(self) -> bool:
        """Whether clips are read blind."""
        return self._on

    def switch(self, on: bool) -> None:
        """Read clips blind, or with everything shown."""
        if on != self._on:
            self._on = on
            self.look()
            self.changed.emit()

    def turn_to_reader(self) -> None:
        """Show another reader what he has drawn, and hide from him what he has not."""
        self.look()
        self.changed.emit()

    def read_again(self, clip_id: str) -> None:
        """Hide a clip once more when it is opened next, though the reader has drawn it."""
        self._again = clip_id

    # The open clip --------------------------------------------------------------

    @property
    def hidden(self) -> bool:
        """Whether what could sway the reader is hidden now."""
        return self._hidden

    def begin(self, clip_id: str | None) -> None:
        """Turn to another clip; read blind, it is hidden until its revisions are known."""
        self._is_repeat = self._on and clip_id is not None and clip_id == self._again
        self._again = ""
        self._read_before = None
        self._hidden = self._on and clip_id is not None
        self._shown_meanwhile = clip_id is not None and not self._hidden

    def look(self) -> None:
        """Find whether the open clip is still to be hidden, and tell where that changed."""
        clip = self._session.clip
        finished = {reading[0].revision_id for reading in self._mine() if self._is_drawn(reading)}
        if self._is_repeat and self._read_before is not None:
            finished -= self._read_before
        hidden = self._on and clip is not None and not finished
        self._shown_meanwhile |= clip is not None and not hidden
        if hidden != self._hidden:
            self._hidden = hidden
            self._session.tell_hidden()
            self.changed.emit()

    def take_found(self) -> None:
        """Take note that the revisions were looked up; of a repeat they are earlier readings."""
        if self._is_repeat and self._read_before is None:
            mine = self._mine()
            self._read_before = {r[0].revision_id for r in mine if self._is_drawn(r)}
        self.look()

    def _mine(self) -> list[list[Revision]]:
        """The reader's own readings of the open clip that were drawn from nothing."""
        session = self._session
        mine = (r for r in session.corrections.every_revision if r.reader == session.reader)
        return [reading for reading in readings(mine) if reading[0].base.kind == "nothing"]

    def _is_drawn(self, reading: Sequence[Revision]) -> bool:
        # A frame that was accepted empty was not drawn.
        frames = {
            frame
            for revision in reading
            for frame, labels in zip(revision.frames, revision.labels, strict=True)
            if labels.any()
        }
        return covers(frames, reading[-1].key_frames, reading[-1].clip_shape[0])

    # What may be shown, and what is committed --------------------------------------

    def shown(self, revisions: Sequence[Revision]) -> list[Revision]:
        """Of the open clip's revisions those that count now.

        Hidden, they are those of the reading that was begun and is not
        finished; else all but repeats.
        """
        if not self._hidden:
            return [revision for revision in revisions if not revision.repeat]
        begun = [reading for reading in self._mine() if not self._is_drawn(reading)]
        return begun[-1] if begun else []

    def name(self, clip: EchoClip) -> str:
        """What is said of a clip that a reader was done with: its name would tell him a repeat."""
        return "the clip" if self._on else clip.name

    def tags(self, base: Base, parent: str | None) -> dict[str, bool]:
        """Say of a draft that is committed now whether it is blind, and whether it is a repeat.

        Parameters
        ----------
        base : Base
            What the draft started from.
        parent : str or None
            The revision that it goes on from.
        """
        session = self._session
        before = session.corrections.every_revision
        mine = [revision for revision in before if revision.reader == session.reader]
        known = next((revision for revision in mine if revision.revision_id == parent), None)
        drawn = base == BLIND_BASE or (known is not None and known.blind)
        blind = self._hidden and not self._shown_meanwhile and drawn
        repeat = known.repeat if known is not None else self._hidden and bool(mine)
        return {"blind": blind, "repeat": repeat}

    def obstacle(self) -> str:
        """Say what the reader has to do until all is revealed; empty where it is."""
        if not self._hidden:
            return ""
        key_frames = self._session.key_frames
        if key_frames is None or not key_frames.beats:
            return "Reading blind: set ED and ES, then draw both from nothing and commit them."
        beat = key_frames.beats[0]
        frames = str(beat.ed) if beat.ed == beat.es else f"{beat.ed} and {beat.es}"
        return f"Reading blind: draw ED and ES (frame {frames}) from nothing and commit them."
