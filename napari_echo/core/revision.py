"""A revision: labels that a reader committed, for good."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import LabelSchema

BaseKind = Literal["model", "truth", "revision", "import", "nothing"]
Status = Literal["accepted", "corrected", "rejected", "second reader"]


@dataclass(frozen=True)
class Base:
    """What a reader started from: its kind and its id (for nothing empty, or "blind")."""

    kind: BaseKind
    id: str


@dataclass(frozen=True, eq=False)
class Revision:
    """The labelled frames of one clip by one reader. Immutable.

    Parameters
    ----------
    revision_id : str
        32 hexadecimal digits, unique.
    clip_id, study_id : str
        The clip, by the hash of its frames, and its study.
    clip_shape : (int, int, int)
        Shape ``(T, H, W)`` of the clip.
    frames : tuple of int
        Indices of the labelled frames, ascending.
    frame_hashes : tuple of str
        SHA-256 of each labelled frame's pixels, in the order of `frames`.
    labels : ndarray of uint8, shape (N, H, W)
        Their labels, in the order of `frames`. Made read-only.
    schema : LabelSchema
        What the labels mean.
    base : Base
        What the reader started from.
    parent : str or None
        The revision that this one supersedes.
    key_frames : KeyFrames
        ED and ES as the reader saw them.
    reader : str
        Who labelled.
    started, committed : datetime
        Aware, UTC.
    seconds : float
        Time spent on it.
    status, comment, program : str
        The reader's verdict and remark, and the version of the program.
    supersedes : tuple of str
        Heads that it replaces besides its parent: the sides of a fork that a
        reader resolved.
    blind : bool
        Whether the reader drew it from nothing, and had not been shown what
        models, the truth or other readers say of the clip.
    repeat : bool
        Whether it belongs to a further reading by a reader who had labelled
        the clip before: made to see how well he agrees with himself.
    """

    revision_id: str
    clip_id: str
    study_id: str
    clip_shape: tuple[int, int, int]
    frames: tuple[int, ...]
    frame_hashes: tuple[str, ...]
    labels: NDArray[np.uint8]
    schema: LabelSchema
    base: Base
    parent: str | None
    key_frames: KeyFrames
    reader: str
    started: datetime
    committed: datetime
    seconds: float
    status: Status
    comment: str
    program: str
    supersedes: tuple[str, ...] = ()
    blind: bool = False
    repeat: bool = False

    def __post_init__(self) -> None:
        n, expected = len(self.frames), (len(self.frames), *self.clip_shape[1:])
        if self.labels.shape != expected or self.labels.dtype != np.uint8:
            raise EchoError(
                f"A revision of {n} frames needs uint8 labels of shape {expected}, "
                f"not {self.labels.shape} {self.labels.dtype}."
            )
        if n == 0 or list(self.frames) != sorted(set(self.frames)):
            raise EchoError("A revision needs at least one frame, ascending, each once.")
        if self.frames[0] < 0 or self.frames[-1] >= self.clip_shape[0]:
            raise EchoError(
                f"Frame {self.frames[-1]} is outside a clip of {self.clip_shape[0]} frames."
            )
        if len(self.frame_hashes) != n:
            raise EchoError("A revision needs one hash for each labelled frame.")
        if len(set(self.supersedes) - {self.parent}) != len(self.supersedes):
            raise EchoError("A revision names each revision that it supersedes once.")
        self.labels.flags.writeable = False

    @property
    def parents(self) -> tuple[str, ...]:
        """Every revision that this one replaces: its parent first, then the others."""
        return (*((self.parent,) if self.parent is not None else ()), *self.supersedes)


def check_frames(revision: Revision, clip: EchoClip) -> None:
    """Refuse to attach a revision to other pixels than it labels.

    Raises
    ------
    EchoError
        If the clip or one of the labelled frames is another one; both hashes
        are named.
    """
    where = f"revision {revision.revision_id}"
    if revision.clip_shape == clip.frames.shape:
        for frame, expected in zip(revision.frames, revision.frame_hashes, strict=True):
            found = clip.frame_hash(frame)
            if found != expected:
                raise EchoError(
                    f"Frame {frame} of {clip.name} has the hash {found}, but {where} labels "
                    f"{expected}: it is not the frame that was labelled."
                )
    if revision.clip_shape != clip.frames.shape or revision.clip_id != clip.clip_id:
        raise EchoError(
            f"{clip.name} has the shape {clip.frames.shape} and the hash {clip.clip_id}, but "
            f"{where} labels a clip of shape {revision.clip_shape} and hash {revision.clip_id}: "
            "it is not the clip that was labelled."
        )
