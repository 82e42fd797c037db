"""The journal's file: what is whole survives, wherever it is cut or changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_echo.core.errors import EchoError
from napari_echo.io.journal import (
    MAGIC,
    JournalFile,
    Record,
    pack_arrays,
    read_journal,
    split_blob,
    unpack_array,
    write_journal,
)

RECORDS = [Record("start", {"a": 1}, b"x" * 50), Record("edit", {"b": "é"}), Record("undo")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_journal(tmp_path / "folder" / "a.journal", RECORDS)


def test_records_come_back_and_more_can_be_appended(path: Path) -> None:
    assert read_journal(path) == (RECORDS, path.stat().st_size)
    file = JournalFile(path)
    file.append([Record("redo"), Record("edit", {}, b"y")])
    file.close()
    assert read_journal(path)[0] == [*RECORDS, Record("redo"), Record("edit", {}, b"y")]


def test_all_before_a_torn_or_changed_record_survive(path: Path) -> None:
    whole, ends = path.read_bytes(), [len(MAGIC)]
    for record in RECORDS:
        lone = write_journal(path.with_name("lone"), [record]).stat().st_size - len(MAGIC)
        ends.append(ends[-1] + lone)
    assert ends[-1] == len(whole)
    for place in range(len(MAGIC), len(whole)):
        survive = sum(end <= place for end in ends) - 1
        path.write_bytes(whole[:place])
        assert read_journal(path) == (RECORDS[:survive], ends[survive])
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        assert read_journal(path) == (RECORDS[:survive], ends[survive])


def test_a_torn_end_is_cut_off_before_more_is_written(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"torn")
    file = JournalFile(path)
    file.append([Record("redo")])
    file.close()
    assert [record.kind for record in read_journal(path)[0]] == ["start", "edit", "undo", "redo"]


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EchoError, match="cannot be read"):
        read_journal(tmp_path / "missing.journal")
    other = tmp_path / "other.journal"
    other.write_bytes(b"napari-echo journal 2\n")
    with pytest.raises(EchoError, match="this version"):
        read_journal(other)


def test_a_full_disk_is_told_and_the_same_can_be_written_later(path: Path) -> None:
    import resource
    import signal

    file, size = JournalFile(path), path.stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    more = [Record("edit", {}, b"z" * 10_000)]
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, limits[1]))
        with pytest.raises(EchoError, match=r"a\.journal cannot be written"):
            file.append(more)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.stat().st_size == size
    file.append(more)
    file.close()
    assert read_journal(path)[0] == [*RECORDS, *more]


def test_arrays_are_packed_and_unpacked() -> None:
    arrays = [np.arange(12, dtype=np.uint8).reshape(3, 4), np.zeros((3, 4), np.uint8)]
    sizes, blob = pack_arrays([arrays[0], arrays[1]])
    for array, chunk in zip(arrays, split_blob(sizes, blob), strict=True):
        assert np.array_equal(unpack_array(chunk, (3, 4)), array)
    with pytest.raises(ValueError, match="another size"):
        split_blob(sizes, blob + b"x")
