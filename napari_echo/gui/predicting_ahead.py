"""Running the models on the next clip of the queue, while the reader looks at this one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtCore import QTimer

from napari_echo.core.clip import EchoClip
from napari_echo.core.params import PredictParams
from napari_echo.gui.begun import Begun
from napari_echo.gui.preferences import read_flag, write
from napari_echo.gui.studying import Studying
from napari_echo.gui.verbs import PREDICTING, Verbs
from napari_echo.gui.workers import Job, Jobs, Progress, shown
from napari_echo.ml.packs import ModelPack

AHEAD = "review/run ahead"
TITLE = "Running ahead"
LIMIT = 256 * 2**20
"""Bytes that what models say of the next clip may take."""
_BYTES = 2
"""Of a probability."""


class PredictingAhead:
    """Has the ticked models run on the next clip where they ran on the open one.

    A reader who goes there finds their predictions, or sees them go on from
    where they are: then the models run without being asked. Nothing is run
    ahead while a clip is read blind.

    Parameters
    ----------
    verbs : Verbs
        The verbs of the review.
    studying : Studying
        Which clip is the next one, and the clips that are decoded.
    """

    def __init__(self, verbs: Verbs, studying: Studying) -> None:
        self.verbs = verbs
        self.session = verbs.session
        self.studying = studying
        self.runner = Jobs(verbs.runner)
        self._wanted = read_flag(AHEAD, True)
        self._clip: EchoClip | None = None
        self._settings = ""
        self._begun: dict[str, Begun] = {}
        verbs.ahead = self._take
        session = self.session
        for idle in (verbs.runner.busy_changed, studying.ahead.busy_changed):
            idle.connect(self._go_on)
        for signal in (
            session.predictions_changed,
            session.model_changed,
            session.hidden_changed,
            session.studies.order_changed,
        ):
            signal.connect(self._go_on)
        session.clip_changed.connect(self._on_clip)

    @property
    def wanted(self) -> bool:
        """Whether models run ahead."""
        return self._wanted

    def set_wanted(self, wanted: bool) -> None:
        """Have models run ahead, or not, from now on and the next time."""
        if wanted != self._wanted:
            self._wanted = wanted
            write(AHEAD, wanted)
            self._go_on()

    def _go_on(self, *_: object) -> None:
        if self.verbs.runner.title == PREDICTING:
            # What the reader asked for has the processor to itself.
            self.runner.cancel()
        if self.runner.busy or self.verbs.runner.busy or self.studying.ahead.busy:
            return
        if self._clip is not None and self._clip is self.session.clip:
            return  # It is about to be taken.
        packs, clip = self._packs(), self._next()
        if clip is None or not packs:
            self._forget()
            return
        settings = self.session.predict_params.settings
        if clip is not self._clip or settings != self._settings:
            self._clip, self._settings, self._begun = clip, settings, {}
        for pack in packs:
            if pack.id not in self._begun:
                predictor = self.session.predictors[pack.id]
                # A frame at a time, so that it stops at once.
                self._begun[pack.id] = Begun(clip, predictor, batch=1)
        left = [self._begun[pack.id] for pack in packs if not self._begun[pack.id].is_done]
        if left:
            self.runner.start(TITLE, _segment, left, done=lambda _: None)

    def _packs(self) -> Sequence[ModelPack]:
        """The models to run: those that are ticked, once all of them ran on the open clip."""
        session = self.session
        ticked = session.ticked
        if not self._wanted or session.clip is None or session.hidden or session.blind.on:
            return ()
        ran = all(p.id in session.predictions and p.id in session.predictors for p in ticked)
        return ticked if ran else ()

    def _next(self) -> EchoClip | None:
        """The next clip, where it is decoded, and what is said of it finds room."""
        item = self.session.studies.neighbour(1)
        clip = self.studying.decoded(item) if item is not None else None
        packs = self.session.ticked
        if clip is None:
            return None
        channels = sum(pack.schema.n_classes for pack in packs)
        return clip if clip.frames.size * (channels * _BYTES + len(packs)) <= LIMIT else None

    def _on_clip(self) -> None:
        """Have what was begun go on, once the clip is drawn; what is of another one is dropped."""
        self.runner.cancel()
        clip = self.session.clip
        if clip is None or clip is not self._clip or self.session.hidden or not self._begun:
            self._forget()
            return

        def predict() -> None:
            if self.session.clip is clip and not self.session.predictions:
                self.verbs.predict_soon()
            else:
                self._forget()

        QTimer.singleShot(0, predict)

    def _take(self, clip: EchoClip, params: PredictParams) -> Mapping[str, Begun]:
        """Hand out what was begun of a clip, once, by the model's id."""
        fits = clip is self._clip and params.settings == self._settings
        begun = self._begun if fits else {}
        self._forget()
        return begun

    def _forget(self) -> None:
        self._clip, self._begun = None, {}

    def shut_down(self) -> None:
        """Stop, and let nothing arrive any more."""
        self._forget()
        self._wanted = False
        self.runner.shut_down()


def _segment(begun: Sequence[Begun]) -> Job[None]:
    for each in begun:
        yield from shown(each.steps(), lambda at: Progress(*at, TITLE))
