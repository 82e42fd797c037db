"""The project's clip data set: labelled clips as memory-mapped arrays.

Layout::

    DIR/index.json                    version, label schema, one entry a clip
    DIR/clips/NAME.frames.npy         (T, H, W) uint8
    DIR/clips/NAME.labels.npy         (N, H, W) uint8, the labelled frames in order
    DIR/clips/NAME.hard.npy           (N, H, W) uint8, not 0 where a pixel of them is hard;
                                      where `napari-echo retrain` made the set
    DIR/skipped.csv                   clips of the source that could not be read, and why;
                                      where `napari-echo preprocess` made the set
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LabelSchema
from napari_echo.io.clipset_index import FORMAT, INDEX, VERSION, ClipEntry, entry_from_dict
from napari_echo.io.clipset_writer import write_clipset

__all__ = ["ClipEntry", "ClipSet", "check_files", "open_clipset", "write_clipset"]


@dataclass(frozen=True)
class ClipSet:
    """An opened clip data set; its arrays are mapped when they are asked for."""

    root: Path
    schema: LabelSchema
    entries: list[ClipEntry]

    def frames(self, entry: ClipEntry) -> NDArray[np.uint8]:
        """Frames of a clip, a read-only memory map (T, H, W) of uint8."""
        return _map(self.root / entry.frames_file, entry.shape)

    def labels(self, entry: ClipEntry) -> NDArray[np.uint8]:
        """Labels of a clip's labelled frames, a read-only memory map (N, H, W) of uint8."""
        return _map(self.root / entry.labels_file, entry.labels_shape)

    def hard_pixels(self, entry: ClipEntry) -> NDArray[np.uint8] | None:
        """Where the labelled frames are hard, as `labels`, not 0 there; None if nobody looked."""
        return _map(self.root / entry.hard_file, entry.labels_shape) if entry.hard_file else None


def open_clipset(root: Path, *, check: bool = True) -> ClipSet:
    """Open a clip data set and check its index against its files.

    Parameters
    ----------
    root : Path
        Its folder.
    check : bool
        Look at the files; without it `check_files` can be asked of each clip.

    Raises
    ------
    EchoError
        If the index is missing, damaged or of a newer version, or a file is
        missing or too short.
    """
    root = Path(root)
    index_path = root / INDEX
    if not index_path.is_file():
        raise EchoError(f"{root} is not a clip data set: it has no {INDEX}.")
    try:
        index = json.loads(index_path.read_text(encoding="utf-8"))
        found, version = index["format"], int(index["version"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EchoError(f"{index_path} is damaged: {error}.") from error
    if found != FORMAT:
        raise EchoError(f"{index_path} is not the index of a clip data set.")
    if version > VERSION:
        raise EchoError(
            f"{root} is a clip data set of version {version}; this program reads up to "
            f"{VERSION}: update it."
        )
    try:
        schema = LabelSchema.from_dict(index["schema"])
        entries = [entry_from_dict(data) for data in index["entries"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EchoError(f"{index_path} is damaged: {error!r}.") from error
    for entry in entries if check else ():
        check_files(root, entry)
    return ClipSet(root, schema, entries)


def check_files(root: Path, entry: ClipEntry) -> None:
    """Raise an EchoError unless a clip's files are there and long enough."""
    _check_size(root / entry.frames_file, entry.shape)
    _check_size(root / entry.labels_file, entry.labels_shape)
    if entry.hard_file:
        _check_size(root / entry.hard_file, entry.labels_shape)


def _check_size(path: Path, shape: tuple[int, ...]) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise EchoError(f"The clip data set lacks {path}: copy it again as a whole.") from error
    if size < int(np.prod(shape)):
        raise EchoError(f"{path} is cut off: copy the clip data set again as a whole.")


def _map(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    try:
        # A map of no bytes is impossible, so an array without frames is read.
        array: NDArray[np.uint8] = np.load(
            path, mmap_mode="r" if shape[0] else None, allow_pickle=False
        )
    except (OSError, ValueError, EOFError) as error:
        raise EchoError(f"{path} cannot be read: {error}.") from error
    if array.shape != shape or array.dtype != np.uint8:
        raise EchoError(
            f"{path} holds {array.shape} {array.dtype}, the index says {shape} uint8: "
            "copy the clip data set again as a whole."
        )
    return array
