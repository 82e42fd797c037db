"""The project's clip data set: labelled clips as memory-mapped arrays.

Layout::

    DIR/index.json                    version, label schema, one entry a clip
    DIR/clips/NAME.frames.npy         (T, H, W) uint8
    DIR/clips/NAME.labels.npy         (N, H, W) uint8, the labelled frames in order
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import IGNORE, LabelSchema
from napari_echo.io.json_fields import key_frames_from_dict, key_frames_to_dict
from napari_echo.io.labelled import SPLITS, LabelledClip
from napari_echo.io.writing import new_folder, safe_name

FORMAT = "napari-echo clip set"
VERSION = 1
INDEX = "index.json"


@dataclass(frozen=True)
class ClipEntry:
    """One clip of a clip data set.

    Parameters
    ----------
    clip_id, study_id, split, view : str
        As in `EchoClip` and `LabelledClip`.
    fps : float or None
        Frames a second.
    spacing_mm : (float, float) or None
        Height and width of a pixel in mm.
    shape : (int, int, int)
        ``(T, H, W)`` of the frames.
    labelled_frames : tuple of int
        Frames that carry a label, ascending; the labels are in this order.
    key_frames : KeyFrames
        ED and ES, counted in the clip's frames.
    ef : float or None
        Ejection fraction, 0 to 1.
    frames_file, labels_file : str
        Files below the data set's folder, with forward slashes.
    """

    clip_id: str
    study_id: str
    split: str
    view: str
    fps: float | None
    spacing_mm: tuple[float, float] | None
    shape: tuple[int, int, int]
    labelled_frames: tuple[int, ...]
    key_frames: KeyFrames
    ef: float | None
    frames_file: str
    labels_file: str


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
        return _map(self.root / entry.labels_file, _labels_shape(entry))


def write_clipset(root: Path, clips: Iterable[LabelledClip]) -> Path:
    """Write clips as a new clip data set.

    The set is written beside `root` under a temporary name and renamed when
    it is whole, so `root` is either a whole data set or does not exist.

    Parameters
    ----------
    root : Path
        Folder to make; it must not exist.
    clips : iterable of LabelledClip
        Clips that share one label schema. It is read once, clip by clip.

    Returns
    -------
    Path
        `root`.

    Raises
    ------
    EchoError
        If `root` exists or cannot be written, there is no clip, the schemas
        differ, or a label is not in the schema.
    """
    root = Path(root)
    with new_folder(root) as partial:
        (partial / "clips").mkdir()
        schema, entries = _write_clips(partial, clips)
        index = {
            "format": FORMAT,
            "version": VERSION,
            "schema": schema.to_dict(),
            "entries": [_entry_to_dict(entry) for entry in entries],
        }
        (partial / INDEX).write_text(json.dumps(index, indent=1), encoding="utf-8")
    return root


def open_clipset(root: Path) -> ClipSet:
    """Open a clip data set and check its index against its files.

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
        entries = [_entry_from_dict(data) for data in index["entries"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EchoError(f"{index_path} is damaged: {error!r}.") from error
    for entry in entries:
        _check_size(root / entry.frames_file, entry.shape)
        _check_size(root / entry.labels_file, _labels_shape(entry))
    return ClipSet(root, schema, entries)


def _write_clips(
    folder: Path, clips: Iterable[LabelledClip]
) -> tuple[LabelSchema, list[ClipEntry]]:
    schema: LabelSchema | None = None
    entries: list[ClipEntry] = []
    names: set[str] = set()
    for item in clips:
        if schema is None:
            schema = item.truth.schema
        elif item.truth.schema != schema:
            raise EchoError(
                f"{item.clip.name} is labelled by the schema {item.truth.schema.name!r}, the clips "
                f"before it by {schema.name!r}; a clip data set has one."
            )
        labelled = item.truth.annotated_frames
        labels = item.truth.labels[list(labelled)]
        allowed = {0, IGNORE, *(s.index for s in schema.structures)}
        strange = set(np.unique(labels).tolist()) - allowed
        if strange:
            raise EchoError(
                f"{item.clip.name} has labels {sorted(strange)} that are not in the schema "
                f"{schema.name!r}."
            )
        name = _unique_name(item, names)
        entry = ClipEntry(
            clip_id=item.clip.clip_id,
            study_id=item.clip.study_id,
            split=item.split,
            view=item.clip.view,
            fps=item.clip.fps,
            spacing_mm=item.clip.spacing_mm,
            shape=(len(item.clip), *item.clip.frame_shape),
            labelled_frames=labelled,
            key_frames=item.key_frames,
            ef=item.ef,
            frames_file=f"clips/{name}.frames.npy",
            labels_file=f"clips/{name}.labels.npy",
        )
        np.save(folder / entry.frames_file, item.clip.frames)
        np.save(folder / entry.labels_file, labels)
        entries.append(entry)
    if schema is None:
        raise EchoError("There is no clip to write, so no clip data set was made.")
    return schema, entries


def _unique_name(item: LabelledClip, taken: set[str]) -> str:
    # The hash keeps names apart and off the names that Windows reserves (CON, NUL).
    stem = f"{safe_name(item.clip.study_id)}_{safe_name(item.clip.view)}_{item.clip.clip_id[:8]}"
    name, count = stem, 1
    while name.lower() in taken:
        count += 1
        name = f"{stem}_{count}"
    taken.add(name.lower())
    return name


def _entry_to_dict(entry: ClipEntry) -> dict[str, Any]:
    data = asdict(entry)
    data["key_frames"] = key_frames_to_dict(entry.key_frames)
    return data


def _entry_from_dict(data: dict[str, Any]) -> ClipEntry:
    t, h, w = (int(n) for n in data["shape"])
    spacing = data["spacing_mm"]
    labelled = tuple(int(f) for f in data["labelled_frames"])
    key_frames = key_frames_from_dict(data["key_frames"], t)
    if min(t, h, w) < 1 or any(not 0 <= f < t for f in labelled):
        raise ValueError(f"frames outside the shape {(t, h, w)}")
    if list(labelled) != sorted(set(labelled)):
        raise ValueError("labelled frames that do not ascend")
    if data["split"] not in SPLITS:
        raise ValueError(f"an unknown split, {data['split']!r}")
    return ClipEntry(
        clip_id=str(data["clip_id"]),
        study_id=str(data["study_id"]),
        split=data["split"],
        view=str(data["view"]),
        fps=None if data["fps"] is None else float(data["fps"]),
        spacing_mm=None if spacing is None else (float(spacing[0]), float(spacing[1])),
        shape=(t, h, w),
        labelled_frames=labelled,
        key_frames=key_frames,
        ef=None if data["ef"] is None else float(data["ef"]),
        frames_file=_inside(data["frames_file"]),
        labels_file=_inside(data["labels_file"]),
    )


def _inside(name: str) -> str:
    """Refuse a file name that leads out of the data set's folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise ValueError(f"the file name {name!r} leads out of the folder")
    return name


def _labels_shape(entry: ClipEntry) -> tuple[int, int, int]:
    return (len(entry.labelled_frames), *entry.shape[1:])


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
