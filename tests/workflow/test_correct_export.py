"""From paint to a clip data set, through the label store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_echo import __version__
from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA, IGNORE, LV_SCHEMA
from napari_echo.core.revision import Base, Revision
from napari_echo.io.clipset import open_clipset
from napari_echo.io.store import LabelStore
from napari_echo.workflow.correct import correct
from napari_echo.workflow.export import export_clipset

KEY_FRAMES = KeyFrames((Beat(0, 6),), "set by reader")


def painted(clip: EchoClip, value: int = 1) -> NDArray[np.uint8]:
    return ((clip.frames > 127) * value).astype(np.uint8)


def commit(clip: EchoClip, frames: tuple[int, ...], value: int = 1, **changes: Any) -> Revision:
    arguments: dict[str, Any] = {
        "reader": "A. Reader",
        "started": datetime.now(UTC) - timedelta(minutes=2),
        "key_frames": KEY_FRAMES,
        "schema": CAMUS_SCHEMA,
        **changes,
    }
    return correct(clip, painted(clip, value), frames, Base("model", "m"), **arguments)


def later(revision: Revision, minutes: float) -> Revision:
    return replace(revision, committed=revision.committed + timedelta(minutes=minutes))


def test_a_revision_says_who_labelled_which_frames_when_and_with_what(beating: EchoClip) -> None:
    revision = commit(beating, (6, 0, 6), comment="basal cut", parent="p", status="accepted")
    assert revision.frames == (0, 6)
    assert revision.frame_hashes == (beating.frame_hash(0), beating.frame_hash(6))
    np.testing.assert_array_equal(revision.labels, painted(beating)[[0, 6]])
    assert revision.labels.dtype == np.uint8
    assert (revision.clip_id, revision.study_id) == (beating.clip_id, "beating")
    assert (revision.reader, revision.comment) == ("A. Reader", "basal cut")
    assert (revision.parent, revision.status) == ("p", "accepted")
    assert revision.seconds == pytest.approx(120, abs=10)
    assert __version__ in revision.program
    assert len(revision.revision_id) == 32
    assert revision.revision_id != commit(beating, (0,)).revision_id


def test_painting_on_after_the_commit_changes_nothing(beating: EchoClip) -> None:
    edited = painted(beating).astype(np.int64)  # as napari may hold it
    revision = correct(
        beating,
        edited,
        (3,),
        Base("nothing", ""),
        reader="A",
        started=datetime.now(UTC),
        key_frames=KEY_FRAMES,
        schema=LV_SCHEMA,
    )
    edited[:] = 0
    assert revision.labels.any()


def test_pixels_without_a_label_may_be_committed(beating: EchoClip) -> None:
    assert (commit(beating, (0,), IGNORE).labels == IGNORE).any()


@pytest.mark.parametrize(
    ("frames", "value", "changes", "sentence"),
    [
        ((0,), 7, {}, r"hold \[7\]"),
        ((0,), 2, {"schema": LV_SCHEMA}, r"hold \[2\]"),
        ((), 1, {}, "nothing to commit"),
        ((28,), 1, {}, "Frame 28 is outside"),
        ((-1,), 1, {}, "Frame -1 is outside"),
        ((0,), 1, {"key_frames": KeyFrames((Beat(0, 99),), "traced")}, "Frame 99 is outside"),
        ((0,), 1, {"reader": "  "}, "name of its reader"),
        ((0,), 1, {"started": datetime(2024, 1, 1)}, "with its zone"),
        ((0,), 1, {"started": datetime.now(UTC) + timedelta(days=9)}, "set it right"),
    ],
)
def test_what_cannot_be_a_revision_is_refused(
    beating: EchoClip, frames: tuple[int, ...], value: int, changes: Any, sentence: str
) -> None:
    with pytest.raises(EchoError, match=sentence):
        commit(beating, frames, value, **changes)


@pytest.mark.parametrize("edited", [np.zeros((2, 3, 4), np.uint8), np.zeros((28, 130, 160))])
def test_labels_of_another_size_or_kind_are_refused(beating: EchoClip, edited: Any) -> None:
    with pytest.raises(EchoError, match="need the shape"):
        correct(
            beating,
            edited,
            (0,),
            Base("nothing", ""),
            reader="A",
            started=datetime.now(UTC),
            key_frames=KEY_FRAMES,
            schema=LV_SCHEMA,
        )


def test_the_labelled_frames_become_a_clip_data_set(beating: EchoClip, tmp_path: Path) -> None:
    store = LabelStore(tmp_path / "labels")
    store.commit(commit(beating, (0, 6)))
    out = export_clipset(store.revisions(), {beating.clip_id: beating}, tmp_path / "set")
    dataset = open_clipset(out)
    (entry,) = dataset.entries
    assert dataset.schema == CAMUS_SCHEMA
    assert (entry.clip_id, entry.split, entry.view) == (beating.clip_id, "train", "A4C")
    assert entry.labelled_frames == (0, 6)
    assert entry.key_frames == KEY_FRAMES
    np.testing.assert_array_equal(dataset.frames(entry), beating.frames)
    np.testing.assert_array_equal(dataset.labels(entry), painted(beating)[[0, 6]])


def exported(revisions: list[Revision], clip: EchoClip, out: Path) -> dict[int, int]:
    """What each labelled frame is painted with."""
    dataset = open_clipset(export_clipset(revisions, {clip.clip_id: clip}, out))
    (entry,) = dataset.entries
    labels = dataset.labels(entry).max(axis=(1, 2))
    return dict(zip(entry.labelled_frames, labels.tolist(), strict=True))


def test_of_each_frame_the_latest_revision_counts(beating: EchoClip, tmp_path: Path) -> None:
    first = commit(beating, (0, 3), 1)
    second = later(commit(beating, (3, 6), 2, parent=first.revision_id), 1)
    assert exported([second, first], beating, tmp_path / "set") == {0: 1, 3: 2, 6: 2}


def test_a_child_supersedes_its_parent_whatever_the_clocks_said(
    beating: EchoClip, tmp_path: Path
) -> None:
    parent = later(commit(beating, (3,), 1), 90)
    child = commit(beating, (3,), 2, parent=parent.revision_id)
    assert exported([parent, child], beating, tmp_path / "set") == {3: 2}


def test_of_two_readers_the_later_one_counts(beating: EchoClip, tmp_path: Path) -> None:
    root = commit(beating, (3,), 1)
    one = later(commit(beating, (3,), 2, parent=root.revision_id), 9)
    other = later(commit(beating, (3,), 3, parent=root.revision_id), 5)
    assert exported([one, other, root], beating, tmp_path / "set") == {3: 2}


def test_rejected_frames_and_those_that_wait_for_a_second_reader_stay_out(
    beating: EchoClip, tmp_path: Path
) -> None:
    first = commit(beating, (0, 3, 6))
    rejected = later(commit(beating, (3,), status="rejected", parent=first.revision_id), 1)
    waiting = later(commit(beating, (6,), status="second reader", parent=rejected.revision_id), 2)
    assert exported([first, rejected, waiting], beating, tmp_path / "set") == {0: 1}
    with pytest.raises(EchoError, match="No frame is accepted"):
        export_clipset([rejected], {beating.clip_id: beating}, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_other_frames_than_those_labelled_are_refused_by_both_hashes(
    beating: EchoClip, tmp_path: Path
) -> None:
    revision = commit(beating, (0, 6))
    frames = beating.frames.copy()
    frames[6, 0, 0] += 1
    forged = EchoClip(frames, 15, None, "A4C", beating.clip_id, "beating")
    with pytest.raises(EchoError) as refusal:
        export_clipset([revision], {beating.clip_id: forged}, tmp_path / "set")
    assert beating.frame_hash(6) in str(refusal.value)
    assert forged.frame_hash(6) in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_clips_that_are_not_at_hand_cut_or_of_two_schemas_are_refused(
    beating: EchoClip, tmp_path: Path
) -> None:
    revision = commit(beating, (0,))
    with pytest.raises(EchoError, match="not among the clips"):
        export_clipset([revision], {}, tmp_path / "set")
    cut = EchoClip(beating.frames[:9].copy(), 15, None, "A4C", beating.clip_id, "beating")
    with pytest.raises(EchoError, match="not the clip that was labelled"):
        export_clipset([revision], {beating.clip_id: cut}, tmp_path / "set")
    of_lv = commit(beating, (6,), schema=LV_SCHEMA)
    with pytest.raises(EchoError, match=r"'(camus|lv)' and '(lv|camus)'"):
        export_clipset([revision, of_lv], {beating.clip_id: beating}, tmp_path / "set")
    with pytest.raises(EchoError, match="No frame"):
        export_clipset([], {}, tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


def test_a_circle_of_parents_is_a_damaged_store(beating: EchoClip, tmp_path: Path) -> None:
    one, other = commit(beating, (0,)), commit(beating, (0,))
    circle = [
        replace(one, parent=other.revision_id),
        replace(other, parent=one.revision_id),
    ]
    with pytest.raises(EchoError, match="own ancestor"):
        export_clipset(circle, {beating.clip_id: beating}, tmp_path / "set")
