"""Several models on one clip: ticked, run, shown, measured and compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event

import cv2
import napari
import numpy as np
import pytest
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA, LV, Segmentation, Structure
from napari_echo.core.params import PredictParams
from napari_echo.core.prediction import Prediction
from napari_echo.gui.model_colors import MODELS, PROPAGATION, color_of
from napari_echo.gui.overlays import FALSE_NEGATIVE, FALSE_POSITIVE, HARD
from napari_echo.gui.panels.models import ModelsPanel
from napari_echo.gui.panels.models_table import COLUMNS
from napari_echo.gui.review import EchoReview
from napari_echo.io.store import LabelStore
from napari_echo.ml.packs import ModelPack
from napari_echo.ml.predictor import Engine, Predictor
from napari_echo.workflow.predictions import MOST, SLOTS
from napari_echo.workflow.session import Session

Dock = Callable[[Session], tuple[napari.Viewer, EchoReview]]


@pytest.fixture
def packs(pack: ModelPack) -> list[ModelPack]:
    """Five models that find the same LV, each a little larger than the one before."""
    return [
        ModelPack(pack.path, pack.card.model_copy(update={"id": str(i) * 64, "name": f"grown-{i}"}))
        for i in range(5)
    ]


@pytest.fixture
def gate() -> Event:
    """Closed, it keeps every model but the first waiting."""
    found = Event()
    found.set()
    return found


@pytest.fixture
def session(packs: list[ModelPack], engine: Engine, gate: Event, tmp_path: Path) -> Session:
    def make_predictor(pack: ModelPack, _params: PredictParams) -> Predictor:
        def larger(batch: NDArray[np.float32]) -> NDArray[np.float32]:
            logits = engine(batch)
            size = 2 * packs.index(pack) + 1
            if size > 1:
                assert gate.wait(20)
            for scores in logits:
                scores[LV] = cv2.dilate(scores[LV], np.ones((size, size)))
            return logits

        return Predictor(pack, larger)

    return Session(
        packs=packs,
        make_predictor=make_predictor,
        store=LabelStore(tmp_path / "labels"),
        reader="reader",
    )


def idle(review: EchoReview) -> bool:
    return not review.jobs.busy and not review.comparing.runner.busy


def test_ticked_models_run_one_after_the_other_and_stay_ready(
    dock: Dock,
    session: Session,
    packs: list[ModelPack],
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
    qtbot: QtBot,
) -> None:
    _, review = dock(session)
    session.open_clip(clip, truth=truth, key_frames=key_frames)
    for pack in packs[:3]:
        review.comparing.tick(pack, True)
    landed: list[int] = []
    session.predictions_changed.connect(lambda: landed.append(len(session.predictions)))
    review.verbs.predict()
    qtbot.waitUntil(lambda: len(session.model_reports) == 3 and idle(review), timeout=20000)
    assert landed == [1, 2, 3]
    assert session.prediction is session.predictions[packs[0].id]
    assert set(session.model_measures) == {pack.id for pack in packs[:3]}
    efs = [session.model_measures[pack.id].ef for pack in packs[:3]]
    assert len(set(efs)) == 3
    assert set(session.predictors) == {pack.id for pack in packs[:3]}

    # The next model is shown, chosen and measured without being run again.
    shown = session.predictions[packs[1].id]
    review.comparing.show_next()
    assert session.prediction is shown
    assert session.pack is packs[1]
    assert session.measures["prediction"].ef == session.model_measures[packs[1].id].ef

    # A model that is unticked goes, with all it holds.
    review.comparing.tick(packs[1], False)
    assert packs[1].id not in {*session.predictions, *session.predictors, *session.model_measures}
    assert session.prediction is session.predictions[packs[0].id]

    # Only what has not run yet is run.
    kept = session.predictions[packs[0].id]
    review.comparing.tick(packs[4], True)
    review.verbs.predict()
    qtbot.waitUntil(lambda: packs[4].id in session.predictions and idle(review), timeout=20000)
    assert session.predictions[packs[0].id] is kept


def test_what_has_landed_stays_when_the_rest_is_cancelled(
    dock: Dock,
    session: Session,
    packs: list[ModelPack],
    gate: Event,
    clip: EchoClip,
    qtbot: QtBot,
) -> None:
    _, review = dock(session)
    session.open_clip(clip)
    for pack in packs[:4]:
        review.comparing.tick(pack, True)
    gate.clear()

    def stop() -> None:
        review.jobs.cancel()
        gate.set()

    session.predictions_changed.connect(stop)
    review.verbs.predict()
    qtbot.waitUntil(lambda: idle(review) and bool(session.predictions), timeout=20000)
    assert list(session.predictions) == [packs[0].id]
    assert session.prediction is session.predictions[packs[0].id]


def test_a_fifth_model_and_the_last_are_refused_in_one_sentence(
    session: Session, packs: list[ModelPack]
) -> None:
    with pytest.raises(EchoError, match="One model at least is needed"):
        session.tick(packs[0], False)
    for pack in packs[1:MOST]:
        session.tick(pack)
    with pytest.raises(EchoError, match="4 models are ticked, which is the most"):
        session.tick(packs[4])
    with pytest.raises(EchoError, match="5 models are given"):
        session.take_packs(packs)
    assert session.ticked == tuple(packs[:4])


def test_a_model_keeps_its_colour_whatever_else_is_ticked(
    session: Session, packs: list[ModelPack]
) -> None:
    for pack in packs[1:3]:
        session.tick(pack)
    colors = {pack.id: color_of(session.slot(pack.id)) for pack in packs[:3]}
    assert list(colors.values()) == list(MODELS[:3])
    session.tick(packs[0], False)
    session.tick(packs[3])
    assert color_of(session.slot(packs[3].id)) == MODELS[3]
    session.tick(packs[0])
    assert {pack.id: color_of(session.slot(pack.id)) for pack in packs[:3]} == colors
    # In the next session, too, in whatever order they are ticked then.
    later = Session(packs=packs[::-1])
    later.take_slots(session.slots)
    assert {pack.id: color_of(later.slot(pack.id)) for pack in packs[:3]} == colors


def test_more_models_than_colours_are_told_apart_once_both_are_ticked(
    session: Session, packs: list[ModelPack]
) -> None:
    assert len(MODELS) == SLOTS
    session.take_slots({packs[0].id: 1, packs[1].id: 0, packs[2].id: 1, packs[3].id: 99})
    for pack in packs[1:3]:
        session.tick(pack)
    assert [session.slot(pack.id) for pack in packs[:4]] == [1, 0, 2, 3]


@pytest.mark.parametrize("structure", CAMUS_SCHEMA.structures, ids=lambda s: s.name)
def test_no_model_has_the_colour_of_anything_else_on_the_canvas(structure: Structure) -> None:
    def lab(color: str) -> NDArray[np.float32]:
        rgb = np.float32([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        return cv2.cvtColor(rgb[None, None], cv2.COLOR_RGB2LAB)[0, 0]

    others = (structure.color, FALSE_POSITIVE, FALSE_NEGATIVE, HARD, PROPAGATION)
    for color in MODELS:
        assert min(np.linalg.norm(lab(color) - lab(other)) for other in others) > 25


def test_a_click_on_a_name_chooses_and_one_on_its_box_ticks(
    dock: Dock, session: Session, packs: list[ModelPack], qtbot: QtBot
) -> None:
    _, review = dock(session)
    tree = review.model_panel.packs
    tree.resize(300, 120)

    def click(row: int, x: int) -> None:
        item = tree.topLevelItem(row)
        rect = tree.visualItemRect(item)
        place = rect.center()
        place.setX(x)
        qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=place)

    click(1, 80)
    assert session.ticked == (packs[1],)
    item = tree.topLevelItem(2)
    item.setCheckState(0, Qt.CheckState.Checked)
    assert session.ticked == (packs[1], packs[2])
    assert session.pack is packs[1]
    click(2, 80)
    assert session.pack is packs[2]
    item = tree.topLevelItem(0)
    for row in (0, 3):
        tree.topLevelItem(row).setCheckState(0, Qt.CheckState.Checked)
    told: list[str] = []
    review.verbs.refused.connect(told.append)
    tree.topLevelItem(4).setCheckState(0, Qt.CheckState.Checked)
    assert len(told) == 1
    assert tree.topLevelItem(4).checkState(0) == Qt.CheckState.Unchecked


def test_the_table_compares_models_with_the_truth_and_with_each_other(
    dock: Dock,
    session: Session,
    packs: list[ModelPack],
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
    qtbot: QtBot,
) -> None:
    _, review = dock(session)
    session.open_clip(clip, truth=truth, key_frames=key_frames)
    session.tick(packs[1])
    review.verbs.predict()
    qtbot.waitUntil(
        lambda: len(session.model_reports) == 2 and "truth" in session.measures and idle(review),
        timeout=20000,
    )
    panel: ModelsPanel = review.models_panel
    panel.refresh()
    qtbot.waitUntil(lambda: review.comparing.agreement is not None)
    panel.refresh()

    def cell(row: int, title: str) -> str:
        place = next(i for i, column in enumerate(COLUMNS) if column.title == title)
        return panel.table.item(row, place).text()

    first, true = session.model_measures[packs[0].id], session.measures["truth"]
    gap = f"{100 * (first.ef - true.ef):+.0f}".replace("-", "−")
    assert cell(0, "EF %") == f"{100 * first.ef:.1f} ({gap})"
    assert cell(2, "EF %") == f"{100 * true.ef:.1f}"
    report = session.model_reports[packs[1].id]
    assert cell(1, "Dice ES") == f"{report.dice_at_es(key_frames):.3f}"
    agreement = review.comparing.agreement
    masks = [session.predictions[pack.id].segmentation.mask() for pack in packs[:2]]
    wanted = 2 * np.count_nonzero(masks[0][3] & masks[1][3]) / sum(m[3].sum() for m in masks)
    assert agreement.least[3] == pytest.approx(wanted)
    assert f"frame {agreement.worst()}" in panel.told.full_text()

    panel.table.cellClicked.emit(1, [c.title for c in COLUMNS].index("Dice ES"))
    assert review.layers.frame == key_frames.beats[0].es
    assert session.prediction is session.predictions[packs[1].id]


def test_other_key_frames_hold_for_every_model_at_once(
    session: Session, clip: EchoClip, truth: Segmentation, said_by: Callable[..., Prediction]
) -> None:
    from napari_echo.core.keyframes import Beat
    from napari_echo.workflow.measure import measure

    session.open_clip(clip)
    for name in "ab":
        prediction = said_by(name, clip, truth)
        session.add_prediction(prediction)
        found = measure(clip, prediction.segmentation, KeyFrames((Beat(0, 6),), "detected"))
        session.set_model_measures(name, found, None)
    other = KeyFrames((Beat(1, 5),), "set by reader")
    session.set_key_frames(other)
    anew = measure(clip, session.predictions["b"].segmentation, other)
    assert session.model_measures["b"].beats == anew.beats
    assert session.model_measures["b"].ef == anew.ef != found.ef
