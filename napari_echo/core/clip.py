"""An echo clip: the decoded frames and what is known about them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError


def hash_array(array: NDArray[np.uint8]) -> str:
    """SHA-256 of an array's shape and pixels.

    Parameters
    ----------
    array : ndarray of uint8
        Decoded pixels of a frame ``(H, W)`` or of a clip ``(T, H, W)``.

    Returns
    -------
    str
        64 hexadecimal digits; the same pixels give the same digits whatever
        file they were decoded from.
    """
    digest = hashlib.sha256(repr(array.shape).encode())
    digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class EchoClip:
    """The decoded frames of one clip.

    Parameters
    ----------
    frames : ndarray of uint8, shape (T, H, W)
        Grey levels. Made read-only.
    fps : float or None
        Frames a second; None where the file does not say.
    spacing_mm : (float, float) or None
        Height and width of a pixel in mm; None where the file does not say.
    view : str
        ``"A4C"``, ``"A2C"``, ``"PSAX"`` or ``"unknown"``.
    clip_id : str
        SHA-256 of the decoded frames (`hash_array`); use `from_frames`.
    study_id : str
        Pseudonymous name of the study that the clip belongs to.
    source : Path or None
        The file it was decoded from.
    notes : tuple of str
        What the reader of the clip should know, one sentence each, such as
        a spacing that had to be rescaled.
    """

    frames: NDArray[np.uint8]
    fps: float | None
    spacing_mm: tuple[float, float] | None
    view: str
    clip_id: str
    study_id: str
    source: Path | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        frames = self.frames
        if frames.ndim != 3 or frames.dtype != np.uint8 or 0 in frames.shape:
            raise EchoError(
                "A clip needs frames of shape (T, H, W) and type uint8, "
                f"not {frames.shape} {frames.dtype}."
            )
        frames.flags.writeable = False

    @classmethod
    def from_frames(
        cls,
        frames: NDArray[np.uint8],
        *,
        fps: float | None = None,
        spacing_mm: tuple[float, float] | None = None,
        view: str = "unknown",
        study_id: str | None = None,
        source: Path | None = None,
        notes: tuple[str, ...] = (),
    ) -> EchoClip:
        """Make a clip and name it by the hash of its frames.

        Without a `study_id` the source's stem is taken, else the hash's
        first eight digits.
        """
        frames = np.ascontiguousarray(frames)
        clip_id = hash_array(frames)
        if study_id is None:
            study_id = source.stem if source is not None else clip_id[:8]
        return cls(frames, fps, spacing_mm, view, clip_id, study_id, source, notes)

    def __len__(self) -> int:
        return int(self.frames.shape[0])

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return int(self.frames.shape[1]), int(self.frames.shape[2])

    @property
    def name(self) -> str:
        """A short name for titles: the source's file name, else the study."""
        return self.source.name if self.source is not None else self.study_id

    def frame_hash(self, index: int) -> str:
        """SHA-256 of one frame's shape and pixels."""
        return hash_array(self.frames[index])
