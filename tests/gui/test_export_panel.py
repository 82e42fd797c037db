"""The Export section: formats, what was left out, and a cancelled export."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import napari
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import LV_SCHEMA, Segmentation
from napari_echo.core.revision import Base
from napari_echo.gui.review import EchoReview
from napari_echo.workflow.correct import correct
from napari_echo.workflow.session import Session

PATIENCE_MS = 20_000


@pytest.fixture
def review(
    make_napari_viewer: Callable[..., napari.Viewer],
    session: Session,
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
    qtbot: QtBot,
) -> EchoReview:
    """A review of a clip whose store has a revision of ED and ES, and a rejected one."""
    assert session.corrections.store is not None
    for frames, status in (((0, 6), "corrected"), ((3,), "rejected")):
        revision = correct(
            clip,
            truth.labels,
            frames,
            Base("nothing", ""),
            reader="reader",
            started=datetime.now(UTC),
            key_frames=key_frames,
            schema=LV_SCHEMA,
            status=status,
        )
        session.corrections.store.commit(revision)
    viewer = make_napari_viewer()
    review = EchoReview(viewer, session)
    viewer.window.add_dock_widget(review, name="Echo review", area="right")
    review.verbs.adopt(replace(clip, view="A4C"))
    qtbot.waitUntil(lambda: not review.jobs.busy, timeout=PATIENCE_MS)
    assert len(session.corrections.all_revisions()) == 2
    return review


def test_a_format_is_chosen_and_what_is_left_out_is_told(
    review: EchoReview, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_echo.gui.panels import export

    panel = review.export_panel
    titles = [panel.format.itemText(i) for i in range(panel.format.count())]
    assert len(titles) == 7
    panel.format.setCurrentIndex(titles.index("CAMUS (NIfTI)"))
    assert "ED and ES" in panel.format.toolTip()
    out = tmp_path / "camus"
    # The dialog is the system's own; what it gives is all that can be tested.
    monkeypatch.setattr(export.QFileDialog, "getSaveFileName", lambda *_: (str(out), ""))
    panel.action.click()
    qtbot.waitUntil(lambda: not review.jobs.busy, timeout=PATIENCE_MS)
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["format"] == "camus"
    assert [left["kind"] for left in manifest["left_out"]] == ["rejected"]
    assert str(out) in panel.where.full_text()
    assert "1 frame rejected" in panel.where.full_text()
    assert "Its reader rejected it." in panel.where.toolTip()
    message = review.status_panel.message.full_text()
    assert "2 frames of 1 clip" in message
    assert "Left out: 1 frame rejected." in message


def test_a_cancelled_export_leaves_no_folder(
    review: EchoReview, session: Session, qtbot: QtBot, tmp_path: Path
) -> None:
    assert session.clip is not None
    store = session.corrections.store
    assert store is not None
    # Many clips, so that there is something to cancel: each is of other pixels.
    for n in range(60):
        frames = np.roll(session.clip.frames, n + 1, axis=2)
        other = EchoClip.from_frames(frames, study_id=f"study-{n}")
        (first, *_) = session.corrections.all_revisions()
        revision = correct(
            other,
            np.broadcast_to(first.labels[:1], frames.shape),
            range(len(frames)),
            Base("nothing", ""),
            reader="reader",
            started=datetime.now(UTC),
            key_frames=first.key_frames,
            schema=first.schema,
        )
        session.corrections.begin(other)
        session.corrections.take_revisions([revision])
    folder = tmp_path / "exports"
    folder.mkdir()
    review.jobs.progressed.connect(
        lambda progress: review.jobs.cancel() if progress.done > 2 else None
    )
    review.verbs.export(folder / "coco", "coco")
    qtbot.waitUntil(lambda: not review.jobs.busy, timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: not list(folder.iterdir()), timeout=PATIENCE_MS)
    assert "cancelled" in review.status_panel.message.full_text()
    assert review.verbs.last_export is None
