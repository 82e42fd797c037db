"""Stacks of frames: TIFF, NIfTI and NPY."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.io.label_tiff import holds_labels
from napari_echo.io.nifti import read_nifti
from napari_echo.io.reading import captured_log, check_file, check_frames, decoding, to_grey
from napari_echo.io.tiff_metadata import tiff_fps, tiff_spacing


def load_tiff(path: Path) -> EchoClip:
    """Load a TIFF stack, (T, H, W) grey or (T, H, W, 3) RGB.

    Frame rate and spacing come from ImageJ's or OME's metadata where it has them.

    Raises
    ------
    EchoError
        As `load_npy`; and if the file holds labels in place of frames.
    """
    path = Path(path)
    check_file(path)
    with decoding(path, "a TIFF file"), captured_log("tifffile") as log:
        import tifffile

        with tifffile.TiffFile(path) as tif:
            n_pages = len(tif.pages)
            if _errors(log):
                raise EchoError(
                    f"{path.name} is damaged or cut off: its chain of pages breaks after page "
                    f"{n_pages}."
                )
            if holds_labels(tif):
                raise EchoError(f"{path.name} holds labels, not the frames of a clip.")
            series = tif.series[0]
            if len(series.pages) != n_pages and len(tif.series) > 1:
                raise EchoError(f"{path.name} has pages of different sizes, so it is not one clip.")
            _check_whole(path, tif)
            values = _photometric(_time_first(series.asarray(), series.axes), tif.pages[0])
            fps, spacing_mm = tiff_fps(tif), tiff_spacing(tif)
        if _errors(log):
            raise EchoError(f"{path.name} is damaged: its frames do not match its metadata.")
    return _clip(path, values, fps=fps, spacing_mm=spacing_mm)


def _errors(log: list[logging.LogRecord]) -> bool:
    return any(record.levelno >= logging.ERROR for record in log)


def _check_whole(path: Path, tif: Any) -> None:
    """Refuse a file that ends within a frame: some codecs fill what is missing in silence."""
    size = path.stat().st_size
    for number, page in enumerate(tif.pages):
        ends = map(sum, zip(page.dataoffsets, page.databytecounts, strict=True))
        if max(ends, default=0) > size:
            raise EchoError(f"{path.name} is damaged or cut off: its page {number} is not whole.")


def _photometric(values: NDArray[Any], page: Any) -> NDArray[Any]:
    """Values as they are meant to be seen: colours of a palette, and white as the largest."""
    kind = page.photometric.name
    if kind == "PALETTE" and page.colormap is not None and values.ndim == 3:
        return np.stack([(channel[values] >> 8).astype(np.uint8) for channel in page.colormap], -1)
    if kind == "MINISWHITE" and values.dtype.kind == "u":
        return np.asarray(np.iinfo(values.dtype).max - values)
    return values


def _time_first(values: NDArray[Any], axes: str) -> NDArray[Any]:
    """Drop axes of length 1 and put colour last: TCYX of three channels becomes TYXC."""
    keep = [i for i, n in enumerate(values.shape) if n > 1 or axes[i] in "YX"]
    values, axes = (
        values.squeeze(tuple(set(range(values.ndim)) - set(keep))),
        "".join(axes[i] for i in keep),
    )
    for colour in "CS":  # channels, or the samples of a pixel
        if colour in axes and values.ndim == 4 and values.shape[axes.index(colour)] == 3:
            return np.moveaxis(values, axes.index(colour), -1)
    return values


def load_npy(path: Path) -> EchoClip:
    """Load a NumPy file of shape (T, H, W) or (T, H, W, 3); never unpickles.

    Raises
    ------
    EchoError
        If the file is missing, empty, damaged, cut off, no stack of frames,
        of one frame, or of colour Doppler.
    """
    path = Path(path)
    check_file(path)
    with path.open("rb") as file:
        if file.read(6) != np.lib.format.MAGIC_PREFIX:
            raise EchoError(f"{path.name} is not a NumPy array file: its mark NUMPY is missing.")
    with decoding(path, "a NumPy array file"):
        # Mapped first: a header that promises more than the file holds takes no memory.
        values = np.array(np.load(path, mmap_mode="r", allow_pickle=False))
    return _clip(path, values)


def load_nifti(path: Path) -> EchoClip:
    """Load a NIfTI file whose axes are width, height and time.

    Raises
    ------
    EchoError
        As `load_npy`.
    """
    path = Path(path)
    image = read_nifti(path)
    return _clip(path, image.values, fps=image.fps, spacing_mm=image.spacing_mm)


def _clip(
    path: Path,
    values: NDArray[Any],
    *,
    fps: float | None = None,
    spacing_mm: tuple[float, float] | None = None,
) -> EchoClip:
    """Make a clip of a decoded stack: check it and turn it to grey levels."""
    if values.ndim == 2:
        values = values[np.newaxis]
    elif values.ndim == 3 and values.shape[-1] in (3, 4) and values.shape[0] > 4:
        values = values[np.newaxis]  # one colour picture: no clip has frames 3 pixels wide
    if values.ndim == 4 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim not in (3, 4) or (values.ndim == 4 and values.shape[-1] not in (3, 4)):
        raise EchoError(
            f"{path.name} has the shape {values.shape}; a clip is (frames, height, width) or "
            "(frames, height, width, 3)."
        )
    if values.ndim == 4:
        values = values[..., :3]
    check_frames(path, values)
    frames, note = to_grey(path, values)
    return EchoClip.from_frames(
        frames, fps=fps, spacing_mm=spacing_mm, source=path, notes=(note,) if note else ()
    )
