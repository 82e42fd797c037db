"""Single clips of a clip data set, opened by their files as any other clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.labels import Segmentation
from napari_echo.io.clipset import ClipEntry, ClipSet, open_clipset
from napari_echo.io.clipset_index import INDEX

FRAMES, LABELS = ".frames.npy", ".labels.npy"


def is_in_clipset(path: Path) -> bool:
    """Whether a file is named and lies as the frames or labels of a clip data set do."""
    named = path.name.lower().endswith((FRAMES, LABELS))
    return named and (path.absolute().parent.parent / INDEX).is_file()


def load_from_clipset(path: Path) -> EchoClip:
    """Load a clip by its file of frames, with what the data set's index says of it.

    Raises
    ------
    EchoError
        If the data set is damaged or its index does not name the file.
    """
    return read_clip(*find_entry(path))


def find_entry(path: Path) -> tuple[ClipSet, ClipEntry]:
    """Find the clip that a file of frames or labels belongs to.

    Raises
    ------
    EchoError
        If the data set is damaged or its index does not name the file.
    """
    path = path.absolute()
    clips = open_clipset(path.parent.parent)
    name = f"{path.parent.name}/{path.name}"
    for entry in clips.entries:
        if name in (entry.frames_file, entry.labels_file):
            return clips, entry
    raise EchoError(f"The index of the clip data set {clips.root} does not name {path.name}.")


def read_clip(clips: ClipSet, entry: ClipEntry) -> EchoClip:
    """Read a clip into memory."""
    return EchoClip.from_frames(
        np.array(clips.frames(entry)),
        fps=entry.fps,
        spacing_mm=entry.spacing_mm,
        view=entry.view,
        study_id=entry.study_id,
        source=clips.root / entry.frames_file,
    )


def read_truth(clips: ClipSet, entry: ClipEntry) -> Segmentation | None:
    """Read a clip's labels, on all of its frames; None where no frame is labelled."""
    if not entry.labelled_frames:
        return None
    rows = list(entry.labelled_frames)
    labels, annotated = np.zeros(entry.shape, np.uint8), np.zeros(entry.shape[0], np.bool_)
    labels[rows], annotated[rows] = clips.labels(entry), True
    return Segmentation(labels, annotated, "ground truth", clips.schema)
