"""The EchoNet-Pediatric data set (Reddy et al. 2023): A4C and PSAX videos, two outlines each.

Layout::

    ROOT/{A4C,PSAX}/Videos/PATIENT-STUDY-NUMBER.avi
    ROOT/{A4C,PSAX}/FileList.csv         FileName, EF, Sex, Age, Weight, Height, Split (0-9)
    ROOT/{A4C,PSAX}/VolumeTracings.csv   FileName, X, Y, Frame: the points of each outline;
                                         Frame reads "No Systolic" or "No Diastolic" where
                                         that one was not traced

The release draws a patient's fold from a hash of the patient's name, so that
all videos of a patient are in one fold. It states no frame rate; the videos'
own is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from napari_echo.core.errors import EchoError
from napari_echo.io.labelled import UNASSIGNED, LabelledClip, Skipped, log_skipped
from napari_echo.io.sources import ClipSource, read_sources
from napari_echo.io.tracings import (
    Outline,
    finite,
    fraction,
    read_columns,
    read_list,
    read_traced_video,
)

VIEWS = ("A4C", "PSAX")
"""The views, named as their folders are."""

VAL_FOLDS, TEST_FOLDS = (8,), (9,)
"""Folds for validation and for test unless told otherwise; the other eight are for training."""

_NESTED = ("", "pediatric_echo_avi", "pediatric_echo_avi/pediatric_echo_avi")
_NAME = re.compile(r"(?P<patient>CR\w+)-CR\w+-\d+")
_NOT_TRACED = {"No Systolic": "systolic", "No Diastolic": "diastolic"}


@dataclass
class _Tracings:
    """What one list of tracings says of each video."""

    outlines: dict[str, dict[int, list[tuple[float, ...]]]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


def list_pediatric(
    root: Path,
    *,
    views: Sequence[str] = VIEWS,
    val_folds: Sequence[int] = VAL_FOLDS,
    test_folds: Sequence[int] = TEST_FOLDS,
) -> list[ClipSource]:
    """List the videos of EchoNet-Pediatric, view by view, in the order of its lists.

    Parameters
    ----------
    root : Path
        The folder that holds `A4C` and `PSAX`, or the release's folder around it.
    views : sequence of {"A4C", "PSAX"}
        Views to list, where they are there.
    val_folds, test_folds : sequence of int
        Folds, 0 to 9, that become validation and test; the others are for training.

    Returns
    -------
    list of ClipSource
        The patient is the study. They read clips with `LV_SCHEMA` and the EF
        of the list; of the two outlines the larger is ED. A video with one
        outline alone cannot be read.

    Raises
    ------
    EchoError
        If a view is unknown or none is there, a list is missing or lacks a
        column, or a fold is named twice or is not one of 0 to 9.
    """
    unknown = [view for view in views if view not in VIEWS]
    if unknown:
        raise EchoError(f"EchoNet-Pediatric has no view '{unknown[0]}', only A4C and PSAX.")
    split_of = _split_of_fold(val_folds, test_folds)
    wanted = [view for view in VIEWS if view in views]
    folders = find_views(root, wanted)
    if not folders:
        raise EchoError(
            f"{root} is not an EchoNet-Pediatric folder: it has no folder {' or '.join(wanted)}."
        )
    return [source for folder in folders for source in _list_view(folder, split_of)]


def find_views(root: Path, views: Sequence[str] = VIEWS) -> list[Path]:
    """Find the folders of the views in a release's folder; empty where it is none."""
    found = [[Path(root, nested, v) for v in views] for nested in _NESTED]
    there = ([p for p in paths if (p / "FileList.csv").is_file()] for paths in found)
    return next(filter(None, there), [])


def read_pediatric(
    root: Path,
    split: str | None = None,
    *,
    views: Sequence[str] = VIEWS,
    on_skip: Callable[[Skipped], None] = log_skipped,
) -> Iterator[LabelledClip]:
    """Read EchoNet-Pediatric video by video; each is decoded when it is asked for.

    Parameters
    ----------
    root, views
        As for `list_pediatric`, which also says what is read and raised.
    split : {"train", "val", "test"} or None
        Which videos; all without it.
    on_skip : callable
        Called with each video that cannot be read, is missing, or has other
        than two outlines.
    """
    sources = list_pediatric(root, views=views)
    return read_sources([s for s in sources if split is None or s.split == split], on_skip)


def _split_of_fold(val_folds: Sequence[int], test_folds: Sequence[int]) -> dict[str, str]:
    named = [*val_folds, *test_folds]
    for fold in named:
        if not 0 <= fold <= 9:
            raise EchoError(f"There is no fold {fold}: the folds are 0 to 9.")
        if named.count(fold) > 1:
            raise EchoError(f"The fold {fold} is named twice: it goes to one split.")
    split_of = {str(fold): "train" for fold in range(10)}
    split_of.update({str(fold): "val" for fold in val_folds})
    split_of.update({str(fold): "test" for fold in test_folds})
    return split_of


def _list_view(folder: Path, split_of: dict[str, str]) -> list[ClipSource]:
    view = folder.name
    lists = folder / "FileList.csv", folder / "VolumeTracings.csv"
    listed = read_list(lists[0], ("FileName", "EF", "Split"))
    tracings = _read_tracings(lists[1])
    sources = []
    names: set[str] = set()
    for row in listed:
        name = row["FileName"].strip().removesuffix(".avi")
        match = _NAME.fullmatch(name)
        study = match["patient"] if match else name
        video = folder / "Videos" / f"{name}.avi"
        split = split_of.get(row["Split"].strip(), UNASSIGNED)
        problem = tracings.problems.get(name, "")
        if name in names:
            problem = f"{lists[0].name} lists it twice."
        elif not video.is_file():
            problem = f"{video} does not exist."
        names.add(name)
        read = partial(
            read_traced_video,
            video,
            {frame: _outline(points) for frame, points in tracings.outlines.get(name, {}).items()},
            view=view,
            study_id=study,
            split=split,
            fps=None,
            ef=fraction(row["EF"]),
        )
        ef = fraction(row["EF"])
        files = (video, *lists)
        sources.append(
            ClipSource(f"{view}/{name}", study, split, files, read, problem, view, ef=ef)
        )
    return sources


def _outline(points: list[tuple[float, ...]]) -> Outline:
    return np.array(points, float)


def _read_tracings(path: Path) -> _Tracings:
    tracings = _Tracings()
    columns = ("FileName", "X", "Y", "Frame")
    for line, (file, *texts) in enumerate(read_columns(path, columns), start=2):
        name = file.strip().removesuffix(".avi")
        missing = _NOT_TRACED.get(texts[-1].strip())
        numbers = finite(texts)
        if missing:
            tracings.problems.setdefault(name, f"{name}.avi has no {missing} frame traced.")
        elif numbers is None:
            problem = (
                f"The tracing of {name}.avi is damaged: line {line} of {path.name} "
                "holds no numbers."
            )
            tracings.problems.setdefault(name, problem)
        else:
            outlines = tracings.outlines.setdefault(name, {})
            outlines.setdefault(int(numbers[-1]), []).append(numbers[:2])
    return tracings
