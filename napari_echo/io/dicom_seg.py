"""Labels in DICOM Segmentation objects, in; `napari_echo.io.dicom_seg_writer` writes them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.io.foreign import ForeignLabels, schema_of
from napari_echo.io.labelled import Skipped
from napari_echo.io.reading import captured_log, check_file, decoding, is_dicom

_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
_INSTANCE = "SOPInstanceUID"


def dicom_seg_files(path: Path) -> list[Path]:
    """The files that are read: the file itself, or those of a folder that end in ``.dcm``.

    Raises
    ------
    EchoError
        If there is none.
    """
    found = [path] if path.is_file() else sorted(path.glob("*.dcm"))
    if not found:
        raise EchoError(f"{path} holds no DICOM file: those end in .dcm.")
    return found


def read_dicom_seg(path: Path, on_skip: Callable[[Skipped], None]) -> Iterator[ForeignLabels]:
    """Read segmentations of cines; a frame that a segment refers to is a labelled one.

    Parameters
    ----------
    path : Path
        A file, or a folder of files.
    on_skip : callable
        Called with each file that cannot be read.

    Raises
    ------
    EchoError
        If there is no DICOM file.
    """
    for file in dicom_seg_files(path):
        try:
            yield _read(file)
        except EchoError as error:
            on_skip(Skipped(file.name, str(error)))


def source_uid(path: Path) -> str:
    """SOP instance of a DICOM file; "" where it is none."""
    import pydicom

    if not is_dicom(path):
        return ""
    try:
        with captured_log("pydicom"):
            header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=[_INSTANCE])
    except Exception:  # damaged headers raise errors of any type
        return ""
    return str(header.get(_INSTANCE) or "")


def _read(path: Path) -> ForeignLabels:
    check_file(path)
    with decoding(path, "a DICOM Segmentation"), captured_log("pydicom"):
        import pydicom

        dataset = pydicom.dcmread(path)
        if str(dataset.get("SOPClassUID")) != _SEGMENTATION:
            raise EchoError(f"{path.name} is no DICOM Segmentation.")
        if str(dataset.SegmentationType) != "BINARY":
            raise EchoError(
                f"{path.name} has {dataset.SegmentationType} segments, not BINARY ones."
            )
        masks = dataset.pixel_array.reshape(-1, int(dataset.Rows), int(dataset.Columns)) > 0
        names = {int(s.SegmentNumber): str(s.SegmentLabel) for s in dataset.SegmentSequence}
        schema, index_of = schema_of(names, path.name)
        uid, frames = _references(path, dataset)
        by_frame: defaultdict[int, NDArray[np.uint8]] = defaultdict(
            lambda: np.zeros(masks.shape[1:], np.uint8)
        )
        groups = dataset.PerFrameFunctionalGroupsSequence
        for mask, group, frame in zip(masks, groups, frames, strict=True):
            number = int(_segment(dataset, group).ReferencedSegmentNumber)
            by_frame[frame][mask] = index_of[number]
    chosen = tuple(sorted(by_frame))
    return ForeignLabels(
        path.name,
        np.stack([by_frame[frame] for frame in chosen]),
        schema,
        frames=chosen,
        source_uid=uid,
    )


def _segment(dataset: Any, group: Any) -> Any:
    shared = dataset.SharedFunctionalGroupsSequence[0]
    holder = group if "SegmentIdentificationSequence" in group else shared
    return holder.SegmentIdentificationSequence[0]


def _references(path: Path, dataset: Any) -> tuple[str, list[int]]:
    """SOP instance of the source and, of each frame, the source's frame, from 0."""
    uids, frames = set(), []
    for group in dataset.PerFrameFunctionalGroupsSequence:
        images = [
            image
            for derivation in group.get("DerivationImageSequence") or ()
            for image in derivation.get("SourceImageSequence") or ()
        ]
        if len(images) != 1 or not images[0].get("ReferencedFrameNumber"):
            raise EchoError(f"{path.name} does not say which frame of which cine it labels.")
        number = images[0].ReferencedFrameNumber
        uids.add(str(images[0].ReferencedSOPInstanceUID))
        frames.append(int(number if isinstance(number, int | str) else number[0]) - 1)
    if len(uids) != 1:
        raise EchoError(f"{path.name} labels {len(uids)} cines; one file holds one cine's labels.")
    return uids.pop(), frames
