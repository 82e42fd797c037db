"""Verdicts on listed clips: what single commits add is what a fresh look at the store gives."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import LV_SCHEMA
from napari_echo.core.revision import Base, Revision, Status
from napari_echo.io.store import LabelStore
from napari_echo.io.store_row import Row, encode_row
from napari_echo.workflow.studies import OpenedClip, StudyItem
from napari_echo.workflow.verdicts import NO_VERDICT, Verdict, Verdicts

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def _unread() -> OpenedClip:
    raise EchoError("It is never read.")


def clip_id(number: int) -> str:
    return f"{number:064x}"


@pytest.fixture
def items() -> list[StudyItem]:
    """Eight clips of five studies; nobody knows the ids of two before they are decoded."""

    def item(number: int, study: int) -> StudyItem:
        path = Path("/clips", f"{number}.avi")
        known = "" if number in (3, 7) else clip_id(number)
        return StudyItem(
            str(path), path.name, (path,), _unread, study_id=f"s{study}", clip_id=known
        )

    return [item(number, study) for number, study in enumerate((0, 0, 1, 2, 3, 3, 4, 4))]


@pytest.fixture
def revision() -> Callable[..., Revision]:
    def make(
        number: int, study: int, minute: int, reader: str, status: Status, repeat: bool = False
    ) -> Revision:
        when = NOON + timedelta(minutes=minute)
        return Revision(
            revision_id=uuid.uuid4().hex, clip_id=clip_id(number), study_id=f"s{study}",
            frames=(1,), labels=np.zeros((1, 8, 8), np.uint8), frame_hashes=("0" * 64,),
            clip_shape=(2, 8, 8), schema=LV_SCHEMA, key_frames=KeyFrames((), "detected"),
            base=Base("nothing", ""), reader=reader, started=when, committed=when, seconds=1.0,
            status=status, comment=f"remark {minute}", parent=None, program="test",
            repeat=repeat,
        )  # fmt: skip

    return make


def test_single_commits_give_what_a_fresh_look_gives(
    items: list[StudyItem], revision: Callable[..., Revision], tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    studies = (0, 0, 1, 2, 3, 3, 4, 4, 4, 2)  # two clips are not listed, one of a lone study
    store = LabelStore(tmp_path / "store")
    known, ids, shown = Verdicts(store.rows(), items, {}), dict[str, str](), dict[str, Verdict]()
    of_clip: dict[int, list[Revision]] = {}
    for minute in range(60):
        number = int(rng.integers(len(studies)))
        reader, status = rng.choice(["anna", "ben"]), rng.choice(get_args(Status))
        again = bool(rng.random() < 0.2)
        made = revision(number, studies[number], minute, str(reader), str(status), again)
        store.commit(made)
        of_clip.setdefault(number, []).append(made)
        rows = [Row(encode_row(each)) for each in of_clip[number]]
        found = known.take(clip_id(number), rows)
        assert found is not None
        assert known.take(clip_id(number), rows) is not None  # told twice, it is known
        shown |= found
        if minute == 40:
            for item in (items[3], items[7]):
                number = int(item.path.stem)
                ids[item.key] = clip_id(number)
                known.identify(item, ids[item.key])
                rows = [Row(encode_row(each)) for each in of_clip.get(number, [])]
                found = known.take(ids[item.key], rows)
                assert found is not None
                shown |= found
        fresh = Verdicts(store.rows(), items, ids).by_key()
        assert known.by_key() == fresh
        said = {key: verdict for key, verdict in fresh.items() if verdict != NO_VERDICT}
        assert {key: verdict for key, verdict in shown.items() if verdict != NO_VERDICT} == said
    assert len(known.by_key()) == len(items)


@pytest.mark.parametrize("lost", [[0], [0, 1], [1]])
def test_a_history_that_does_not_go_on_asks_for_a_fresh_look(
    items: list[StudyItem], revision: Callable[..., Revision], lost: list[int]
) -> None:
    made = [revision(0, 0, minute, "anna", "accepted") for minute in range(2)]
    rows = [Row(encode_row(each)) for each in made]
    known = Verdicts(rows, items, {})
    before = known.by_key()
    fewer = [row for place, row in enumerate(rows) if place not in lost]
    assert known.take(clip_id(0), fewer) is None
    older = Row(encode_row(revision(0, 0, -9, "ben", "rejected")))
    assert known.take(clip_id(0), [older, *rows]) is None
    assert known.by_key() == before
    assert known.take(clip_id(0), rows) is not None


def test_a_repeat_does_not_change_the_verdict(
    items: list[StudyItem], revision: Callable[..., Revision]
) -> None:
    made = [
        revision(0, 0, 0, "anna", "rejected"),
        revision(0, 0, 1, "anna", "corrected", repeat=True),
        revision(1, 0, 2, "ben", "accepted", repeat=True),
    ]
    rows = [Row(encode_row(each)) for each in made]
    verdicts = Verdicts(rows, items, {})
    found = verdicts.by_key()
    assert found[items[0].key] == Verdict("rejected", ("anna",), "remark 0", ("rejected",))
    assert found[items[1].key] == NO_VERDICT
    later = Row(encode_row(revision(0, 0, 3, "ben", "accepted")))
    taken = verdicts.take(clip_id(0), [*rows[:2], later])
    assert taken is not None
    assert taken[items[0].key].status == "accepted"


def test_what_one_reader_said_is_told_apart(
    items: list[StudyItem], revision: Callable[..., Revision]
) -> None:
    made = (
        revision(0, 0, 0, "anna", "accepted"),
        revision(0, 0, 1, "ben", "second reader"),
        revision(0, 0, 2, "anna", "corrected"),
        revision(0, 0, 3, "ben", "rejected"),
    )
    verdict = Verdicts([Row(encode_row(each)) for each in made], items, {}).by_key()[items[0].key]
    assert verdict == Verdict("rejected", ("ben", "anna"), "remark 3", ("rejected", "corrected"))
    assert verdict.by("anna") == Verdict("corrected", ("anna",), "", ("corrected",))
    assert verdict.by("ben") == Verdict("rejected", ("ben",), "remark 3", ("rejected",))
    assert verdict.by("carl") == NO_VERDICT
