"""The EchoNet-Dynamic data set (Ouyang et al. 2020): videos with two traced frames.

Layout::

    ROOT/Videos/NAME.avi
    ROOT/FileList.csv         FileName (without .avi), EF, ESV, EDV, FrameHeight, FrameWidth,
                              FPS, NumberOfFrames, Split (TRAIN, VAL, TEST)
    ROOT/VolumeTracings.csv   FileName (with .avi), X1, Y1, X2, Y2, Frame (counted from 0):
                              of each traced frame first the long axis, then 20 discs
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import LV, LV_SCHEMA, Segmentation
from napari_echo.io.echonet_writer import write_echonet
from napari_echo.io.labelled import UNASSIGNED, LabelledClip, Skipped, log_skipped
from napari_echo.io.reading import check_file
from napari_echo.io.video import load_video

__all__ = ["read_echonet", "tracing_mask", "write_echonet"]

Tracings = dict[str, dict[int, list[tuple[float, float, float, float]]]]
"""Of each video's traced frames the rows X1, Y1, X2, Y2, in the file's order."""

_SPLITS = {"TRAIN": "train", "VAL": "val", "TEST": "test"}


def read_echonet(
    root: Path,
    split: str | None = None,
    *,
    on_skip: Callable[[Skipped], None] = log_skipped,
) -> Iterator[LabelledClip]:
    """Read EchoNet-Dynamic video by video; each is decoded when it is asked for.

    Of the two traced frames the one with the larger mask is ED.

    Parameters
    ----------
    root : Path
        The folder that holds `Videos`, `FileList.csv` and `VolumeTracings.csv`.
    split : {"train", "val", "test"} or None
        Which videos; all without it.
    on_skip : callable
        Called with each video that cannot be read, is missing, or has other
        than two traced frames.

    Yields
    ------
    LabelledClip
        With `LV_SCHEMA`, the view A4C and the EF of the list.

    Raises
    ------
    EchoError
        If a list is missing or lacks a column.
    """
    root = Path(root)
    listed = _read_csv(root / "FileList.csv", ("FileName", "EF", "FPS", "Split"))
    tracings, damaged = _read_tracings(root / "VolumeTracings.csv")
    return _read_videos(root, listed, tracings, damaged, split, on_skip)


def tracing_mask(
    rows: list[tuple[float, float, float, float]], shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """Fill the outline of a traced frame, as EchoNet's own loader does.

    Parameters
    ----------
    rows : list of (X1, Y1, X2, Y2)
        The long axis, which is left out, and the discs from apex to base.
    shape : (int, int)
        Height and width of the frame.

    Returns
    -------
    ndarray of bool, shape (H, W)
    """
    from skimage.draw import polygon

    discs = np.array(rows[1:], float)
    x = np.concatenate([discs[:, 0], discs[::-1, 2]])
    y = np.concatenate([discs[:, 1], discs[::-1, 3]])
    mask = np.zeros(shape, bool)
    inside = polygon(np.rint(y), np.rint(x), shape)  # type: ignore[no-untyped-call]
    mask[inside] = True
    return mask


def _read_videos(
    root: Path,
    listed: list[dict[str, str]],
    tracings: Tracings,
    damaged: dict[str, int],
    split: str | None,
    on_skip: Callable[[Skipped], None],
) -> Iterator[LabelledClip]:
    for row in listed:
        name = row["FileName"].strip().removesuffix(".avi")
        given = _SPLITS.get(row["Split"].strip().upper(), UNASSIGNED)
        if split is not None and given != split:
            continue
        try:
            if name in damaged:
                raise EchoError(
                    f"The tracing of {name}.avi is damaged: line {damaged[name]} of "
                    "VolumeTracings.csv holds no numbers."
                )
            item = _read_video(root / "Videos" / f"{name}.avi", row, tracings.get(name, {}), given)
        except EchoError as error:
            on_skip(Skipped(name, str(error)))
        else:
            yield item


def _read_video(
    path: Path,
    row: dict[str, str],
    traced: dict[int, list[tuple[float, float, float, float]]],
    split: str,
) -> LabelledClip:
    if len(traced) != 2:
        raise EchoError(f"{path.name} has {len(traced)} traced frames, not two.")
    if any(len(rows) < 4 for rows in traced.values()):
        raise EchoError(f"{path.name} has a traced frame of fewer than three discs.")
    clip = load_video(path)
    if not all(0 <= frame < len(clip) for frame in traced):
        raise EchoError(
            f"{path.name} is traced at the frames {sorted(traced)}, but has {len(clip)} frames."
        )
    labels = np.zeros(clip.frames.shape, np.uint8)
    annotated = np.zeros(len(clip), bool)
    for frame, rows in traced.items():
        labels[frame][tracing_mask(rows, clip.frame_shape)] = LV
        annotated[frame] = True
    # Where both are as large, the order tells: EchoNet lists ES first.
    es, ed = sorted(traced, key=lambda frame: int((labels[frame] == LV).sum()))
    if not labels[es].any():
        raise EchoError(f"{path.name} has a traced frame whose discs enclose nothing.")
    ef = _number(row["EF"])
    return LabelledClip(
        replace(clip, fps=_number(row["FPS"]) or clip.fps, view="A4C"),
        Segmentation(labels, annotated, "ground truth", LV_SCHEMA),
        KeyFrames((Beat(ed, es),), "traced"),
        split,
        None if ef is None else ef / 100,
    )


def _read_tracings(path: Path) -> tuple[Tracings, dict[str, int]]:
    """Read the tracings, and of the videos with a damaged one the line that is."""
    columns = ("FileName", "X1", "Y1", "X2", "Y2", "Frame")
    tracings: Tracings = {}
    damaged: dict[str, int] = {}
    for line, row in enumerate(_read_csv(path, columns), start=2):
        name = row["FileName"].strip().removesuffix(".avi")
        try:
            x1, y1, x2, y2, frame = (float(row[column]) for column in columns[1:])
            if not math.isfinite(x1 + y1 + x2 + y2 + frame):
                raise ValueError("a number is not finite")
        except ValueError:
            damaged.setdefault(name, line)
        else:
            tracings.setdefault(name, {}).setdefault(int(frame), []).append((x1, y1, x2, y2))
    return tracings, damaged


def _read_csv(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    check_file(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise EchoError(f"{path} lacks the column {missing[0]}.")
            return list(reader)
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise EchoError(f"{path} is no readable list: {error}.") from error


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None
