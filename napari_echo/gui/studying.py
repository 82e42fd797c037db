"""Going through a list of clips: what is listed, opened, and decoded before it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from psygnal import Signal
from qtpy.QtCore import QThreadPool

from napari_echo.core.clip import EchoClip
from napari_echo.gui import jobs
from napari_echo.gui.committing import COMMITTING
from napari_echo.gui.loading import Loading
from napari_echo.gui.passing_over import passed_over, unreadable
from napari_echo.gui.verbs import LOADING, MARKING, PREDICTING, Verbs
from napari_echo.gui.workers import Jobs
from napari_echo.workflow.clip_cache import ClipCache
from napari_echo.workflow.facts_cache import stamp_of
from napari_echo.workflow.studies import OpenedClip, StudyItem
from napari_echo.workflow.study_facts import FactsStore

AHEAD = (1, -1, 2)
"""Which neighbours are decoded while a clip is reviewed, the likeliest first."""

_THREADS = 8


class Studying:
    """Opens clips of a list, one after the other.

    Parameters
    ----------
    verbs : Verbs
        The verbs of the review.
    go_to : callable
        Shows a frame of the open clip.

    Attributes
    ----------
    facts : FactsStore
        What is known of the listed clips.

    Signals
    -------
    listed()
        A folder, a data set or files were listed.
    """

    listed = Signal()

    def __init__(self, verbs: Verbs, go_to: Callable[[int], None]) -> None:
        self.verbs = verbs
        self.session = verbs.session
        self.studies = verbs.session.studies
        self.go_to = go_to
        self.facts = FactsStore()
        self.ahead = Jobs(verbs.runner)
        self.cache = ClipCache()
        # Another clip that comes before the next one of the queue.
        self.interlude: Callable[[], StudyItem | None] = lambda: None
        self._next: Callable[[], None] | None = None
        # Each once for every clip that is opened: one that does not fit in the
        # cache would else be decoded for ever.
        self._tried: set[str] = set()
        self._ahead: Loading | None = None
        pool = QThreadPool.globalInstance()
        # A long job must not keep a short one waiting for a thread.
        assert pool is not None
        pool.setMaxThreadCount(max(_THREADS, pool.maxThreadCount()))
        verbs.runner.busy_changed.connect(self._when_idle)
        self.ahead.busy_changed.connect(self._prefetch)
        self.studies.current_changed.connect(lambda: self._tried.clear())
        self.studies.order_changed.connect(self._prefetch)
        self.studies.items_changed.connect(self._prefetch)

    # List -----------------------------------------------------------------------

    def open_paths(self, paths: Sequence[Path], frame: int | None = None) -> None:
        """List the clips among files, folders and data sets, and open the first that can be read.

        Where none can be, the list that was there stays.

        Parameters
        ----------
        paths : sequence of Path
            What to list.
        frame : int or None
            Frame of that clip to show.
        """
        paths = [path.absolute() for path in paths]

        def take(found: jobs.Listed) -> None:
            if found.first is None or found.opened is None:
                self.verbs.refused.emit(unreadable(found.items, found.problems))
                return
            self.cache.clear()
            self.facts.clear()
            self.studies.set_items(found.items, paths)
            for key, sentence in found.problems.items():
                self.studies.note_problem(key, sentence)
            self.listed.emit()
            self.cache.put(found.first.key, found.stamp, found.opened)
            self._take(found.first, found.opened, frame)
            over = [item for item in found.items if item.key in found.problems]
            self._tell_over(over, any(not item.problem for item in over))

        if self.verbs.may("") and self.verbs.may_leave():
            self.verbs.runner.start(LOADING, jobs.find_clips, paths, done=take)

    def _tell_over(self, over: Sequence[StudyItem], news: bool) -> None:
        """Tell which clips were passed over; what is marked in the table already is no news."""
        if over:
            tell = self.verbs.refused if news else self.verbs.told
            tell.emit(passed_over(over, self.studies.problems))

    # Open -----------------------------------------------------------------------

    def add(self, items: Sequence[StudyItem]) -> None:
        """List more clips behind those that are listed, and open the first of them."""
        if self.verbs.may("") and self.verbs.may_leave():
            for item in items:
                if self.studies.get(item.key) is None:
                    self.studies.add(item)
            self._load(self.studies.get(items[0].key) or items[0], None)

    def open(self, key: str, frame: int | None = None) -> None:
        """Open a listed clip, by its key or by its name, and show a frame of it.

        A job about the clip before is cancelled; a commit is waited for.
        """
        self._soon(lambda: self._open_known(key, frame))

    def _open_known(self, key: str, frame: int | None) -> None:
        item = self.studies.get(key)
        named = [i for i in self.studies.items if i.name == key] if item is None else [item]
        if not named:
            self.verbs.refused.emit(f"There is no clip {key} in the list: open its folder first.")
        elif self.verbs.may_leave():
            self._load(named[0], frame)

    def step(self, places: int) -> None:
        """Open the clip so many places further on in the queue."""
        self._soon(lambda: self._step(places))

    def _step(self, places: int) -> None:
        again = self.interlude() if places > 0 else None
        if again is not None:
            if self.verbs.may_leave():
                self.studies.step_aside(again)
                self._load(again, None)
            return
        if self.studies.neighbour(places) is None:
            self.verbs.told.emit(self.end_of_queue(places))
        elif self.verbs.may_leave():
            self._go(places)

    def end_of_queue(self, places: int) -> str:
        """Say why there is no clip that many places further on."""
        if not len(self.studies):
            return "No clips are listed: open a folder first."
        which = "after" if places > 0 else "before"
        return f"There is no clip {which} this one in the list as it is sorted and filtered."

    def _soon(self, action: Callable[[], None]) -> None:
        """Do it now, or when what is going on about the open clip has ended."""
        runner = self.verbs.runner
        if not runner.busy:
            action()
        elif runner.title in (LOADING, PREDICTING, MARKING):
            self._next = action
            runner.cancel()
        elif runner.title == COMMITTING:
            self._next = action
        else:
            self.verbs.may("")

    def _when_idle(self) -> None:
        action = self._next
        if action is not None and not self.verbs.runner.busy:
            self._next = None
            action()
        else:
            self._prefetch()

    def _go(self, places: int, failed: tuple[StudyItem, ...] = ()) -> None:
        """Open the clip so many places further on that can be read.

        A clip that is damaged must not hold the reader up: however many are
        passed over, or `failed` on the way, he is told once.
        """
        item = self.studies.neighbour(places)
        if item is None:
            told = f"{unreadable(failed, self.studies.problems)} {self.end_of_queue(places)}"
            self.verbs.refused.emit(told)
            return
        over = self.studies.passed_over(item) or failed

        def take(sentence: str) -> None:
            if not sentence:
                self._tell_over(over, bool(failed))
            elif self.studies.get(item.key) is item:
                self._go(places, (*failed, item))
            else:
                self.verbs.refused.emit(sentence)

        self._load(item, None, take)

    def _load(
        self, item: StudyItem, frame: int | None, then: Callable[[str], None] | None = None
    ) -> None:
        """Open a clip; `then` is told why it cannot be read, or "" once it is open."""
        then = then or self._tell
        stamp = stamp_of(item)
        opened = self.cache.get(item.key, stamp)
        if opened is not None:
            self._take(item, opened, frame)
            then("")
            return
        ahead = self._ahead
        loading = ahead if ahead is not None and ahead.is_of(item, stamp) else Loading(item, stamp)

        def take(loaded: OpenedClip | str) -> None:
            if isinstance(loaded, OpenedClip):
                self.cache.put(item.key, stamp, loaded)
                self._take(item, loaded, frame)
                then("")
            else:
                self.studies.note_problem(item.key, loaded)
                then(loaded)

        self.verbs.runner.start(LOADING, loading.job, done=take)

    def _tell(self, sentence: str) -> None:
        if sentence:
            self.verbs.refused.emit(sentence)

    def _take(self, item: StudyItem, opened: OpenedClip, frame: int | None) -> None:
        self.studies.note_problem(item.key, "")
        self.verbs.adopt(opened.clip, opened.truth, opened.key_frames, item)
        if frame is not None:
            self.go_to(min(frame, len(opened.clip) - 1))
        if opened.remark:
            self.verbs.told.emit(opened.remark)
        self._prefetch()

    # Ahead ----------------------------------------------------------------------

    def decoded(self, item: StudyItem) -> EchoClip | None:
        """Return a listed clip that is decoded already, as opening it would."""
        opened = self.cache.get(item.key, stamp_of(item))
        return opened.clip if opened is not None else None

    def _prefetch(self) -> None:
        """Decode a neighbour of the open clip, while nothing else is going on."""
        if self.ahead.busy or self.verbs.runner.busy or self.studies.current is None:
            return
        near = [self.studies.neighbour(step) for step in AHEAD]
        for item in near:
            if item is not None and item.key not in self.cache and item.key not in self._tried:
                self._tried.add(item.key)
                self._ahead = loading = Loading(item, stamp_of(item))
                self.ahead.start("Loading ahead", loading.job, done=self._keeper(loading))
                return

    def _keeper(self, loading: Loading) -> Callable[[OpenedClip | str], None]:
        item = loading.item

        def keep(loaded: OpenedClip | str) -> None:
            if self._ahead is loading:
                self._ahead = None
            if isinstance(loaded, str):
                self.studies.note_problem(item.key, loaded)
            elif self.studies.get(item.key) is item:
                self.cache.put(item.key, loading.stamp, loaded)

        return keep

    def shut_down(self) -> None:
        """Stop what is going on."""
        self._next = None
        self._ahead = None
        self.ahead.shut_down()
        self.cache.clear()
