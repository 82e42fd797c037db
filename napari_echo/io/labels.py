"""Labels of a whole clip as a TIFF file: what a prediction is saved as."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LabelSchema
from napari_echo.io.label_tiff import encode_label_tiff, read_label_tiff
from napari_echo.io.writing import new_file


@dataclass(frozen=True, eq=False)
class LabelFile:
    """What a label file holds: labels (T, H, W), the pixel's size, and what the labels mean."""

    labels: NDArray[np.uint8]
    spacing_mm: tuple[float, float] | None
    schema: LabelSchema


def write_labels(
    path: Path,
    labels: NDArray[np.uint8],
    spacing_mm: tuple[float, float] | None,
    schema: LabelSchema,
) -> Path:
    """Write a clip's labels as a compressed TIFF of one page a frame.

    A file of that name is replaced, but never left half written.

    Parameters
    ----------
    path : Path
        File to write, by convention ``NAME.labels.tif``.
    labels : ndarray of uint8, shape (T, H, W)
        On the clip's own grid.
    spacing_mm : (float, float) or None
        Height and width of a pixel.
    schema : LabelSchema
        What the labels mean.

    Raises
    ------
    EchoError
        If the labels are no uint8 stack or the file cannot be written.
    """
    metadata = {
        "schema": schema.to_dict(),
        "spacing_mm": None if spacing_mm is None else list(spacing_mm),
    }
    data = encode_label_tiff(labels, metadata, spacing_mm)
    path = Path(path)
    with new_file(path, replace=True) as partial:
        partial.write_bytes(data)
    return path


def read_labels(path: Path) -> LabelFile:
    """Read what `write_labels` wrote.

    Raises
    ------
    EchoError
        If the file is missing, damaged or no label file.
    """
    labels, metadata = read_label_tiff(Path(path))
    try:
        spacing = metadata["spacing_mm"]
        spacing_mm = None if spacing is None else (float(spacing[0]), float(spacing[1]))
        return LabelFile(labels, spacing_mm, LabelSchema.from_dict(metadata["schema"]))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise EchoError(f"{path} is no label file of a clip: its metadata lack {error}.") from error
