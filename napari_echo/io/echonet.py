"""The EchoNet-Dynamic data set (Ouyang et al. 2020): videos with two traced frames.

Layout::

    ROOT/Videos/NAME.avi
    ROOT/FileList.csv         FileName (without .avi), EF, ESV, EDV, FrameHeight, FrameWidth,
                              FPS, NumberOfFrames, Split (TRAIN, VAL, TEST)
    ROOT/VolumeTracings.csv   FileName (with .avi), X1, Y1, X2, Y2, Frame (counted from 0):
                              of each traced frame first the long axis, then 20 discs

Each video is of another person, so a video is a study.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LV, LV_SCHEMA
from napari_echo.io.echonet_writer import TRACINGS, from_square, write_echonet
from napari_echo.io.foreign import ForeignLabels
from napari_echo.io.labelled import UNASSIGNED, LabelledClip, Skipped, log_skipped
from napari_echo.io.sources import ClipSource, read_sources
from napari_echo.io.tracings import (
    Outline,
    fill_outline,
    fraction,
    positive,
    read_list,
    read_numbers,
    read_traced_video,
)

__all__ = [
    "list_echonet",
    "read_echonet",
    "read_echonet_labels",
    "tracing_mask",
    "write_echonet",
]

Rows = NDArray[np.float64]
"""Of a traced frame the rows X1, Y1, X2, Y2, in the file's order; shape (N, 4)."""

_SPLITS = {"TRAIN": "train", "VAL": "val", "TEST": "test"}


def list_echonet(root: Path) -> list[ClipSource]:
    """List the videos of EchoNet-Dynamic in the order of its list.

    Parameters
    ----------
    root : Path
        The folder that holds `Videos`, `FileList.csv` and `VolumeTracings.csv`.

    Returns
    -------
    list of ClipSource
        They read clips with `LV_SCHEMA`, the view A4C and the EF of the list.
        Of the two traced frames the one with the larger mask is ED.

    Raises
    ------
    EchoError
        If a list is missing or lacks a column.
    """
    root = Path(root)
    lists = root / "FileList.csv", root / "VolumeTracings.csv"
    listed = read_list(lists[0], ("FileName", "EF", "FPS", "Split"))
    tracings, damaged = _read_tracings(lists[1])
    sources = []
    names: set[str] = set()
    for row in listed:
        name = row["FileName"].strip().removesuffix(".avi")
        video = root / "Videos" / f"{name}.avi"
        split = _SPLITS.get(row["Split"].strip().upper(), UNASSIGNED)
        problem = ""
        if name in names:
            problem = f"{lists[0].name} lists it twice."
        elif name in damaged:
            problem = (
                f"The tracing of {name}.avi is damaged: line {damaged[name]} of "
                f"{lists[1].name} holds no numbers."
            )
        elif not video.is_file():
            problem = f"{video} does not exist."
        names.add(name)
        read = partial(
            _read_video,
            video,
            tracings.get(name, {}),
            name=name,
            split=split,
            fps=positive(row["FPS"]),
            ef=fraction(row["EF"]),
        )
        frames = positive(row.get("NumberOfFrames"))
        sources.append(
            ClipSource(
                name,
                name,
                split,
                (video, *lists),
                read,
                problem,
                "A4C",
                None if frames is None else int(frames),
                fraction(row["EF"]),
            )
        )
    return sources


def read_echonet(
    root: Path,
    split: str | None = None,
    *,
    on_skip: Callable[[Skipped], None] = log_skipped,
) -> Iterator[LabelledClip]:
    """Read EchoNet-Dynamic video by video; each is decoded when it is asked for.

    Parameters
    ----------
    root : Path
        As for `list_echonet`, which also says what is read and raised.
    split : {"train", "val", "test"} or None
        Which videos; all without it.
    on_skip : callable
        Called with each video that cannot be read, is missing, or has other
        than two traced frames.
    """
    sources = [s for s in list_echonet(root) if split is None or s.split == split]
    return read_sources(sources, on_skip)


def read_echonet_labels(root: Path, on_skip: Callable[[Skipped], None]) -> Iterator[ForeignLabels]:
    """Read the traced frames of EchoNet-Dynamic, to be drawn on whatever the videos were made of.

    The arguments are those of `read_echonet`.
    """
    tracings, _ = _read_tracings(Path(root) / "VolumeTracings.csv")
    for item in read_echonet(root, on_skip=on_skip):
        name = item.clip.study_id
        frames = item.truth.annotated_frames
        outlines = [_outline(tracings[name][frame]) for frame in frames]
        yield ForeignLabels(
            name,
            item.truth.labels[list(frames)],
            LV_SCHEMA,
            frames=frames,
            key_frames=item.key_frames,
            study_id=name,
            n_frames=len(item.clip),
            redraw=partial(_redraw, outlines, max(item.clip.frame_shape)),
        )


def _redraw(outlines: list[Outline], size: int, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Draw outlines of a square video of that size on the frames that it was made of."""
    moved = [from_square(outline[:, ::-1], shape, size)[:, ::-1] for outline in outlines]
    return np.stack([fill_outline(outline, shape) * np.uint8(LV) for outline in moved])


def tracing_mask(rows: Rows, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Fill the outline of a traced frame.

    Parameters
    ----------
    rows : ndarray of float, shape (N, 4)
        X1, Y1, X2, Y2 of the long axis, which is left out, and of the discs from apex to base.
    shape : (int, int)
        Height and width of the frame.

    Returns
    -------
    ndarray of bool, shape (H, W)
    """
    return fill_outline(_outline(rows), shape)


def _outline(rows: Rows) -> Outline:
    """Down the one side of the discs and up the other."""
    return np.concatenate([rows[1:, :2], rows[:0:-1, 2:]])


def _read_video(
    video: Path,
    traced: Mapping[int, Rows],
    *,
    name: str,
    split: str,
    fps: float | None,
    ef: float | None,
) -> LabelledClip:
    if any(len(rows) < 4 for rows in traced.values()):
        raise EchoError(f"{video.name} has a traced frame of fewer than three discs.")
    # EchoNet lists ES first, which decides where the masks are as large.
    outlines = {frame: _outline(rows) for frame, rows in traced.items()}
    return read_traced_video(
        video, outlines, view="A4C", study_id=name, split=split, fps=fps, ef=ef
    )


def _read_tracings(path: Path) -> tuple[dict[str, dict[int, Rows]], dict[str, int]]:
    """Read the tracings, and of the videos with a damaged one the line that is."""
    names, numbers = read_numbers(path, TRACINGS)
    whole = np.isfinite(numbers).all(axis=1)
    damaged: dict[str, int] = {}
    for row in np.flatnonzero(~whole):
        damaged.setdefault(_video_name(names[row]), int(row) + 2)
    tracings: dict[str, dict[int, Rows]] = {}
    # Four hundred thousand rows: what is asked of each counts.
    for (name, frame), rows in groupby(
        np.flatnonzero(whole).tolist(),
        key=list(zip(names, numbers[:, -1].tolist(), strict=True)).__getitem__,
    ):
        block = numbers[list(rows), :-1]
        traced = tracings.setdefault(_video_name(name), {})
        known = traced.get(int(frame))
        traced[int(frame)] = block if known is None else np.concatenate([known, block])
    return tracings, damaged


def _video_name(file: str) -> str:
    return file.strip().removesuffix(".avi")
