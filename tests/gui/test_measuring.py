"""Measuring beside the reader's work, and what the panels of measures and checks show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QCoreApplication, QEvent, Qt

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA, Segmentation
from napari_echo.core.revision import Base
from napari_echo.gui.measuring import Measuring
from napari_echo.gui.panels.checks import ChecksPanel
from napari_echo.gui.panels.measure_rows import APICAL, LEFT, RIGHT
from napari_echo.gui.panels.measures import MeasuresPanel
from napari_echo.gui.verbs import Verbs
from napari_echo.gui.workers import Jobs
from napari_echo.phantom.generate import generate
from napari_echo.workflow.correct import correct
from napari_echo.workflow.measure import measure
from napari_echo.workflow.predict import predict
from napari_echo.workflow.session import Session

PATIENCE_MS = 20_000
T, ED, ES = 12, 0, 6  # of the clip that `conftest` makes


@pytest.fixture
def measuring(session: Session, qtbot: QtBot) -> Iterator[Measuring]:
    runner = Jobs()
    found = Measuring(Verbs(session, runner))
    yield found
    found.shut_down()
    session.corrections.close()
    # Now, while its slots are still there: later the collector may have taken them.
    runner.deleteLater()
    QCoreApplication.sendPostedEvents(runner, QEvent.Type.DeferredDelete)


@pytest.fixture
def settle(measuring: Measuring, qtbot: QtBot) -> Callable[[], None]:
    def until_measured() -> None:
        qtbot.waitUntil(lambda: measuring.is_up_to_date, timeout=PATIENCE_MS)

    return until_measured


@pytest.fixture
def panel(measuring: Measuring, qtbot: QtBot) -> MeasuresPanel:
    shown = MeasuresPanel(measuring, lambda: 3)
    qtbot.addWidget(shown)
    return shown


def smaller(truth: Segmentation) -> Segmentation:
    """Labels whose right wall and apex lie inside the truth's."""
    labels = truth.labels.copy()
    labels[:, :, 42:] = 0
    return replace(truth, labels=labels)


def test_what_is_opened_is_measured_and_a_correction_need_not_wait(
    session: Session,
    measuring: Measuring,
    settle: Callable[[], None],
    qtbot: QtBot,
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
) -> None:
    session.open_clip(clip, truth=truth, key_frames=key_frames)
    qtbot.waitUntil(lambda: measuring.runner.busy, timeout=PATIENCE_MS)
    session.corrections.start("truth", None, truth)
    assert session.corrections.draft is not None
    settle()
    alone = measure(clip, truth, key_frames)
    assert session.measures["truth"].ef == alone.ef
    np.testing.assert_array_equal(session.measures["truth"].volume, alone.volume)
    assert session.measures["correction"].ef == alone.ef


def test_the_ef_follows_the_brush(
    session: Session,
    settle: Callable[[], None],
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
) -> None:
    session.open_clip(clip, truth=truth, key_frames=key_frames)
    session.corrections.start("truth", None, truth)
    settle()
    before = session.measures["correction"].ef
    draft = session.corrections.draft
    assert draft is not None
    assert before is not None
    for column in (44, 40):  # the second stroke on a frame changes nothing else of the draft
        draft.labels[ES, :, column:] = 0
        session.corrections.touch(ES)
        settle()
        now = session.measures["correction"].ef
        painted = Segmentation(draft.labels.copy(), np.ones(T, np.bool_), "correction")
        assert now is not None
        assert now == measure(clip, painted, key_frames).ef
        assert now > before
        before = now
    session.corrections.undo()
    settle()
    assert session.measures["correction"].ef < before
    assert session.measures["truth"].ef == measure(clip, truth, key_frames).ef


def test_a_frame_that_is_still_to_be_drawn_is_compared_with_nothing(
    session: Session,
    settle: Callable[[], None],
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
) -> None:
    session.open_clip(clip, truth=truth, key_frames=key_frames)
    session.corrections.start("nothing", None, truth)
    session.corrections.write({ES: smaller(truth).labels[ES]})
    settle()
    (beat,) = session.differences["correction"]
    assert beat.ed is None
    assert beat.es is not None
    assert 0.5 < beat.es.dice < 1
    assert session.measures["correction"].ef is None


def test_what_was_found_of_an_older_state_is_dropped(
    session: Session,
    measuring: Measuring,
    settle: Callable[[], None],
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
) -> None:
    heard: list[tuple[Beat, ...]] = []
    changes = [
        lambda: measuring.set_key_frame(0, "ES", 4),
        lambda: session.open_clip(EchoClip.from_frames(clip.frames[::-1].copy(), fps=20.0)),
    ]

    def change_as_it_begins() -> None:
        if measuring.runner.busy and wanted:
            wanted.pop()()

    wanted: list[Callable[[], object]] = []
    measuring.runner.busy_changed.connect(change_as_it_begins)
    session.open_clip(clip, truth=truth, key_frames=key_frames)
    settle()
    session.measures_changed.connect(
        lambda: heard.append(session.measures["truth"].key_frames.beats)
    )
    wanted.append(changes[0])
    measuring.set_key_frame(0, "ES", 5)
    settle()
    assert set(heard) == {(Beat(ED, 4),)}
    session.measures_changed.disconnect()
    wanted.append(changes[1])
    measuring.refresh()
    settle()
    assert session.clip is not None
    assert session.clip.study_id != clip.study_id
    assert session.measures == {}


def test_detected_beats_are_found_anew_and_those_of_a_reader_stay(
    session: Session,
    measuring: Measuring,
    settle: Callable[[], None],
    clip: EchoClip,
) -> None:
    session.open_clip(clip)
    prediction = predict(clip, session.make_predictor(session.packs[0], session.predict_params))
    session.set_prediction(prediction)
    settle()
    found = session.key_frames
    assert found is not None
    assert found.origin == "detected"
    assert ES in found.frames()
    measuring.set_key_frame(0, "ES", 7)
    session.set_prediction(replace(prediction, seconds=1.0))
    settle()
    assert session.key_frames is not None
    assert session.key_frames.setting_of("ES", 7) is not None
    assert session.measures["prediction"].beats[0].es == 7


def test_ed_and_es_that_were_committed_are_gone_on_with(
    session: Session,
    measuring: Measuring,
    settle: Callable[[], None],
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
) -> None:
    now = datetime.now(UTC)
    given = key_frames.with_frame(0, "ES", 7, "Ann", now)
    session.open_clip(clip, truth=truth, key_frames=key_frames)
    revision = correct(
        clip,
        truth.labels,
        (7,),
        Base("truth", ""),
        reader="Ann",
        started=now,
        key_frames=given,
        schema=CAMUS_SCHEMA,
    )
    store = session.corrections.store
    assert store is not None
    store.commit(revision)
    session.corrections.take_revisions(store.revisions(clip.clip_id))
    settle()
    assert session.key_frames == given
    assert session.measures["truth"].beats[0].es == 7
    # What this reader sets since is not written over by what is looked up again.
    measuring.set_key_frame(0, "ES", 5)
    session.corrections.take_revisions(store.revisions(clip.clip_id))
    assert session.key_frames.beats == (Beat(ED, 5),)


def test_the_panel_says_how_a_model_differs_and_hides_what_says_nothing(
    session: Session,
    panel: MeasuresPanel,
    settle: Callable[[], None],
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
) -> None:
    assert not panel.add_beat.isEnabled()
    session.open_clip(replace(clip, view="A4C"), truth=truth, key_frames=key_frames)
    prediction = predict(clip, session.make_predictor(session.packs[0], session.predict_params))
    session.set_prediction(replace(prediction, segmentation=smaller(truth)))
    settle()
    assert panel.shown("EF", "truth") == f"{100 * session.measures['truth'].beats[0].ef:.1f}"
    assert panel.shown("Shortening", "truth").startswith("−")
    assert panel.shown("Biplane EF", "truth") == ""
    ed, es = panel.shown(RIGHT, "prediction").split("/")
    assert ed.startswith("−")
    assert es.startswith("−")
    assert panel.shown(LEFT, "prediction") == "0.0/0.0"
    assert panel.shown(APICAL, "prediction").startswith("−")
    titles = [cell.text() for (_, c), cell in panel.cells.items() if c == 0]
    assert {"Septal mm", "Apical mm", "Lateral mm"} <= set(titles)
    assert "beyond" in panel.band.full_text().lower()
    assert "0.919" in panel.band.toolTip()
    hidden = [cell for cell in panel.cells.values() if not cell.text()]
    assert all(cell.isHidden() for cell in hidden)

    session.set_prediction(replace(prediction, segmentation=truth))
    settle()
    assert panel.band.full_text() == "Dice ED, ES, EF: within what readers differ by."


def test_without_truth_a_model_is_held_against_what_the_reader_drew(
    session: Session,
    panel: MeasuresPanel,
    settle: Callable[[], None],
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
) -> None:
    session.open_clip(clip, key_frames=key_frames)
    prediction = predict(clip, session.make_predictor(session.packs[0], session.predict_params))
    session.set_prediction(replace(prediction, segmentation=truth))
    session.corrections.start("prediction", session.prediction, None)
    settle()
    assert panel.shown("Dice ED/ES", "prediction") == ""  # nothing was drawn yet
    assert panel.band.full_text() == ""
    draft = session.corrections.draft
    assert draft is not None
    draft.labels[ES, :, 42:] = 0
    session.corrections.touch(ES)
    settle()
    assert panel.shown("Dice ED/ES", "prediction").startswith("–/.")
    titles = [cell.text() for (_, c), cell in panel.cells.items() if c == 0]
    assert "Right mm" in titles


def test_beats_are_set_added_chosen_and_taken_away(
    session: Session,
    panel: MeasuresPanel,
    settle: Callable[[], None],
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
) -> None:
    session.reader = "Ann"
    session.open_clip(clip, truth=truth, key_frames=key_frames)
    settle()
    panel.set_here["ES"].click()  # the frame on show is 3
    settle()
    assert panel.jump["ES"].text() == "ES 3"
    assert "ES set by Ann" in panel.jump["ES"].toolTip()
    assert "it was frame 6, traced" in panel.jump["ES"].toolTip()
    assert "ED as traced" in panel.jump["ED"].toolTip()
    panel.current_frame = lambda: 4
    panel.add_beat.click()
    settle()
    assert session.key_frames is not None
    # The smallest LV after frame 4 is at 6.
    assert session.key_frames.beats == (Beat(0, 3), Beat(4, 6))
    assert panel.beat.currentText() == "beat 2/2"
    wanted: list[int] = []
    panel.frame_wanted.connect(wanted.append)
    panel.next_beat()
    panel.go("ES")
    panel.next_beat()
    assert wanted == [0, 3, 4]
    panel.remove_beat.click()
    settle()
    assert session.key_frames.beats == (Beat(0, 3),)
    assert len(session.measures["truth"].beats) == 1


def test_two_views_of_a_study_measure_together(
    session: Session,
    panel: MeasuresPanel,
    settle: Callable[[], None],
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
) -> None:
    four = replace(clip, view="A4C")
    two = EchoClip.from_frames(
        clip.frames[:, ::-1].copy(), fps=20.0, spacing_mm=(0.8, 0.8), view="A2C", study_id="beating"
    )
    session.open_clip(four, truth=truth, key_frames=key_frames)
    settle()
    assert panel.shown("Biplane EF", "truth") == ""
    one_plane = session.measures["truth"].beats[0]
    session.open_clip(two, truth=truth, key_frames=key_frames)
    settle()
    # The same labels in both views: two planes measure what one does.
    assert panel.shown("Biplane EF", "truth") == f"{100 * one_plane.ef:.1f}"
    assert panel.shown("Biplane V", "truth") == f"{one_plane.edv:.0f}/{one_plane.esv:.0f}"
    cells = {cell.text(): cell for cell in panel.cells.values()}
    assert "A4C" in cells[panel.shown("Biplane V", "truth")].toolTip()
    session.open_clip(replace(two, study_id="another"), truth=truth, key_frames=key_frames)
    settle()
    assert panel.shown("Biplane EF", "truth") == ""


def test_findings_open_their_frame_and_a_hidden_tab_checks_nothing(
    session: Session,
    measuring: Measuring,
    settle: Callable[[], None],
    qtbot: QtBot,
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
) -> None:
    tab = ChecksPanel(session)
    qtbot.addWidget(tab)
    labels = truth.labels.copy()
    labels[3, 30:] = 0  # half a ventricle
    session.open_clip(clip, truth=replace(truth, labels=labels), key_frames=key_frames)
    settle()
    assert tab.rows == ()
    tab.show()
    qtbot.waitUntil(lambda: {row.labels for row in tab.rows} == {"Truth"})
    assert ("area jump", 3) in {(r.finding.check, r.finding.frame) for r in tab.rows}
    assert tab.summary.full_text() == f"Findings: Truth {len(tab.rows)}"
    wanted: list[int] = []
    tab.frame_wanted.connect(wanted.append)
    frame = next(
        item
        for row in range(tab.table.rowCount())
        if (item := tab.table.item(row, 2)) is not None and item.text() == "3"
    )
    qtbot.mouseClick(
        tab.table.viewport(),
        Qt.MouseButton.LeftButton,
        pos=tab.table.visualItemRect(frame).center(),
    )
    assert set(wanted) == {3}
    # A correction that mends the frame is checked as the reader draws.
    session.corrections.start("truth", None, session.truth)
    draft = session.corrections.draft
    assert draft is not None
    draft.labels[3] = truth.labels[3]
    session.corrections.touch(3)
    settle()
    qtbot.waitUntil(lambda: "Corrected" in tab.summary.full_text())
    assert ("area jump", 3) not in {
        (r.finding.check, r.finding.frame) for r in tab.rows if r.labels == "Corrected"
    }
    session.close_clip()
    qtbot.waitUntil(lambda: tab.rows == ())
    assert not tab.table.isVisible()
    assert tab.empty.text().startswith("Open a clip")


def test_a_phantom_measures_what_is_known_of_it(
    session: Session, panel: MeasuresPanel, settle: Callable[[], None]
) -> None:
    phantom = generate(5, frames="half beat", size=(160, 160))
    session.open_clip(phantom.clip, truth=phantom.truth, key_frames=phantom.key_frames)
    settle()
    beat = session.measures["truth"].beats[0]
    assert beat.ef == pytest.approx(phantom.ef, abs=0.04)
    assert beat.shortening < 0
    assert panel.shown("EF", "truth") == f"{100 * beat.ef:.1f}"
    assert panel.shown("Dice ED/ES", "truth") == ""
