"""Reading blind, hidden repeats and the tab "Readers", in a real window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import napari
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA, LV, Segmentation
from napari_echo.core.revision import Base, Revision
from napari_echo.gui.panels.readers_table import AgreementTable
from napari_echo.gui.review import EchoReview
from napari_echo.io.load import load
from napari_echo.workflow.correct import correct
from napari_echo.workflow.session import Session

PATIENCE_MS = 20_000
Reviewed = tuple[napari.Viewer, EchoReview]
ED, ES = 0, 6


@pytest.fixture
def reviewed(dock: Callable[[Session], Reviewed], session: Session) -> Reviewed:
    return dock(session)


@pytest.fixture
def wait(qtbot: QtBot) -> Callable[[EchoReview], None]:
    def until_idle(review: EchoReview) -> None:
        qtbot.wait(5)
        runners = (review.jobs, review.readers.jobs, review.readers._looking)
        qtbot.waitUntil(
            lambda: (
                not any(r.busy for r in runners)
                and review.measuring.is_up_to_date
                and not review.verbs.later.holding
            ),
            timeout=PATIENCE_MS,
        )

    return until_idle


def a_reading(clip: EchoClip, masks: np.ndarray, reader: str, **more: object) -> Revision:
    edited = masks.astype(np.uint8) * LV
    made = correct(
        clip,
        edited,
        (ED, ES),
        Base("nothing", ""),
        reader=reader,
        started=datetime.now(UTC),
        key_frames=KeyFrames((Beat(ED, ES),), "traced"),
        schema=CAMUS_SCHEMA,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def draw(review: EchoReview, masks: np.ndarray, frames: tuple[int, ...]) -> None:
    """Draw frames from nothing through the panel, and commit them."""
    session = review.session
    if session.corrections.draft is None:
        panel = review.correct_panel
        panel.start_from.setCurrentIndex(panel.start_from.findData("nothing"))
        panel.action.click()
    draft = session.corrections.draft
    assert draft is not None
    for frame in frames:
        draft.labels[frame] = masks[frame] * LV
    session.corrections.touch()
    review.correct_panel.commit.click()


def drawn(review: EchoReview) -> frozenset[str]:
    """The overlays that can be drawn on the canvas."""
    layer = review.layers.find("overlays")
    return frozenset() if layer is None else layer.data.sources.available


def test_nothing_leaks_until_ed_and_es_are_drawn_and_then_all_is_shown(
    reviewed: Reviewed,
    wait: Callable[[EchoReview], None],
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
) -> None:
    viewer, review = reviewed
    session, corrections = review.session, review.session.corrections
    store = corrections.store
    assert store is not None
    masks = truth.labels == LV
    store.commit(a_reading(clip, np.roll(masks, 2, axis=2), "ann"))
    review.readers.read_blind(True)
    review.verbs.adopt(clip, truth, key_frames)
    wait(review)

    def everything() -> tuple[object, ...]:
        return (
            session.truth, session.prediction, session.hardness, session.report,
            dict(session.measures), dict(session.predictions), dict(session.model_measures),
            corrections.revisions, corrections.merged(None),
        )  # fmt: skip

    nothing = (None, None, None, None, {}, {}, {}, (), None)
    assert everything() == nothing
    assert drawn(review) == set()
    assert clip.name not in [layer.name for layer in viewer.layers]
    assert clip.name not in review.clip_panel.name.full_text()
    starts = review.correct_panel.start_from
    assert [starts.itemData(i) for i in range(starts.count())] == ["nothing"]
    for button in (review.model_panel.action, review.marks_panel.action):
        assert not button.isEnabled()
        assert "blind" in button.toolTip()
    assert review.primary_button() is review.correct_panel.action

    session.corrections.start("nothing", None, None)
    review.session.corrections.accept(ED)
    review.session.corrections.accept(ES)
    review.correct_panel.commit.click()
    wait(review)
    assert session.hidden  # an empty frame is not drawn
    session.corrections.discard()

    draw(review, masks, (ED,))
    wait(review)
    assert session.hidden
    assert session.truth is None
    assert {r.reader for r in corrections.revisions} == {"reader"}

    draw(review, masks, (ES,))
    wait(review)
    assert not session.hidden
    assert session.truth is truth
    assert clip.name in [layer.name for layer in viewer.layers]
    assert "truth" in drawn(review)
    assert {r.reader for r in corrections.revisions} == {"reader", "ann"}
    assert review.measures_panel.shown("EF", "truth") != ""
    mine = store.rows(reader="reader")
    assert all(row.blind and not row.repeat for row in mine)
    assert [row.base_kind for row in mine] == ["nothing", "nothing", "revision"]


def test_switching_it_on_takes_what_is_shown_away(
    reviewed: Reviewed,
    wait: Callable[[EchoReview], None],
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
) -> None:
    _viewer, review = reviewed
    review.verbs.adopt(clip, truth, key_frames)
    wait(review)
    review.verbs.predict()
    wait(review)
    review.verbs.mark(review.marks_panel.params())
    wait(review)
    assert drawn(review) >= {"truth", "prediction", "hardness"}
    review.readers_panel.blind.click()
    assert drawn(review) == set()
    draw(review, truth.labels == LV, (ED, ES))
    wait(review)
    # It was seen before it was hidden.
    store = review.session.corrections.store
    assert store is not None
    assert not store.rows()[0].blind
    assert drawn(review) >= {"truth", "prediction"}


def test_a_started_correction_is_not_hidden_over(
    reviewed: Reviewed,
    wait: Callable[[EchoReview], None],
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
) -> None:
    _, review = reviewed
    review.verbs.adopt(clip, truth, key_frames)
    wait(review)
    review.editing.choose("truth")
    review.editing.begin()
    review.session.corrections.accept(ED)
    told: list[str] = []
    review.verbs.refused.disconnect()
    review.verbs.refused.connect(told.append)
    review.readers_panel.blind.click()
    assert not review.session.blind.on
    assert not review.readers_panel.blind.isChecked()
    assert "Commit or discard" in told[0]


def test_a_clip_comes_up_again_blind_and_its_reading_stands_by_itself(
    reviewed: Reviewed, wait: Callable[[EchoReview], None], tmp_path: Path, truth: Segmentation
) -> None:
    _viewer, review = reviewed
    folder = tmp_path / "clips"
    folder.mkdir()
    rng = np.random.default_rng(1)
    for n in range(9):
        np.save(folder / f"clip{n}.npy", rng.integers(0, 99, truth.labels.shape, np.uint8))
    session, masks = review.session, truth.labels == LV
    review.readers.read_blind(True)
    review.readers.set_repeats(True, 2)
    review.studying.open_paths([folder])
    wait(review)
    met: list[str] = []
    told: list[str] = []
    review.verbs.told.connect(told.append)
    for _ in range(9):
        clip = session.clip
        assert clip is not None
        assert session.hidden
        met.append(clip.clip_id)
        session.set_key_frames(KeyFrames((Beat(ED, ES),), "set by reader"))
        draw(review, masks, (ED, ES))
        wait(review)
        assert not session.hidden
        place = session.studies.position()
        review.studying.step(1)
        wait(review)
        if session.clip is not None and session.clip.clip_id in met:
            break
    assert session.clip is not None
    assert session.hidden
    again = session.clip.clip_id
    assert met.index(again) < len(met) - 5
    assert again in met
    assert session.studies.position() == place
    name = session.clip.name
    session.set_key_frames(KeyFrames((Beat(ED, ES),), "set by reader"))
    draw(review, np.roll(masks, 1, axis=1), (ED, ES))
    wait(review)
    assert not session.hidden
    # What is told of a repeat does not name it; nor of the others, which would tell it as well.
    assert told[-1] == f"Committed frames {ED}, {ES} of the clip."
    assert name
    assert not any("clip0" in sentence or name in sentence for sentence in told)
    store = session.corrections.store
    assert store is not None
    first, second = store.rows(again)
    assert second.repeat
    assert second.blind
    assert second.parent is None
    assert not first.repeat
    # The first reading stays what counts.
    assert [r.revision_id for r in session.corrections.revisions] == [first.revision_id]
    review.readers.set_repeats(False, 2)
    review.studying.step(1)
    wait(review)
    assert session.studies.position()[0] == place[0] + 1

    review.readers.read_blind(False)
    review.readers_panel.refresh()
    review.readers_panel.action.click()
    wait(review)
    review.readers_panel.refresh()
    (group,) = [g for g in review.readers_panel._shown if g.kind == "repeat"]
    assert group.first == "reader"
    assert 0.8 < group.dice_ed.mean < 1


def test_a_click_on_a_point_opens_its_clip_at_ed(
    reviewed: Reviewed,
    wait: Callable[[EchoReview], None],
    qtbot: QtBot,
    clip_file: Path,
    truth: Segmentation,
) -> None:
    _viewer, review = reviewed
    store = review.session.corrections.store
    assert store is not None
    masks = truth.labels == LV
    clip = load(clip_file)
    store.commit(a_reading(clip, masks, "ann"))
    store.commit(a_reading(clip, np.roll(masks, 2, axis=2), "bob"))
    review.studying.open_paths([clip_file])
    wait(review)
    panel = review.readers_panel
    panel.model.setCurrentIndex(1)
    panel.action.click()
    wait(review)
    # A tab that is not on top computes nothing.
    assert panel.table.rowCount() == 0
    panel.refresh()
    names = [panel.table.item(row, 0).text() for row in range(panel.table.rowCount())]
    assert names == [
        "ann and bob", "ann, shown it, and dark-cavity", "bob, shown it, and dark-cavity",
    ]  # fmt: skip
    # Who is compared has the room that the numbers leave; the plot says it where it is alone.
    table, group = AgreementTable(), panel._shown[1]
    qtbot.addWidget(table)
    table.resize(900, 150)
    table.show()
    table.fill(panel._shown)
    assert table.columnWidth(0) >= table.sizeHintForColumn(0)
    label = panel.plot.getPlotItem().getAxis("bottom")
    panel.plot.set_alone(False)
    panel.plot.show_pairs(group)
    assert "dark-cavity" not in label.labelText
    panel.plot.set_alone(True)
    assert "ann, shown it, and dark-cavity" in label.labelText
    review.layers.go_to(5)
    points = panel.plot.points.points()
    panel.plot.points.sigClicked.emit(panel.plot.points, points, None)
    wait(review)
    assert review.layers.frame == ED
    review.readers.read_blind(True)
    panel.refresh()
    assert panel.pages.currentIndex() == 0
    assert "not shown" in panel.nothing.text()
