"""What all readers of files share: clear sentences for bad files, and grey levels."""

from __future__ import annotations

import errno
import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.io.doppler import ColourCheck

MAX_FRAME_SIDE = 8192
"""Frames with a longer side are no echo: pictures of slides, maps, damaged headers."""


def check_file(path: Path) -> None:
    """Raise an EchoError unless `path` is a readable file with something in it."""
    try:
        if path.is_dir():
            raise EchoError(f"{path} is a folder; give a clip file.")
        if not path.exists():
            raise EchoError(f"{path} does not exist.")
        if not path.is_file():
            raise EchoError(f"{path} is a device or a pipe; give a clip file.")
        if path.stat().st_size == 0:
            raise EchoError(f"{path.name} is empty (0 bytes): copy it again from its source.")
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise EchoError(f"{path} cannot be read: {reason(error)}.") from error


def reason(error: OSError) -> str:
    """Say why the system refused, in its own words."""
    return error.strerror or str(error)


@contextmanager
def decoding(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever a decoding library raises into one EchoError that names the file.

    Damaged files make the libraries raise errors of any type, so any is caught;
    their warnings on the way are dropped, as the outcome tells what matters.

    Parameters
    ----------
    path : Path
        The file being decoded.
    kind : str
        What it should be, with article, such as ``"a DICOM file"``.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (EchoError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.EIO:
            raise EchoError(f"{path} cannot be read: {reason(error)}.") from error
        # The library's own words say little to a user; they stay in the chain.
        raise EchoError(f"{path.name} is damaged, cut off or not {kind}.") from error


@contextmanager
def captured_log(name: str) -> Iterator[list[logging.LogRecord]]:
    """Collect what a library logs in this thread, in place of printing it.

    Some libraries log damage that they then skip over, such as the lost pages
    of a TIFF file: the records tell it.

    Parameters
    ----------
    name : str
        The library's logger.
    """
    logger, thread = logging.getLogger(name), threading.get_ident()
    records: list[logging.LogRecord] = []

    def collect(record: logging.LogRecord) -> bool:
        if record.thread != thread:
            return True
        records.append(record)
        return False

    logger.addFilter(collect)
    try:
        yield records
    finally:
        logger.removeFilter(collect)


def check_frames(path: Path, frames: NDArray[Any]) -> None:
    """Raise an EchoError unless the stack has two frames or more of a sensible size.

    Parameters
    ----------
    path : Path
        The file that they come from.
    frames : ndarray, shape (T, H, W) or (T, H, W, 3)
        Decoded frames.
    """
    n, height, width = frames.shape[:3]
    if n == 1:
        raise EchoError(f"{path.name} has one frame; a clip needs at least two.")
    if n == 0 or min(height, width) < 16:
        raise EchoError(
            f"{path.name} holds {n} frames of {height}x{width} pixels, which is no echo clip."
        )
    if max(height, width) > MAX_FRAME_SIDE:
        raise EchoError(
            f"{path.name} has frames of {height}x{width} pixels; "
            f"at most {MAX_FRAME_SIDE} a side can be loaded."
        )


def luma(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey levels of a colour frame.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
        Red, green and blue.

    Returns
    -------
    ndarray of uint8, shape (H, W)
        Luma by ITU-R BT.601, the Y of DICOM's YBR_FULL; grey keeps its values.
    """
    import cv2

    return np.asarray(cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY), np.uint8)


def rescale(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Map `low`..`high` linearly to 0..255, rounded and clipped."""
    scale = 255.0 / (high - low) if high > low else 0.0
    scaled = (values.astype(np.float32) - low) * scale
    return np.asarray(np.rint(np.clip(scaled, 0, 255)), np.uint8)


def to_grey(path: Path, values: NDArray[Any]) -> tuple[NDArray[np.uint8], str | None]:
    """Grey levels of a stack of any numeric type, and a note where they were scaled.

    Whole numbers within 0..255 stay as they are; anything else is scaled from
    the smallest and largest value of the whole stack, so that frames stay
    comparable. Colour becomes luma and must not be colour Doppler.

    Parameters
    ----------
    path : Path
        The file that they come from, for the messages.
    values : ndarray, shape (T, H, W) or (T, H, W, 3)
        The stack.

    Raises
    ------
    EchoError
        If the values are not real, finite numbers, or show colour Doppler.
    """
    if values.dtype.kind not in "uif":
        raise EchoError(f"{path.name} holds values of the type {values.dtype}, not grey levels.")
    note = None
    if values.dtype != np.uint8:
        low, high = float(values.min()), float(values.max())
        if not np.isfinite([low, high]).all():
            raise EchoError(f"{path.name} holds values that are infinite or not a number.")
        whole = values.dtype.kind != "f" or bool((values == np.rint(values)).all())
        if whole and low >= 0 and high <= 255:
            values = values.astype(np.uint8)
        else:
            values = np.stack([rescale(frame, low, high) for frame in values])
            note = f"Grey levels {low:g} to {high:g} were scaled to 0 to 255."
    if values.ndim == 4:
        colours = ColourCheck(path)
        for frame in values:
            colours.add(frame)
        colours.finish()
        values = np.stack([luma(frame) for frame in values])
    return values, note


def is_dicom(path: Path) -> bool:
    """Whether a file has DICOM's magic letters, whatever its name."""
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False
