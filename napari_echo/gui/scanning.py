"""What is found out of listed clips while the reader works: facts, pictures, scans."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_echo.gui.looking_up import LookingUp
from napari_echo.gui.scan_jobs import draw, note, scan
from napari_echo.gui.studying import Studying
from napari_echo.gui.wording import duration_text
from napari_echo.gui.workers import Jobs, Progress
from napari_echo.workflow.facts import AnyFacts, Facts
from napari_echo.workflow.facts_cache import stamp_of
from napari_echo.workflow.studies import OpenedClip, StudyItem

if TYPE_CHECKING:
    from napari_echo.core.prediction import Prediction
    from napari_echo.workflow.study_scan import Scanned

SCANNING, DRAWING, NOTING = "Scanning", "Drawing", "Noting"
_QUIET_S = 1.0


class Scanning(LookingUp):
    """Finds out what the table of clips shows.

    Everything goes on in the background; a scan, in a process of its own,
    waits while a job of the reader runs and a clip is opened.

    Parameters
    ----------
    studying : Studying
        The list of clips.

    Attributes
    ----------
    progress : Scanned or None
        How far the scan is.
    told : str
        What the last scan came to.

    Signals
    -------
    picture_made(str, bytes)
        A small picture of the clip of this key, a PNG; empty where there is none.
    scan_changed()
        A scan began, came on or ended.
    """

    picture_made = Signal(str, bytes)
    scan_changed = Signal()

    def __init__(self, studying: Studying) -> None:
        super().__init__(studying)
        self.progress: Scanned | None = None
        self.told = ""
        parent = self.verbs.runner
        self.scanner, self.drawer, self.noter = Jobs(parent), Jobs(parent), Jobs(parent)
        self._pictures: list[StudyItem] = []
        self._stop = threading.Event()
        self._quiet_until = 0.0
        parent.destroyed.connect(lambda: self._stop.set())
        studying.listed.connect(self._on_listed)
        self.drawer.busy_changed.connect(self._draw)
        self.drawer.progressed.connect(self._on_drawn)
        self.scanner.progressed.connect(self._on_scanned)
        self.scanner.failed.connect(self._on_failed)
        self.scanner.cancelled.connect(lambda _: self._end("The scan was cancelled"))
        self.session.predictions_changed.connect(self._note)
        self.session.clip_changed.connect(self._on_opened)
        self.verbs.runner.busy_changed.connect(self._note)

    def _on_listed(self) -> None:
        self._stop_scan()
        self._pictures = []
        self.told = ""

    def _note(self) -> None:
        """Note the open clip's ground truth, and what models said that the reader ran himself."""
        session, item = self.session, self.studies.current
        clip = session.clip
        if item is None or clip is None or self.noter.busy or self.verbs.runner.busy:
            return
        new = [p for p in session.predictions.values() if not self._knows(item, p)]
        if not new and (session.truth is None or self.facts.clip(item.key) is not None):
            return
        kept = self.studying.cache.get(item.key, stamp_of(item))
        opened = kept or OpenedClip(clip, session.truth)
        others = [pack for pack in session.packs if pack.id not in session.predictions]
        settings, cache = session.predict_params.settings, self.facts.cache
        self.noter.start(
            NOTING, note, item, opened, new, settings, cache, others, done=self._take_noted
        )

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
            self.drawer.start(DRAWING, draw, items, self.facts.cache, done=lambda _: None)

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
            self.facts.cache,
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
        self.watching.shut_down()
        self._stop.set()
        self._pictures = []
        for runner in (self.scanner, self.looker, self.drawer, self.noter):
            runner.shut_down()
