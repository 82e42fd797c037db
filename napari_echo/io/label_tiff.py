"""Label arrays with their metadata in one compressed TIFF file that proves itself.

One page a frame, deflate, uint8; the first page's ImageDescription is JSON
that marks the file as labels, so that it is never taken for a clip. After the
TIFF's last byte, where readers of TIFF do not look, one line of text holds
the SHA-256 of all bytes before it: a changed bit is found wherever it is.
"""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.clip import hash_array
from napari_echo.core.errors import EchoError
from napari_echo.io.reading import captured_log, check_file, decoding, reason

MARK = "napari-echo labels"
VERSION = 2
"""Version 1 had no checksum of the file, only one of its labels."""

_SEAL = b"\nnapari-echo sha256 "
_SEALED = len(_SEAL) + 64 + 1


def encode_label_tiff(
    labels: NDArray[np.uint8],
    metadata: dict[str, Any],
    spacing_mm: tuple[float, float] | None = None,
) -> bytes:
    """Make the bytes of a label file.

    Parameters
    ----------
    labels : ndarray of uint8, shape (N, H, W)
        The labels.
    metadata : dict
        JSON-ready; what `read_label_tiff` gives back.
    spacing_mm : (float, float) or None
        Also written as the TIFF's own resolution, for other programs.

    Raises
    ------
    EchoError
        If the labels are no uint8 stack.
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
        **metadata,
    }
    # TIFF counts pixels a centimetre, or a meaningless unit where the size is unknown.
    per_cm = None if spacing_mm is None else (10 / spacing_mm[1], 10 / spacing_mm[0])
    encoded = io.BytesIO()
    tifffile.imwrite(
        encoded,
        labels,
        photometric="minisblack",
        compression="zlib",
        description=json.dumps(header),
        metadata=None,
        resolution=per_cm,
        resolutionunit=None if per_cm is None else "CENTIMETER",
    )
    tiff = encoded.getvalue()
    return tiff + _seal(tiff)


def read_label_tiff(path: Path) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    """Read labels and metadata, and check the file against its checksum.

    Raises
    ------
    EchoError
        If the file is missing, damaged, no label file or of a newer version.
    """
    data = _read_whole(path)
    metadata = _metadata(path, data)
    with decoding(path, "a label file"), captured_log("tifffile"):
        import tifffile

        with tifffile.TiffFile(io.BytesIO(data)) as tif:
            labels = np.stack([page.asarray() for page in tif.pages])
    if metadata["version"] == 1 and hash_array(labels) != metadata.get("sha256"):
        raise EchoError(f"{path} is damaged: its labels do not match their hash.")
    return labels, metadata


def read_label_metadata(path: Path) -> dict[str, Any]:
    """Read a label file's metadata alone, without decoding its labels.

    The checksum is checked all the same, where the file has one
    (`has_checksum`).

    Raises
    ------
    EchoError
        If the file is missing, damaged, no label file or of a newer version.
    """
    return _metadata(path, _read_whole(path))


def has_checksum(metadata: dict[str, Any]) -> bool:
    """Whether the file with this metadata carries a checksum of all its bytes."""
    return int(metadata["version"]) > 1


def holds_labels(tif: Any) -> bool:
    """Whether an open `tifffile.TiffFile` was made by `encode_label_tiff`."""
    return MARK in _description(tif)[:200]


def _read_whole(path: Path) -> bytes:
    check_file(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise EchoError(f"{path} cannot be read: {reason(error)}.") from error


def _metadata(path: Path, data: bytes) -> dict[str, Any]:
    sealed = data[-_SEALED:].startswith(_SEAL)
    if sealed and data[-_SEALED:] != _seal(data[:-_SEALED]):
        raise EchoError(f"{path} is damaged: its bytes do not match their checksum.")
    with decoding(path, "a label file"), captured_log("tifffile"):
        import tifffile

        with tifffile.TiffFile(io.BytesIO(data)) as tif:
            if not holds_labels(tif):
                raise EchoError(f"{path} is not a label file of this program, or is cut off.")
            metadata = dict(json.loads(_description(tif)))
        version = metadata["version"] = int(metadata["version"])
    if version > VERSION:
        raise EchoError(
            f"{path} is a label file of version {version}; this program reads up to "
            f"{VERSION}: update it."
        )
    if has_checksum(metadata) and not sealed:
        raise EchoError(f"{path} is cut off or damaged: the checksum at its end is missing.")
    return metadata


def _seal(tiff: bytes) -> bytes:
    """Make the line that ends a file."""
    return _SEAL + hashlib.sha256(tiff).hexdigest().encode() + b"\n"


def _description(tif: Any) -> str:
    return tif.pages[0].description or ""
