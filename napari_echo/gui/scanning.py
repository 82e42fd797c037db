"""What is found out of listed clips while the reader works: facts, verdicts, pictures, scans."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_echo.gui.scan_jobs import draw, look_up, note, scan
from napari_echo.gui.studying import Studying
from napari_echo.gui.wording import duration_text
from napari_echo.gui.workers import Jobs, Progress
from napari_echo.workflow.studies import OpenedClip, StudyItem
from napari_echo.workflow.study_facts import AnyFacts, Facts, stamp_of
from napari_echo.workflow.study_rows import Verdict

if TYPE_CHECKING:
    from napari_echo.core.prediction import Prediction
    from napari_echo.workflow.study_scan import Scanned

LOOKING, SCANNING, DRAWING, NOTING = "Looking up", "Scanning", "Drawing", "Noting"
_SETTLE_MS, _QUIET_S = 100, 1.0


class Scanning:
    """Finds out what the table of clips shows.

    Everything goes on in the background; a scan, in a process of its own,
    waits while a job of the reader runs and a clip is opened.

    Parameters
    ----------
    studying : Studying
        The list of clips.

    Attributes
    ----------
    verdicts : mapping of str to Verdict
        What the label store says of the clips, by their keys.
    progress : Scanned or None
        How far the scan is.
    told : str
        What the last scan came to.

    Signals
    -------
    verdicts_changed()
        The label store says something else.
    picture_made(str, bytes)
        A small picture of the clip of this key, a PNG; empty where there is none.
    scan_changed()
        A scan began, came on or ended.
    """

    verdicts_changed = Signal()
    picture_made = Signal(str, bytes)
    scan_changed = Signal()

    def __init__(self, studying: Studying) -> None:
        self.studying = studying
        self.verbs = studying.verbs
        self.session = studying.session
        self.studies = studying.studies
        self.facts = studying.facts
        self.verdicts: Mapping[str, Verdict] = {}
        self.progress: Scanned | None = None
        self.told = ""
        parent = self.verbs.runner
        self.scanner, self.looker = Jobs(parent), Jobs(parent)
        self.drawer, self.noter = Jobs(parent), Jobs(parent)
        self._facts_due = False
        self._pictures: list[StudyItem] = []
        self._stop = threading.Event()
        self._quiet_until = 0.0
        parent.destroyed.connect(lambda: self._stop.set())
        self._settle = QTimer(parent)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._look_up)
        studying.listed.connect(self._on_listed)
        self.studies.items_changed.connect(self._on_items)
        corrections = self.session.corrections
        corrections.revisions_changed.connect(lambda: self._settle.start())
        corrections.store_changed.connect(lambda: self._settle.start())
        self.looker.busy_changed.connect(self._look_again)
        self.looker.failed.connect(self._forget_verdicts)
        self.drawer.busy_changed.connect(self._draw)
        self.drawer.progressed.connect(self._on_drawn)
        self.scanner.progressed.connect(self._on_scanned)
        self.scanner.failed.connect(self._on_failed)
        self.scanner.cancelled.connect(lambda _: self._end("The scan was cancelled"))
        self.session.predictions_changed.connect(self._note)
        self.session.clip_changed.connect(self._on_opened)
        self.verbs.runner.busy_changed.connect(self._note)

    # Facts and verdicts -----------------------------------------------------------

    def _on_listed(self) -> None:
        self._stop_scan()
        self._pictures = []
        self._facts_due = True
        self.verdicts = {}
        self.told = ""
        self._settle.start()

    def _on_items(self) -> None:
        self._facts_due = True
        self._settle.start()

    def _look_again(self) -> None:
        if not self.looker.busy and self._facts_due:
            self._settle.start()

    def _look_up(self) -> None:
        """Read what the cache and the label store know of the clips."""
        items = self.studies.items
        if not items:
            return
        if self.looker.busy:
            self._facts_due = True
            return
        whole, self._facts_due = self._facts_due, False
        store = self.session.corrections.store
        known = [] if whole else [f for i in items if (f := self.facts.clip(i.key)) is not None]

        def take(found: tuple[list[AnyFacts], dict[str, Verdict]]) -> None:
            if self.studies.items[:1] != items[:1]:
                return  # another list came meanwhile
            self.facts.take(found[0])
            if found[1] != self.verdicts:
                self.verdicts = found[1]
                self.verdicts_changed.emit()

        self.looker.start(LOOKING, look_up, items, self.facts, store, known, done=take)

    def _forget_verdicts(self, _sentence: str) -> None:
        # The reader's own look-up of the open clip says what is wrong with the store.
        self.verdicts = {}
        self.verdicts_changed.emit()

    def _note(self) -> None:
        """Note what models said of the open clip when the reader ran them himself."""
        session, item = self.session, self.studies.current
        clip = session.clip
        if item is None or clip is None or self.noter.busy or self.verbs.runner.busy:
            return
        new = [p for p in session.predictions.values() if not self._knows(item, p)]
        if not new:
            return
        kept = self.studying.cache.get(item.key, stamp_of(item))
        opened = kept or OpenedClip(clip, session.truth)
        others = [pack for pack in session.packs if pack.id not in session.predictions]
        self.noter.start(NOTING, note, item, opened, new, self.facts, others, done=self._take_noted)

    def _knows(self, item: StudyItem, prediction: Prediction) -> bool:
        return self.facts.get(item.key, prediction.model_id) is not None

    def _take_noted(self, found: list[AnyFacts]) -> None:
        self.facts.take(facts for facts in found if self.studies.get(facts.key) is not None)

    # Pictures ---------------------------------------------------------------------

    def want_pictures(self, items: Sequence[StudyItem]) -> None:
        """Make small pictures of clips, which come by `picture_made`."""
        self._pictures = list(items)
        if self.drawer.busy:
            self.drawer.cancel()
        else:
            self._draw()

    def _on_drawn(self, progress: Progress) -> None:
        if progress.found is not None:
            self.picture_made.emit(*progress.found)

    def _draw(self) -> None:
        if self._pictures and not self.drawer.busy:
            items, self._pictures = self._pictures, []
            self.drawer.start(DRAWING, draw, items, self.facts, done=lambda _: None)

    # Scan -------------------------------------------------------------------------

    def left_to_scan(self) -> int:
        """Count the clips that a ticked model has not seen."""
        left = self.studies.keys - self.studies.problems.keys()
        packs = self.session.ticked
        seen = set(left) if packs else set[str]()
        for pack in packs:
            seen &= self.facts.seen_by(pack.id)
        return len(left - seen)

    def obstacle(self) -> str:
        """Say in one sentence why nothing can be scanned; empty where it can."""
        if not len(self.studies):
            return "Open a folder or a data set first."
        if not self.session.ticked:
            return "There is no model to run: install one, or open its folder."
        if self.looker.busy and self._facts_due:
            return "What is known of the clips is being read."
        if not self.left_to_scan():
            return "The chosen models have seen every clip that can be read."
        return ""

    def scan(self) -> None:
        """Run the ticked models over the clips that they have not seen, in the table's order."""
        reason = self.obstacle()
        if reason:
            self.verbs.refused.emit(reason)
            return
        if self.scanner.busy:
            return
        session, studies = self.session, self.studies
        known = {(key, p.id) for p in session.ticked for key in self.facts.seen_by(p.id)}
        items = [item for item in studies.ordered() if item.key not in studies.problems]
        self.told, self._stop = "", threading.Event()
        self.scanner.start(
            SCANNING,
            scan,
            items,
            session.ticked,
            session.predict_params,
            session.make_predictor,
            self.facts,
            known,
            self._reader_works,
            self._stop,
            done=self._on_done,
        )
        self.scan_changed.emit()

    def cancel_scan(self) -> None:
        """Stop the scan; what it found stays, and the next one goes on from there."""
        self._stop_scan()
        self.scan_changed.emit()

    def _stop_scan(self) -> None:
        self._stop.set()
        self.scanner.cancel()

    def _reader_works(self) -> bool:
        """Whether the scan stands still: for a job of the reader's, or a clip just opened."""
        return self.verbs.runner.busy or time.monotonic() < self._quiet_until

    def _on_opened(self) -> None:
        self._quiet_until = time.monotonic() + _QUIET_S

    def _on_scanned(self, progress: Progress) -> None:
        scanned: Scanned | None = progress.found
        if scanned is None:
            return
        if self.studies.get(scanned.item.key) is None:
            return  # of a list that was on show before
        self.progress = scanned
        if scanned.problem:
            self.studies.note_problem(scanned.item.key, scanned.problem)
        self.facts.take(entry.facts for entry in scanned.entries)
        for entry in scanned.entries:
            if entry.data and not isinstance(entry.facts, Facts):
                self.picture_made.emit(entry.facts.key, entry.data)
        self.scan_changed.emit()

    def _on_done(self, failed: int) -> None:
        self._end(f"Scanned; {failed} clips could not be read" if failed else "Scanned")

    def _on_failed(self, sentence: str) -> None:
        self._end("The scan stopped")
        self.verbs.refused.emit(sentence)

    def _end(self, told: str) -> None:
        self.progress, self.told = None, told
        self.scan_changed.emit()

    def describe(self) -> str:
        """Say how far the scan is and how long it will take, or what the last came to."""
        progress = self.progress
        if not self.scanner.busy or progress is None:
            return "Loading the models…" if self.scanner.busy else self.told
        if progress.paused:
            title = self.verbs.runner.title
            what = f"waiting for: {title.lower()}" if title else "waiting for the reader"
        else:
            left = self.scanner.seconds_left
            what = f"about {duration_text(left)} left" if left is not None else progress.item.name
        return f"Scanning {progress.done}/{progress.total}, {what}"

    def shut_down(self) -> None:
        """Stop what is going on."""
        self._settle.stop()
        self._stop.set()
        self._pictures = []
        for runner in (self.scanner, self.looker, self.drawer, self.noter):
            runner.shut_down()
