"""Merge label stores: copy what the one has not, and lose nothing of either."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from napari_echo.core.ancestry import forks
from napari_echo.core.errors import EchoError
from napari_echo.io.reading import reason
from napari_echo.io.store import LabelStore
from napari_echo.io.store_files import is_candidate, read_revision
from napari_echo.io.store_index import Damaged
from napari_echo.io.store_row import Row


@dataclass
class Merged:
    """What a merge did.

    Attributes
    ----------
    copied : list of str
        Ids of the revisions that came.
    present : int
        Revisions that were there already.
    damaged : list of Damaged
        Files of the other store that are no whole revisions; they stay there.
    conflicts : list of Damaged
        Files of the other store whose id is taken by other bytes; both stay
        where they are.
    forks : list of tuple of Row
        The forks that arose, each as its heads.
    """

    copied: list[str] = field(default_factory=list)
    present: int = 0
    damaged: list[Damaged] = field(default_factory=list)
    conflicts: list[Damaged] = field(default_factory=list)
    forks: list[tuple[Row, ...]] = field(default_factory=list)


def merge(
    store: LabelStore, other: Path, on_progress: Callable[[int, int], None] | None = None
) -> Merged:
    """Copy the revisions of another store that this one lacks.

    Each file is checked before it is copied byte for byte, and is there as a
    whole or not at all: a merge that was stopped goes on where it was.

    Parameters
    ----------
    store : LabelStore
        The store that takes them.
    other : Path
        Folder of the other store, which is only read.
    on_progress : callable, optional
        Gets the files done and their number.

    Raises
    ------
    EchoError
        If the other store is this one or cannot be read, or this one cannot
        be written.
    """
    try:
        if not other.is_dir():
            raise EchoError(f"There is no label store at {other}.")
        if store.path.is_dir() and other.samefile(store.path):
            raise EchoError(f"{other} is the store itself; name another one to merge.")
        paths = sorted(path for path in other.iterdir() if is_candidate(path.name))
    except OSError as error:
        raise EchoError(f"The label store {other} cannot be read: {reason(error)}.") from error
    merged = Merged()
    before = {_heads(fork) for fork in forks(store.rows())}
    for done, path in enumerate(paths, 1):
        _take(store, path, merged)
        if on_progress is not None:
            on_progress(done, len(paths))
    merged.forks = [fork for fork in forks(store.rows()) if _heads(fork) not in before]
    return merged


def _take(store: LabelStore, path: Path, merged: Merged) -> None:
    try:
        read_revision(path)
        data = path.read_bytes()
    except (EchoError, OSError) as error:
        text = str(error) if isinstance(error, EchoError) else f"{path}: {reason(error)}."
        merged.damaged.append(Damaged(path, text))
        return
    target = store.path / path.name
    if not target.exists():
        store.put(path.name, data)
        merged.copied.append(path.stem)
    elif _same(target, data):
        merged.present += 1
    else:
        merged.conflicts.append(Damaged(path, _conflict(path, target)))


def _same(path: Path, data: bytes) -> bool:
    try:
        return path.read_bytes() == data
    except OSError:
        return False


def _conflict(path: Path, target: Path) -> str:
    try:
        read_revision(target)
    except EchoError:
        return (
            f"{path} is whole and {target} is damaged: set that aside by `labels verify "
            "--set-aside`, and merge again."
        )
    return f"{path} and {target} have one id and other labels: both are kept where they are."


def _heads(fork: tuple[Row, ...]) -> frozenset[str]:
    return frozenset(head.revision_id for head in fork)
