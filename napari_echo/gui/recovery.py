"""Edits of earlier sessions that were never committed: found, taken up again or put away."""

from __future__ import annotations

from psygnal import Signal

from napari_echo.core.errors import EchoError
from napari_echo.gui import jobs
from napari_echo.gui.verbs import Verbs
from napari_echo.gui.wording import beats_text, frames_text
from napari_echo.gui.workers import Jobs
from napari_echo.workflow.journal_replay import Replay
from napari_echo.workflow.recover import Recovered
from napari_echo.workflow.study_list import item_of_file

RECOVERING, FINDING = "Recovering", "Finding edits"


class Recovery:
    """What a reader can do with uncommitted edits that the journal kept.

    Parameters
    ----------
    verbs : Verbs
        The verbs of the review.
    background : Jobs
        What looks for the edits, while the reader works.

    Signals
    -------
    recovered(Replay)
        Uncommitted edits were taken up.
    clips_wanted(list of StudyItem)
        Clips with such edits are to be opened.
    """

    recovered = Signal(object)
    clips_wanted = Signal(list)

    def __init__(self, verbs: Verbs, background: Jobs) -> None:
        self.verbs = verbs
        self.background = background
        self._due = False
        background.busy_changed.connect(self._find)

    def find_waiting(self) -> None:
        """Look for edits that were never committed, without keeping the reader from work."""
        self._due = True
        self._find()

    def _find(self) -> None:
        corrections = self.verbs.session.corrections
        if self._due and not self.background.busy:
            self._due = False
            self.background.start(
                FINDING, jobs.find_waiting, corrections.journals, done=corrections.take_waiting
            )

    def recover(self) -> None:
        """Take the open clip's uncommitted edits up again."""
        session = self.verbs.session
        clip, replay = session.clip, session.corrections.recoverable
        if not self.verbs.may("") or clip is None or replay is None:
            return
        if replay.key_frames_alone:
            self._take_key_frames(replay)
            return

        def take(recovered: Recovered) -> None:
            try:
                session.corrections.take_up(recovered)
            except EchoError as error:
                self.verbs.refused.emit(str(error))
                return
            if replay.key_frames is not None and replay.key_frames.origin == "set by reader":
                session.set_key_frames(replay.key_frames)
            self.recovered.emit(replay)
            again = " Its verdict waits to be given again." if replay.verdict else ""
            frames, name = frames_text(replay.uncommitted), session.blind.name(clip)
            self.verbs.told.emit(f"Recovered {frames} of {name}.{again}")

        journals = session.corrections.journals
        self.verbs.runner.start(RECOVERING, jobs.recover, journals, replay, clip, done=take)

    def _take_key_frames(self, replay: Replay) -> None:
        """Take up ED and ES that a reader set; what he set before that is put away, too."""
        session, journals = self.verbs.session, self.verbs.session.corrections.journals
        waiting = session.corrections.waiting
        old = [r for r in waiting if r.key_frames_alone and r.clip_id == replay.clip_id]
        try:
            for each in old:
                journals.set_aside(each)
        except EchoError as error:
            self.verbs.refused.emit(str(error))
            return
        if replay.key_frames is not None:
            session.set_key_frames(replay.key_frames)
            self.verbs.told.emit(f"Recovered: {beats_text(replay.key_frames)}.")
        session.corrections.take_waiting(r for r in waiting if r not in old)

    def set_aside(self) -> None:
        """Put the open clip's uncommitted edits away; their file is kept."""
        corrections = self.verbs.session.corrections
        replay = corrections.recoverable
        if replay is None or not self.verbs.may(""):
            return
        try:
            path = corrections.journals.set_aside(replay)
        except EchoError as error:
            self.verbs.refused.emit(str(error))
            return
        corrections.take_waiting(r for r in corrections.waiting if r is not replay)
        self.verbs.told.emit(f"Set aside; the edits are kept in {path}.")

    def open_waiting(self) -> None:
        """Open the clips that have uncommitted edits."""
        clip, waiting = self.verbs.session.clip, self.verbs.session.corrections.waiting
        others = [r for r in waiting if clip is None or r.clip_id != clip.clip_id]
        items = [
            item_of_file(r.source, r.shape[0])
            for r in others
            if r.source is not None and r.source.is_file()
        ]
        if items:
            self.clips_wanted.emit(list({item.key: item for item in items}.values()))
        elif others:
            names = ", ".join(replay.clip_name for replay in others)
            self.verbs.refused.emit(f"The file of {names} is not where it was: open it by hand.")
