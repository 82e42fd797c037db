"""Correct: what a reader painted becomes a revision."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from napari_echo import __version__
from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import IGNORE, LabelSchema
from napari_echo.core.revision import Base, Revision, Status


def correct(
    clip: EchoClip,
    edited: NDArray[np.integer],
    frames: Iterable[int],
    base: Base,
    *,
    reader: str,
    started: datetime,
    key_frames: KeyFrames,
    schema: LabelSchema,
    comment: str = "",
    parent: str | None = None,
    supersedes: tuple[str, ...] = (),
    seconds: float | None = None,
    status: Status = "corrected",
    blind: bool = False,
    repeat: bool = False,
) -> Revision:
    """Make a revision of the frames that a reader commits.

    Nothing is written: `io.store.LabelStore.commit` does that.

    Parameters
    ----------
    clip : EchoClip
        The clip; its frames are named in the revision by their hashes.
    edited : ndarray of uint8, shape (T, H, W)
        The reader's labels of the whole clip. Other integers are taken as
        well, as napari's layers hold them; the committed frames are copied.
    frames : iterable of int
        What the reader commits: frames that were changed, or were looked at
        and found right.
    base : Base
        What the reader started from.
    reader : str
        Who labels.
    started : datetime
        When the work on it began; aware.
    key_frames : KeyFrames
        ED and ES as the reader saw them.
    schema : LabelSchema
        What the labels mean.
    comment : str
        The reader's remark.
    parent : str or None
        Id of the revision that this one goes on from.
    supersedes : tuple of str
        Ids of other heads that it replaces too: a fork that is resolved.
    seconds : float or None
        Time spent on it; None takes all that went by since `started`.
    status : str
        The reader's verdict.
    blind, repeat : bool
        As in `core.revision.Revision`.

    Returns
    -------
    Revision
        Committed now.

    Raises
    ------
    EchoError
        If the labels are of another clip's size, hold a value that is not in
        the schema, no frame is given or one is outside the clip, a key frame
        is outside the clip, the reader has no name, or `started` is naive or
        lies ahead.
    """
    chosen = tuple(sorted({int(frame) for frame in frames}))
    committed = datetime.now(UTC)
    _check(clip, edited, chosen, key_frames)
    labels = edited[list(chosen)]
    allowed = {0, IGNORE, *(s.index for s in schema.structures)}
    strange = sorted(set(np.unique(labels).tolist()) - allowed)
    if strange:
        raise EchoError(
            f"The labels of {clip.name} hold {strange}, which the schema '{schema.name}' does not "
            "know: paint them over with one of its structures."
        )
    if not reader.strip():
        raise EchoError("A revision needs the name of its reader: give one.")
    if started.tzinfo is None:
        raise EchoError(f"A revision cannot begin at {started}: give a time with its zone.")
    if started > committed:
        raise EchoError(
            f"The work on {clip.name} began at {started:%Y-%m-%d %H:%M:%S}, but the clock now says "
            f"{committed:%Y-%m-%d %H:%M:%S} (UTC): set it right and commit again."
        )
    return Revision(
        revision_id=uuid.uuid4().hex,
        clip_id=clip.clip_id,
        study_id=clip.study_id,
        clip_shape=(len(clip), *clip.frame_shape),
        frames=chosen,
        frame_hashes=tuple(clip.frame_hash(frame) for frame in chosen),
        labels=labels.astype(np.uint8),
        schema=schema,
        base=base,
        parent=parent,
        key_frames=key_frames,
        reader=reader.strip(),
        started=started.astimezone(UTC),
        committed=committed,
        seconds=(committed - started).total_seconds() if seconds is None else seconds,
        status=status,
        comment=comment,
        program=f"napari-echo {__version__}",
        supersedes=supersedes,
        blind=blind,
        repeat=repeat,
    )


def _check(
    clip: EchoClip, edited: NDArray[np.integer], frames: tuple[int, ...], key_frames: KeyFrames
) -> None:
    if edited.shape != clip.frames.shape or not np.issubdtype(edited.dtype, np.integer):
        raise EchoError(
            f"The labels of {clip.name} need the shape {clip.frames.shape} of its frames and whole "
            f"numbers, not {edited.shape} {edited.dtype}."
        )
    if not frames:
        raise EchoError(f"No frame of {clip.name} was changed or accepted: nothing to commit.")
    outside = [f for f in (*frames, *key_frames.frames()) if not 0 <= f < len(clip)]
    if outside:
        raise EchoError(f"Frame {outside[0]} is outside {clip.name}, which has {len(clip)} frames.")
