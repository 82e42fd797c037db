"""Files and folders that are there as a whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import shutil
import unicodedata
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_echo.core.errors import EchoError
from napari_echo.io.reading import reason

PARTIAL = ".partial-"
"""How the temporary name of a file begins; what is left of it after a kill."""

# Windows opens a device by these names, whatever follows the first dot.
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com\d|lpt\d)(\.|$)", re.IGNORECASE)


def check_new(root: Path) -> None:
    """Refuse a folder that exists already.

    Raises
    ------
    EchoError
        If `root` exists.
    """
    if root.exists():
        raise EchoError(f"{root} exists already; give the name of a new folder.")


@contextmanager
def new_folder(root: Path) -> Iterator[Path]:
    """Give a temporary folder beside `root` that takes its name when the block ends well.

    If the block raises, the temporary folder is removed and `root` is not made.

    Raises
    ------
    EchoError
        If `root` exists already or the disk refuses.
    """
    check_new(root)
    partial = root.with_name(f".{root.name}.partial-{uuid.uuid4().hex[:8]}")
    try:
        partial.mkdir(parents=True)
        yield partial
        os.rename(partial, root)
    except OSError as error:
        raise EchoError(f"{root} cannot be written: {reason(error)}.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def new_file(path: Path, *, replace: bool, sync: bool = True) -> Iterator[Path]:
    """Give a temporary name beside `path` whose file takes its place at the end.

    Parameters
    ----------
    path : Path
        The file to write; its folder is made where it is missing.
    replace : bool
        Whether a file of that name may be replaced.
    sync : bool
        Whether the file must be there after a power cut, too.

    Raises
    ------
    EchoError
        If the file exists and may not be replaced, or the disk refuses.
    """
    # Not named after `path`, whose name may be as long as the disk takes.
    partial = path.with_name(f"{PARTIAL}{uuid.uuid4().hex}")
    try:
        if path.exists() and not replace:
            raise _taken(path)
        made = [folder for folder in path.parents if not folder.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        if sync:
            with partial.open("rb+") as file:
                os.fsync(file.fileno())
        if replace:
            os.replace(partial, path)
        else:
            try:
                rename_new(partial, path)
            except FileExistsError as error:
                raise _taken(path) from error
        if sync:
            try:
                for folder in (path.parent, *(folder.parent for folder in made)):
                    _sync_folder(folder)
            except OSError:
                if not replace:
                    path.unlink()  # what is said not to be written must not be there
                raise
    except OSError as error:
        raise EchoError(f"{path} cannot be written: {reason(error)}.") from error
    finally:
        with suppress(OSError):
            partial.unlink()


def _taken(path: Path) -> EchoError:
    return EchoError(f"{path} exists already and is never overwritten.")


def rename_new(old: Path, new: Path) -> None:
    """Rename a file, but never onto another that has the name already.

    Raises
    ------
    FileExistsError
        If the name is taken.
    OSError
        If the disk refuses.
    """
    if os.name == "nt":
        os.rename(old, new)  # refuses by itself
        return
    try:
        os.link(old, new)
    except OSError as error:
        # Disks without hard links, such as FAT and some network shares.
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
            raise
        if new.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new) from error
        os.rename(old, new)
        return
    os.unlink(old)


def safe_name(text: str) -> str:
    """Make a file name of ``a-z A-Z 0-9 . _ -``, at most 60 characters, for every system."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", ascii_text).strip(".-_")[:60].rstrip(".") or "clip"
    return f"clip-{name}" if _DEVICE.match(name) else name


class FileNames:
    """Safe names for files of one folder, each given once, whatever the case."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, text: str) -> str:
        """Make a `safe_name` that was not taken before."""
        stem = name = safe_name(text)
        count = 1
        while name.lower() in self._taken:
            count += 1
            name = f"{stem}_{count}"
        self._taken.add(name.lower())
        return name


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder survive a power cut; Windows does so by itself."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network shares cannot sync a folder and need not.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)
