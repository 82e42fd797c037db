"""Labels in NIfTI or TIFF stacks, in; `napari_echo.io.stack_writer` writes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import CAMUS_SCHEMA, IGNORE, LabelSchema
from napari_echo.io.foreign import ForeignLabels
from napari_echo.io.json_fields import key_frames_from_dict
from napari_echo.io.labelled import Skipped
from napari_echo.io.nifti import read_nifti
from napari_echo.io.reading import captured_log, check_file, decoding
from napari_echo.io.stack_writer import ENDINGS, Kind


def stack_label_files(path: Path, kind: Kind) -> list[Path]:
    """The files of labels that are read: the file itself, or those of a folder.

    Raises
    ------
    EchoError
        If there is none.
    """
    endings = (".labels.nii.gz", ".labels.nii") if kind == "nifti" else (".labels.tif",)
    if path.is_file():
        if not path.name.lower().endswith(endings):
            raise EchoError(f"{path.name} is no file of labels: those end in {endings[0]}.")
        return [path]
    found = sorted(p for p in path.glob("*") if p.name.lower().endswith(endings))
    if not found:
        raise EchoError(f"{path} holds no labels: files that end in {endings[0]}.")
    return found


def read_stacks(
    path: Path, kind: Kind, on_skip: Callable[[Skipped], None]
) -> Iterator[ForeignLabels]:
    """Read files of labels and the frames beside them.

    A frame is labelled if ``NAME.json`` lists it, or if not all of it is 255.
    Where there is neither such a file nor a pixel of 255, the frames with a
    label other than background are.

    Parameters
    ----------
    path : Path
        A file of labels, or a folder of them.
    kind : {"nifti", "tiff"}
        What the files are.
    on_skip : callable
        Called with each file that cannot be read.

    Raises
    ------
    EchoError
        If there is no file of labels.
    """
    for file in stack_label_files(path, kind):
        try:
            yield _read(file, kind)
        except EchoError as error:
            on_skip(Skipped(file.name, str(error)))


def _read(path: Path, kind: Kind) -> ForeignLabels:
    labels = _values(path, kind)
    stem = path.name[: path.name.lower().rindex(".labels.")]
    about = _about(path.with_name(f"{stem}.json"))
    try:
        schema = LabelSchema.from_dict(about["schema"]) if "schema" in about else CAMUS_SCHEMA
        frames = {int(frame) for frame in about.get("labelled_frames", ())}
        key_frames = about.get("key_frames")
        traced = None if key_frames is None else key_frames_from_dict(key_frames, len(labels))
    except (ValueError, KeyError, TypeError) as error:
        raise EchoError(f"{stem}.json is damaged: {error!r}.") from error
    if not about and not (labels == IGNORE).any():
        frames |= set(np.flatnonzero(labels.any(axis=(1, 2))).tolist())
    else:
        frames |= set(np.flatnonzero((labels != IGNORE).any(axis=(1, 2))).tolist())
    if not frames or not all(0 <= frame < len(labels) for frame in frames):
        raise EchoError(f"{path.name} has no labelled frame among its {len(labels)} frames.")
    beside = path.with_name(f"{stem}{ENDINGS[kind]}")
    pixels = _values(beside, kind) if beside.is_file() else None
    if pixels is not None and pixels.shape != labels.shape:
        raise EchoError(
            f"{path.name} has the shape {labels.shape}, {beside.name} has {pixels.shape}."
        )
    chosen = tuple(sorted(frames))
    return ForeignLabels(
        path.name,
        labels[list(chosen)],
        schema,
        frames=chosen,
        pixels=None if pixels is None else pixels[list(chosen)],
        key_frames=traced,
        clip_id=str(about.get("clip_id", "")),
        study_id=str(about.get("study_id", stem)),
        n_frames=len(labels),
    )


def _about(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise EchoError(f"{path.name} is damaged: {error}.") from error
    if not isinstance(data, dict):
        raise EchoError(f"{path.name} is damaged: it holds no object.")
    return data


def _values(path: Path, kind: Kind) -> NDArray[np.uint8]:
    """A stack (T, H, W) of whole numbers from 0 to 255."""
    values: NDArray[Any]
    if kind == "nifti":
        values = read_nifti(path).values
    else:
        check_file(path)
        with decoding(path, "a TIFF file"), captured_log("tifffile"):
            import tifffile

            values = np.asarray(tifffile.imread(path))
        values = values[np.newaxis] if values.ndim == 2 else values
    if values.ndim != 3:
        raise EchoError(f"{path.name} has the shape {values.shape}, not (frames, height, width).")
    rounded = np.rint(values)
    if (rounded != values).any() or values.min() < 0 or values.max() > IGNORE:
        raise EchoError(f"{path.name} holds other values than whole numbers from 0 to 255.")
    return np.asarray(rounded, np.uint8)
