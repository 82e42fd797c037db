"""The models of a review: which are chosen, ticked and made ready, and their colours. No Qt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_echo.core.errors import EchoError
from napari_echo.core.params import PredictParams

if TYPE_CHECKING:
    from napari_echo.ml.packs import ModelPack
    from napari_echo.ml.predictor import Predictor

MOST = 4
"""So many models can be compared: as many as have a cell of their own."""
SLOTS = 6
"""So many models have a colour of their own, compared or not."""


class Models:
    """The models that are ticked to run.

    One model is chosen: it is the one to show, and detected key frames are
    its. Models that were made ready stay so for the next clip while they are
    ticked; those that are not ticked hold no memory.

    Parameters
    ----------
    packs : sequence of ModelPack
        The models to choose from.
    make_predictor : callable
        Makes a predictor of a pack and `PredictParams`.

    Signals
    -------
    model_changed()
        Others are to choose from, chosen or ticked, or they segment otherwise.
    """

    model_changed = Signal()

    def __init__(
        self,
        packs: Sequence[ModelPack],
        make_predictor: Callable[[ModelPack, PredictParams], Predictor],
    ) -> None:
        self.packs: tuple[ModelPack, ...] = tuple(packs)
        self.make_predictor = make_predictor
        self._predict_params = PredictParams()
        self._pack: ModelPack | None = None
        self._ticked: dict[str, ModelPack] = {}
        self._slots: dict[str, int] = {}
        self._predictors: dict[str, Predictor] = {}

    # What they said ---------------------------------------------------------------

    @property
    def _have_run(self) -> Set[str]:
        """Ids of the models that have segmented the open clip."""
        raise NotImplementedError

    def show_prediction(self, model_id: str) -> None:
        """Show what another model says, where it has run."""
        raise NotImplementedError

    def keep_predictions(self, model_ids: Collection[str]) -> None:
        """Forget the predictions of all other models."""
        raise NotImplementedError

    # Which models -----------------------------------------------------------------

    @property
    def predict_params(self) -> PredictParams:
        """How the models segment."""
        return self._predict_params

    def set_predict_params(self, params: PredictParams) -> None:
        """Have the models segment otherwise; what they said before is forgotten."""
        other = params.settings != self._predict_params.settings
        self._predict_params = params
        if other:
            self._predictors.clear()
            self.keep_predictions(())
            self.model_changed.emit()

    @property
    def pack(self) -> ModelPack | None:
        """The chosen model; the first of `packs` until one is chosen."""
        return self._pack or next(iter(self.packs), None)

    @property
    def ticked(self) -> tuple[ModelPack, ...]:
        """The models to run, one to four, in the order of `packs`; the chosen is among them."""
        wanted = {self.pack.id} if self.pack is not None else set()
        wanted |= self._ticked.keys()
        return tuple(pack for pack in self.packs if pack.id in wanted)

    def choose_pack(self, pack: ModelPack) -> None:
        """Choose a model, and show what it said where it has run.

        Where one model alone is ticked, the chosen one takes its place, and what
        the other said is kept until the chosen one is run.

        Raises
        ------
        EchoError
            If four others are ticked.
        """
        if pack is self.pack:
            return
        if len(self.ticked) == 1:
            self._ticked = {}
        elif pack not in self.ticked:
            self._check_room(pack)
            self._ticked[pack.id] = pack
        self._pack = pack
        self._release()
        self.show_prediction(pack.id)
        self.model_changed.emit()

    def take_packs(self, packs: Sequence[ModelPack]) -> None:
        """Tick these models alone, adding those that are new, and choose the first.

        Raises
        ------
        EchoError
            If they are more than can be compared.
        """
        check_number(len(packs))
        known = {pack.id: pack for pack in self.packs}
        self.packs += tuple(pack for pack in packs if pack.id not in known)
        wanted = [known.get(pack.id, pack) for pack in packs]
        self._pack = wanted[0]
        self._ticked = {pack.id: pack for pack in wanted}
        self._release()
        self.show_prediction(wanted[0].id)
        self.model_changed.emit()

    def tick(self, pack: ModelPack, wanted: bool = True) -> None:
        """Tick a model to run beside the others, or take it from them with what it said.

        Raises
        ------
        EchoError
            If four are ticked already, or it is the last.
        """
        before = self.ticked
        if wanted == (pack in before):
            return
        if wanted:
            self._check_room(pack)
            self._ticked = {p.id: p for p in (*before, pack)}
        else:
            if len(before) == 1:
                raise EchoError("One model at least is needed: tick another one first.")
            rest = [p for p in before if p is not pack]
            self._ticked = {p.id: p for p in rest}
            if pack is self.pack:
                # Rather one that has run: something stays on show.
                self._pack = next((p for p in rest if p.id in self._have_run), rest[0])
            if left := self._have_run - {pack.id}:
                self.keep_predictions(left)
        self._release()
        self.model_changed.emit()

    def _check_room(self, pack: ModelPack) -> None:
        if len(self.ticked) >= MOST:
            raise EchoError(
                f"{MOST} models are ticked, which is the most: untick one before {pack.name}."
            )

    def add_pack(self, pack: ModelPack) -> None:
        """Add a model to those to choose from, and choose it."""
        known = next((p for p in self.packs if p.id == pack.id), None)
        if known is None:
            self.packs = (*self.packs, pack)
        self.choose_pack(known or pack)
        self.model_changed.emit()

    @property
    def predictor(self) -> Predictor | None:
        """The chosen model made ready, where it has run before."""
        return self._predictors.get(self.pack.id) if self.pack is not None else None

    @property
    def predictors(self) -> Mapping[str, Predictor]:
        """The models that were made ready, by their id."""
        return self._predictors

    def keep_predictor(self, predictor: Predictor) -> None:
        """Keep a model that was made ready for the next clip."""
        self._predictors[predictor.pack.id] = predictor

    def _release(self) -> None:
        """Free the models that are no longer ticked, and tell those that are apart."""
        for model_id in self._predictors.keys() - {pack.id for pack in self.ticked}:
            del self._predictors[model_id]
        taken: set[int] = set()
        # The one that was ticked first keeps its colour.
        for model_id in dict.fromkeys((*self._ticked, *(pack.id for pack in self.ticked))):
            if self.slot(model_id) in taken:
                del self._slots[model_id]
                self._slots[model_id] = self._least_used(self._slots_of(self._ticked))
            taken.add(self.slot(model_id))

    @property
    def slots(self) -> Mapping[str, int]:
        """The place that each model has among the colours, by its id."""
        return self._slots

    def take_slots(self, slots: Mapping[str, int]) -> None:
        """Give models the places that they had before."""
        self._slots |= {name: slot for name, slot in slots.items() if slot in range(SLOTS)}

    def slot(self, model_id: str) -> int:
        """The place of a model among the colours, from 0 to less than `SLOTS`.

        It stays, whether the model is ticked or not. Where there are more models
        than colours, two have the same until both are ticked.
        """
        if model_id not in self._slots:
            for name in (*(pack.id for pack in self.ticked), model_id):
                self._slots.setdefault(name, self._least_used(self._slots_of(self._ticked)))
        return self._slots[model_id]

    def _slots_of(self, model_ids: Collection[str]) -> set[int]:
        return {self._slots[name] for name in model_ids if name in self._slots}

    def _least_used(self, taken: Collection[int]) -> int:
        used = Counter(self._slots.values())
        return min((i for i in range(SLOTS) if i not in taken), key=lambda i: (used[i], i))


def check_number(models: int) -> None:
    """Refuse more models than can be compared, by an `EchoError`."""
    if models > MOST:
        raise EchoError(f"{models} models are given, but at most {MOST} can be compared at once.")
