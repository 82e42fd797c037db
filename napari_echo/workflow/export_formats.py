"""The formats that labels leave in and come in by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_echo.core.errors import EchoError
from napari_echo.io.foreign import ForeignLabels
from napari_echo.io.labelled import LabelledClip, Outcome, Skipped

OnSkip = Callable[[Skipped], None]


@dataclass(frozen=True)
class Format:
    """A format.

    Parameters
    ----------
    name, title : str
        What it is called on the command line, and in the window.
    carries : str
        What it carries, as one sentence.
    fill : callable
        Writes labelled clips into an empty folder, one as each is asked for.
    read : callable
        Reads labels from a folder or a file.
    one_schema : bool
        Whether a data set has one label schema.
    frames_note : str
        Why labelled frames may be left out; "" where none are.
    """

    name: str
    title: str
    carries: str
    fill: Callable[[Path, Iterable[LabelledClip]], Iterator[Outcome]]
    read: Callable[[Path, OnSkip], Iterator[ForeignLabels]]
    one_schema: bool = False
    frames_note: str = ""


def format_of(name: str) -> Format:
    """Find a format by its name.

    Raises
    ------
    EchoError
        If there is none of that name.
    """
    if name not in FORMATS:
        raise EchoError(f"There is no format '{name}'; use one of {', '.join(FORMATS)}.")
    return FORMATS[name]


# The modules of a format are imported when it is used.


def _fill_clips(folder: Path, clips: Iterable[LabelledClip]) -> Iterator[Outcome]:
    from napari_echo.io.clipset_writer import fill_clipset

    return fill_clipset(folder, clips)


def _read_clips(path: Path, on_skip: OnSkip) -> Iterator[ForeignLabels]:
    from napari_echo.io.clipset import open_clipset

    clips = open_clipset(path)
    for entry in clips.entries:
        if entry.labelled_frames:
            rows = list(entry.labelled_frames)
            yield ForeignLabels(
                entry.frames_file,
                np.array(clips.labels(entry)),
                clips.schema,
                frames=entry.labelled_frames,
                pixels=np.array(clips.frames(entry)[rows]),
                key_frames=entry.key_frames,
                clip_id=entry.clip_id,
                study_id=entry.study_id,
                n_frames=entry.shape[0],
            )


def _fill_echonet(folder: Path, clips: Iterable[LabelledClip]) -> Iterator[Outcome]:
    from napari_echo.io.echonet_writer import fill_echonet

    return fill_echonet(folder, clips)


def _read_echonet(path: Path, on_skip: OnSkip) -> Iterator[ForeignLabels]:
    from napari_echo.io.echonet import read_echonet_labels

    return read_echonet_labels(path, on_skip)


def _fill_camus(folder: Path, clips: Iterable[LabelledClip]) -> Iterator[Outcome]:
    from napari_echo.io.camus_writer import fill_camus

    return fill_camus(folder, clips)


def _read_camus(path: Path, on_skip: OnSkip) -> Iterator[ForeignLabels]:
    from napari_echo.io.camus import read_camus_labels

    return read_camus_labels(path, on_skip)


def _fill_coco(folder: Path, clips: Iterable[LabelledClip]) -> Iterator[Outcome]:
    from napari_echo.io.coco_writer import fill_coco

    return fill_coco(folder, clips)


def _read_coco(path: Path, on_skip: OnSkip) -> Iterator[ForeignLabels]:
    from napari_echo.io.coco import read_coco

    return read_coco(path, on_skip)


def _fill_nifti(folder: Path, clips: Iterable[LabelledClip]) -> Iterator[Outcome]:
    from napari_echo.io.stack_writer import fill_stacks

    return fill_stacks(folder, clips, "nifti")


def _read_nifti(path: Path, on_skip: OnSkip) -> Iterator[ForeignLabels]:
    from napari_echo.io.labelled_stacks import read_stacks

    return read_stacks(path, "nifti", on_skip)


def _fill_tiff(folder: Path, clips: Iterable[LabelledClip]) -> Iterator[Outcome]:
    from napari_echo.io.stack_writer import fill_stacks

    return fill_stacks(folder, clips, "tiff")


def _read_tiff(path: Path, on_skip: OnSkip) -> Iterator[ForeignLabels]:
    from napari_echo.io.labelled_stacks import read_stacks

    return read_stacks(path, "tiff", on_skip)


def _fill_dicom_seg(folder: Path, clips: Iterable[LabelledClip]) -> Iterator[Outcome]:
    from napari_echo.io.dicom_seg_writer import fill_dicom_seg

    return fill_dicom_seg(folder, clips)


def _read_dicom_seg(path: Path, on_skip: OnSkip) -> Iterator[ForeignLabels]:
    from napari_echo.io.dicom_seg import read_dicom_seg

    return read_dicom_seg(path, on_skip)


FORMATS: Mapping[str, Format] = {
    one.name: one
    for one in (
        Format(
            "clips",
            "Clips to train on",
            "Whole clips and the labels of all labelled frames, exactly.",
            _fill_clips,
            _read_clips,
            one_schema=True,
        ),
        Format(
            "echonet",
            "EchoNet-Dynamic",
            "Videos of 112x112 and the LV cavity at ED and ES, as 20 discs.",
            _fill_echonet,
            _read_echonet,
            frames_note="EchoNet-Dynamic holds ED and ES of one beat.",
        ),
        Format(
            "camus",
            "CAMUS (NIfTI)",
            "ED and ES, and the frames between where all are labelled, exactly.",
            _fill_camus,
            _read_camus,
            frames_note="CAMUS holds a beat's ED and ES, and those between where all are labelled.",
        ),
        Format(
            "coco",
            "COCO",
            "Labelled frames as PNG, their structures as RLE and polygons, exactly.",
            _fill_coco,
            _read_coco,
            one_schema=True,
        ),
        Format(
            "nifti",
            "NIfTI stacks",
            "Whole clips and their labels, exactly.",
            _fill_nifti,
            _read_nifti,
        ),
        Format(
            "tiff",
            "TIFF stacks",
            "Whole clips and their labels, exactly.",
            _fill_tiff,
            _read_tiff,
        ),
        Format(
            "dicom-seg",
            "DICOM-SEG",
            "Labels alone, exactly, of clips that come from DICOM files.",
            _fill_dicom_seg,
            _read_dicom_seg,
        ),
    )
}
"""Every format by its name."""
