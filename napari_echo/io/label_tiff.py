"""Label arrays with their metadata in one compressed TIFF file.

One page a frame, deflate, uint8; the first page's ImageDescription is JSON
that marks the file as labels, so that it is never taken for a clip.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.clip import hash_array
from napari_echo.core.errors import EchoError
from napari_echo.io.reading import captured_log, check_file, decoding
from napari_echo.io.writing import new_file

MARK = "napari-echo labels"
VERSION = 1


def write_label_tiff(
    path: Path,
    labels: NDArray[np.uint8],
    metadata: dict[str, Any],
    *,
    spacing_mm: tuple[float, float] | None = None,
    replace: bool,
) -> Path:
    """Write labels and JSON-ready metadata: a whole file or none.

    Parameters
    ----------
    path : Path
        The file to write.
    labels : ndarray of uint8, shape (N, H, W)
        The labels.
    metadata : dict
        What `read_label_tiff` gives back.
    spacing_mm : (float, float) or None
        Also written as the TIFF's own resolution, for other programs.
    replace : bool
        Whether a file of that name may be replaced.

    Raises
    ------
    EchoError
        If the labels are no uint8 stack or the file cannot be written.
    """
    import tifffile

    if labels.ndim != 3 or labels.dtype != np.uint8 or 0 in labels.shape:
        raise EchoError(
            f"Labels need the shape (frames, height, width) and the type uint8, "
            f"not {labels.shape} {labels.dtype}."
        )
    header = {
        "shape": labels.shape,  # first, so that tifffile keeps the axis of a single frame
        "format": MARK,
        "version": VERSION,
        "sha256": hash_array(labels),
        **metadata,
    }
    # TIFF counts pixels a centimetre, or a meaningless unit where the size is unknown.
    per_cm = None if spacing_mm is None else (10 / spacing_mm[1], 10 / spacing_mm[0])
    with new_file(path, replace=replace) as partial:
        tifffile.imwrite(
            partial,
            labels,
            photometric="minisblack",
            compression="zlib",
            description=json.dumps(header),
            metadata=None,
            resolution=per_cm,
            resolutionunit=None if per_cm is None else "CENTIMETER",
        )
    return path


def read_label_tiff(path: Path) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    """Read labels and metadata, and check the labels against their hash.

    Raises
    ------
    EchoError
        If the file is missing, damaged, no label file or of a newer version.
    """
    metadata = read_label_metadata(path)
    with decoding(path, "a label file"), captured_log("tifffile"):
        import tifffile

        with tifffile.TiffFile(path) as tif:
            labels = np.stack([page.asarray() for page in tif.pages])
    if hash_array(labels) != metadata.get("sha256"):
        raise EchoError(f"{path} is damaged: its labels do not match their hash.")
    return labels, metadata


def read_label_metadata(path: Path) -> dict[str, Any]:
    """Read a label file's metadata alone, without decoding its labels.

    Raises
    ------
    EchoError
        If the file is missing, damaged, no label file or of a newer version.
    """
    check_file(path)
    with decoding(path, "a label file"), captured_log("tifffile"):
        import tifffile

        with tifffile.TiffFile(path) as tif:
            if not holds_labels(tif):
                raise EchoError(f"{path} is not a label file of this program, or is cut off.")
            metadata = json.loads(_description(tif))
        version = int(metadata["version"])
    if version > VERSION:
        raise EchoError(
            f"{path} is a label file of version {version}; this program reads up to "
            f"{VERSION}: update it."
        )
    return dict(metadata)


def holds_labels(tif: Any) -> bool:
    """Whether an open `tifffile.TiffFile` was written by `write_label_tiff`."""
    return MARK in _description(tif)[:200]


def _description(tif: Any) -> str:
    return tif.pages[0].description or ""
