"""The state of one review and the signals that tell of its changes. No Qt.

Panels, layers and plots read the session and listen to it; they never talk
to each other. Only one thread changes a session.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from psygnal import Signal

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.hardness import HardnessMap, HardPixels
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import Segmentation
from napari_echo.core.params import HardnessParams, PredictParams
from napari_echo.core.prediction import Prediction
from napari_echo.workflow.corrections import Corrections

if TYPE_CHECKING:
    from napari_echo.io.store import LabelStore
    from napari_echo.metrics.volume import LVMeasures
    from napari_echo.ml.packs import ModelPack
    from napari_echo.ml.predictor import Predictor
    from napari_echo.workflow.compare import ComparisonReport

Source = Literal["truth", "prediction", "correction"]
"""Whose labels a curve or a measure belongs to."""


class Session:
    """One review: the clip, what is known of it, and what the reader did.

    `corrections` holds the reader's labels, with signals of its own. Several
    models may have segmented the clip; `prediction` is what one of them, the
    one on show, says, and what is measured and corrected.

    Parameters
    ----------
    packs : sequence of ModelPack or None
        The models to choose from; None takes those that are installed.
    make_predictor : callable or None
        Makes a predictor of a pack and `PredictParams`; None takes the
        project's own.
    store : LabelStore or None
        Where revisions are committed.
    reader : str or None
        Name of the person; None takes the name of the account.
    """

    paths_changed = Signal()
    clip_changed = Signal()
    truth_changed = Signal()
    model_changed = Signal()
    predictions_changed = Signal()
    prediction_changed = Signal()
    key_frames_changed = Signal()
    measures_changed = Signal()
    marks_changed = Signal()

    def __init__(
        self,
        *,
        packs: Sequence[ModelPack] | None = None,
        make_predictor: Callable[[ModelPack, PredictParams], Predictor] | None = None,
        store: LabelStore | None = None,
        reader: str | None = None,
    ) -> None:
        if packs is None:
            from napari_echo.ml.packs import shipped_packs

            packs = shipped_packs()
        if make_predictor is None:
            from napari_echo.ml.predictor import make_predictor as project_predictor

            make_predictor = project_predictor
        self.packs: tuple[ModelPack, ...] = tuple(packs)
        self.make_predictor = make_predictor
        self.predict_params = PredictParams()
        self.hardness_params = HardnessParams()
        self.reader = reader if reader is not None else getpass.getuser()
        self._pack: ModelPack | None = None
        self._predictor: Predictor | None = None
        self.corrections = Corrections(store)
        self.corrections.reader = self.reader
        self._paths: tuple[Path, ...] = ()
        self._clear(None)

    def _clear(self, clip: EchoClip | None) -> None:
        self._clip = clip
        self._truth: Segmentation | None = None
        self._predictions: dict[str, Prediction] = {}
        self._shown = ""
        self._model_measures: dict[str, LVMeasures] = {}
        self._model_reports: dict[str, ComparisonReport] = {}
        self._key_frames: KeyFrames | None = None
        self._measures: dict[Source, LVMeasures] = {}
        self._hardness: HardnessMap | None = None
        self._hard_pixels: HardPixels | None = None
        self.corrections.begin(clip)

    # The clip -----------------------------------------------------------------

    @property
    def paths(self) -> tuple[Path, ...]:
        """The clips to go through, in order."""
        return self._paths

    def set_paths(self, paths: Iterable[Path]) -> None:
        """Set the clips to go through; opens none."""
        self._paths = tuple(paths)
        self.paths_changed.emit()

    def neighbour(self, step: int) -> Path | None:
        """Find the path `step` places after the open clip's in `paths`."""
        source = self._clip.source if self._clip is not None else None
        if source not in self._paths:
            return None
        place = self._paths.index(source) + step
        return self._paths[place] if 0 <= place < len(self._paths) else None

    @property
    def clip(self) -> EchoClip | None:
        """The clip under review."""
        return self._clip

    def require_clip(self) -> EchoClip:
        """Return the clip under review; an `EchoError` if there is none."""
        if self._clip is None:
            raise EchoError("No clip is open: open one first.")
        return self._clip

    def open_clip(
        self,
        clip: EchoClip,
        *,
        truth: Segmentation | None = None,
        key_frames: KeyFrames | None = None,
    ) -> None:
        """Begin the review of a clip; everything about the one before is dropped.

        Parameters
        ----------
        clip : EchoClip
            The clip.
        truth : Segmentation or None
            Its ground truth, where there is one.
        key_frames : KeyFrames or None
            Traced ED and ES frames, where there are some.

        Raises
        ------
        EchoError
            If the truth does not fit the clip; nothing is changed then.
        """
        if truth is not None:
            _check_fit(clip, truth)
        self._clear(clip)
        self._truth, self._key_frames = truth, key_frames
        self.clip_changed.emit()

    def close_clip(self) -> None:
        """End the review of the clip."""
        if self._clip is not None:
            self._clear(None)
            self.clip_changed.emit()

    @property
    def truth(self) -> Segmentation | None:
        """Ground truth of the clip."""
        return self._truth

    def set_truth(self, truth: Segmentation) -> None:
        """Give the open clip its ground truth.

        Raises
        ------
        EchoError
            If no clip is open or the truth does not fit it.
        """
        _check_fit(self.require_clip(), truth)
        self._truth = truth
        self._model_reports.clear()
        self._measures.pop("truth", None)
        self.truth_changed.emit()

    # The model and what it says -----------------------------------------------

    @property
    def pack(self) -> ModelPack | None:
        """The chosen model; the first of `packs` until one is chosen."""
        return self._pack or next(iter(self.packs), None)

    def choose_pack(self, pack: ModelPack) -> None:
        """Choose a model. What another one said is kept until it is run."""
        if pack is not self.pack:
            self._pack = pack
            self._predictor = None
            self.model_changed.emit()

    def add_pack(self, pack: ModelPack) -> None:
        """Add a model to those to choose from, and choose it."""
        known = next((p for p in self.packs if p.id == pack.id), None)
        if known is None:
            self.packs = (*self.packs, pack)
        self.choose_pack(known or pack)
        self.model_changed.emit()

    def set_predict_params(self, params: PredictParams) -> None:
        """Change how clips are segmented."""
        if params != self.predict_params:
            self.predict_params = params
            self._predictor = None
            self.model_changed.emit()

    @property
    def predictor(self) -> Predictor | None:
        """The chosen model made ready, where it has run before."""
        return self._predictor

    def keep_predictor(self, predictor: Predictor) -> None:
        """Keep a model that was made ready for the next clip."""
        self._predictor = predictor

    @property
    def predictions(self) -> Mapping[str, Prediction]:
        """What models say of the clip, by the model's id, in the order that they were run."""
        return self._predictions

    @property
    def prediction(self) -> Prediction | None:
        """What the model on show says of the clip."""
        return self._predictions.get(self._shown)

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
        """Show what another model says; marks of the one before go."""
        if model_id in self._predictions and model_id != self._shown:
            self._show(model_id)

    def drop_predictions(self) -> None:
        """Forget all predictions but the one on show."""
        kept = {k: v for k, v in self._predictions.items() if k == self._shown}
        if kept.keys() != self._predictions.keys():
            self._predictions = kept
            self.predictions_changed.emit()

    def _keep(self, prediction: Prediction) -> None:
        clip = self.require_clip()
        if prediction.clip_id != clip.clip_id:
            raise EchoError(f"This prediction belongs to another clip than {clip.name}.")
        self._predictions[prediction.model_id] = prediction
        self._model_measures.pop(prediction.model_id, None)
        self._model_reports.pop(prediction.model_id, None)

    def _show(self, model_id: str) -> None:
        self._shown = model_id
        self._measures.pop("prediction", None)
        if model_id in self._model_measures:
            self._measures["prediction"] = self._model_measures[model_id]
        had_marks = self._hardness is not None
        self._hardness = self._hard_pixels = None
        self.prediction_changed.emit()
        if had_marks:
            self.marks_changed.emit()

    @property
    def key_frames(self) -> KeyFrames | None:
        """ED and ES frames of the clip."""
        return self._key_frames

    def set_key_frames(self, key_frames: KeyFrames) -> None:
        """Set the ED and ES frames."""
        self._key_frames = key_frames
        self.key_frames_changed.emit()

    @property
    def measures(self) -> Mapping[Source, LVMeasures]:
        """LV area, length, volume and EF by whose labels they are."""
        return self._measures

    @property
    def report(self) -> ComparisonReport | None:
        """The prediction on show against the truth."""
        return self._model_reports.get(self._shown)

    @property
    def model_measures(self) -> Mapping[str, LVMeasures]:
        """LV area, length, volume and EF by each model's labels, by its id."""
        return self._model_measures

    @property
    def model_reports(self) -> Mapping[str, ComparisonReport]:
        """Each model's prediction against the truth, by its id."""
        return self._model_reports

    def set_measures(
        self,
        measures: Mapping[Source, LVMeasures],
        report: ComparisonReport | None,
    ) -> None:
        """Set what was measured, all of it at once."""
        self._measures = dict(measures)
        self._set_model(self._shown, measures.get("prediction"), report)
        self.measures_changed.emit()

    def set_model_measures(
        self, model_id: str, measures: LVMeasures, report: ComparisonReport | None
    ) -> None:
        """Set what was measured of one model's prediction."""
        self._set_model(model_id, measures, report)
        if model_id == self._shown:
            self._measures["prediction"] = measures
        self.measures_changed.emit()

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

    # Hard pixels --------------------------------------------------------------

    @property
    def hardness(self) -> HardnessMap | None:
        """How hard each pixel is."""
        return self._hardness

    @property
    def hard_pixels(self) -> HardPixels | None:
        """The pixels called hard."""
        return self._hard_pixels

    def set_marks(
        self, hardness: HardnessMap, hard_pixels: HardPixels, params: HardnessParams
    ) -> None:
        """Set the hard pixels and the parameters that found them."""
        self._hardness, self._hard_pixels = hardness, hard_pixels
        self.hardness_params = params
        self.marks_changed.emit()


def _check_fit(clip: EchoClip, truth: Segmentation) -> None:
    if truth.labels.shape != clip.frames.shape:
        raise EchoError(
            f"The ground truth has the shape {truth.labels.shape}, "
            f"but {clip.name} has {clip.frames.shape}."
        )
