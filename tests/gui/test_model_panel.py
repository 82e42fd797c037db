"""The Model section: how models run is set by a form, and it folds when all of them have run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event

import napari
import numpy as np
import pytest
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QComboBox, QLabel, QSpinBox

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import Segmentation
from napari_echo.core.params import PredictParams
from napari_echo.core.prediction import Prediction
from napari_echo.gui.arranging import arrange
from napari_echo.gui.panels.predict_dialog import PredictDialog
from napari_echo.gui.preferences import keep, restore, write
from napari_echo.gui.review import EchoReview
from napari_echo.io.store import LabelStore
from napari_echo.ml.packs import ModelPack, find_pack
from napari_echo.ml.predictor import Engine, Predictor, make_predictor
from napari_echo.workflow.session import Session

Dock = Callable[[Session], tuple[napari.Viewer, EchoReview]]
PATIENCE_MS = 20_000


@pytest.fixture
def packs(pack: ModelPack) -> list[ModelPack]:
    """Five models: as many as the list has rows for."""
    return [
        ModelPack(pack.path, pack.card.model_copy(update={"id": str(i) * 64, "name": f"model-{i}"}))
        for i in range(5)
    ]


@pytest.fixture
def runs() -> list[PredictParams]:
    """With what the models were made ready."""
    return []


@pytest.fixture
def gate() -> Event:
    """Closed, it keeps every model waiting."""
    found = Event()
    found.set()
    return found


@pytest.fixture
def session(
    packs: list[ModelPack], engine: Engine, runs: list[PredictParams], gate: Event, tmp_path: Path
) -> Session:
    def make(pack: ModelPack, params: PredictParams) -> Predictor:
        runs.append(params)

        def held(batch: NDArray[np.float32]) -> object:
            assert gate.wait(20)
            return engine(batch)

        return Predictor(pack, held)

    return Session(
        packs=packs, make_predictor=make, store=LabelStore(tmp_path / "labels"), reader="reader"
    )


@pytest.fixture
def review(dock: Dock, session: Session, clip: EchoClip) -> EchoReview:
    """A review of a clip, whose choices are kept as in the window of its own."""
    _, review = dock(session)
    keep(review, everything=True)
    session.open_clip(clip)
    return review


def ask(review: EchoReview, qtbot: QtBot) -> PredictDialog:
    """Open the form as a reader does."""
    before = set(review.findChildren(PredictDialog))
    qtbot.mouseClick(review.model_panel.settings, Qt.MouseButton.LeftButton)
    (dialog,) = set(review.findChildren(PredictDialog)) - before
    return dialog


def run(review: EchoReview, qtbot: QtBot) -> None:
    qtbot.mouseClick(review.model_panel.action, Qt.MouseButton.LeftButton)
    session = review.session
    qtbot.waitUntil(
        lambda: len(session.predictions) == len(session.ticked) and not review.jobs.busy,
        timeout=PATIENCE_MS,
    )


def test_the_form_has_the_fields_of_the_parameters(review: EchoReview, qtbot: QtBot) -> None:
    dialog = ask(review, qtbot)
    assert list(dialog.fields) == list(PredictParams.model_fields)
    for name, about in PredictParams.model_fields.items():
        field = dialog.fields[name]
        label = dialog.form.labelForField(field)
        assert isinstance(label, QLabel)
        assert label.text() == about.title
        assert field.toolTip() == label.toolTip() == about.description
    assert dialog.params() == PredictParams()
    batch = dialog.fields["batch"]
    assert isinstance(batch, QSpinBox)
    assert (batch.minimum(), batch.maximum()) == (1, 64)


def test_what_is_set_holds_from_the_next_run_on_and_the_next_time(
    review: EchoReview, session: Session, runs: list[PredictParams], qtbot: QtBot
) -> None:
    panel = review.model_panel
    run(review, qtbot)
    plain = session.prediction
    assert runs == [PredictParams()]
    qtbot.waitUntil(lambda: panel.gist.full_text() == "model-0", timeout=PATIENCE_MS)

    # Cancelled, nothing is changed.
    panel.heading.click()
    dialog = ask(review, qtbot)
    mirror = dialog.fields["mirror"]
    assert isinstance(mirror, QCheckBox)
    mirror.setChecked(True)
    assert "no longer shown" in dialog.why.text()
    dialog.reject()
    assert session.prediction is plain

    # More frames at once change nothing of what a model says.
    dialog = ask(review, qtbot)
    batch = dialog.fields["batch"]
    assert isinstance(batch, QSpinBox)
    batch.setValue(7)
    assert dialog.why.text() == ""
    dialog.ok.click()
    assert session.predict_params == PredictParams(batch=7)
    assert session.prediction is plain
    assert "batch 7" in panel.settings.toolTip()
    assert panel.gist.full_text() == "model-0"

    dialog = ask(review, qtbot)
    mirror = dialog.fields["mirror"]
    assert isinstance(mirror, QCheckBox)
    mirror.setChecked(True)
    dialog.ok.click()
    assert session.prediction is None
    assert panel.gist.full_text() == "mirror"
    assert review.primary_button() is panel.action
    run(review, qtbot)
    assert runs == [PredictParams(), PredictParams(batch=7, mirror=True)]
    qtbot.waitUntil(lambda: panel.gist.full_text() == "mirror · model-0", timeout=PATIENCE_MS)
    assert not panel.gist.isHidden()

    again = Session(packs=session.packs, reader="reader")
    restore(again)
    assert again.predict_params == PredictParams(batch=7, mirror=True)


def test_damaged_settings_are_ignored(packs: list[ModelPack], qtbot: QtBot) -> None:
    for damaged in ('{"batch": 0}', '{"engine": "abacus"}', "mirror"):
        write("review/predict", damaged)
        session = Session(packs=packs, reader="reader")
        restore(session)
        assert session.predict_params == PredictParams()


def test_nothing_is_set_while_a_model_runs(
    review: EchoReview, session: Session, gate: Event, qtbot: QtBot
) -> None:
    panel = review.model_panel
    gate.clear()
    panel.action.click()
    assert not panel.settings.isEnabled()
    assert panel.settings.toolTip() == "Predicting is going on."
    gate.set()
    qtbot.waitUntil(lambda: not review.jobs.busy, timeout=PATIENCE_MS)
    qtbot.waitUntil(panel.settings.isEnabled, timeout=PATIENCE_MS)


def test_without_torch_its_engine_cannot_be_chosen(
    review: EchoReview, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    dialog = ask(review, qtbot)
    engine = dialog.fields["engine"]
    assert isinstance(engine, QComboBox)
    assert dialog.ok.isEnabled()
    engine.setCurrentText("torch")
    assert not dialog.ok.isEnabled()
    assert dialog.why.text().startswith("Training and the torch engine need the extra packages")
    engine.setCurrentText("onnx")
    assert dialog.ok.isEnabled()
    # It may have been there when it was chosen.
    with pytest.raises(EchoError, match="need the extra packages"):
        make_predictor(find_pack("pidnet-s-camus"), PredictParams(engine="torch"))


def test_a_model_with_a_memory_is_not_mirrored(
    review: EchoReview, session: Session, packs: list[ModelPack]
) -> None:
    session.set_predict_params(PredictParams(mirror=True))
    card = packs[0].card.model_copy(update={"temporal": True, "id": "f" * 64, "name": "gated"})
    session.add_pack(ModelPack(packs[0].path, card))
    panel = review.model_panel
    assert not panel.action.isEnabled()
    assert panel.action.toolTip().startswith("gated has a memory and cannot be mirrored")
    session.set_predict_params(PredictParams())
    assert panel.action.isEnabled()


def test_two_models_fold_when_both_have_run_and_all_steps_are_in_sight(
    dock: Dock,
    session: Session,
    packs: list[ModelPack],
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
    said_by: Callable[..., Prediction],
    qtbot: QtBot,
) -> None:
    viewer, review = dock(session)
    viewer.window.show()
    arrange(viewer, review)
    panel = review.model_panel
    session.open_clip(clip, truth=truth, key_frames=key_frames)
    session.tick(packs[1])
    qtbot.wait(100)
    assert panel.side_by_side.isVisible()
    assert not panel.side_by_side.isEnabled()
    session.set_prediction(said_by(packs[0].id, clip, truth))
    assert not panel.folded
    session.add_prediction(said_by(packs[1].id, clip, truth, 1))
    assert panel.folded
    qtbot.waitUntil(lambda: review.measuring.is_up_to_date, timeout=PATIENCE_MS)
    qtbot.wait(100)

    column, correct = review.column, review.correct_panel
    assert column.verticalScrollBar().value() == 0
    sections = (review.clip_panel, panel, review.measures_panel, review.marks_panel, correct)
    for widget in (*sections, correct.pair, correct.reject, correct.second, correct.commit):
        assert widget.isVisible()
        assert widget.mapTo(column, widget.rect().topLeft()).y() >= 0
        assert widget.mapTo(column, widget.rect().bottomLeft()).y() <= column.height()

    # The views side by side, and what they show, are a click away.
    assert panel.side_by_side.isVisible()
    qtbot.mouseClick(panel.side_by_side, Qt.MouseButton.LeftButton)
    assert review.comparing.grid.is_on
    assert panel.side_by_side.isChecked()
    qtbot.mouseClick(panel.side_by_side, Qt.MouseButton.LeftButton)
    assert not review.comparing.grid.is_on
    qtbot.mouseClick(panel.heading, Qt.MouseButton.LeftButton)
    for widget in (panel.packs, panel.side_by_side, panel.contents, panel.settings):
        assert widget.isVisible()
