"""A reader who always draws the truth: for experiments, and to see what labels are worth."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.revision import Base
from napari_echo.io.clipset import ClipEntry, ClipSet
from napari_echo.io.clipset_clips import read_clip, read_truth
from napari_echo.io.store import LabelStore
from napari_echo.workflow.correct import correct

READER = "simulated"


def commit_truth(
    clips: ClipSet, entry: ClipEntry, store: LabelStore, frames: Iterable[int] | None = None
) -> EchoClip:
    """Commit a clip's true labels to a label store, as a reader's corrections.

    Parameters
    ----------
    clips : ClipSet
        A clip data set.
    entry : ClipEntry
        A labelled clip of it.
    store : LabelStore
        Where the revision goes.
    frames : iterable of int, optional
        Labelled frames to commit; all of them without it.

    Returns
    -------
    EchoClip
        The clip.

    Raises
    ------
    EchoError
        If no frame of the clip is labelled, or the store refuses.
    """
    clip, truth = read_clip(clips, entry), read_truth(clips, entry)
    if truth is None:
        raise EchoError(f"No frame of {clip.name} is labelled: there is no truth to commit.")
    store.commit(
        correct(
            clip,
            truth.labels,
            entry.labelled_frames if frames is None else frames,
            Base("truth", ""),
            reader=READER,
            started=datetime.now(UTC),
            key_frames=entry.key_frames,
            schema=truth.schema,
        )
    )
    return clip
