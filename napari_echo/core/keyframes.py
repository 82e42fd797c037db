"""End diastole and end systole, beat by beat."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

KeyFrameOrigin = Literal["traced", "detected", "set by reader"]
Which = Literal["ED", "ES"]


@dataclass(frozen=True)
class Beat:
    """One beat: the frames of end diastole and end systole, counted from 0."""

    ed: int
    es: int


@dataclass(frozen=True)
class KeyFrameSetting:
    """That a reader made a frame ED or ES: who, when, and from what.

    Parameters
    ----------
    which : {"ED", "ES"}
        What he made of it.
    frame : int
        The frame.
    reader : str
        Who did.
    when : datetime
        Aware, UTC.
    before : int or None
        The frame that it was before; None for a beat that the reader added.
    origin : {"traced", "detected"} or None
        Where the frame before came from; None for a beat that the reader added.
    """

    which: Which
    frame: int
    reader: str
    when: datetime
    before: int | None = None
    origin: KeyFrameOrigin | None = None


@dataclass(frozen=True)
class KeyFrames:
    """The beats of a clip and where they came from.

    A clip that is too short or too still to show a beat has none. A beat
    whose ED and ES are the same frame is one of which the other is still to
    be set.

    Parameters
    ----------
    beats : tuple of Beat
        In time.
    origin : {"traced", "detected", "set by reader"}
        ``"set by reader"`` where a reader set at least one of them, or took a
        beat away.
    settings : tuple of KeyFrameSetting
        What the reader set, of those that are still ED or ES.
    """

    beats: tuple[Beat, ...]
    origin: KeyFrameOrigin
    settings: tuple[KeyFrameSetting, ...] = ()

    def frames(self) -> tuple[int, ...]:
        """All ED and ES frames, ascending, each once."""
        return tuple(sorted({f for b in self.beats for f in (b.ed, b.es)}))

    def labelled_beat(self, labelled: Iterable[int]) -> Beat | None:
        """The first beat whose ED and ES are both labelled; None where there is none."""
        known = set(labelled)
        return next((b for b in self.beats if b.ed != b.es and {b.ed, b.es} <= known), None)

    def missing(self, beat: Beat) -> Which | None:
        """Which key frame of a beat is still to be set; None where it has both."""
        if beat.ed != beat.es:
            return None
        only_es = self.setting_of("ES", beat.es) and not self.setting_of("ED", beat.ed)
        return "ED" if only_es else "ES"

    def setting_of(self, which: Which, frame: int) -> KeyFrameSetting | None:
        """Who made a frame ED or ES, and when; None where no reader did."""
        found = (s for s in self.settings if (s.which, s.frame) == (which, frame))
        return next(found, None)

    def origin_of(self, which: Which, frame: int) -> KeyFrameOrigin:
        """Where one key frame came from: the others of a beat may not be the reader's."""
        if self.setting_of(which, frame) is not None or not self.settings:
            return self.origin if not self.settings else "set by reader"
        return next((s.origin for s in self.settings if s.origin is not None), self.origin)

    def with_frame(
        self, beat: int, which: Which, frame: int, reader: str, when: datetime
    ) -> KeyFrames:
        """Make a frame ED or ES of a beat, as a reader does.

        Parameters
        ----------
        beat : int
            Place of the beat; a place beyond the last adds a beat whose other
            key frame is still to be set.
        which : {"ED", "ES"}
            What the frame becomes. Set anew while the other one is still to be
            set, it takes it along.
        frame : int
            The frame.
        reader : str
            Who sets it.
        when : datetime
            Aware, UTC.

        Returns
        -------
        KeyFrames
            With the beats in time.
        """
        beats, before, origin = list(self.beats), None, None
        if beat < len(beats):
            old = beats[beat]
            before = old.ed if which == "ED" else old.es
            earlier = self.setting_of(which, before)
            # What a reader sets twice still comes from where it came from first.
            origin = earlier.origin if earlier is not None else self.origin_of(which, before)
            before = earlier.before if earlier is not None else before
            new = replace(old, ed=frame) if which == "ED" else replace(old, es=frame)
            alone = self.missing(old) not in (None, which)
            beats[beat] = Beat(frame, frame) if alone else new
        else:
            beats.append(Beat(frame, frame))
        setting = KeyFrameSetting(which, frame, reader, when, before, origin)
        return self._with(beats, setting)

    def with_beat(self, beat: Beat, reader: str, when: datetime) -> KeyFrames:
        """Add a beat of which a reader set the ED, and the ES may have been detected."""
        return self._with(
            [*self.beats, beat], KeyFrameSetting("ED", beat.ed, reader, when, None, None)
        )

    def without_beat(self, beat: int) -> KeyFrames:
        """Take a beat away."""
        return self._with([b for place, b in enumerate(self.beats) if place != beat])

    def _with(self, beats: list[Beat], *settings: KeyFrameSetting) -> KeyFrames:
        beats = sorted(beats, key=lambda b: (min(b.ed, b.es), max(b.ed, b.es)))
        known = {("ED", b.ed) for b in beats} | {("ES", b.es) for b in beats}
        new = {(s.which, s.frame) for s in settings}
        kept = tuple(
            s
            for s in self.settings
            if (s.which, s.frame) in known and (s.which, s.frame) not in new
        )
        return KeyFrames(tuple(beats), "set by reader", (*kept, *settings))
