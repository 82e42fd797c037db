"""How far readers agree, from the revisions of a store."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import LV, LV_SCHEMA
from napari_echo.core.revision import Base, Revision
from napari_echo.io.store import LabelStore
from napari_echo.workflow.compare_readers import iter_agreement
from napari_echo.workflow.correct import correct
from napari_echo.workflow.export_choose import choose, learned_revisions
from napari_echo.workflow.predict import run_steps
from napari_echo.workflow.reader_agreement import ReaderAgreement
from napari_echo.workflow.repeats import GAP, next_repeat, readings_by

ED, ES = 0, 6
KEY_FRAMES = KeyFrames((Beat(ED, ES),), "traced")


def reading(
    clip: EchoClip, masks: NDArray[np.bool_], reader: str, after: int = 0, **more: Any
) -> Revision:
    """A reader's ED and ES, committed `after` so many seconds."""
    base = more.pop("base", Base("nothing", ""))
    made = correct(
        clip,
        masks.astype(np.uint8) * LV,
        more.pop("frames", (ED, ES)),
        base,
        reader=reader,
        started=datetime.now(UTC),
        key_frames=more.pop("key_frames", KEY_FRAMES),
        schema=LV_SCHEMA,
    )
    return replace(made, committed=made.committed + timedelta(seconds=after), **more)


def agreement(store: LabelStore, *arguments: Any) -> ReaderAgreement:
    return run_steps(iter_agreement(store, *arguments))


@pytest.fixture
def masks(beating: EchoClip) -> NDArray[np.bool_]:
    return beating.frames > 100


@pytest.fixture
def store(tmp_path: Path) -> LabelStore:
    return LabelStore(tmp_path / "store")


def smaller(masks: NDArray[np.bool_], rows: int) -> NDArray[np.bool_]:
    """Masks without the lowest rows of each."""
    cut = masks.copy()
    for mask in cut:
        lowest = np.flatnonzero(mask.any(axis=1))[-1]
        mask[lowest - rows + 1 :] = False
    return cut


def test_two_readers_are_compared_at_ed_and_es_and_by_ef(
    beating: EchoClip, masks: NDArray[np.bool_], store: LabelStore, beating_ef: float
) -> None:
    other = masks.copy()
    other[ES] = smaller(masks, 8)[ES]
    store.commit(reading(beating, masks, "ann"))
    store.commit(reading(beating, other, "bob", 1))
    found = agreement(store, [beating])
    (group,) = found.groups
    assert (group.kind, group.first, group.second, group.n_blind) == ("readers", "ann", "bob", 0)
    assert group.dice_ed.mean == 1
    assert 0.8 < group.dice_es.mean < 1
    (pair,) = group.pairs
    assert pair.ef_first == pytest.approx(beating_ef, abs=0.02)
    assert pair.ef_second > pair.ef_first
    assert pair.frame == ED
    assert group.ef is None  # one clip has no limits of agreement
    assert (found.n_clips, found.n_readings, found.square_pixels) == (1, 2, 0)
    # Without the clip its pixels count as square, which they are not.
    (square,) = agreement(store).groups
    assert agreement(store).square_pixels == 1
    assert square.pairs[0].ef_first == pytest.approx(pair.ef_first, abs=0.02)


def test_readers_who_call_another_frame_es_are_compared_where_both_drew(
    beating: EchoClip, masks: NDArray[np.bool_], store: LabelStore
) -> None:
    store.commit(reading(beating, masks, "ann", frames=(ED, 5, ES)))
    late = KeyFrames((Beat(ED, 5),), "set by reader")
    store.commit(reading(beating, masks, "bob", 1, frames=(ED, 5), key_frames=late))
    (pair,) = agreement(store).groups[0].pairs
    assert (pair.dice_ed, pair.dice_es, pair.dice) == (1, 1, 1)
    assert pair.ef_second < pair.ef_first


def test_labels_made_of_anothers_are_no_reading_of_their_own(
    beating: EchoClip, masks: NDArray[np.bool_], store: LabelStore
) -> None:
    first = reading(beating, masks, "ann")
    store.commit(first)
    store.commit(
        reading(
            beating, smaller(masks, 3), "bob", 1,
            base=Base("revision", first.revision_id), parent=first.revision_id,
        )
    )  # fmt: skip
    found = agreement(store)
    assert found.groups == ()
    assert found.not_independent == 1


def test_what_was_rejected_does_not_count(
    beating: EchoClip, masks: NDArray[np.bool_], store: LabelStore
) -> None:
    store.commit(reading(beating, masks, "ann"))
    store.commit(reading(beating, masks, "bob", 1, status="rejected"))
    assert agreement(store).groups == ()


def test_a_repeat_is_compared_with_the_first_reading_which_alone_is_exported(
    beating: EchoClip, masks: NDArray[np.bool_], store: LabelStore
) -> None:
    first = reading(beating, masks, "ann", blind=True)
    again = reading(beating, smaller(masks, 6), "ann", 5, blind=True, repeat=True)
    for revision in (first, again):
        store.commit(revision)
    (group,) = agreement(store).groups
    assert (group.kind, group.first, group.second, group.n_blind) == ("repeat", "ann", "ann", 1)
    assert 0.8 < group.dice_ed.mean < 1
    chosen = choose(beating, store.revisions())
    assert [revision.revision_id for revision, _ in chosen.used] == [first.revision_id]
    assert [(left.kind, left.revision_id) for left in chosen.left_out] == [
        ("repeat", again.revision_id)
    ]
    assert learned_revisions(store.revisions()) == [first.revision_id]


def test_anchoring_is_the_agreement_with_the_model_of_what_was_drawn_blind_and_not(
    beating: EchoClip, masks: NDArray[np.bool_], store: LabelStore, model: Any
) -> None:
    blind = reading(beating, smaller(masks, 10), "ann", blind=True, base=Base("nothing", "blind"))
    swayed = reading(
        beating, masks, "ann", 1,
        base=Base("revision", blind.revision_id), parent=blind.revision_id,
    )  # fmt: skip
    for revision in (blind, swayed):
        store.commit(revision)
    found = agreement(store, [beating], model)
    shown, unseen = found.groups
    assert (shown.blind, unseen.blind) == (False, True)
    assert {shown.second, unseen.second} == {"brightness"}
    assert shown.dice_ed.mean == 1
    assert unseen.dice_ed.mean < 0.95
    assert found.n_readings == 1


def test_blind_readings_are_preferred_between_readers(
    beating: EchoClip, masks: NDArray[np.bool_], store: LabelStore
) -> None:
    blind = reading(beating, masks, "ann", blind=True)
    after = reading(
        beating, smaller(masks, 9), "ann", 1,
        base=Base("revision", blind.revision_id), parent=blind.revision_id,
    )  # fmt: skip
    for revision in (blind, after, reading(beating, masks, "bob", 2, blind=True)):
        store.commit(revision)
    (group,) = agreement(store).groups
    assert group.dice.mean == 1
    assert group.n_blind == 1


def test_limits_of_agreement_come_of_all_clips(
    beating: EchoClip, masks: NDArray[np.bool_], store: LabelStore
) -> None:
    for n in range(3):
        clip = EchoClip.from_frames(
            np.clip(beating.frames + np.uint8(n), 0, 255), fps=15, study_id=f"study {n}"
        )
        store.commit(reading(clip, masks, "ann"))
        other = masks.copy()
        other[ES] = smaller(masks, 2 + 2 * n)[ES]
        store.commit(reading(clip, other, "bob", 1))
    (group,) = agreement(store).groups
    assert group.ef is not None
    assert group.ef.n == 3
    differences = [100 * (pair.ef_first - pair.ef_second) for pair in group.pairs]
    assert group.ef.bias == pytest.approx(np.mean(differences))
    low, high = group.ef.limits
    assert high - low == pytest.approx(2 * 1.96 * np.std(differences, ddof=1))
    assert math.isfinite(group.dice_es.sd)


def test_repeats_come_as_often_as_wanted_long_after_and_the_same_each_time(
    beating: EchoClip, masks: NDArray[np.bool_], store: LabelStore
) -> None:
    row = reading(beating, masks, "ann")
    store.commit(row)
    (one,) = store.rows()
    begun: list[Any] = []
    hand = {f"clip {n}" for n in range(400)}
    repeats = new = 0
    for _ in range(400):
        due = next_repeat(begun, 0.1, 7, hand)
        assert due == next_repeat(begun, 0.1, 7, hand)
        if due is not None:
            repeats += 1
            assert due not in {r.clip_id for r in begun[-GAP:]}
        else:
            new += 1
        fields = [*one.fields]
        fields[2] = due if due is not None else f"clip {new}"
        begun.append(type(one)("\x1f".join(fields).encode()))
    assert 25 <= repeats <= 55
    assert next_repeat(begun, 1.0, 7, ()) is None  # nothing is at hand
    assert [r.clip_id for r in readings_by("ann", store.rows())] == [beating.clip_id]
    assert readings_by("bob", store.rows()) == []
