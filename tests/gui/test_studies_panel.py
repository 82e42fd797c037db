"""The table of studies in the real window: listed, scanned, queued and opened."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import napari
import nibabel as nib
import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import Segmentation
from napari_echo.core.params import PredictParams
from napari_echo.gui.panels.studies_model import column_of
from napari_echo.gui.review import STUDIES_DOCK, EchoReview
from napari_echo.io.clipset import write_clipset
from napari_echo.io.labelled import LabelledClip
from napari_echo.ml.packs import ModelPack
from napari_echo.workflow.session import Session
from napari_echo.workflow.studies import OpenedClip, StudyItem
from napari_echo.workflow.study_list import item_of_file

PATIENCE_MS = 20_000
NAMES = ["beat2", "beat10", "beat1", "other"]
Reviewed = tuple[napari.Viewer, EchoReview]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAPARI_ECHO_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path, clip: EchoClip) -> Path:
    """Four clips of different brightness."""
    root = tmp_path / "clips"
    root.mkdir()
    for place, name in enumerate(sorted(NAMES)):
        np.save(root / f"{name}.npy", clip.frames + np.uint8(place))
    return root


@pytest.fixture
def reviewed(dock: Callable[[Session], Reviewed], session: Session) -> Reviewed:
    viewer, review = dock(session)
    viewer.window._qt_window.show()
    return viewer, review


@pytest.fixture
def sentences() -> Iterator[list[str]]:
    heard: list[str] = []

    def hear(notification: object) -> None:
        heard.append(str(getattr(notification, "message", notification)))

    notification_manager.notification_ready.connect(hear)
    yield heard
    notification_manager.notification_ready.disconnect(hear)


@pytest.fixture
def idle(qtbot: QtBot) -> Callable[[EchoReview], None]:
    def wait(review: EchoReview) -> None:
        scanning = review.scanning
        runners = (
            review.jobs, review.studying.ahead, scanning.scanner, scanning.looker,
            scanning.drawer, scanning.noter,
        )  # fmt: skip

        def quiet() -> bool:
            return not any(r.busy for r in runners) and not scanning._settle.isActive()

        qtbot.waitUntil(quiet, timeout=PATIENCE_MS)
        qtbot.wait(50)
        qtbot.waitUntil(quiet, timeout=PATIENCE_MS)

    return wait


def listed(review: EchoReview) -> list[str]:
    model = review.studies_panel.model
    rows = range(model.rowCount())
    return [str(model.data(model.index(row, 0))).removesuffix(".npy") for row in rows]


def column(review: EchoReview, name: str) -> list[str]:
    model = review.studies_panel.model
    return [str(model.data(model.index(r, column_of(name)))) for r in range(model.rowCount())]


def opened(review: EchoReview) -> str:
    clip = review.session.clip
    return clip.name.removesuffix(".npy") if clip is not None else ""


def test_a_folder_is_listed_sorted_filtered_and_gone_through(
    reviewed: Reviewed, idle: Callable[[EchoReview], None], qtbot: QtBot, folder: Path
) -> None:
    _, review = reviewed
    panel = review.studies_panel
    review.studying.open_paths([folder])
    idle(review)
    assert review.bottom.is_on_top(STUDIES_DOCK)
    assert listed(review) == sorted(NAMES)
    assert opened(review) == "beat1"

    heads = panel.table.heads
    qtbot.mouseClick(
        heads.viewport(),
        Qt.MouseButton.LeftButton,
        pos=heads.viewport().rect().topLeft().__class__(heads.sectionPosition(0) + 20, 5),
    )
    assert listed(review) == ["beat1", "beat2", "beat10", "other"]  # numbers by their size
    review.studying.step(1)
    idle(review)
    assert opened(review) == "beat2"

    panel.search.setText("beat1")
    qtbot.waitUntil(lambda: panel.model.rowCount() == 2, timeout=PATIENCE_MS)
    review.studying.step(1)
    idle(review)
    assert opened(review) == "beat10"
    told: list[str] = []
    review.verbs.told.connect(told.append)
    review.studying.step(1)
    assert told == ["There is no clip after this one in the list as it is sorted and filtered."]

    panel.search.setText("nothing")
    qtbot.waitUntil(lambda: panel.model.rowCount() == 0, timeout=PATIENCE_MS)
    assert panel.empty.text() == "None of the 4 clips passes the filter."
    panel.show_all.click()
    assert len(listed(review)) == 4


def test_enter_and_a_double_click_open_a_row(
    reviewed: Reviewed, idle: Callable[[EchoReview], None], qtbot: QtBot, folder: Path
) -> None:
    _, review = reviewed
    table = review.studies_panel.table
    review.studying.open_paths([folder])
    idle(review)
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_Down)
    assert table.currentIndex().row() == 1
    qtbot.keyClick(table, Qt.Key.Key_Return)
    idle(review)
    assert opened(review) == "beat10"
    place = table.visualRect(table.model().index(2, 1)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    idle(review)
    assert opened(review) == "beat2"


def test_a_scan_fills_the_table_and_ranks_it(
    reviewed: Reviewed,
    idle: Callable[[EchoReview], None],
    tmp_path: Path,
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
) -> None:
    _, review = reviewed
    panel = review.studies_panel

    def labelled(place: int) -> LabelledClip:
        frames = clip.frames + np.uint8(place * 15)  # the cavity gets harder to tell
        other = EchoClip.from_frames(frames, fps=20, spacing_mm=(0.8, 0.8), study_id=f"s{place}")
        return LabelledClip(other, truth, key_frames, "train", 0.4)

    root = write_clipset(tmp_path / "set", map(labelled, (2, 0, 1)))
    review.studying.open_paths([root])
    idle(review)
    assert column(review, "true_ef") == ["40%"] * 3
    assert column(review, "ef") == ["", "", ""]
    assert panel.scan.text() == "Scan all"
    panel.set_queue("disagreement")
    assert panel.summary.full_text() == "Nothing is ranked yet: press Scan."
    panel.scan.click()
    idle(review)
    assert panel.summary.full_text().startswith("One model alone")
    panel.set_queue("list")
    assert all(text.endswith("%") for text in column(review, "ef"))
    assert all(float(text) > 0.7 for text in column(review, "dice_ed"))
    assert not panel.scan.isEnabled()
    assert "seen every clip" in panel.scan.toolTip()

    panel.queue.setCurrentIndex(panel.queue.findData("hardness"))
    panel.queue.activated.emit(panel.queue.currentIndex())
    ranks = [float(text) for text in column(review, "worth")]
    assert ranks == sorted(ranks, reverse=True)
    assert "unsure of its borders" in column(review, "why")[0]
    review.studying.step(1)
    idle(review)
    first = panel.model.item(0)
    at = review.session.studies.current
    assert at is first or panel.model.item(1) is at  # the first, unless it was open already

    # A reader who has another window of the same clips need not scan again.
    review.studying.open_paths([root])
    idle(review)
    assert all(text.endswith("%") for text in column(review, "ef"))


def test_what_the_reader_runs_is_known_to_the_table_and_what_he_commits_too(
    reviewed: Reviewed, idle: Callable[[EchoReview], None], folder: Path, pack: ModelPack
) -> None:
    _, review = reviewed
    review.studying.open_paths([folder])
    idle(review)
    review.verbs.predict()
    idle(review)
    current = review.session.studies.current
    assert current is not None
    assert review.studying.facts.get(current.key, pack.id) is not None
    review.editing.choose("prediction")
    review.editing.begin()
    review.session.corrections.accept(0)
    review.verbs.commit("anna", "fine")
    idle(review)
    row = listed(review).index("beat1")
    assert column(review, "status")[row] == "accepted"
    assert column(review, "reader")[row] == "anna"
    panel = review.studies_panel
    panel.status.setCurrentIndex(panel.status.findData("unreviewed"))
    assert listed(review) == ["beat10", "beat2", "other"]
    review.studying.step(1)
    idle(review)
    assert opened(review) == "beat10"


def test_a_verdict_comes_to_the_table_without_another_look_at_the_store(
    reviewed: Reviewed, idle: Callable[[EchoReview], None], folder: Path, qtbot: QtBot
) -> None:
    _, review = reviewed
    review.studying.open_paths([folder])
    idle(review)
    looks: list[object] = []
    review.scanning.looker.progressed.connect(looks.append)
    review.editing.reader, review.editing.comment = "anna", "cut off"
    review.editing.give("rejected")
    idle(review)
    assert opened(review) == "beat10"
    row = listed(review).index("beat1")
    texts = [column(review, name)[row] for name in ("status", "reader", "comment")]
    assert texts == ["rejected", "anna", "cut off"]
    assert looks == []
    review.session.corrections.others_committed.emit()
    idle(review)
    assert looks
    assert [column(review, name)[row] for name in ("status", "reader", "comment")] == texts


def test_what_a_model_says_with_other_settings_is_not_shown(
    reviewed: Reviewed, idle: Callable[[EchoReview], None], folder: Path
) -> None:
    _, review = reviewed
    session = review.session
    review.studying.open_paths([folder])
    idle(review)
    review.verbs.predict()
    idle(review)
    row = listed(review).index("beat1")
    shown = column(review, "ef")[row]
    assert shown
    session.set_predict_params(PredictParams(mirror=True))
    idle(review)
    assert column(review, "ef")[row] == ""
    assert (session.predictions, session.predictors) == ({}, {})
    assert review.scanning.left_to_scan() == len(NAMES)
    review.verbs.predict()
    idle(review)
    assert column(review, "ef")[row] == shown  # the model of these tests knows no mirror
    session.set_predict_params(PredictParams(batch=2))
    assert review.scanning.left_to_scan() == len(NAMES) - 1
    session.set_predict_params(PredictParams(batch=7))
    assert session.prediction is None
    assert column(review, "ef")[row] == shown


def test_a_damaged_clip_in_the_middle_is_passed_over_with_a_sentence(
    reviewed: Reviewed,
    idle: Callable[[EchoReview], None],
    folder: Path,
    sentences: list[str],
) -> None:
    _, review = reviewed
    (folder / "beat10.npy").write_bytes(b"\x93NUMPY nothing")
    review.studying.open_paths([folder])
    idle(review)
    assert opened(review) == "beat1"
    row = listed(review).index("beat10")
    assert "beat10.npy" in column(review, "why")[row]  # found out ahead
    told: list[str] = []
    review.verbs.told.connect(told.append)
    review.studying.step(1)
    idle(review)
    assert opened(review) == "beat2"
    assert any(sentence.startswith("Passed over beat10.npy") for sentence in told)
    review.studying.open(str(folder / "beat10.npy"))
    idle(review)
    assert opened(review) == "beat2"
    assert any("beat10.npy" in sentence for sentence in sentences)


def test_damaged_clips_at_the_head_of_a_folder_are_told_of_once(
    reviewed: Reviewed,
    idle: Callable[[EchoReview], None],
    folder: Path,
    sentences: list[str],
) -> None:
    _, review = reviewed
    for name in ("beat1", "beat10", "beat2"):
        (folder / f"{name}.npy").write_bytes(b"\x93NUMPY nothing")
    review.studying.open_paths([folder])
    idle(review)
    assert opened(review) == "other"
    (sentence,) = sentences
    assert sentence.startswith("Passed over 3 clips that cannot be read, beat1.npy first: ")
    assert "beat1.npy is damaged" in sentence
    assert review.status_panel.message.full_text() == sentence
    assert [bool(why) for why in column(review, "why")] == [True, True, True, False]


def test_damaged_clips_on_the_way_to_the_next_are_told_of_once(
    reviewed: Reviewed,
    idle: Callable[[EchoReview], None],
    folder: Path,
    clip: EchoClip,
    sentences: list[str],
) -> None:
    _, review = reviewed
    late = [folder / f"late{number}.npy" for number in range(6)]
    for number, path in enumerate(late):
        np.save(path, clip.frames[:3] + np.uint8(number))
    review.studying.open_paths([folder])
    idle(review)
    review.studying.open("beat2.npy")
    idle(review)
    told: list[str] = []
    review.verbs.told.connect(told.append)
    for path in late[:3]:  # the first two were read ahead before
        path.write_bytes(b"\x93NUMPY nothing")
    review.studying.step(1)
    idle(review)
    assert opened(review) == "late3"
    (sentence,) = [*sentences, *told]
    assert sentence.startswith("Passed over 3 clips that cannot be read, late0.npy first: ")

    # Where none is left, that is said in the same breath.
    sentences.clear()
    for path in (*late[4:], folder / "other.npy"):
        path.write_bytes(b"\x93NUMPY nothing")
    review.studying.step(1)
    idle(review)
    assert opened(review) == "late3"
    (sentence,) = [*sentences, *told]
    assert sentence.startswith("None of the 3 clips can be read, late4.npy first: ")
    assert sentence.endswith("in the list as it is sorted and filtered.")
    assert len(review.session.studies.problems) == 6


def test_where_nothing_can_be_read_one_sentence_is_told_and_the_list_stays(
    reviewed: Reviewed,
    idle: Callable[[EchoReview], None],
    folder: Path,
    tmp_path: Path,
    sentences: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, review = reviewed
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for name in NAMES:
        (damaged / f"{name}.npy").write_bytes(b"\x93NUMPY nothing")
    review.studying.open_paths([damaged])
    idle(review)
    assert (opened(review), listed(review)) == ("", [])
    assert sentences.pop().startswith("None of the 4 clips can be read, beat1.npy first: ")
    review.studying.open_paths([folder])
    idle(review)
    before, clip = listed(review), review.session.clip
    (tmp_path / "notes.txt").write_text("To do: lunch.")
    chosen = [str(tmp_path / "notes.txt")]
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: (chosen, ""))
    review.clip_panel.ask()
    idle(review)
    (sentence,) = sentences
    assert "notes.txt" in sentence
    assert listed(review) == before
    assert review.session.clip is clip
    assert review.session.studies.roots == (folder,)
    assert review.session.studies.problems == {}


def test_a_single_file_has_its_true_ef(
    reviewed: Reviewed,
    idle: Callable[[EchoReview], None],
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
    tmp_path: Path,
) -> None:
    _, review = reviewed
    item = LabelledClip(clip, truth, key_frames, "val", None)
    root = write_clipset(tmp_path / "set", [item])
    (file,) = root.rglob("*.frames.npy")
    review.studying.open_paths([file])
    idle(review)
    assert review.session.key_frames == key_frames
    (measured,) = column(review, "true_ef")
    assert measured == f"{100 * review.session.measures['truth'].ef:.0f}%"
    # Beside a file that says no more than its masks, ED and ES are found in them.
    image, mask = tmp_path / "clip.nii.gz", tmp_path / "clip_gt.nii.gz"
    nib.save(nib.Nifti1Image(clip.frames.transpose(2, 1, 0), np.eye(4)), image)
    nib.save(nib.Nifti1Image(truth.labels.transpose(2, 1, 0), np.eye(4)), mask)
    review.studying.open_paths([image])
    idle(review)
    assert review.session.truth is not None
    assert column(review, "true_ef") == [measured]


def test_a_folder_that_vanishes_and_an_empty_one_leave_the_clip(
    reviewed: Reviewed,
    idle: Callable[[EchoReview], None],
    folder: Path,
    tmp_path: Path,
    sentences: list[str],
) -> None:
    _, review = reviewed
    review.studying.open_paths([folder])
    idle(review)
    folder.rename(tmp_path / "away")
    review.studying.step(1)
    idle(review)
    assert opened(review) == "beat1"
    assert any("does not exist" in sentence for sentence in sentences)
    empty = tmp_path / "empty"
    empty.mkdir()
    review.studying.open_paths([empty])
    idle(review)
    assert "holds no clip" in sentences[-1]
    assert opened(review) == "beat1"
    assert len(review.session.studies) == 4


class Slow:
    """Two clips, the second of which is decoded no sooner than it is let go."""

    def __init__(self, folder: Path) -> None:
        self.free, self.begun = threading.Event(), threading.Event()
        self.decoded: list[str] = []
        first, second = (item_of_file(folder / f"{name}.npy") for name in ("beat1", "beat2"))
        self.items = [first, replace(second, read=lambda: self._read(second))]

    def _read(self, item: StudyItem) -> OpenedClip:
        self.begun.set()
        assert self.free.wait(PATIENCE_MS / 1000)
        self.decoded.append(item.name)
        return item.read()


@pytest.fixture
def slow(reviewed: Reviewed, idle: Callable[[EchoReview], None], folder: Path) -> Iterator[Slow]:
    """The first clip is open, and the second one is being read ahead."""
    _, review = reviewed
    clips = Slow(folder)
    review.session.studies.set_items(clips.items, [folder])
    review.studying.open(clips.items[0].key)
    yield clips
    clips.free.set()
    idle(review)


def test_a_clip_that_is_being_read_ahead_is_not_decoded_twice(
    reviewed: Reviewed, slow: Slow, idle: Callable[[EchoReview], None], qtbot: QtBot
) -> None:
    _, review = reviewed
    qtbot.waitUntil(slow.begun.is_set, timeout=PATIENCE_MS)
    review.studying.step(1)
    qtbot.wait(150)
    assert review.jobs.title == "Loading"
    assert opened(review) == "beat1"
    slow.free.set()
    qtbot.waitUntil(lambda: opened(review) == "beat2", timeout=PATIENCE_MS)
    idle(review)
    assert slow.decoded == ["beat2.npy"]


def test_not_to_wait_for_a_clip_leaves_it_to_be_read_ahead(
    reviewed: Reviewed, slow: Slow, idle: Callable[[EchoReview], None], qtbot: QtBot
) -> None:
    _, review = reviewed
    qtbot.waitUntil(slow.begun.is_set, timeout=PATIENCE_MS)
    review.studying.step(1)
    review.jobs.cancel()
    qtbot.waitUntil(lambda: not review.jobs.busy, timeout=PATIENCE_MS)
    assert opened(review) == "beat1"
    slow.free.set()
    idle(review)
    review.studying.step(1)
    assert opened(review) == "beat2"
    assert slow.decoded == ["beat2.npy"]


def test_neighbours_are_decoded_ahead_and_opened_at_once(
    reviewed: Reviewed, idle: Callable[[EchoReview], None], folder: Path
) -> None:
    _, review = reviewed
    review.studying.open_paths([folder])
    idle(review)
    ahead = [name for name in sorted(NAMES) if str(folder / f"{name}.npy") in review.studying.cache]
    assert ahead == ["beat1", "beat10", "beat2"]
    review.studying.step(1)
    assert opened(review) == "beat10"  # before the event loop ran


def test_next_waits_for_no_job_about_the_clip_that_is_left(
    dock: Callable[[Session], Reviewed],
    make_session: Callable[..., Session],
    idle: Callable[[EchoReview], None],
    folder: Path,
) -> None:
    _, review = dock(make_session())
    review.studying.open_paths([folder])
    idle(review)
    review.verbs.predict()
    review.studying.step(1)
    idle(review)
    assert opened(review) == "beat10"
    assert review.session.predictions == {}


def test_a_scan_can_be_stopped_and_goes_on_where_it_was(
    reviewed: Reviewed, idle: Callable[[EchoReview], None], qtbot: QtBot, folder: Path
) -> None:
    _, review = reviewed
    review.studying.open_paths([folder])
    idle(review)
    scanning, panel = review.scanning, review.studies_panel
    pack = review.session.ticked[0]
    panel.scan.click()
    qtbot.waitUntil(lambda: len(scanning.facts.seen_by(pack.id)) > 0, timeout=PATIENCE_MS)
    panel.scan.click()
    idle(review)
    seen = set(scanning.facts.seen_by(pack.id))
    if len(seen) < len(NAMES):  # a fast machine may have ended it
        assert panel.scan.text() == f"Scan {len(NAMES) - len(seen)}"
        panel.scan.click()
        idle(review)
    assert set(scanning.facts.seen_by(pack.id)) == set(review.session.studies.keys)


def test_the_table_begins_as_it_was_left(
    dock: Callable[[Session], Reviewed],
    make_session: Callable[..., Session],
    idle: Callable[[EchoReview], None],
    qtbot: QtBot,
    folder: Path,
) -> None:
    viewer, review = dock(make_session())
    panel = review.studies_panel
    panel.queue.setCurrentIndex(panel.queue.findData("time"))
    panel.queue.activated.emit(panel.queue.currentIndex())
    panel.table.sortByColumn(column_of("comment"), Qt.SortOrder.DescendingOrder)
    panel.search.setText("beat")
    panel.order.take_filter()
    panel.table.setColumnWidth(0, 123)
    qtbot.waitUntil(lambda: not panel.order._keep_timer.isActive(), timeout=PATIENCE_MS)
    viewer.window.remove_dock_widget(review)
    QApplication.processEvents()

    viewer, again = dock(make_session())
    viewer.window._qt_window.show()
    panel = again.studies_panel
    assert panel.queue.currentData() == "time"
    assert (panel.rows.sort, panel.rows.descending) == ("comment", True)
    assert panel.table.columnWidth(0) == 123
    again.studying.open_paths([folder])
    idle(again)
    assert set(listed(again)) == {"beat1", "beat10", "beat2"}
    assert "3/4 clips" in panel.progress.full_text()


def test_pictures_are_made_of_the_rows_in_view_alone(
    reviewed: Reviewed,
    idle: Callable[[EchoReview], None],
    qtbot: QtBot,
    tmp_path: Path,
    clip: EchoClip,
) -> None:
    _, review = reviewed
    root = tmp_path / "many"
    root.mkdir()
    for number in range(60):
        np.save(root / f"{number:02d}.npy", clip.frames[:2])
    review.studying.open_paths([root])
    idle(review)
    model = review.studies_panel.model
    drawn = [key for key in model.keys if model._pictures.get(key) is not None]
    assert 0 < len(drawn) < 40
    review.studies_panel.table.scrollToBottom()
    QApplication.processEvents()
    last = model.keys[-1]
    qtbot.waitUntil(lambda: model._pictures.get(last) is not None, timeout=PATIENCE_MS)


def test_a_clip_opens_at_a_frame_by_its_name(
    reviewed: Reviewed, idle: Callable[[EchoReview], None], folder: Path, sentences: list[str]
) -> None:
    _, review = reviewed
    review.studying.open_paths([folder])
    idle(review)
    review.studying.open("other.npy", 5)
    idle(review)
    assert (opened(review), review.layers.frame) == ("other", 5)
    review.studying.open("nobody")
    assert sentences == ["There is no clip nobody in the list: open its folder first."]
    first = review.session.studies.items[0]
    review.session.studies.set_items([replace(first, key="damaged", problem="It is damaged.")])
    review.studying.open("damaged")
    idle(review)
    assert sentences[-1] == "It is damaged."
