"""Rival revisions: what each labels, how far they agree, and how a fork is resolved."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from napari_echo.core.clip import EchoClip
from napari_echo.core.labels import Segmentation
from napari_echo.core.revision import Revision
from napari_echo.workflow.corrections import Corrections
from napari_echo.workflow.export_choose import learned_revisions
from napari_echo.workflow.forks import compare_heads, lineage

SHAPE = (4, 10, 10)


@pytest.fixture
def clip() -> EchoClip:
    frames = np.random.default_rng(0).integers(0, 255, SHAPE, dtype=np.uint8)
    return EchoClip.from_frames(frames)


@pytest.fixture
def corrections(clip: EchoClip, tmp_path: Path) -> Corrections:
    found = Corrections()
    found.begin(clip)
    return found


@pytest.fixture
def root(corrections: Corrections, clip: EchoClip) -> Revision:
    from datetime import UTC, datetime

    from napari_echo.core.keyframes import KeyFrames
    from napari_echo.core.labels import CAMUS_SCHEMA
    from napari_echo.core.revision import Base
    from napari_echo.workflow.correct import correct

    return correct(
        clip,
        np.ones(SHAPE, np.uint8),
        (0, 1),
        Base("nothing", ""),
        reader="Ann",
        started=datetime.now(UTC) - timedelta(hours=1),
        key_frames=KeyFrames((), "detected"),
        schema=CAMUS_SCHEMA,
    )


def child(
    of: Revision, reader: str, frames: tuple[int, ...], rows: int, minutes: int, clip: EchoClip
) -> Revision:
    """Label the first so many rows LV."""
    labels = np.zeros((len(frames), *SHAPE[1:]), np.uint8)
    labels[:, :rows] = 1
    return replace(
        of,
        revision_id=uuid.uuid4().hex,
        parent=of.revision_id,
        reader=reader,
        frames=frames,
        frame_hashes=tuple(clip.frame_hash(frame) for frame in frames),
        labels=labels,
        committed=of.committed + timedelta(minutes=minutes),
    )


def test_each_side_of_a_fork_says_what_it_labels_and_how_far_they_agree(
    root: Revision, clip: EchoClip
) -> None:
    first = child(root, "Ann", (1, 2), 4, 1, clip)
    second = child(first, "Ann", (3,), 4, 2, clip)
    rival = child(root, "Ben", (2, 3), 2, 3, clip)
    sides = compare_heads([root, first, second, rival], [second, rival])
    assert [(side.head.reader, side.frames) for side in sides] == [
        ("Ann", (1, 2, 3)),
        ("Ben", (2, 3)),
    ]
    # 4 rows against 2 in both frames: 2 x 20 / (40 + 20).
    assert [side.dice for side in sides] == [pytest.approx(2 / 3)] * 2
    elsewhere = child(root, "Cy", (0,), 2, 4, clip)
    assert [s.dice for s in compare_heads([root, first, elsewhere], [first, elsewhere])] == [
        None,
        None,
    ]


def test_a_correction_starts_from_the_side_that_is_chosen(
    corrections: Corrections, root: Revision, clip: EchoClip
) -> None:
    mine, rival = child(root, "Ann", (1,), 4, 1, clip), child(root, "Ben", (2,), 2, 2, clip)
    corrections.take_revisions([root, mine, rival])
    assert [head.reader for head in corrections.fork] == ["Ann", "Ben"]
    corrections.start("correction", None, None, head=mine.revision_id)
    draft = corrections.draft
    assert draft is not None
    assert draft.base.id == mine.revision_id
    # Frame 0 of the root, frame 1 of the side; nothing of the rival in frame 2.
    assert [int(frame.sum()) for frame in draft.labels] == [100, 40, 0, 0]
    parent = corrections.parent_for("Cy")
    assert parent == mine.revision_id
    assert corrections.rivals(parent) == (rival.revision_id,)
    corrections.accept(1)
    resolved = child(mine, "Cy", (1,), 3, 5, clip)
    corrections.take_commit(replace(resolved, supersedes=corrections.rivals(parent)))
    assert corrections.fork == ()
    assert [head.reader for head in corrections.heads] == ["Cy"]


def test_two_readers_who_start_anew_are_readings_and_no_fork(
    corrections: Corrections, root: Revision, clip: EchoClip
) -> None:
    corrections.take_revisions([root])
    truth = Segmentation(np.ones(SHAPE, np.uint8), np.ones(SHAPE[0], bool), "ground truth")
    corrections.start("truth", None, truth)
    assert corrections.parent_for("Ben") is None
    assert corrections.parent_for("Ann") == root.revision_id
    other = replace(child(root, "Ben", (1,), 2, 1, clip), parent=None)
    corrections.take_revisions([root, other])
    assert corrections.fork == ()
    assert len(corrections.heads) == 2
    assert corrections.rivals(root.revision_id) == ()


def test_a_lineage_has_each_ancestor_once(root: Revision, clip: EchoClip) -> None:
    left, right = child(root, "Ann", (1,), 4, 1, clip), child(root, "Ben", (1,), 4, 2, clip)
    merged = replace(child(left, "Cy", (1,), 4, 3, clip), supersedes=(right.revision_id,))
    line = lineage([merged, right, root, left], merged.revision_id)
    assert [revision.reader for revision in line] == ["Ann", "Ann", "Ben", "Cy"]
    assert [r.reader for r in lineage([merged, right, root, left], left.revision_id)] == [
        "Ann",
        "Ann",
    ]


def test_only_what_counts_in_some_frame_and_is_fit_was_learned(
    root: Revision, clip: EchoClip
) -> None:
    # Root labels the frames 0 and 1; the later one takes over 0, and 2 is rejected.
    later = child(root, "Ann", (0,), 3, 1, clip)
    rejected = replace(child(later, "Ann", (2,), 3, 2, clip), status="rejected")
    assert learned_revisions([rejected, later, root]) == [root.revision_id, later.revision_id]
    # The last takes over 0 and 1: nothing of the first two is left.
    last = replace(child(rejected, "Ben", (0, 1), 5, 3, clip), status=root.status)
    assert learned_revisions([root, later, rejected, last]) == [last.revision_id]
