"""A journal file: records that are only ever appended, each with a checksum.

Whatever moment the program or the machine stops at, all records but the torn
last one can be read again. It knows nothing of what the records mean.

A file is `MAGIC` and then records: the lengths of its JSON and of its blob
and the BLAKE2 digest of both (little endian), the JSON, the blob.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.io.reading import reason
from napari_echo.io.writing import new_file

SUFFIX = ".journal"
MAGIC = b"napari-echo journal 1\n"
_HEAD = struct.Struct("<II16s")
# The fastest level: masks get small anyhow, and a record must be safe within a second.
_LEVEL = 1


@dataclass(frozen=True)
class Record:
    """One record: what kind of, its JSON-ready fields, and a blob of its arrays."""

    kind: str
    data: dict[str, Any] = field(default_factory=dict)
    blob: bytes = b""


def pack_arrays(arrays: Iterable[NDArray[np.uint8]]) -> tuple[list[int], bytes]:
    """Compress arrays: the size in bytes of each, and all of them one after the other."""
    chunks = [zlib.compress(np.ascontiguousarray(array).data, _LEVEL) for array in arrays]
    return [len(chunk) for chunk in chunks], b"".join(chunks)


def split_blob(sizes: Sequence[int], blob: bytes) -> list[bytes]:
    """Cut what `pack_arrays` returned into its compressed arrays."""
    ends = np.cumsum([0, *sizes]).tolist()
    if ends[-1] != len(blob):
        raise ValueError("its arrays have another size than it says")
    return [blob[a:b] for a, b in pairwise(ends)]


def unpack_array(chunk: bytes, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Decompress one array, writeable."""
    flat = np.frombuffer(bytearray(zlib.decompress(chunk)), np.uint8)
    return flat.reshape(shape)


def write_journal(path: Path, records: Iterable[Record]) -> Path:
    """Write a journal anew: a whole file, synced to the disk, or the one before.

    Raises
    ------
    EchoError
        If the disk refuses.
    """
    with new_file(path, replace=True) as partial, partial.open("wb") as file:
        file.write(MAGIC)
        for record in records:
            file.write(_encode(record))
    return path


def read_journal(path: Path) -> tuple[list[Record], int]:
    """Read the records of a journal that are whole.

    Returns
    -------
    list of Record, int
        The records before the first that is torn, and the size in bytes of
        the part of the file that they take.

    Raises
    ------
    EchoError
        If the file is missing, no journal, or of a newer version.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EchoError(f"{path} cannot be read: {reason(error)}.") from error
    if not content.startswith(MAGIC):
        raise EchoError(f"{path} is no journal that this version of the program can read.")
    records, place = [], len(MAGIC)
    while (found := _decode(content, place)) is not None:
        record, place = found
        records.append(record)
    return records, place


class JournalFile:
    """A journal that is open to be appended to.

    Parameters
    ----------
    path : Path
        A journal; a torn record at its end is cut off.
    """

    def __init__(self, path: Path) -> None:
        _, self.size = read_journal(path)
        try:
            self._file = path.open("r+b", buffering=0)
            self._file.truncate(self.size)
        except OSError as error:
            raise EchoError(f"{path} cannot be written: {reason(error)}.") from error
        self.path = path

    def append(self, records: Iterable[Record]) -> None:
        """Write records and sync them to the disk: all of them, or an error.

        Raises
        ------
        EchoError
            If the disk refuses; the same records may be given again.
        """
        left = memoryview(b"".join(_encode(record) for record in records))
        end = self.size + len(left)
        try:
            self._file.seek(self.size)
            while left:
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(self.size)
            raise EchoError(f"{self.path} cannot be written: {reason(error)}.") from error
        self.size = end

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _encode(record: Record) -> bytes:
    text = json.dumps({"kind": record.kind, **record.data}, allow_nan=False).encode()
    head = _HEAD.pack(len(text), len(record.blob), _digest(text, record.blob))
    return head + text + record.blob


def _decode(content: bytes, place: int) -> tuple[Record, int] | None:
    """Decode the record at a place; None where no whole one is."""
    if len(content) - place < _HEAD.size:
        return None
    n_text, n_blob, digest = _HEAD.unpack_from(content, place)
    start = place + _HEAD.size
    middle, end = start + n_text, start + n_text + n_blob
    text, blob = content[start:middle], content[middle:end]
    if end > len(content) or _digest(text, blob) != digest:
        return None
    data = json.loads(text)
    return Record(data.pop("kind"), data, blob), end


def _digest(text: bytes, blob: bytes) -> bytes:
    digest = hashlib.blake2b(struct.pack("<I", len(text)), digest_size=16)
    digest.update(text)
    digest.update(blob)
    return digest.digest()
