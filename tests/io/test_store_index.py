"""The index of a label store is a copy: whatever happens to it, the listing is right."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from napari_echo.core.errors import EchoError
from napari_echo.core.revision import Revision
from napari_echo.io.store import LabelStore
from napari_echo.io.store_index import cache_file

Make = Callable[..., Revision]
PARENT = "1" * 32


@pytest.fixture
def store(tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch) -> LabelStore:
    """Three revisions, listed once."""
    monkeypatch.setenv("NAPARI_ECHO_CACHE", str(tmp_path / "cache"))
    store = LabelStore(tmp_path / "store")
    for minutes, clip, reader in ((1, "a", "ann"), (2, "b", "bob"), (3, "a", "bob")):
        store.commit(make(minutes, clip * 64, reader=reader))
    store.rows()
    return store


def _listed(store: LabelStore) -> list[str]:
    return [row.revision_id for row in store.rows()]


def test_rows_say_what_revisions_say(store: LabelStore, make: Make) -> None:
    made = make(
        9, parent=PARENT, supersedes=("2" * 32, "3" * 32), seconds=1.25, study_id="a\udcffb"
    )
    store.commit(made)
    row = store.rows()[-1]
    for name in (
        "revision_id", "clip_id", "study_id", "reader", "status", "comment", "started", "committed",
        "seconds", "frames", "parent", "supersedes", "parents",
    ):  # fmt: skip
        assert getattr(row, name) == getattr(made, name), name
    assert (row.base_kind, row.base_id) == (made.base.kind, made.base.id)
    assert row.schema == made.schema.name
    assert store.rows()[0].parents == ()


def test_rows_are_filtered(store: LabelStore) -> None:
    every = store.rows()
    assert store.rows("a" * 64) == [every[0], every[2]]
    assert store.rows(reader="bob") == every[1:]
    assert store.rows("a" * 64, reader="bob", status="corrected", study_id="study-1") == every[2:]
    assert store.rows(status="accepted") == []
    assert store.rows(since=every[1].committed) == every[1:]
    assert store.rows(since=datetime(2027, 1, 1, tzinfo=UTC)) == []


def test_the_store_itself_holds_revisions_only(store: LabelStore) -> None:
    assert len(list(store.path.iterdir())) == 3
    assert cache_file(store.path).is_file()


def test_damage_shows_in_listings_once_the_file_was_opened(store: LabelStore) -> None:
    before, path = store.rows(), store.path / f"{store.rows()[0].revision_id}.tif"
    path.write_bytes(bytes(path.stat().st_size))
    assert store.rows() == before  # a file that the index knows is not read again
    assert len(store.revisions()) == 2  # whose files are read, and checked
    assert store.rows() == before[1:]
    assert [damaged.path for damaged in store.damaged] == [path]


def _flip_everywhere(path: Path) -> None:
    """Change a bit in each 97 bytes of what SQLite keeps after its header."""
    raw = bytearray(path.read_bytes())
    for place in range(100, len(raw), 97):
        raw[place] ^= 1 << place % 8
    path.write_bytes(raw)


def _of_another_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DROP TABLE revision")
        database.execute("CREATE TABLE revision (name TEXT)")
        database.execute("PRAGMA user_version = 99")


def _change_rows(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE revision SET row = replace(row, 'bob', 'eve')")


def _text_in_place_of_bytes(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE revision SET row = CAST(row AS TEXT)")


@pytest.mark.parametrize(
    "damage",
    [
        Path.unlink,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no database" * 900),
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
        _flip_everywhere,
        _of_another_version,
        _change_rows,
        _text_in_place_of_bytes,
        lambda path: (path.unlink(), path.mkdir()),
        lambda path: (shutil.rmtree(path.parent), path.parent.write_text("a file")),
    ],
)
def test_whatever_happens_to_the_index(store: LabelStore, damage: Callable[[Path], object]) -> None:
    before = store.rows()
    damage(cache_file(store.path))
    assert store.rows() == before
    assert store.rows(reader="bob") == before[1:]
    assert store.damaged == []


@pytest.mark.parametrize("place", range(0, 8192, 256))
def test_any_flipped_byte_of_the_index(store: LabelStore, place: int) -> None:
    before = store.rows()
    path = cache_file(store.path)
    raw = bytearray(path.read_bytes())
    raw[min(place + place // 256, len(raw) - 1)] ^= 0xFF
    path.write_bytes(raw)
    assert store.rows() == before
    assert store.rows() == before  # and after it was mended


def test_an_index_in_use_is_done_without(store: LabelStore, make: Make) -> None:
    with closing(sqlite3.connect(cache_file(store.path), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        added = make(9)
        store.commit(added)
        assert _listed(store)[-1] == added.revision_id
        assert len(store.rows()) == 4
        other.execute("ROLLBACK")
    assert len(store.rows()) == 4


def test_files_that_come_go_and_change_are_noticed(store: LabelStore, make: Make) -> None:
    first, second, third = store.rows()
    path = store.path / f"{second.revision_id}.tif"
    data = path.read_bytes()
    path.unlink()
    assert _listed(store) == [first.revision_id, third.revision_id]
    path.write_bytes(data[:-9])
    assert _listed(store) == [first.revision_id, third.revision_id]
    assert [damaged.path for damaged in store.damaged] == [path]
    path.write_bytes(data)
    assert store.rows() == [first, second, third]
    assert store.damaged == []


def test_a_store_that_was_there_is_not_taken_for_an_empty_one(
    store: LabelStore, make: Make, tmp_path: Path
) -> None:
    store.path.rename(tmp_path / "elsewhere")
    for again in (store, LabelStore(store.path)):  # also in the next run of the program
        with pytest.raises(EchoError, match="is gone"):
            again.rows()
        with pytest.raises(EchoError, match="is gone"):
            again.commit(make(9))
    assert not store.path.exists()
    store.path.mkdir()
    assert store.rows() == []
    store.commit(make(9))
    assert len(store.rows()) == 1


def test_times_are_compared_whatever_their_zone(store: LabelStore, make: Make) -> None:
    early = make(8, committed=datetime(2026, 3, 1, 11, 59, 59, 5, tzinfo=UTC))
    store.commit(early)
    assert _listed(store)[0] == early.revision_id
    assert store.rows(since=early.committed + timedelta(microseconds=1)) == store.rows()[1:]
