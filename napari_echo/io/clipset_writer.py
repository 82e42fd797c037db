"""Write clip data sets: whole ones, or clip by clip."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import IGNORE, LabelSchema
from napari_echo.io.clipset_index import FORMAT, INDEX, VERSION, ClipEntry, entry_to_dict
from napari_echo.io.labelled import LabelledClip, Outcome, Written, clip_name
from napari_echo.io.writing import FileNames, new_file, new_folder

CLIPS = "clips"
"""Folder of the arrays in a data set."""


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
        if not list(fill_clipset(partial, clips)):
            raise EchoError("There is no clip to write, so no clip data set was made.")
    return root


def fill_clipset(folder: Path, clips: Iterable[LabelledClip]) -> Iterator[Outcome]:
    """Write labelled clips into an empty folder, one as each is asked for; see `write_clipset`."""
    (folder / CLIPS).mkdir()
    schema: LabelSchema | None = None
    entries: list[ClipEntry] = []
    names = FileNames()
    for item in clips:
        if schema is None:
            schema = item.truth.schema
        elif item.truth.schema != schema:
            raise EchoError(
                f"{item.clip.name} is labelled by the schema {item.truth.schema.name!r}, the clips "
                f"before it by {schema.name!r}; a clip data set has one."
            )
        check_labels(item)
        name = names.take(clip_name(item.clip))
        entry = write_clip(folder, name, item)
        entries.append(entry)
        files = (entry.frames_file, entry.labels_file)
        yield Written(name, entry.labelled_frames, files)
    if schema is not None:
        write_index(folder, schema, entries)


def check_labels(item: LabelledClip) -> None:
    """Raise an EchoError if a label is not in the clip's schema."""
    schema = item.truth.schema
    labels = item.truth.labels[list(item.truth.annotated_frames)]
    allowed = {0, IGNORE, *(s.index for s in schema.structures)}
    strange = set(np.unique(labels).tolist()) - allowed
    if strange:
        raise EchoError(
            f"{item.clip.name} has labels {sorted(strange)} that are not in the schema "
            f"{schema.name!r}."
        )


def write_clip(root: Path, name: str, item: LabelledClip, source: str = "") -> ClipEntry:
    """Write the arrays of one clip, whole and to stay; an earlier writing is replaced.

    Parameters
    ----------
    root : Path
        The data set's folder, with `CLIPS` in it.
    name : str
        A file name's stem, unlike those of the set's other clips.
    item : LabelledClip
        The clip; see `check_labels`.
    source : str
        As in `ClipEntry`.

    Returns
    -------
    ClipEntry
        For the index.

    Raises
    ------
    EchoError
        If the disk refuses.
    """
    labelled = item.truth.annotated_frames
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
        frames_file=f"{CLIPS}/{name}.frames.npy",
        labels_file=f"{CLIPS}/{name}.labels.npy",
        source=source,
    )
    _save(root / entry.frames_file, item.clip.frames)
    _save(root / entry.labels_file, item.truth.labels[list(labelled)])
    return entry


def write_index(root: Path, schema: LabelSchema, entries: Iterable[ClipEntry]) -> None:
    """Write the index of a data set whose arrays are there."""
    index = {
        "format": FORMAT,
        "version": VERSION,
        "schema": schema.to_dict(),
        "entries": [entry_to_dict(entry) for entry in entries],
    }
    (root / INDEX).write_text(json.dumps(index, indent=1), encoding="utf-8")


def _save(path: Path, array: NDArray[np.uint8]) -> None:
    # That the name is there tells that the content is: a file may be lost, but not be wrong.
    with new_file(path, replace=True, sync=False) as partial, partial.open("wb") as file:
        np.save(file, array)
        file.flush()
        os.fsync(file.fileno())
