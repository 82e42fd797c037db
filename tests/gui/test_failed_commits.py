"""Verdicts that could not be committed: kept with their comment, and offered again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import Segmentation
from napari_echo.core.revision import Status
from napari_echo.gui.review import EchoReview
from napari_echo.io.store import LabelStore
from napari_echo.workflow.journal import JournalFolder
from napari_echo.workflow.session import Session

PATIENCE_MS = 20_000
Reviewed = tuple[napari.Viewer, EchoReview]


@pytest.fixture
def idle(qtbot: QtBot) -> Callable[[EchoReview], None]:
    def wait(review: EchoReview) -> None:
        runners = (review.jobs, review.background, review.committing.runner)

        def quiet() -> bool:
            return not any(runner.busy for runner in runners) and not review.committing.waiting

        for _ in range(2):
            qtbot.waitUntil(quiet, timeout=PATIENCE_MS)
            qtbot.wait(50)

    return wait


@pytest.fixture
def review(
    dock: Callable[[Session], Reviewed],
    session: Session,
    idle: Callable[[EchoReview], None],
    clip: EchoClip,
    tmp_path: Path,
) -> EchoReview:
    """The first of two clips is open, and the label store cannot be written: a file is there."""
    folder = tmp_path / "clips"
    folder.mkdir()
    for place, name in enumerate(("first", "second")):
        np.save(folder / f"{name}.npy", clip.frames + np.uint8(place))
    (tmp_path / "kept").write_text("no folder")
    _, review = dock(session)
    review.verbs.refused.disconnect()
    session.corrections.set_store(LabelStore(tmp_path / "kept" / "labels"))
    review.studying.open_paths([folder])
    idle(review)
    return review


def mend(review: EchoReview, folder: Path) -> LabelStore:
    """Let the label store be written."""
    (folder / "kept").unlink()
    store = review.session.corrections.store
    assert store is not None
    return store


@pytest.mark.parametrize("verdict", ["rejected", "second reader"])
def test_a_verdict_that_was_not_written_is_offered_again_with_its_comment(
    review: EchoReview, idle: Callable[[EchoReview], None], tmp_path: Path, verdict: Status
) -> None:
    session, panel = review.session, review.correct_panel
    refusals: list[str] = []
    review.verbs.refused.connect(refusals.append)
    first = session.clip
    assert first is not None
    session.set_key_frames(KeyFrames((), "detected"))
    panel.comment.setText("the apex is cut off")
    button = {"rejected": panel.reject, "second reader": panel.second}[verdict]
    button.click()
    idle(review)
    assert session.clip is not first
    assert panel.comment.text() == ""
    assert len(refusals) == 1
    assert "first.npy" in refusals[0]
    assert "verdict, comment and labels are offered" in refusals[0]

    # Offered at once, and whenever the clip is open.
    assert "first.npy" in review.clip_panel.waiting.full_text()
    review.clip_panel.open_waiting.click()
    idle(review)
    assert session.clip is not None
    assert session.clip.clip_id == first.clip_id
    offered = panel.waiting_edits.full_text()
    word = {"rejected": "Rejected", "second reader": "Left for a second reader"}[verdict]
    assert offered.startswith(f"{word} ")
    assert "“the apex is cut off”" in offered
    assert review.primary_button() is panel.recover
    panel.recover.click()
    idle(review)
    assert panel.comment.text() == "the apex is cut off"
    assert review.primary_button() is button
    assert button.property("primary")

    # It fails again, and nothing is lost by that either.
    button.click()
    idle(review)
    assert len(refusals) == 2
    store = mend(review, tmp_path)
    if session.clip.clip_id != first.clip_id:
        review.clip_panel.open_waiting.click()
        idle(review)
    panel.recover.click()
    idle(review)
    button.click()
    idle(review)
    (revision,) = store.revisions(first.clip_id)
    assert (revision.status, revision.comment) == (verdict, "the apex is cut off")
    assert review.editing.offered is None
    session.corrections.journals.settle(5)
    assert JournalFolder().waiting() == []


def test_labels_come_back_with_the_verdict(
    review: EchoReview,
    idle: Callable[[EchoReview], None],
    truth: Segmentation,
    key_frames: KeyFrames,
    tmp_path: Path,
) -> None:
    session, panel = review.session, review.correct_panel
    first = session.clip
    assert first is not None
    session.set_truth(truth)
    session.set_key_frames(key_frames)
    session.corrections.start("truth", None, session.truth)
    review.layers.find("correction").paint((4, 5, 5), 2)
    panel.pair.click()
    idle(review)
    store = mend(review, tmp_path)
    review.clip_panel.open_waiting.click()
    idle(review)
    assert panel.waiting_edits.full_text().startswith("Accepted ")
    panel.recover.click()
    idle(review)
    session.set_key_frames(key_frames)
    assert review.primary_button() is panel.pair
    panel.pair.click()
    idle(review)
    (revision,) = store.revisions(first.clip_id)
    assert (revision.status, revision.frames) == ("corrected", (0, 4, 6))
    assert revision.labels[1, 5, 5] == 2


def test_a_verdict_is_not_offered_on_another_clip(
    review: EchoReview, idle: Callable[[EchoReview], None]
) -> None:
    review.correct_panel.reject.click()
    idle(review)
    review.clip_panel.open_waiting.click()
    idle(review)
    review.correct_panel.recover.click()
    idle(review)
    assert review.editing.offered == "rejected"
    review.session.corrections.discard()
    review.studying.step(1)
    idle(review)
    assert review.editing.offered is None
    assert review.primary_button() is not review.correct_panel.reject
