"""What others commit to the open clip is listed, and nothing that the reader works on moves."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import LV_SCHEMA
from napari_echo.core.revision import Base, Revision
from napari_echo.workflow.correct import correct
from napari_echo.workflow.corrections import Corrections

Revise = Callable[..., Revision]


@pytest.fixture
def revise(beating: EchoClip) -> Revise:
    """Make a revision of the clip's first frame."""
    begun = datetime.now(UTC)

    def make(reader: str, later: float, parent: Revision | None = None) -> Revision:
        labels = np.zeros(beating.frames.shape, np.uint8)
        labels[0, 5:9, 5:9] = 1
        made = correct(
            beating, labels, (0,), Base("nothing", ""), reader=reader, started=begun,
            key_frames=KeyFrames((), "detected"), schema=LV_SCHEMA,
            parent=parent.revision_id if parent is not None else None,
        )  # fmt: skip
        return replace(made, committed=begun + timedelta(seconds=later))

    return make


@pytest.fixture
def corrections(beating: EchoClip) -> Corrections:
    made = Corrections()
    made.begin(beating)
    return made


def test_others_revisions_are_added_once_and_in_order(
    corrections: Corrections, beating: EchoClip, revise: Revise
) -> None:
    mine = revise("anna", 2)
    older, child = revise("ben", 1), revise("cleo", 3, mine)
    assert corrections.take_others([older]) == []  # it is not looked up yet
    corrections.take_revisions([mine])
    told: list[str] = []
    corrections.overtaken.connect(lambda: told.append("overtaken"))
    corrections.revisions_changed.connect(lambda: told.append("changed"))
    corrections.clip_committed.connect(told.append)
    assert corrections.take_others([child, mine, older]) == [older, child]
    assert corrections.revisions == (older, mine, child)
    assert corrections.heads == (older, child)
    assert told == ["overtaken", beating.clip_id, "changed"]
    assert corrections.meanwhile == {older.revision_id, child.revision_id}
    assert corrections.take_others([child, older]) == []
    assert len(told) == 3
    corrections.begin(beating)
    assert corrections.meanwhile == frozenset()


def test_what_does_not_count_now_is_known_but_not_given(
    corrections: Corrections, revise: Revise
) -> None:
    corrections.take_revisions([])
    corrections.counts = lambda every: [r for r in every if r.reader == "anna"]
    hers, his = revise("anna", 1), revise("ben", 2)
    assert corrections.take_others([hers, his]) == [hers]
    assert corrections.every_revision == (hers, his)


def test_a_commit_that_was_found_in_the_store_first_is_listed_once(
    corrections: Corrections, revise: Revise
) -> None:
    corrections.take_revisions([])
    corrections.start("nothing", None, None, schema=LV_SCHEMA)
    assert corrections.draft is not None
    mine = revise("anna", 1)
    corrections.take_others([mine])
    corrections.take_commit(mine)
    assert corrections.revisions == (mine,)


def test_a_circle_of_ancestors_changes_nothing(corrections: Corrections, revise: Revise) -> None:
    first = revise("anna", 1)
    corrections.take_revisions([first])
    one, other = uuid.uuid4().hex, uuid.uuid4().hex
    circle = [
        replace(revise("ben", 2), revision_id=one, parent=other),
        replace(revise("ben", 3), revision_id=other, parent=one),
    ]
    with pytest.raises(EchoError, match="its own ancestor"):
        corrections.take_others(circle)
    assert corrections.revisions == (first,)
