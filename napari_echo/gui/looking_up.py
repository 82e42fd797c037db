"""What is known of listed clips: facts of the cache, and verdicts of the label store."""

from __future__ import annotations

import time
from collections.abc import Mapping

from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_echo.gui.scan_jobs import look_up
from napari_echo.gui.studying import Studying
from napari_echo.gui.workers import Jobs
from napari_echo.io.store_row import Row, encode_row
from napari_echo.workflow.facts import AnyFacts
from napari_echo.workflow.verdicts import Verdict, Verdicts

LOOKING = "Looking up"
_SETTLE_MS = 100
_STALE_S = 60.0  # others may commit to the same store


class LookingUp:
    """Looks up what is known of the listed clips, in the background.

    The label store is read as a whole for a new list, and at most once a
    minute while the reader commits; between these what he commits, and what is
    read of a clip that he opens, is added to what is known.

    Parameters
    ----------
    studying : Studying
        The list of clips.

    Attributes
    ----------
    verdicts : mapping of str to Verdict
        What the label store says of the clips, by their keys.

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
        self._read_at = 0.0
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
        if time.monotonic() - self._read_at > _STALE_S:
            self._verdicts_due = True
        self._settle.start()

    def _look_again(self) -> None:
        if not self.looker.busy and (self._verdicts_due or self._committed):
            self._settle.start()

    def _look_up(self) -> None:
        """Read what the cache and the label store know of the clips."""
        items = self.studies.items
        if not items:
            return
        if self.looker.busy:
            return
        if not self._verdicts_due:
            self._verdicts_due = not self._take_committed()
        if not self._verdicts_due:
            return
        cache = self.facts.cache if self._facts_due else None
        self._facts_due = self._verdicts_due = False
        self._committed.clear()
        self._read_at = time.monotonic()
        store = self.session.corrections.store
        clips = [f for i in items if (f := self.facts.clip(i.key)) is not None]
        ids = {f.key: f.clip_id for f in clips} | self._ids

        def take(found: tuple[list[AnyFacts], Verdicts]) -> None:
            if self.studies.items[:1] != items[:1]:
                return  # another list came meanwhile
            self.facts.take(found[0])
            self._known = found[1]
            self._show_verdicts(found[1].by_key())

        self.looker.start(LOOKING, look_up, items, cache, store, ids, done=take)

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
