"""Undo and redo against a model that keeps every state whole."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_echo.core.history import DEPTH, Edit, History

SHAPE = (3, 8, 9)
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("paint"),
            st.integers(0, 2),
            st.integers(0, 7),
            st.integers(0, 8),
            st.integers(0, 3),
        ),
        st.tuples(st.just("undo")),
        st.tuples(st.just("redo")),
    ),
    max_size=40,
)


def paint(labels: np.ndarray, frame: int, y: int, x: int, label: int) -> Edit | None:
    before = labels[frame].copy()
    labels[frame, y : y + 3, x : x + 2] = label
    return Edit.between(frame, before, labels[frame])


@given(STEPS)
def test_undo_and_redo_walk_along_the_states_that_were(steps: list[tuple]) -> None:
    labels, history = np.zeros(SHAPE, np.uint8), History()
    past, place = [labels.copy()], 0
    for what, *where in steps:
        if what == "paint":
            edit = paint(labels, *where)
            if edit is not None:
                history.push([edit])
                past, place = [*past[: place + 1], labels.copy()], place + 1
        elif what == "undo":
            history.undo(labels)
            place = max(place - 1, 0)
        else:
            history.redo(labels)
            place = min(place + 1, len(past) - 1)
        assert np.array_equal(labels, past[place])
        assert history.can_undo is (place > 0)
        assert history.can_redo is (place < len(past) - 1)


def test_the_parts_of_a_stroke_are_undone_together() -> None:
    labels, history = np.zeros(SHAPE, np.uint8), History()
    for x in range(4):
        edit = paint(labels, 1, 2, x, 1)
        assert edit is not None
        history.push([edit], more=True)
    history.push([])
    edit = paint(labels, 2, 0, 0, 2)
    assert edit is not None
    history.push([edit])
    assert history.undo(labels) == (2,)
    assert history.undo(labels) == (1,)
    assert not labels.any()
    assert history.undo(labels) == ()


def test_the_oldest_strokes_are_forgotten() -> None:
    labels, history = np.zeros(SHAPE, np.uint8), History()
    for number in range(DEPTH + 5):
        edit = paint(labels, 0, 0, 0, 1 + number % 2)
        assert edit is not None
        history.push([edit])
    undone = 0
    while history.undo(labels):
        undone += 1
    assert undone == DEPTH


def test_an_edit_is_as_small_as_what_changed() -> None:
    before = np.zeros((8, 9), np.uint8)
    after = before.copy()
    assert Edit.between(4, before, after) is None
    after[2, 3] = after[5, 7] = 1
    edit = Edit.between(4, before, after)
    assert edit is not None
    assert (edit.frame, edit.y, edit.x, edit.after.shape) == (4, 2, 3, (4, 5))
