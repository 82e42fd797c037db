"""The state of one review and the signals that tell of its changes. No Qt.

Panels, layers and plots read the session and listen to it; they never talk
to each other. Only one thread changes a session.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from psygnal import Signal

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.hardness import HardnessMap, HardPixels
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA, LabelSchema, Segmentation
from napari_echo.core.params import HardnessParams, PredictParams
from napari_echo.workflow.blind import Blind
from napari_echo.workflow.corrections import Corrections
from napari_echo.workflow.predictions import Predictions
from napari_echo.workflow.studies import Studies, StudyItem
from napari_echo.workflow.study_list import item_of_clip

if TYPE_CHECKING:
    from napari_echo.io.store import LabelStore
    from napari_echo.metrics.volume import LVMeasures
    from napari_echo.ml.packs import ModelPack
    from napari_echo.ml.predictor import Predictor
    from napari_echo.workflow.compare import ComparisonReport
    from napari_echo.workflow.measure_clip import BeatDifference

Source = Literal["truth", "prediction", "correction"]
"""Whose labels a curve or a measure belongs to."""


class Session(Predictions):
    """One review: the clip, what is known of it, and what the reader did.

    `corrections` holds the reader's labels and `studies` the clips to go
    through, each with signals of its own. Several
    models may have segmented the clip; `prediction` is what one of them, the
    one on show, says, and what is measured and corrected. While the clip is
    read blind (`hidden`), none of it is given away, nor truth and hardness.

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

    clip_changed = Signal()
    truth_changed = Signal()
    key_frames_changed = Signal()
    marks_changed = Signal()
    hidden_changed = Signal()

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
        super().__init__(packs, make_predictor)
        self.hardness_params = HardnessParams()
        self.reader = reader if reader is not None else getpass.getuser()
        self.corrections = Corrections(store)
        self.corrections.reader = self.reader
        self.blind = Blind(self)
        self.corrections.counts = self.blind.shown
        self.corrections.is_hidden = lambda: self.hidden
        self.corrections.revisions_changed.connect(self.blind.take_found)
        self.studies = Studies()
        self._clear(None)

    def _clear(self, clip: EchoClip | None) -> None:
        self._clip = clip
        self._truth: Segmentation | None = None
        self._forget_predictions()
        self._key_frames: KeyFrames | None = None
        self._measures: dict[Source, LVMeasures] = {}
        self._differences: dict[Source, tuple[BeatDifference, ...]] = {}
        self._marked = False
        self.blind.begin(clip.clip_id if clip is not None else None)
        self.corrections.begin(clip)

    # The clip -----------------------------------------------------------------

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
        item: StudyItem | None = None,
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
        item : StudyItem or None
            What it is in the list of clips; None looks it up by its file, and
            lists it where it is not listed yet.

        Raises
        ------
        EchoError
            If the truth does not fit the clip; nothing is changed then.
        """
        if truth is not None:
            _check_fit(clip, truth)
        self._clear(clip)
        self._truth, self._key_frames = truth, key_frames
        self.corrections.settle_key_frames(key_frames)
        if item is None:
            item = self.studies.at(clip.source) or item_of_clip(clip)
        if item is not None and self.studies.get(item.key) is None:
            self.studies.add(item)
        self.studies.set_current(item)
        self.clip_changed.emit()

    def close_clip(self) -> None:
        """End the review of the clip."""
        if self._clip is not None:
            self._clear(None)
            self.studies.set_current(None)
            self.clip_changed.emit()

    @property
    def hidden(self) -> bool:
        """Whether what could sway the reader is hidden: see `workflow.blind`."""
        return self.blind.hidden

    def tell_hidden(self) -> None:
        """Tell that what could sway the reader is hidden, or revealed, from now on."""
        draft = self.corrections.draft
        if self.hidden and draft is not None and draft.base.kind != "nothing":
            self.corrections.leave()
        # It was measured with what is shown beside it.
        self._measures.pop("correction", None)
        for changed in (
            self.hidden_changed,
            self.corrections.revisions_changed,
            self.truth_changed,
            self.predictions_changed,
            self.prediction_changed,
            self.marks_changed,
            self.measures_changed,
        ):
            changed.emit()

    @property
    def schema(self) -> LabelSchema:
        """What is drawn where a correction starts from nothing: what the chosen model knows."""
        if self._truth is not None:
            return self._truth.schema
        return self.pack.schema if self.pack is not None else CAMUS_SCHEMA

    @property
    def truth(self) -> Segmentation | None:
        """Ground truth of the clip."""
        return None if self.hidden else self._truth

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

    # What is measured -----------------------------------------------------------

    def _take_shown(self) -> None:
        self._measures.pop("prediction", None)
        self._differences.pop("prediction", None)
        if self._shown in self._model_measures:
            self._measures["prediction"] = self._model_measures[self._shown]
        had_marks, self._marked = self._marked, self._shown in self._marks
        self.prediction_changed.emit()
        if had_marks or self._marked:
            self.marks_changed.emit()

    @property
    def key_frames(self) -> KeyFrames | None:
        """ED and ES frames of the clip."""
        return self._key_frames

    def set_key_frames(self, key_frames: KeyFrames) -> None:
        """Set the ED and ES frames; every model is measured at them at once."""
        self._key_frames = key_frames
        self._measure_beats(key_frames)
        if self._shown in self._model_measures:
            self._measures["prediction"] = self._model_measures[self._shown]
        self.key_frames_changed.emit()

    @property
    def measures(self) -> Mapping[Source, LVMeasures]:
        """LV area, length, volume and EF by whose labels they are."""
        if self.hidden:
            return {source: m for source, m in self._measures.items() if source == "correction"}
        return self._measures

    @property
    def differences(self) -> Mapping[Source, tuple[BeatDifference, ...]]:
        """How the beats of the model on show, and of the correction, differ from the reference."""
        return {} if self.hidden else self._differences

    def set_measures(
        self,
        measures: Mapping[Source, LVMeasures],
        report: ComparisonReport | None,
        differences: Mapping[Source, tuple[BeatDifference, ...]] | None = None,
    ) -> None:
        """Set what was measured, all of it at once."""
        self._measures = dict(measures)
        self._differences = dict(differences or {})
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

    # Hard pixels --------------------------------------------------------------

    @property
    def hardness(self) -> HardnessMap | None:
        """How hard each pixel is."""
        return self._marks_shown[0] if self._marks_shown else None

    @property
    def hard_pixels(self) -> HardPixels | None:
        """The pixels called hard."""
        return self._marks_shown[1] if self._marks_shown else None

    @property
    def _marks_shown(self) -> tuple[HardnessMap, HardPixels] | None:
        return None if self.hidden else self._marks.get(self._shown)

    def set_marks(
        self, hardness: HardnessMap, hard_pixels: HardPixels, params: HardnessParams
    ) -> None:
        """Set the hard pixels of the model on show, and the parameters that found them.

        Those of other models stay where they were found in the same way.
        """
        if params != self.hardness_params:
            self._marks.clear()
        self._marks[self._shown] = hardness, hard_pixels
        self._marked = True
        self.hardness_params = params
        self.marks_changed.emit()


def _check_fit(clip: EchoClip, truth: Segmentation) -> None:
    if truth.labels.shape != clip.frames.shape:
        raise EchoError(
            f"The ground truth has the shape {truth.labels.shape}, "
            f"but {clip.name} has {clip.frames.shape}."
        )
