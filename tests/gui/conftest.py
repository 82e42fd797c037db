"""A review on a small clip with a small model: everything real but the size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import napari
import numpy as np
import pytest
from numpy.typing import NDArray
from qtpy.QtCore import QSettings

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA, LV, Segmentation
from napari_echo.core.params import PredictParams
from napari_echo.core.prediction import Prediction
from napari_echo.gui.review import EchoReview
from napari_echo.io.store import LabelStore
from napari_echo.ml.packs import WEIGHTS, ModelCard, ModelPack
from napari_echo.ml.predictor import Engine, Predictor
from napari_echo.workflow.session import Session

Reviewed = tuple[napari.Viewer, EchoReview]

T, H, W = 12, 64, 72
ED, ES = 0, 6


def dark_cavity(batch: NDArray[np.float32]) -> NDArray[np.float32]:
    """Score dark pixels near the middle as LV: an engine that needs no weights."""
    n, _, height, width = batch.shape
    y, x = np.mgrid[:height, :width]
    near = 1 - ((x / width - 0.5) / 0.4) ** 2 - ((y / height - 0.45) / 0.45) ** 2
    logits = np.zeros((n, CAMUS_SCHEMA.n_classes, height, width), np.float32)
    logits[:, 2:] = -8
    for scores, square in zip(logits, batch[:, 0], strict=True):
        grey = cv2.GaussianBlur(square, (0, 0), height / 40)
        scores[LV] = np.minimum(12 * (0.25 - grey), 12 * near)
    return logits


@pytest.fixture(autouse=True)
def _preferences(tmp_path: Path) -> None:
    """Keep what is remembered out of the user's settings."""
    QSettings.setPath(
        QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "settings")
    )


@pytest.fixture
def pack(tmp_path: Path) -> ModelPack:
    digest = "0" * 64
    card = ModelCard(
        id=digest,
        name="dark-cavity",
        description="Takes the dark middle for the LV.",
        architecture="none",
        config="none",
        input_size=64,
        mean=0,
        std=255,
        label_schema=CAMUS_SCHEMA.to_dict(),
        training_spacing_mm=(0.1, 1.0),
        training_data=[],
        metrics=[],
        limits=[],
        licence="BSD-3-Clause",
        citation=[],
        train_again=[],
        recommended_for="tests",
        files={WEIGHTS: digest},
    )
    return ModelPack(tmp_path / "pack", card)


@pytest.fixture
def engine() -> Engine:
    return dark_cavity


@pytest.fixture
def said_by() -> Callable[..., Prediction]:
    """Make up what a model says that is a few columns off the truth."""

    def said(name: str, clip: EchoClip, truth: Segmentation, shift: int = 0) -> Prediction:
        labels = np.roll(truth.labels, shift, axis=2)
        probabilities = np.zeros((len(clip), truth.schema.n_classes, *clip.frame_shape), np.float16)
        np.put_along_axis(probabilities, labels[:, None].astype(np.intp), 1, axis=1)
        segmentation = Segmentation(labels, np.ones(len(clip), bool), "prediction")
        return Prediction(segmentation, probabilities, clip.clip_id, name, f"model {name}", 0.1)

    return said


@pytest.fixture
def make_session(pack: ModelPack, tmp_path: Path) -> Callable[..., Session]:
    def make(engine: Engine = dark_cavity) -> Session:
        def make_predictor(pack: ModelPack, _params: PredictParams) -> Predictor:
            return Predictor(pack, engine)

        return Session(
            packs=[pack],
            make_predictor=make_predictor,
            store=LabelStore(tmp_path / "labels"),
            reader="reader",
        )

    return make


@pytest.fixture
def session(make_session: Callable[..., Session]) -> Session:
    return make_session()


@pytest.fixture
def clip() -> EchoClip:
    """A dark ellipse that shrinks from ED to ES and grows again."""
    rng = np.random.default_rng(0)
    frames = rng.integers(120, 200, (T, H, W), dtype=np.uint8)
    frames[lv_masks()] = 10
    return EchoClip.from_frames(frames, fps=20.0, spacing_mm=(0.8, 0.8), study_id="beating")


@pytest.fixture
def truth() -> Segmentation:
    labels = lv_masks().astype(np.uint8) * LV
    return Segmentation(labels, np.ones(T, np.bool_), "ground truth")


@pytest.fixture
def key_frames() -> KeyFrames:
    return KeyFrames((Beat(ED, ES),), "traced")


def lv_masks() -> NDArray[np.bool_]:
    y, x = np.mgrid[:H, :W]
    phase = np.cos(2 * np.pi * np.arange(T) / T)[:, None, None]
    size = 1 + 0.2 * phase
    return np.asarray(((x - 36) / (12 * size)) ** 2 + ((y - 30) / (20 * size)) ** 2 <= 1)


@pytest.fixture
def clip_file(clip: EchoClip, tmp_path: Path) -> Path:
    path = tmp_path / "beating.npy"
    np.save(path, clip.frames)
    return path


@pytest.fixture
def dock(make_napari_viewer: Callable[..., napari.Viewer]) -> Callable[[Session], Reviewed]:
    def make(session: Session) -> Reviewed:
        viewer = make_napari_viewer()
        review = EchoReview(viewer, session)
        viewer.window.add_dock_widget(review, name="Echo review", area="right")
        return viewer, review

    return make
