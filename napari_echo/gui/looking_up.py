"""What is known of listed clips: facts of the cache, and verdicts of the label store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.revision import Revision
from napari_echo.gui.committing import COMMITTING
from napari_echo.gui.scan_jobs import LookedUp, look_up
from napari_echo.gui.studying import Studying
from napari_echo.gui.verbs import LOADING
from napari_echo.gui.watching import Watching
from napari_echo.gui.wording import frames_text
from napari_echo.gui.workers import Jobs
from napari_echo.io.store_row import Row, encode_row
from napari_echo.workflow.forks import lineage
from napari_echo.workflow.verdicts import Verdict, Verdicts

LOOKING = "Looking up"
_SETTLE_MS = 100


class LookingUp:
    """Looks up what is known of the listed clips, in the background.

    The label store is read as a whole for a new list, and when others have
    committed to it; what the reader commits, and what is read of a clip that
    he opens, is added to what is known.

    Parameters
    ----------
    studying : Studying
        The list of clips.

    Attributes
    ----------
    verdicts : mapping of str to Verdict
        What the label store says of the clips, by their keys.
    watching : Watching
        What finds that others have committed.

    Signals
    -------
    verdicts_changed()
        The label store says something else.
    """

    verdicts_changed = Signal()

    def __init__(self, studying: Studying) -> None:
        self.studying = studying
        self.verbs = studying.verbs
        self.session = studying.session
        self.studies = studying.studies
        self.facts = studying.facts
        self.verdicts: Mapping[str, Verdict] = {}
        self.looker = Jobs(self.verbs.runner)
        self._facts_due = self._verdicts_due = False
        self._committed: set[str] = set()
        self._known: Verdicts | None = None
        self._found: tuple[EchoClip | None, list[Revision]] = None, []
        self._ids: dict[str, str] = {}
        self._settle = QTimer(self.verbs.runner)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._look_up)
        studying.listed.connect(self._forget)
        self.studies.items_changed.connect(self._on_items)
        corrections = self.session.corrections
        corrections.clip_committed.connect(self._on_committed)
        corrections.store_changed.connect(self._read_verdicts)
        corrections.others_committed.connect(self._read_verdicts)
        self.watching = Watching(self.verbs)
        self.watching.came.connect(self._on_came)
        self.verbs.runner.busy_changed.connect(self._on_runner)
        self.looker.busy_changed.connect(self._look_again)
        self.looker.failed.connect(self._forget_verdicts)
        self.session.clip_changed.connect(self._identify)
        self.session.model_changed.connect(self._use_settings)

    def _forget(self) -> None:
        """Look another list up."""
        self.verdicts = {}
        self._ids.clear()
        self._on_items()

    def _on_items(self) -> None:
        self._facts_due = True
        self._read_verdicts()

    def _read_verdicts(self) -> None:
        """Read the whole label store soon."""
        self._verdicts_due = True
        self._settle.start()

    def _on_committed(self, clip_id: str) -> None:
        self._committed.add(clip_id)
        self._settle.start()

    def _on_came(self, ids: set[str]) -> None:
        known = {revision.revision_id for revision in self.session.corrections.all_revisions()}
        if ids - known:
            self._read_verdicts()

    def _look_again(self) -> None:
        if not self.looker.busy and (self._verdicts_due or self._committed):
            self._settle.start()

    def _look_up(self) -> None:
        """Read what the cache and the label store know of the clips."""
        self._take_others()
        items, clip = self.studies.items, self.session.clip
        if self.looker.busy or not (items or clip is not None):
            return
        if not self._verdicts_due:
            self._verdicts_due = not self._take_committed()
        if not self._verdicts_due:
            return
        cache = self.facts.cache if self._facts_due else None
        self._facts_due = self._verdicts_due = False
        self._committed.clear()
        corrections = self.session.corrections
        known = {revision.revision_id for revision in corrections.every_revision}
        clips = [f for i in items if (f := self.facts.clip(i.key)) is not None]
        ids = {f.key: f.clip_id for f in clips} | self._ids

        def take(found: LookedUp) -> None:
            if cache is None:
                self.watching.pace(self.looker.seconds[LOOKING])
            self._found = clip, found.revisions
            self._take_others()
            if self.studies.items[:1] != items[:1]:
                return  # another list came meanwhile
            self.facts.take(found.facts)
            self._known = found.verdicts
            for key in self._ids.keys() - ids.keys():  # opened since the look-up began
                item = self.studies.get(key)
                if item is not None:
                    self._known.identify(item, self._ids[key])
            self._show_verdicts(found.verdicts.by_key())

        self.looker.start(
            LOOKING, look_up, items, cache, corrections.store, ids, clip, known, done=take
        )

    def _take_committed(self) -> bool:
        """Take what was committed for single clips; false where the store has to be read for it."""
        if self._known is None:
            return False
        verdicts = dict(self.verdicts)
        while self._committed:
            clip_id = self._committed.pop()
            revisions = self.session.corrections.of_clip(clip_id)
            rows = sorted((Row(encode_row(r)) for r in revisions), key=lambda row: row.text)
            found = self._known.take(clip_id, rows)
            if found is None:
                return False
            verdicts |= found
        self._show_verdicts(verdicts)
        return True

    def _take_others(self) -> None:
        """List what others committed to the open clip, and tell of it."""
        if self.verbs.runner.title in (LOADING, COMMITTING):
            return  # these bring revisions themselves, which are no news then
        (clip, revisions), self._found = self._found, (None, [])
        corrections = self.session.corrections
        if clip is None or clip is not self.session.clip or not revisions:
            return
        try:
            new = corrections.take_others(revisions)
        except EchoError as error:
            self.verbs.refused.emit(str(error))
            return
        others = [revision for revision in new if revision.reader != self.session.reader]
        if not others:
            return
        frames = frames_text(sorted({f for revision in others for f in revision.frames}))
        readers = " and ".join(dict.fromkeys(revision.reader for revision in others))
        told = f"{readers} committed {frames} of this clip meanwhile."
        if corrections.draft is not None:
            told += " Your correction stays as it is."
            if self._forks(others):
                told += " Its commit will stand beside that, as a fork to be resolved."
        self.verbs.told.emit(told)

    def _forks(self, others: Sequence[Revision]) -> bool:
        """Whether labels of others and what the open draft goes on from share an ancestor."""
        corrections = self.session.corrections
        parent = corrections.parent_for(self.session.reader)
        lines = (lineage(corrections.revisions, other.revision_id) for other in others)
        behind = {revision.revision_id for line in lines for revision in line}
        return parent in behind or bool(corrections.rivals(parent))

    def _on_runner(self) -> None:
        if self._found[1]:
            self._settle.start()  # once the job's outcome is taken

    def _show_verdicts(self, verdicts: Mapping[str, Verdict]) -> None:
        if verdicts != self.verdicts:
            self.verdicts = verdicts
            self.verdicts_changed.emit()

    def _forget_verdicts(self, _sentence: str) -> None:
        # The reader's own look-up of the open clip says what is wrong with the store.
        self._known = None
        self._show_verdicts({})

    def _identify(self) -> None:
        """Keep the id of the clip that was opened: the listing may not know it."""
        clip, item = self.session.clip, self.studies.current
        if clip is not None and item is not None and item.key not in self._ids:
            self._ids[item.key] = clip.clip_id
            if self._known is not None:
                self._known.identify(item, clip.clip_id)

    def _use_settings(self) -> None:
        self.facts.use(self.session.predict_params.settings)
