"""The models of a review and what they say of the open clip. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.params import PredictParams
from napari_echo.core.prediction import Prediction
from napari_echo.workflow.models import MOST, SLOTS, Models, check_number

if TYPE_CHECKING:
    from napari_echo.core.hardness import HardnessMap, HardPixels
    from napari_echo.core.keyframes import KeyFrames
    from napari_echo.metrics.volume import LVMeasures
    from napari_echo.ml.packs import ModelPack
    from napari_echo.ml.predictor import Predictor
    from napari_echo.workflow.compare import ComparisonReport

__all__ = ["MOST", "SLOTS", "Predictions", "check_number"]


class Predictions(Models):
    """The models of a review, and what each said of the open clip.

    Parameters
    ----------
    packs, make_predictor
        As for `Models`.
    """

    predictions_changed = Signal()
    prediction_changed = Signal()
    measures_changed = Signal()

    def __init__(
        self,
        packs: Sequence[ModelPack],
        make_predictor: Callable[[ModelPack, PredictParams], Predictor],
    ) -> None:
        super().__init__(packs, make_predictor)
        self._forget_predictions()

    def _forget_predictions(self) -> None:
        self._predictions: dict[str, Prediction] = {}
        self._shown = ""
        self._model_measures: dict[str, LVMeasures] = {}
        self._model_reports: dict[str, ComparisonReport] = {}
        self._marks: dict[str, tuple[HardnessMap, HardPixels]] = {}

    # What another part of the session knows --------------------------------------

    @property
    def hidden(self) -> bool:
        """Whether the reader reads blind: nothing that a model says is given away."""
        raise NotImplementedError

    def require_clip(self) -> EchoClip:
        """Return the clip under review; an `EchoError` if there is none."""
        raise NotImplementedError

    def _take_shown(self) -> None:
        """Turn to what was found in the prediction that is on show now."""
        raise NotImplementedError

    # What they say ----------------------------------------------------------------

    @property
    def _have_run(self) -> Set[str]:
        return self._predictions.keys()

    @property
    def predictions(self) -> Mapping[str, Prediction]:
        """What models say of the clip, by the model's id, in the order that they were run."""
        return {} if self.hidden else self._predictions

    @property
    def prediction(self) -> Prediction | None:
        """What the model on show says of the clip."""
        return None if self.hidden else self._predictions.get(self._shown)

    def set_prediction(self, prediction: Prediction) -> None:
        """Take a model's segmentation of the open clip and show it; marks of an older one go.

        Raises
        ------
        EchoError
            If it belongs to another clip.
        """
        self._keep(prediction)
        self.predictions_changed.emit()
        self._show(prediction.model_id)

    def add_prediction(self, prediction: Prediction) -> None:
        """Take a model's segmentation of the open clip beside the one on show.

        Raises
        ------
        EchoError
            If it belongs to another clip.
        """
        self._keep(prediction)
        self.predictions_changed.emit()
        if self._shown in ("", prediction.model_id):
            self._show(prediction.model_id)

    def show_prediction(self, model_id: str) -> None:
        """Show what another model says, with its marks where it has some."""
        if model_id in self._predictions and model_id != self._shown:
            self._show(model_id)

    def keep_predictions(self, model_ids: Collection[str]) -> None:
        """Forget the predictions of all other models; where the one on show goes, show another."""
        gone = self._predictions.keys() - set(model_ids)
        for model_id in gone:
            self._predictions.pop(model_id, None)
            self._forget_found(model_id)
        if not gone:
            return
        self._release()
        self.predictions_changed.emit()
        if self._shown in gone:
            chosen = self.pack.id if self.pack is not None else ""
            self._show(chosen if chosen in self._predictions else next(iter(self._predictions), ""))
        self.measures_changed.emit()

    def _keep(self, prediction: Prediction) -> None:
        clip = self.require_clip()
        if prediction.clip_id != clip.clip_id:
            raise EchoError(f"This prediction belongs to another clip than {clip.name}.")
        self._predictions[prediction.model_id] = prediction
        self._forget_found(prediction.model_id)

    def _forget_found(self, model_id: str) -> None:
        for known in (self._model_measures, self._model_reports, self._marks):
            known.pop(model_id, None)

    def _show(self, model_id: str) -> None:
        self._shown = model_id
        self._take_shown()

    # What is measured of them -----------------------------------------------------

    @property
    def report(self) -> ComparisonReport | None:
        """The prediction on show against the truth."""
        return None if self.hidden else self._model_reports.get(self._shown)

    @property
    def model_measures(self) -> Mapping[str, LVMeasures]:
        """LV area, length, volume and EF by each model's labels, by its id."""
        return {} if self.hidden else self._model_measures

    @property
    def model_reports(self) -> Mapping[str, ComparisonReport]:
        """Each model's prediction against the truth, by its id."""
        return {} if self.hidden else self._model_reports

    def _set_model(
        self, model_id: str, measures: LVMeasures | None, report: ComparisonReport | None
    ) -> None:
        found: tuple[tuple[dict[str, Any], object], ...] = (
            (self._model_measures, measures),
            (self._model_reports, report),
        )
        for known, new in found:
            if new is None or not model_id:
                known.pop(model_id, None)
            else:
                known[model_id] = new

    def _measure_beats(self, key_frames: KeyFrames) -> None:
        """Read every model's ED and ES off its curves, at other key frames."""
        from napari_echo.metrics.volume import at_key_frames

        for model_id, measures in self._model_measures.items():
            if measures.key_frames != key_frames:
                self._model_measures[model_id] = at_key_frames(measures, key_frames)
