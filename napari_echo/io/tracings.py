"""Videos with traced frames, as both EchoNet data sets keep them: lists, outlines, clips."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import LV, LV_SCHEMA, Segmentation
from napari_echo.io.labelled import LabelledClip
from napari_echo.io.reading import check_file
from napari_echo.io.video import load_video

Outline = NDArray[np.float64]
"""Points (x, y) around the LV cavity of one frame, shape (N, 2), in pixels."""


def fill_outline(outline: Outline, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Fill an outline, as EchoNet's own loader does: a polygon of the rounded points.

    Parameters
    ----------
    outline : ndarray of float, shape (N, 2)
        Points (x, y) in pixels.
    shape : (int, int)
        Height and width of the frame.

    Returns
    -------
    ndarray of bool, shape (H, W)
    """
    from skimage.draw import polygon

    mask = np.zeros(shape, bool)
    x, y = np.rint(outline).T
    inside = polygon(y, x, shape)  # type: ignore[no-untyped-call]
    mask[inside] = True
    return mask


def read_traced_video(
    path: Path,
    outlines: Mapping[int, Outline],
    *,
    view: str,
    study_id: str,
    split: str,
    fps: float | None,
    ef: float | None,
) -> LabelledClip:
    """Decode a video and fill its two outlines; the larger is ED.

    Parameters
    ----------
    path : Path
        The video.
    outlines : mapping of int to ndarray
        The outline of each traced frame, counted from 0; ES first where the
        masks are as large.
    view, study_id, split : str
        As in `EchoClip` and `LabelledClip`.
    fps : float or None
        Frames a second; without it what the video says.
    ef : float or None
        Ejection fraction, 0 to 1.

    Raises
    ------
    EchoError
        If the video cannot be read, or there are other than two outlines, one
        lies outside the video or encloses nothing.
    """
    if len(outlines) != 2:
        raise EchoError(f"{path.name} has {len(outlines)} traced frames, not two.")
    clip = load_video(path)
    if not all(0 <= frame < len(clip) for frame in outlines):
        raise EchoError(
            f"{path.name} is traced at the frames {sorted(outlines)}, but has {len(clip)} frames."
        )
    labels = np.zeros(clip.frames.shape, np.uint8)
    annotated = np.zeros(len(clip), bool)
    for frame, outline in outlines.items():
        labels[frame][fill_outline(outline, clip.frame_shape)] = LV
        annotated[frame] = True
    es, ed = sorted(outlines, key=lambda frame: int((labels[frame] == LV).sum()))
    if not labels[es].any():
        raise EchoError(f"{path.name} has a traced frame whose outline encloses nothing.")
    return LabelledClip(
        replace(clip, fps=fps or clip.fps, view=view, study_id=study_id),
        Segmentation(labels, annotated, "ground truth", LV_SCHEMA),
        KeyFrames((Beat(ed, es),), "traced"),
        split,
        ef,
    )


def read_list(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """Read the rows of a CSV file that has these columns.

    Raises
    ------
    EchoError
        If the file cannot be read or lacks a column.
    """
    with _reading(path) as file:
        reader = csv.DictReader(file, restval="")
        _check_columns(path, reader.fieldnames or (), columns)
        return list(reader)


def read_columns(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Read these columns of a long CSV file, row by row; what a short row lacks is empty.

    Raises
    ------
    EchoError
        If the file cannot be read or lacks a column.
    """
    with _reading(path) as file:
        reader = csv.reader(file)
        names = next(reader, [])
        _check_columns(path, names, columns)
        wanted = itemgetter(*map(names.index, columns))
        for row in filter(None, reader):
            yield wanted(row if len(row) >= len(names) else row + [""] * len(names))


def read_numbers(path: Path, columns: tuple[str, ...]) -> tuple[list[str], NDArray[np.float64]]:
    """Read a column of names and columns of numbers of a CSV file of very many rows.

    Parameters
    ----------
    path : Path
        The file.
    columns : tuple of str
        Headings: of the names, then of the numbers.

    Returns
    -------
    list of str
        The names.
    ndarray of float, shape (N, C)
        The numbers; NaN where one is missing, no number or not finite.

    Raises
    ------
    EchoError
        If the file cannot be read or lacks a column.
    """
    import pandas as pd

    with _reading(path) as file:
        header = next(csv.reader(file), [])
        _check_columns(path, header, columns)
        read = partial(
            pd.read_csv,
            path,
            usecols=list(columns),
            index_col=False,
            dtype={columns[0]: str},
            keep_default_na=False,
            encoding="utf-8-sig",
        )
        try:
            try:
                table = read(low_memory=False)
            except pd.errors.ParserError:
                # A row that is too long spoils nothing but itself, as one that is too short.
                table = read(engine="python", on_bad_lines=lambda cells: cells[: len(header)])
        except pd.errors.ParserError as error:
            raise csv.Error(str(error)) from error
    numbers = np.stack(
        [pd.to_numeric(table[name], errors="coerce").to_numpy(float) for name in columns[1:]], 1
    )
    numbers[~np.isfinite(numbers)] = np.nan
    return table[columns[0]].fillna("").tolist(), numbers


@contextmanager
def _reading(path: Path) -> Iterator[TextIO]:
    check_file(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            yield file
    except (UnicodeDecodeError, csv.Error, OSError) as error:
        raise EchoError(f"{path} is no readable list: {error}.") from error


def _check_columns(path: Path, names: Sequence[str], columns: tuple[str, ...]) -> None:
    missing = [name for name in columns if name not in names]
    if missing:
        raise EchoError(f"{path} lacks the column {missing[0]}.")


def positive(text: str | None) -> float | None:
    """Read a positive number; None where it is none."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


def fraction(percent: str | None) -> float | None:
    """Read a percentage as a fraction; None where it is none."""
    value = positive(percent)
    return None if value is None else value / 100


def finite(texts: Sequence[str]) -> tuple[float, ...] | None:
    """Read numbers; None where one is missing, no number or not finite."""
    try:
        values = tuple(map(float, texts))
    except ValueError:
        return None
    # A sum that is finite, as nearly all are, says it at once.
    return values if math.isfinite(sum(values)) or all(map(math.isfinite, values)) else None
