"""What others commit to the same label store, in the real window."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import napari
import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QApplication

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA, LV
from napari_echo.core.revision import Base, Revision, Status
from napari_echo.gui import watching
from napari_echo.gui.panels.studies_model import column_of
from napari_echo.gui.review import EchoReview
from napari_echo.io.store import LabelStore
from napari_echo.workflow.correct import correct
from napari_echo.workflow.session import Session

PATIENCE_MS = 20_000
Reviewed = tuple[napari.Viewer, EchoReview]


class Others:
    """A reader at the window, and others at the same label store."""

    def __init__(self, review: EchoReview, qtbot: QtBot, folder: Path) -> None:
        self.review, self.qtbot, self.folder = review, qtbot, folder
        self.session = review.session
        self.told: list[str] = []
        self.refused: list[str] = []
        review.verbs.told.connect(self.told.append)
        review.verbs.refused.connect(self.refused.append)

    @property
    def path(self) -> Path:
        store = self.session.corrections.store
        assert store is not None
        return store.path

    def commit(
        self,
        reader: str,
        name: str,
        *,
        parent: Revision | None = None,
        status: Status = "corrected",
        key_frames: KeyFrames = KeyFrames((), "detected"),  # noqa: B008
    ) -> Revision:
        """Commit the first frame of a clip from another program."""
        clip = EchoClip.from_frames(np.load(self.folder / f"{name}.npy"))
        labels = np.zeros(clip.frames.shape, np.uint8)
        labels[0, 10:30, 10:30] = LV
        base = Base("nothing", "") if parent is None else Base("revision", parent.revision_id)
        revision = correct(
            clip, labels, (0,), base, reader=reader, started=datetime.now(UTC),
            key_frames=key_frames, schema=CAMUS_SCHEMA, status=status, comment=f"by {reader}",
            parent=parent.revision_id if parent is not None else None,
        )  # fmt: skip
        LabelStore(self.path).commit(revision)
        return revision

    def open(self) -> None:
        self.review.studying.open_paths([self.folder])
        self.until(lambda: self.session.clip is not None)
        self.idle()

    def until(self, what: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(what, timeout=PATIENCE_MS)

    def idle(self) -> None:
        """Wait until nothing goes on and the store was looked at twice."""
        review, scanning = self.review, self.review.scanning
        runners = (review.jobs, review.studying.ahead, scanning.looker, scanning.noter)
        looks: list[None] = []
        scanning.watching.jobs.busy_changed.connect(lambda: looks.append(None))
        self.until(lambda: len(looks) >= 4)
        self.until(
            lambda: (
                not any(runner.busy for runner in runners)
                and not scanning._settle.isActive()
                and review.committing.waiting == 0
                and review.measuring.is_up_to_date
            )
        )

    def status(self, name: str, column: str = "status") -> str:
        model = self.review.studies_panel.model
        row = model.row_of(str(self.folder / f"{name}.npy"))
        return str(model.data(model.index(row, column_of(column))))

    def mine(self) -> Revision:
        """Commit the first frame, as the reader does."""
        self.review.editing.choose("nothing")
        assert self.review.editing.begin()
        layer = self.review.layers.find("correction")
        layer.paint((0, 20, 20), LV)
        self.review.editing.commit()
        self.until(lambda: bool(self.session.corrections.revisions) and not self.review.jobs.busy)
        self.review.leaving.discard()
        self.review.editing.choose("")
        self.idle()
        return self.session.corrections.revisions[-1]


@pytest.fixture
def others(
    dock: Callable[[Session], Reviewed],
    make_session: Callable[..., Session],
    qtbot: QtBot,
    tmp_path: Path,
    clip: EchoClip,
    monkeypatch: pytest.MonkeyPatch,
) -> Others:
    monkeypatch.setenv("NAPARI_ECHO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(watching, "EVERY_S", 0.05)
    monkeypatch.setattr(watching, "MOST_S", 0.05)
    folder = tmp_path / "clips"
    folder.mkdir()
    for place, name in enumerate(("one", "three", "two")):
        np.save(folder / f"{name}.npy", clip.frames + np.uint8(place))
    _, review = dock(make_session())
    review.viewer.window._qt_window.show()
    return Others(review, qtbot, folder)


def test_what_others_commit_comes_into_the_table(others: Others) -> None:
    others.open()
    assert others.status("two") == "unreviewed"
    # The clips that are listed are known by their ids once they were opened.
    others.review.studying.step(1)
    others.idle()
    others.review.studying.step(-1)
    others.idle()
    others.commit("ben", "three", status="second reader")
    others.until(lambda: others.status("three") == "2nd reader")
    assert others.status("three", "reader") == "ben"
    model = others.review.studies_panel.model
    assert others.review.studies_panel.progress.full_text().startswith("3 clips · 1 reviewed")
    others.commit("cleo", "three", status="accepted")
    others.until(lambda: others.status("three") == "accepted")
    assert others.status("three", "reader") == "cleo, ben"
    assert model.rowCount() == 3
    assert (others.told, others.refused) == ([], [])


def test_an_order_by_status_follows_others_and_other_orders_stand(others: Others) -> None:
    others.open()
    panel = others.review.studies_panel
    orders: list[object] = []
    others.session.studies.order_changed.connect(lambda: orders.append(None))
    others.commit("ben", "one")
    others.until(lambda: others.status("one") == "corrected")
    others.idle()
    assert orders == []
    panel.search.setText("unrev")
    others.until(lambda: panel.model.rowCount() == 2)
    others.review.studying.open(str(others.folder / "two.npy"))
    others.idle()
    others.commit("ben", "two", status="rejected")
    others.until(lambda: panel.model.rowCount() == 1)


def test_the_readers_own_commits_need_no_look_at_the_store(others: Others) -> None:
    others.open()
    looks: list[object] = []
    others.review.scanning.looker.progressed.connect(looks.append)
    others.mine()
    assert others.status("one") == "corrected"
    assert looks == []


def test_labels_of_the_open_clip_are_listed_and_what_is_worked_on_stays(others: Others) -> None:
    others.open()
    review, corrections = others.review, others.session.corrections
    root = others.mine()
    review.editing.begin()
    draft = corrections.draft
    assert draft is not None
    layer = review.layers.find("correction")
    layer.paint((0, 40, 40), LV)
    corrections.touch(0)
    review.correct_panel.comment.setText("apex")
    his = others.commit(
        "ben", "one", parent=root, key_frames=KeyFrames((Beat(1, 5),), "set by reader")
    )
    others.until(lambda: [head.revision_id for head in corrections.heads] == [his.revision_id])
    others.idle()
    assert others.told[-1] == (
        "ben committed frame 0 of this clip meanwhile. Your correction stays as it is. Its commit "
        "will stand beside that, as a fork to be resolved."
    )
    assert others.told[-1] in review.status_panel.message.full_text()
    assert corrections.draft is draft
    assert corrections.uncommitted == (0,)
    assert layer.data[0, 40, 40] == LV
    assert review.correct_panel.comment.text() == "apex"
    assert others.session.key_frames is not None
    assert others.session.key_frames.origin == "detected"
    panel = review.correct_panel
    assert panel.start_from.findData(f"correction {root.revision_id}") >= 0

    panel.commit.click()
    others.until(lambda: len(corrections.fork) == 2)
    others.idle()
    assert panel.fork.isVisibleTo(review)
    assert corrections.revisions[-1].comment == "apex"
    assert corrections.revisions[-1].parent == root.revision_id
    assert panel.comment.text() == ""
    assert len(corrections.revisions) == 3
    assert others.refused == []


def test_others_labels_are_not_accepted_unseen(others: Others) -> None:
    others.open()
    review, session = others.review, others.session
    review.verbs.predict()
    others.until(lambda: session.prediction is not None)
    others.idle()
    assert review.correct_panel.start_from.currentData() == "prediction"
    others.commit("ben", "one")
    others.until(lambda: len(session.corrections.revisions) == 1)
    choice = review.editing.choice()
    assert choice is not None
    assert choice.start == "prediction"
    assert review.correct_panel.start_from.currentData() == "prediction"
    assert others.told[-1] == "ben committed frame 0 of this clip meanwhile."
    # Who opens the clip anew starts from what was committed.
    review.studying.step(1)
    others.idle()
    review.studying.step(-1)
    others.idle()
    choice = review.editing.choice()
    assert choice is not None
    assert choice.start == "correction"


def test_the_start_that_others_go_on_from_stays_chosen(others: Others) -> None:
    others.open()
    review = others.review
    root = others.mine()
    others.commit("ben", "one", parent=root)
    others.until(lambda: len(others.session.corrections.revisions) == 2)
    choice = review.editing.choice()
    assert choice is not None
    assert choice.revision is not None
    assert choice.revision.revision_id == root.revision_id
    text = review.correct_panel.start_from.currentText()
    assert "reader" in text
    assert "ben" not in text


def test_who_reads_blind_is_told_nothing(others: Others) -> None:
    others.open()
    others.review.readers.read_blind(True)
    others.commit("ben", "one")
    others.until(lambda: len(others.session.corrections.every_revision) == 1)
    others.idle()
    assert others.session.hidden
    assert others.session.corrections.revisions == ()
    assert others.status("one") == ""
    others.review.studies_panel.refresh()
    assert "reviewed" not in others.review.studies_panel.progress.full_text()
    assert not any("ben" in sentence for sentence in others.told)


def test_a_blind_reader_sees_his_own_verdicts_and_none_while_he_draws(others: Others) -> None:
    still = KeyFrames((Beat(0, 0),), "traced")
    others.commit("reader", "one", status="second reader", key_frames=still)
    others.commit("ben", "one", status="rejected")
    others.commit("ben", "two", status="accepted")
    others.open()
    for _ in range(2):  # that their ids are known
        others.review.studying.step(1)
        others.idle()
    panel = others.review.studies_panel
    names = ("one", "three", "two")
    assert [others.status(name) for name in names] == ["rejected", "unreviewed", "accepted"]
    others.review.readers.read_blind(True)
    panel.search.setText("rejec")
    others.until(lambda: panel.model.rowCount() == 0)  # what others said cannot be searched
    panel.search.setText("")
    others.until(lambda: panel.model.rowCount() == 3)
    assert others.session.hidden
    assert [others.status(name) for name in names] == ["", "", ""]
    panel.refresh()
    assert panel.progress.full_text().startswith("3 clips · 0 scanned")
    others.review.studying.open("one.npy")
    others.idle()
    assert not others.session.hidden
    assert [others.status(name) for name in names] == ["2nd reader", "unreviewed", "unreviewed"]
    panel.refresh()
    assert panel.progress.full_text().startswith("3 clips · 1 read by you")
    others.review.correct_panel.reader.setText("ben")
    others.review.correct_panel.reader.editingFinished.emit()
    others.until(lambda: others.session.hidden)
    others.review.readers.read_blind(False)
    assert [others.status(name) for name in names] == ["rejected", "unreviewed", "accepted"]


def test_a_store_that_vanishes_is_told_of_once_and_followed_when_it_is_back(
    others: Others, tmp_path: Path
) -> None:
    others.open()
    others.commit("ben", "one")
    others.until(lambda: others.status("one") == "corrected")
    others.told.clear()
    others.path.rename(tmp_path / "away")
    others.until(lambda: bool(others.told))
    for _ in range(2):
        others.idle()
    (sentence,) = others.told
    assert "is gone" in sentence
    assert others.refused == []
    assert others.status("one") == "corrected"
    (tmp_path / "away").rename(others.path)
    others.commit("ben", "one", status="rejected")
    others.until(lambda: others.status("one") == "rejected")


def test_another_store_is_watched_from_then_on(others: Others, tmp_path: Path) -> None:
    others.open()
    others.review.verbs.use_store(LabelStore(tmp_path / "other"))
    others.idle()
    others.commit("ben", "one")
    others.until(lambda: others.status("one") == "corrected")
    assert others.path == tmp_path / "other"


def test_the_watch_ends_with_the_window(others: Others) -> None:
    watch = others.review.scanning.watching
    assert watch._timer.isActive()
    others.review.viewer.window.remove_dock_widget(others.review)
    QApplication.processEvents()
    assert not watch._timer.isActive()
    assert not watch.jobs.busy


COMMIT = """
import sys
from dataclasses import replace
from pathlib import Path
from napari_echo.io.store import LabelStore
from napari_echo.io.store_files import read_revision
revision, _ = read_revision(Path(sys.argv[1]))
LabelStore(Path(sys.argv[2])).commit(replace(revision, reader="ben"))
"""


def test_another_process_is_noticed_within_ten_seconds(
    dock: Callable[[Session], Reviewed],
    make_session: Callable[..., Session],
    qtbot: QtBot,
    tmp_path: Path,
    clip: EchoClip,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NAPARI_ECHO_CACHE", str(tmp_path / "cache"))
    np.save(tmp_path / "one.npy", clip.frames)
    _, review = dock(make_session())
    others = Others(review, qtbot, tmp_path)
    review.studying.open_paths([tmp_path / "one.npy"])
    others.until(lambda: review.session.clip is not None and not review.jobs.busy)
    made = others.commit("ben", "one")
    apart = tmp_path / "apart" / f"{made.revision_id}.tif"
    apart.parent.mkdir()
    (others.path / apart.name).rename(apart)
    subprocess.run([sys.executable, "-c", COMMIT, str(apart), str(others.path)], check=True)
    begun = time.monotonic()
    others.until(lambda: others.status("one", "reader") == "ben")
    assert time.monotonic() - begun < 10
    assert review.session.corrections.revisions[0].reader == "ben"
