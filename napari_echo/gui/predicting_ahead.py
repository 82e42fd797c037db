"""Running the models on the next clip of the queue, while the reader looks at this one.

What they said of the clips that he left is kept for a while, too.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
"""Bytes that what models say of the next clip may take, and as many of those that were left."""
_BYTES = 2
"""Of a probability."""


@dataclass(frozen=True, eq=False)
class _Said:
    """What models say of a clip with some settings, by their id."""

    clip: EchoClip
    settings: str
    begun: dict[str, Begun] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes that it takes, once all is done."""
        channels = sum(each.predictor.schema.n_classes for each in self.begun.values())
        return _size(self.clip, channels, len(self.begun))


def _size(clip: EchoClip, channels: int, models: int) -> int:
    return int(clip.frames.size) * (channels * _BYTES + models)


class PredictingAhead:
    """Has the ticked models run on the next clip where they ran on the open one.

    A reader who goes there finds their predictions, or sees them go on from
    where they are: then the models run without being asked. So he does where
    he comes back to a clip. Nothing is run ahead, or shown, while a clip is
    read blind.

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
        self._next: _Said | None = None
        self._open: _Said | None = None
        self._left: OrderedDict[str, _Said] = OrderedDict()
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
        session.model_changed.connect(self._drop_others)
        session.predictions_changed.connect(self._note)
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
            if not wanted:
                self.runner.cancel()
                self._next = None
            self._go_on()

    # Ahead ----------------------------------------------------------------------

    def _go_on(self, *_: object) -> None:
        if self.verbs.runner.title == PREDICTING:
            # What the reader asked for has the processor to itself.
            self.runner.cancel()
        if self.runner.busy or self.verbs.runner.busy or self.studying.ahead.busy:
            return
        if self._next is not None and self._next.clip is self.session.clip:
            return  # It is about to be taken.
        packs, clip = self._packs(), self._next_clip()
        if clip is None or clip.clip_id in self._left:
            self._next = None
            return
        if not packs:
            return  # What is done stays: another model may have been ticked, and not run yet.
        said, settings = self._next, self.session.predict_params.settings
        if said is None or clip is not said.clip or settings != said.settings:
            said = self._next = _Said(clip, settings)
        for pack in packs:
            if pack.id not in said.begun:
                predictor = self.session.predictors[pack.id]
                # A frame at a time, so that it stops at once.
                said.begun[pack.id] = Begun(clip, predictor, batch=1)
        left = [said.begun[pack.id] for pack in packs if not said.begun[pack.id].is_done]
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

    def _next_clip(self) -> EchoClip | None:
        """The next clip, where it is decoded, and what is said of it finds room."""
        item = self.session.studies.neighbour(1)
        clip = self.studying.decoded(item) if item is not None else None
        if clip is None:
            return None
        packs = self.session.ticked
        channels = sum(pack.schema.n_classes for pack in packs)
        return clip if _size(clip, channels, len(packs)) <= LIMIT else None

    # Another clip ---------------------------------------------------------------

    def _note(self) -> None:
        """Take note of what models say of the open clip."""
        session = self.session
        if session.clip is None or session.hidden:
            self._open = None
            return
        begun = {
            model_id: Begun(session.clip, session.predictors[model_id], 1, prediction)
            for model_id, prediction in session.predictions.items()
            if model_id in session.predictors
        }
        self._open = _Said(session.clip, session.predict_params.settings, begun)

    def _on_clip(self) -> None:
        """Have what was begun of the clip go on; what is of another one is dropped or kept."""
        self.runner.cancel()
        left, self._open = self._open, None
        clip = self.session.clip
        if left is not None and left.begun:
            self._keep(left)
        if clip is None:
            self._next = None
            return
        came_back = self._left.pop(clip.clip_id, None)
        if self._next is None or self._next.clip is not clip:
            self._next = came_back
        said, ticked = self._next, {pack.id for pack in self.session.ticked}
        if said is None or self.session.hidden or not ticked <= said.begun.keys():
            self._next = None
            return
        # The decoded clip may be another object than the one that was left.
        self._next = _Said(clip, said.settings, said.begun)

        def predict() -> None:
            if self.session.clip is clip and not self.session.predictions:
                self.verbs.predict_soon()
            else:
                self._next = None

        QTimer.singleShot(0, predict)

    def _drop_others(self) -> None:
        """Keep nothing that was said with other settings, or by models that are not ticked."""
        settings = self.session.predict_params.settings
        ticked = {pack.id for pack in self.session.ticked}
        if self._next is not None:
            for gone in self._next.begun.keys() - ticked:
                del self._next.begun[gone]
        for clip_id, said in list(self._left.items()):
            for gone in said.begun.keys() - ticked:
                del said.begun[gone]
            if said.settings != settings or not said.begun:
                del self._left[clip_id]

    def _keep(self, left: _Said) -> None:
        """Keep what was said of a clip that was left; what was left longest ago goes first."""
        self._left.pop(left.clip.clip_id, None)
        self._left[left.clip.clip_id] = left
        while self._left and sum(said.size for said in self._left.values()) > LIMIT:
            self._left.popitem(last=False)

    def _take(self, clip: EchoClip, params: PredictParams) -> Mapping[str, Begun]:
        """Hand out what was begun of a clip, once, by the model's id."""
        said = self._next
        if said is None or said.clip is not clip:
            return {}
        self._next = None
        return said.begun if said.settings == params.settings else {}

    def shut_down(self) -> None:
        """Stop, and let nothing arrive any more."""
        self._next = self._open = None
        self._left.clear()
        self._wanted = False
        self.runner.shut_down()


def _segment(begun: Sequence[Begun]) -> Job[None]:
    for each in begun:
        yield from shown(each.steps(), lambda at: Progress(*at, TITLE))
