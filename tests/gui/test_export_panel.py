"""The Export section: its dialogs, what is exported and imported, and what was left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import napari
import numpy as np
import pytest
import tifffile
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QComboBox, QFileDialog, QPlainTextEdit

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import LV_SCHEMA, Segmentation
from napari_echo.core.revision import Base, Revision, Status
from napari_echo.gui.exporting import ExportChoice, ImportChoice
from napari_echo.gui.panels.export_dialog import ExportDialog
from napari_echo.gui.panels.import_dialog import ImportDialog
from napari_echo.gui.review import EchoReview
from napari_echo.gui.workers import Progress
from napari_echo.io.load import load
from napari_echo.io.store import LabelStore
from napari_echo.workflow.correct import correct
from napari_echo.workflow.session import Session

PATIENCE_MS = 20_000


@pytest.fixture
def store(session: Session) -> LabelStore:
    assert session.corrections.store is not None
    return session.corrections.store


@pytest.fixture
def review(
    make_napari_viewer: Callable[..., napari.Viewer],
    session: Session,
    store: LabelStore,
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
    qtbot: QtBot,
) -> EchoReview:
    """A review of a clip whose store has a revision of ED and ES, and a rejected one."""
    commit(store, clip, truth, key_frames, (0, 6))
    commit(store, clip, truth, key_frames, (3,), "rejected")
    viewer = make_napari_viewer()
    review = EchoReview(viewer, session)
    viewer.window.add_dock_widget(review, name="Echo review", area="right")
    review.verbs.adopt(replace(clip, view="A4C"))
    wait(review, qtbot)
    assert len(session.corrections.all_revisions()) == 2
    return review


def commit(
    store: LabelStore,
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
    frames: tuple[int, ...],
    status: Status = "corrected",
    parent: str | None = None,
) -> Revision:
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
        parent=parent,
    )
    store.commit(revision)
    return revision


def save_clip(clip: EchoClip, path: Path, shift: int) -> EchoClip:
    """A clip of other pixels, in a file."""
    path.parent.mkdir(exist_ok=True)
    tifffile.imwrite(path, np.roll(clip.frames, shift, axis=2), photometric="minisblack")
    return load(path)


def wait(review: EchoReview, qtbot: QtBot) -> None:
    qtbot.waitUntil(
        lambda: not (review.jobs.busy or review.verbs.later.holding), timeout=PATIENCE_MS
    )


def choose(box: QComboBox, value: str) -> None:
    place = box.findData(value)
    assert place >= 0
    box.setCurrentIndex(place)


def open_export(review: EchoReview) -> ExportDialog:
    before = review.findChildren(ExportDialog)
    review.export_panel.action.click()
    (dialog,) = (found for found in review.findChildren(ExportDialog) if found not in before)
    return dialog


def open_import(review: EchoReview) -> ImportDialog:
    review.export_panel.bring_in.click()
    return review.findChildren(ImportDialog)[-1]


def test_a_format_is_chosen_and_what_is_left_out_is_told(
    review: EchoReview, qtbot: QtBot, tmp_path: Path
) -> None:
    dialog = open_export(review)
    assert dialog.what.currentData() == "session"
    assert dialog.format.count() == 7
    choose(dialog.format, "camus")
    assert "ED and ES" in dialog.format.toolTip()
    out = tmp_path / "camus"
    dialog.out.edit.setText(str(out))
    dialog.ok.click()
    wait(review, qtbot)
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["format"] == "camus"
    assert [left["kind"] for left in manifest["left_out"]] == ["rejected"]
    panel = review.export_panel
    assert str(out) in panel.where.full_text()
    assert "1 frame rejected" in panel.where.full_text()
    assert "Its reader rejected it." in panel.where.toolTip()
    message = review.status_panel.message.full_text()
    assert "2 frames of 1 clip" in message
    assert "Left out: 1 frame rejected." in message
    panel.why.click()
    (text,) = panel.findChildren(QPlainTextEdit)
    assert "beating, frame 3 (revision" in text.toPlainText()
    assert "Its reader rejected it." in text.toPlainText()


def test_ok_says_why_it_cannot_be_pressed(review: EchoReview, qtbot: QtBot, tmp_path: Path) -> None:
    dialog = open_export(review)

    def refusal() -> str:
        assert not dialog.ok.isEnabled()
        assert dialog.ok.toolTip() == dialog.why.text()
        return dialog.why.text()

    assert refusal() == "Choose the new folder."
    dialog.out.edit.setText("somewhere")
    assert "all its path" in refusal()
    dialog.out.edit.setText(str(tmp_path))
    assert "exists already" in refusal()
    dialog.out.edit.setText(str(tmp_path / "none" / "set"))
    assert f"no folder {tmp_path / 'none'}" in refusal()
    dialog.out.edit.setText(str(tmp_path / "set"))
    dialog.split_file.edit.setText(str(tmp_path / "splits.csv"))
    assert "There is no split file" in refusal()
    dialog.split_file.edit.clear()
    dialog.splits_from.add([tmp_path])
    assert refusal().startswith(f"{tmp_path} says nothing of splits: it has none of manifest.json")
    dialog.splits_from.list.selectAll()
    dialog.splits_from.drop.click()
    dialog.splits_from.add([tmp_path / "nowhere"])
    assert refusal() == f"There is no folder {tmp_path / 'nowhere'}."
    dialog.splits_from.list.selectAll()
    dialog.splits_from.drop.click()
    assert dialog.ok.isEnabled()
    assert dialog.clips.isHidden()
    # The session's clip has no file, so the store's clips are nowhere.
    choose(dialog.what, "store")
    assert not dialog.clips.isHidden()
    assert "where the labelled clips lie" in refusal()
    dialog.clips.add([tmp_path])
    assert dialog.ok.isEnabled()
    dialog.clips.list.selectAll()
    dialog.clips.drop.click()
    assert "where the labelled clips lie" in refusal()


def test_an_export_that_failed_need_not_be_typed_again(
    review: EchoReview, qtbot: QtBot, tmp_path: Path
) -> None:
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    (earlier / "manifest.json").write_text("{")
    splits = tmp_path / "splits.csv"
    splits.write_text("study,split\nbeating,val\n")
    dialog = open_export(review)
    dialog.split_file.edit.setText(str(splits))
    dialog.splits_from.add([earlier])
    dialog.out.edit.setText(str(tmp_path / "set"))
    dialog.ok.click()
    wait(review, qtbot)
    assert "manifest.json is damaged" in review.status_panel.message.full_text()
    dialog = open_export(review)
    assert dialog.split_file.path() == splits
    assert dialog.splits_from.paths() == (earlier,)
    assert dialog.out.path() == tmp_path / "set"
    dialog.splits_from.list.selectAll()
    dialog.splits_from.drop.click()
    dialog.ok.click()
    wait(review, qtbot)
    assert (tmp_path / "set").is_dir()
    # What is done is not offered again.
    dialog = open_export(review)
    assert (dialog.out.path(), dialog.split_file.path()) == (None, None)


def test_before_a_commit_the_dialog_says_what_is_missing(
    dock: Callable[[Session], tuple[napari.Viewer, EchoReview]],
    session: Session,
    store: LabelStore,
    clip: EchoClip,
) -> None:
    _, review = dock(session)
    dialog = open_export(review)
    assert dialog.why.text() == "Open a clip first."
    dialog.reject()
    session.open_clip(clip)
    dialog = open_export(review)
    assert dialog.why.text() == "Commit a frame first: committed frames are what is exported."
    choose(dialog.what, "store")
    assert dialog.why.text() == f"The label store {store.path} holds no label yet."
    assert not dialog.ok.isEnabled()
    dialog.reject()
    assert not review.jobs.busy


def test_the_folder_of_the_labels_is_asked_for_where_it_is(
    review: EchoReview,
    store: LabelStore,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    answers = iter(["", str(tmp_path / "other")])

    def answer(_parent: object, _title: str, folder: str) -> str:
        asked.append(folder)
        return next(answers)

    monkeypatch.setattr(QFileDialog, "getExistingDirectory", answer)
    panel = review.export_panel
    panel.choose.click()
    assert asked == [str(store.path)]
    assert review.session.corrections.store is store
    panel.choose.click()
    wait(review, qtbot)
    assert panel.where.full_text() == "kept in the folder other"


def test_every_field_is_explained(review: EchoReview) -> None:
    for dialog in (open_export(review), open_import(review)):
        for row in range(dialog.form.rowCount()):
            for role in (dialog.form.ItemRole.LabelRole, dialog.form.ItemRole.FieldRole):
                item = dialog.form.itemAt(row, role)
                assert item.widget().toolTip()


def test_the_whole_store_is_exported_in_its_splits(
    review: EchoReview,
    store: LabelStore,
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
    qtbot: QtBot,
    tmp_path: Path,
) -> None:
    other = save_clip(clip, tmp_path / "clips" / "other.tif", 3)
    commit(store, other, truth, key_frames, (2,))
    rival = save_clip(clip, tmp_path / "clips" / "rival.tif", 5)
    parent = commit(store, rival, truth, key_frames, (1,)).revision_id
    for _ in range(2):
        commit(store, rival, truth, key_frames, (1,), parent=parent)
    gone = EchoClip.from_frames(np.roll(clip.frames, 7, axis=2), study_id="gone")
    commit(store, gone, truth, key_frames, (1,))
    (tmp_path / "clips" / "a-broken.tif").write_bytes(b"no picture")
    splits = tmp_path / "splits.csv"
    splits.write_text("study,split\nother,val\n")

    dialog = open_export(review)
    choose(dialog.what, "store")
    dialog.clips.add([tmp_path / "clips"])
    choose(dialog.format, "tiff")
    choose(dialog.split, "test")
    dialog.split_file.edit.setText(str(splits))
    dialog.out.edit.setText(str(tmp_path / "first"))
    dialog.ok.click()
    wait(review, qtbot)
    manifest = json.loads((tmp_path / "first" / "manifest.json").read_text())
    assert {c["study_id"]: c["split"] for c in manifest["clips"]} == {
        "beating": "test",
        "other": "val",
    }
    kinds = {left["kind"] for left in manifest["left_out"]}
    assert kinds == {"rejected", "fork", "no clip", "unreadable"}
    assert "of study rival has rival labels" in review.export_panel.where.toolTip()

    # What was chosen is offered again, but for paths.
    dialog = open_export(review)
    assert (dialog.what.currentData(), dialog.format.currentData()) == ("store", "tiff")
    assert dialog.split.currentData() == "test"
    assert dialog.out.path() is None
    assert dialog.clips.paths() == ()
    choose(dialog.split, "train")
    choose(dialog.fork, "latest")
    dialog.clips.add([tmp_path / "clips"])
    dialog.splits_from.add([tmp_path / "first"])
    dialog.out.edit.setText(str(tmp_path / "second"))
    dialog.ok.click()
    wait(review, qtbot)
    manifest = json.loads((tmp_path / "second" / "manifest.json").read_text())
    assert {c["study_id"]: c["split"] for c in manifest["clips"]} == {
        "beating": "test",
        "other": "val",
        "rival": "train",
    }


def test_labels_are_imported_and_the_open_clip_has_them(
    review: EchoReview, session: Session, store: LabelStore, qtbot: QtBot, tmp_path: Path
) -> None:
    review.export_panel.exchange.export(ExportChoice(tmp_path / "set", format="tiff"))
    wait(review, qtbot)
    save_clip(session.require_clip(), tmp_path / "set" / "stranger.tif", 2)

    dialog = open_import(review)
    # The session's clip has no file.
    assert dialog.where.currentData() == "beside"
    assert "Choose the labels" in dialog.why.text()
    dialog.path.edit.setText(str(tmp_path / "nowhere"))
    assert "does not exist" in dialog.why.text()
    dialog.path.edit.setText(str(tmp_path / "set"))
    assert "reader's name" in dialog.why.text()
    dialog.reader.setText("ann")
    choose(dialog.where, "session")
    assert "No clip of this session lies in a file" in dialog.why.text()
    choose(dialog.where, "elsewhere")
    assert "where the labelled clips lie" in dialog.why.text()
    choose(dialog.where, "beside")
    choose(dialog.format, "tiff")
    assert dialog.ok.isEnabled()
    dialog.ok.click()
    qtbot.waitUntil(lambda: len(session.corrections.revisions) == 3, timeout=PATIENCE_MS)
    wait(review, qtbot)
    (imported,) = (r for r in session.corrections.revisions if r.reader == "ann")
    assert imported.base.kind == "import"
    assert imported.frames == (0, 6)
    assert review.export_panel.where.full_text() == "1 imported"
    assert "1 revision of 2 frames imported" in review.status_panel.message.full_text()

    # A second time nothing is added, and another clip's labels are left out with the reason.
    choice = ImportChoice(tmp_path / "set", "tiff", "ann")
    review.export_panel.exchange.import_labels(choice)
    wait(review, qtbot)
    assert review.export_panel.where.full_text() == "1 known"
    assert len(store.rows()) == 3
    stranger = replace(choice, reader="bob", clips=(tmp_path / "set" / "stranger.tif",))
    review.export_panel.exchange.import_labels(stranger)
    wait(review, qtbot)
    assert review.export_panel.where.full_text() == "1 left out"
    assert "is not among the 1 clips" in review.export_panel.where.toolTip()
    assert not review.export_panel.why.isHidden()


def test_an_import_leaves_an_open_correction_as_it_is(
    review: EchoReview,
    session: Session,
    truth: Segmentation,
    qtbot: QtBot,
    tmp_path: Path,
) -> None:
    exchange = review.export_panel.exchange
    exchange.export(ExportChoice(tmp_path / "set", format="tiff"))
    wait(review, qtbot)
    session.set_truth(truth)
    review.editing.choose("truth")
    review.editing.begin()
    review.session.corrections.accept(8)
    assert session.corrections.uncommitted == (8,)
    exchange.import_labels(ImportChoice(tmp_path / "set", "tiff", "ann"))
    qtbot.waitUntil(lambda: len(session.corrections.revisions) == 3, timeout=PATIENCE_MS)
    wait(review, qtbot)
    assert session.corrections.uncommitted == (8,)
    assert session.corrections.waiting == ()
    review.verbs.commit("reader", "")
    qtbot.waitUntil(lambda: len(session.corrections.revisions) == 4, timeout=PATIENCE_MS)
    wait(review, qtbot)
    assert session.corrections.revisions[-1].frames == (8,)


def test_a_bad_import_is_told_in_one_sentence(
    review: EchoReview, store: LabelStore, qtbot: QtBot, tmp_path: Path
) -> None:
    told: list[str] = []
    review.verbs.refused.connect(told.append)
    save_clip(review.session.require_clip(), tmp_path / "set" / "clip.tif", 0)
    review.export_panel.exchange.import_labels(ImportChoice(tmp_path / "set", "camus", "ann"))
    wait(review, qtbot)
    (sentence,) = told
    assert str(tmp_path / "set") in sentence
    assert len(store.rows()) == 2
    assert review.export_panel.exchange.outcome is None


def many(
    store: LabelStore, clip: EchoClip, truth: Segmentation, key_frames: KeyFrames, folder: Path
) -> None:
    """Twenty labelled clips, so that there is something to cancel."""
    for n in range(1, 21):
        other = save_clip(clip, folder / f"study-{n:02}.tif", n)
        commit(store, other, truth, key_frames, (0, 6))


def test_a_cancelled_export_leaves_no_folder(
    review: EchoReview,
    store: LabelStore,
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
    qtbot: QtBot,
    tmp_path: Path,
) -> None:
    many(store, clip, truth, key_frames, tmp_path / "clips")
    folder = tmp_path / "exports"
    folder.mkdir()
    for what in ("Looking for clips", "Exporting"):
        seen: list[str] = []

        def stop(progress: Progress, what: str = what, seen: list[str] = seen) -> None:
            if progress.what == what and progress.done > 2:
                seen.append(what)
                review.jobs.cancel()

        review.jobs.progressed.connect(stop)
        review.export_panel.exchange.export(
            ExportChoice(folder / "coco", True, (tmp_path / "clips",), "coco")
        )
        wait(review, qtbot)
        review.jobs.progressed.disconnect(stop)
        assert seen
        qtbot.waitUntil(lambda: not list(folder.iterdir()), timeout=PATIENCE_MS)
        assert "cancelled" in review.status_panel.message.full_text()
        assert review.export_panel.exchange.outcome is None


def test_a_cancelled_import_tells_what_stays_and_goes_on_later(
    review: EchoReview,
    store: LabelStore,
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
    qtbot: QtBot,
    tmp_path: Path,
) -> None:
    many(store, clip, truth, key_frames, tmp_path / "clips")
    exchange = review.export_panel.exchange
    exchange.export(ExportChoice(tmp_path / "set", True, (tmp_path / "clips",), "tiff"))
    wait(review, qtbot)
    before = len(store.rows())

    def stop(progress: Progress) -> None:
        if "Importing" in progress.what:
            review.jobs.cancel()

    review.jobs.progressed.connect(stop)
    choice = ImportChoice(tmp_path / "set", "tiff", "ann")
    exchange.import_labels(choice)
    qtbot.waitUntil(lambda: exchange.outcome is not None and "stopped" in exchange.outcome.sentence)
    wait(review, qtbot)
    review.jobs.progressed.disconnect(stop)
    made = len(store.rows()) - before
    assert 0 < made < 21
    assert review.export_panel.where.full_text() == f"{made} imported"
    exchange.import_labels(choice)
    wait(review, qtbot)
    assert len(store.rows()) - before == 21
    assert review.export_panel.where.full_text() == f"{21 - made} imported, {made} known"
