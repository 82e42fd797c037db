"""Load a clip from any file that can hold one."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.io.reading import check_file, is_dicom, reason

_log = logging.getLogger(__name__)

CLIP_SUFFIXES = (
    ".dcm", ".dicom", ".avi", ".mp4", ".mov", ".m4v", ".tif", ".tiff", ".nii", ".nii.gz", ".npy"
)  # fmt: skip
"""Endings of the files that `load` reads; DICOM files may have any or none."""

_LABEL_ENDINGS = (
    "_gt.nii.gz", "_gt.nii", ".labels.nii.gz", ".labels.tif", ".labels.npy", ".hard.npy",
    ".seg.dcm",
)  # fmt: skip
_REVISION = re.compile(r"[0-9a-f]{32}\.tif")  # a file of the label store


def load(path: str | Path) -> EchoClip:
    """Load a clip.

    Parameters
    ----------
    path : str or Path
        A DICOM, AVI, MP4, MOV, TIFF, NIfTI or NPY file, or a CAMUS still.

    Returns
    -------
    EchoClip
        At least two frames; one if the file is a CAMUS still.

    Raises
    ------
    EchoError
        One sentence that names the file and the cause, for whatever is wrong
        with it.
    """
    path = Path(path)
    if path.is_dir() and any(path.glob("patient*_[24]CH_*.nii.gz")):
        raise EchoError(
            f"{path} is the folder of a CAMUS patient; open one of its images, such as "
            f"{path.name}_4CH_ED.nii.gz."
        )
    check_file(path)
    try:
        return _reader(path)(path)
    except MemoryError as error:
        raise EchoError(f"{path.name} does not fit into the memory of this computer.") from error


@dataclass(frozen=True)
class ClipFile:
    """A clip by the file that it is loaded from.

    Parameters
    ----------
    path : Path
        The file.
    pair : bool
        Whether it is an ED still that is taken with the ES still beside it.
    """

    path: Path
    pair: bool = False

    def load(self) -> EchoClip:
        """Load the clip; an `EchoError` where it cannot be."""
        if not self.pair:
            return load(self.path)
        from napari_echo.io.camus_images import load_pair

        return load_pair(self.path)


def clips_of(path: Path) -> list[ClipFile]:
    """List every clip that a review makes of a file, without a look into it.

    It is a clip of its own, and an ED still of CAMUS makes another with the
    ES still beside it.
    """
    from napari_echo.io.camus_layout import es_still

    own = ClipFile(path)
    return [own] if es_still(path) is None else [own, ClipFile(path, pair=True)]


def find_clips(paths: Iterable[str | Path]) -> list[Path]:
    """List the clip files among files and folders.

    Files are taken as they are. Folders are searched to the bottom, in
    sorted order; hidden files and folders, and files of labels, are left out.
    A folder below that cannot be read is skipped and logged.

    Raises
    ------
    EchoError
        If a path does not exist, or there is no clip at all.
    """
    given = [Path(path) for path in paths]
    found: dict[Path, None] = {}
    for path in given:
        if path.is_dir():
            found.update(dict.fromkeys(sorted(walk_clips(path))))
        elif path.exists():
            found[path] = None
        else:
            raise EchoError(f"{path} does not exist.")
    if not found:
        names = ", ".join(str(path) for path in given) or "Nothing"
        raise EchoError(f"{names} holds no clip; clips end in {', '.join(CLIP_SUFFIXES)}.")
    return list(found)


def walk_clips(folder: Path) -> Iterator[Path]:
    """Find the clip files of a folder, as `find_clips` does, each when it is asked for.

    The files of a folder come in the order of their names, before those of
    the folders in it.
    """
    for parent, folders, files in os.walk(folder, onerror=_log_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(parent, name)
            lower = name.lower()
            if name.startswith(".") or lower.endswith(_LABEL_ENDINGS) or lower == "dicomdir":
                continue
            if _REVISION.fullmatch(name):
                continue
            if lower.endswith(CLIP_SUFFIXES) or is_dicom(path):
                yield path


def _log_unreadable(error: OSError) -> None:
    _log.warning("Skipped the folder %s, which cannot be read: %s.", error.filename, reason(error))


def _reader(path: Path) -> Callable[[Path], EchoClip]:
    # Each library is imported only when its format is met.
    from napari_echo.io import camus_images, clipset_clips, dicom, stacks, video
    from napari_echo.io.camus_layout import is_camus_name

    name = path.name.lower()
    if name.endswith((".dcm", ".dicom")) or is_dicom(path):
        return dicom.load_dicom
    if name.endswith((".avi", ".mp4", ".mov", ".m4v")):
        return video.load_video
    if name.endswith((".tif", ".tiff")):
        return stacks.load_tiff
    if name.endswith((".nii", ".nii.gz")):
        return camus_images.load_still if is_camus_name(path) else stacks.load_nifti
    if name.endswith(".npy"):
        in_set = clipset_clips.is_in_clipset(path)
        return clipset_clips.load_from_clipset if in_set else stacks.load_npy
    raise EchoError(
        f"{path.name} is not a kind of file that holds a clip; clips end in "
        f"{', '.join(CLIP_SUFFIXES)}."
    )
