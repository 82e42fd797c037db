"""Images in NIfTI files, turned to (T, H, W)."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.io.reading import captured_log, check_file, decoding

_TO_MM = {"meter": 1000.0, "mm": 1.0, "micron": 0.001}
_TO_SECONDS = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6}


@dataclass(frozen=True, eq=False)
class NiftiImage:
    """What a NIfTI file holds.

    Parameters
    ----------
    values : ndarray, shape (T, H, W) or (T, H, W, 3)
        Its values, rows first.
    spacing_mm : (float, float) or None
        Height and width of a pixel; None where the header does not say.
    fps : float or None
        Frames a second, where the file has a time axis with a unit.
    """

    values: NDArray[Any]
    spacing_mm: tuple[float, float] | None
    fps: float | None


def read_nifti(path: Path) -> NiftiImage:
    """Read a NIfTI file of one image, or of a stack whose last axis is time.

    NIfTI stores x before y: the axes are reversed, so that the apex of an
    apical view in CAMUS comes to lie on top. The header's unit is taken as mm
    where it is not stated, unless the size is exactly 1, its default.

    Raises
    ------
    EchoError
        If the file is missing, empty, damaged, or no image or stack.
    """
    check_file(path)
    with decoding(path, "a NIfTI file"), captured_log("nibabel.global"):
        import nibabel

        if path.name.lower().endswith(".gz"):
            # The checksum comes last, and nibabel stops before it.
            with gzip.open(path) as file:
                while file.read(1 << 20):
                    pass
        # Not mapped: a map would keep the file open as long as the clip lives.
        image: Any = nibabel.load(path, mmap=False)
        header = image.header
        values = np.asanyarray(image.dataobj)
        zooms = [float(z) for z in header.get_zooms()]
        space_unit, time_unit = header.get_xyzt_units()
    fps = None
    if values.ndim >= 4:
        if any(n != 1 for n in (values.shape[2], *values.shape[4:])):
            raise EchoError(
                f"{path.name} has the shape {values.shape}, a volume; "
                "a clip is (width, height, frames)."
            )
        fps = _fps(zooms[3], time_unit)
        values = values.reshape(*values.shape[:2], values.shape[3])
    if values.ndim == 2:
        values = values[:, :, np.newaxis]
    if values.ndim != 3 or 0 in values.shape:
        raise EchoError(
            f"{path.name} has the shape {values.shape}; a clip is (width, height, frames)."
        )
    if values.dtype.names is not None:  # NIfTI's RGB24 and RGBA32
        values = np.stack([values[channel] for channel in ("R", "G", "B")], axis=-1)
    frames = np.moveaxis(values, (2, 1, 0), (0, 1, 2))
    return NiftiImage(np.ascontiguousarray(frames), _spacing(zooms, space_unit), fps)


def _spacing(zooms: list[float], unit: str) -> tuple[float, float] | None:
    dx, dy = zooms[:2]
    if not (np.isfinite([dx, dy]).all() and dx > 0 and dy > 0):
        return None
    if unit not in _TO_MM and dx == dy == 1:
        return None
    factor = _TO_MM.get(unit, 1.0)
    return dy * factor, dx * factor


def _fps(step: float, unit: str) -> float | None:
    seconds = step * _TO_SECONDS.get(unit, 0.0)
    return 1 / seconds if np.isfinite(seconds) and seconds > 0 else None
