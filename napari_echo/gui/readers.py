"""What a reader can do about readings: read blind, meet clips again, see how readers agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.params import PredictParams
from napari_echo.gui.preferences import (
    REPEATS,
    SEED,
    SHARE,
    read_flag,
    read_number,
    write,
)
from napari_echo.gui.studying import Studying
from napari_echo.gui.verbs import Verbs
from napari_echo.gui.workers import Job, Jobs, Progress, shown
from napari_echo.workflow.repeats import next_repeat, readings_by
from napari_echo.workflow.studies import StudyItem

if TYPE_CHECKING:
    from napari_echo.io.store import LabelStore
    from napari_echo.io.store_row import Row
    from napari_echo.ml.packs import ModelPack
    from napari_echo.ml.predictor import Predictor
    from napari_echo.workflow.reader_agreement import ReaderAgreement, ReadPair

ONE_IN, LEAST, MOST = 10, 2, 50
_SEEDS = 2**31


class Readers:
    """The readings of a review.

    Parameters
    ----------
    verbs : Verbs
        The verbs of the review.
    studying : Studying
        What goes through the clips.

    Attributes
    ----------
    agreement : ReaderAgreement or None
        How readers agree, as it was found last.
    jobs : Jobs
        What compares them; the review goes on meanwhile.

    Signals
    -------
    changed()
        Another agreement was found, or repeats were switched.
    """

    changed = Signal()

    def __init__(self, verbs: Verbs, studying: Studying) -> None:
        self.verbs = verbs
        self.session = verbs.session
        self.studying = studying
        self.jobs = Jobs(verbs.runner)
        self._looking = Jobs(verbs.runner)
        self.agreement: ReaderAgreement | None = None
        self.repeats = read_flag(REPEATS)
        self.one_in = read_number(SHARE, ONE_IN, LEAST, MOST)
        self.seed = read_number(SEED, 0, 0, _SEEDS)
        self._begun: Sequence[Row] = ()
        self._met_at = -1
        self._keys: dict[str, str] = {}
        studying.interlude = self.due
        self.jobs.failed.connect(lambda sentence: verbs.refused.emit(sentence))
        session, corrections = self.session, self.session.corrections
        session.clip_changed.connect(self._note_clip)
        session.blind.changed.connect(self._look_up)
        corrections.revisions_changed.connect(self._look_up)
        corrections.store_changed.connect(self._forget)
        self._looking.busy_changed.connect(self._look_up_again)
        self._stale = True
        self._look_up()

    # Blind ----------------------------------------------------------------------

    def read_blind(self, on: bool) -> None:
        """Read clips blind from now on, or with everything shown."""
        blind, corrections = self.session.blind, self.session.corrections
        draft = corrections.draft
        if on and draft is not None and draft.base.kind != "nothing" and corrections.uncommitted:
            self.verbs.refused.emit(
                "Commit or discard the open correction first: it shows what is to be hidden."
            )
            return
        blind.switch(on)

    def set_reader(self, reader: str) -> None:
        """Say who reads: what he has drawn already is not hidden from him."""
        if reader.strip() and reader.strip() != self.session.reader:
            self.session.reader = reader.strip()
            self.session.blind.turn_to_reader()

    # Repeats --------------------------------------------------------------------

    def set_repeats(self, on: bool, one_in: int) -> None:
        """Let one in so many readings be a clip that the reader has drawn before."""
        self.repeats, self.one_in = on, one_in
        write(REPEATS, on)
        write(SHARE, one_in)
        self._look_up()
        self.changed.emit()

    def due(self) -> StudyItem | None:
        """The clip to meet again now; None where it is a new one's turn."""
        blind = self.session.blind
        begun = self._begun
        if not (blind.on and self.repeats) or self._met_at == len(begun):
            return None
        clip_id = next_repeat(begun, 1 / self.one_in, self.seed, self._at_hand())
        item = self.item_of(clip_id) if clip_id is not None else None
        if item is None or clip_id is None:
            return None
        # A repeat that is passed over does not come at once again.
        self._met_at = len(begun)
        blind.read_again(clip_id)
        return item

    def _note_clip(self) -> None:
        clip, item = self.session.clip, self.session.studies.current
        if clip is not None and item is not None:
            self._keys[clip.clip_id] = item.key

    def _at_hand(self) -> dict[str, str]:
        studies = self.session.studies
        known = {item.clip_id: item.key for item in studies.items if item.clip_id}
        return {i: k for i, k in (known | self._keys).items() if studies.get(k) is not None}

    def item_of(self, clip_id: str) -> StudyItem | None:
        """The listed clip of an id, where it is known."""
        return self.session.studies.get(self._at_hand().get(clip_id, ""))

    def _look_up(self) -> None:
        self._stale = True
        self._look_up_again()

    def _look_up_again(self) -> None:
        """Read what the reader has drawn, in a thread: a store may be large."""
        store = self.session.corrections.store
        wanted = self._stale and self.repeats and self.session.blind.on
        if not wanted or store is None or self._looking.busy:
            return
        self._stale = False
        reader = self.session.reader

        def take(begun: Sequence[Row]) -> None:
            self._begun = begun

        self._looking.start("Looking up readings", _readings, store, reader, done=take)

    def _forget(self) -> None:
        self.agreement, self._begun, self._met_at = None, (), -1
        self._look_up()
        self.changed.emit()

    # Agreement ------------------------------------------------------------------

    def obstacle(self) -> str:
        """Say why readers cannot be compared now; empty where they can."""
        if self.jobs.busy:
            return f"{self.jobs.title} is going on."
        if self.session.blind.on:
            return "Switch reading blind off first: to know how you agree would sway you."
        if self.session.corrections.store is None:
            return "Choose a folder for the labels first."
        return ""

    def compare(self, pack: ModelPack | None = None) -> None:
        """Compare the readers of the label store, and with a model where one is given."""
        session, store = self.session, self.session.corrections.store
        reason = self.obstacle()
        if reason or store is None:
            self.verbs.refused.emit(reason)
            return

        def take(found: ReaderAgreement) -> None:
            if session.corrections.store is store:
                self.agreement = found
                self.changed.emit()

        opened = dict(session.corrections.clips)
        others = [i for i in session.studies.items if i.clip_id and i.clip_id not in opened]
        make = partial(_ready, session.predictors, session.make_predictor, session.predict_params)
        self.jobs.start(
            "Comparing readers",
            _compare,
            store,
            opened,
            others if pack is not None else [],
            None if pack is None else partial(make, pack),
            done=take,
        )

    def open_pair(self, pair: ReadPair) -> None:
        """Open the clip of two readings, at ED."""
        item = self.item_of(pair.clip_id)
        if item is None:
            self.verbs.refused.emit(
                f"The clip of study {pair.study_id} is not in the list: open its folder first."
            )
            return
        self.studying.open(item.key, pair.frame)

    def shut_down(self) -> None:
        """Stop what is going on."""
        self.jobs.shut_down()
        self._looking.shut_down()


def _readings(store: LabelStore, reader: str) -> Job[Sequence[Row]]:
    """Look up what a reader has drawn from nothing."""
    yield Progress(0, 0, "Looking up readings")
    return readings_by(reader, store.rows(reader=reader))


def _ready(
    predictors: Mapping[str, Predictor],
    make_predictor: Callable[[ModelPack, PredictParams], Predictor],
    params: PredictParams,
    pack: ModelPack,
) -> Predictor:
    return predictors.get(pack.id) or make_predictor(pack, params)


def _compare(
    store: LabelStore,
    opened: Mapping[str, EchoClip],
    others: Sequence[StudyItem],
    make_model: Callable[[], Predictor] | None,
) -> Job[ReaderAgreement]:
    """Compare the readers of a store; clips are loaded only where a model is to see them."""
    from napari_echo.workflow.compare_readers import iter_agreement

    yield Progress(0, 0, "Comparing readers")
    labelled = {row.clip_id for row in store.rows()}

    def clips() -> Iterator[EchoClip]:
        yield from opened.values()
        for item in others:
            if item.clip_id in labelled:
                with suppress(EchoError):  # told where the clip is opened
                    yield item.load().clip

    steps = iter_agreement(store, clips(), make_model() if make_model is not None else None)
    return (yield from shown(steps, lambda at: Progress(*at, "Comparing readers")))
