"""Echo clips by napari's own File > Open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_echo.core.errors import EchoError
from napari_echo.gui.layer_data import clip_layer_data
from napari_echo.io.load import load

LayerData = tuple[Any, ...]
Reader = Callable[[str | list[str]], list[LayerData]]

_LABELS = (".labels.tif", ".labels.npy", "_gt.nii.gz", "_gt.nii")
_SMALLEST = 16


def get_reader(path: str | list[str]) -> Reader | None:
    """Return a reader where the files may be clips by their content, else None.

    A TIFF or NumPy file that is no stack of frames is left to other readers.
    Damaged files are taken, so that the user is told what is wrong with them.
    """
    paths = [path] if isinstance(path, str) else path
    return read if paths and all(may_be_clip(Path(p)) for p in paths) else None


def may_be_clip(path: Path) -> bool:
    """Tell by name and content whether a file is for this program to read."""
    name = path.name.lower()
    if not path.is_file() or name.endswith(_LABELS):
        return False
    if not name.endswith((".tif", ".tiff", ".npy")):
        return True
    try:
        shape = _npy_shape(path) if name.endswith(".npy") else _tiff_shape(path)
    except Exception:
        return True
    sides = [n for n in shape if n > 1]
    if len(sides) == 4 and sides[-1] in (3, 4):
        sides.pop()
    return len(sides) == 3 and min(sides[1:]) >= _SMALLEST


def _npy_shape(path: Path) -> tuple[int, ...]:
    import numpy as np

    return tuple(np.load(path, mmap_mode="r", allow_pickle=False).shape)


def _tiff_shape(path: Path) -> tuple[int, ...]:
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        return tuple(tiff.series[0].shape)


def read(path: str | list[str]) -> list[LayerData]:
    """Load clips as napari layer data.

    In a viewer a file that is no usable clip is reported in one sentence and
    opens nothing; napari would put its own sentence in place of the loader's.

    Raises
    ------
    EchoError
        The loader's, where there is no viewer.
    """
    from napari.utils.notifications import show_error
    from napari.viewer import current_viewer

    paths = [path] if isinstance(path, str) else path
    try:
        return [clip_layer_data(load(p)) for p in paths]
    except EchoError as error:
        if current_viewer() is None:
            raise
        show_error(str(error))
        # Napari's word for "read, and there is no layer to add".
        return [(None,)]
