"""The index of a clip data set: what it says of each clip."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.io.json_fields import key_frames_from_dict, key_frames_to_dict
from napari_echo.io.labelled import SPLITS

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
    source : str
        Name of the clip in the data set that it was read from; "" where it is
        not known.
    hard_file : str
        As `labels_file`, the pixels that are hard to label; "" where nobody looked.
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
    source: str = ""
    hard_file: str = ""

    @property
    def labels_shape(self) -> tuple[int, int, int]:
        """``(N, H, W)`` of the labels of the N labelled frames."""
        return (len(self.labelled_frames), *self.shape[1:])

    @property
    def labelled_beat(self) -> Beat | None:
        """The first beat whose ED and ES both carry a label."""
        return self.key_frames.labelled_beat(self.labelled_frames)


def entry_to_dict(entry: ClipEntry) -> dict[str, Any]:
    """An entry as JSON-ready data; `entry_from_dict` reads it back."""
    data = asdict(entry)
    data["key_frames"] = key_frames_to_dict(entry.key_frames)
    return data


def entry_from_dict(data: dict[str, Any]) -> ClipEntry:
    """Read what `entry_to_dict` wrote.

    Raises
    ------
    AttributeError, KeyError, TypeError, ValueError
        If it is not that, or it does not agree with itself.
    """
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
        source=str(data.get("source", "")),
        hard_file=_inside(data.get("hard_file", "")),
    )


def _inside(name: str) -> str:
    """Refuse a file name that leads out of the data set's folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise ValueError(f"the file name {name!r} leads out of the folder")
    return name
