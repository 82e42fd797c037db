"""Export of a label store: its clips are sought among files, then what was found is written."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.io.load import ClipFile
from napari_echo.io.store import LabelStore
from napari_echo.io.store_row import Row
from napari_echo.workflow.clip_search import OnSkip, iter_find
from napari_echo.workflow.export_choose import Fork, LeftOut
from napari_echo.workflow.export_labels import Exported, iter_export
from napari_echo.workflow.export_splits import Splits


@dataclass
class Sought:
    """What a search for the clips of a label store came to.

    Parameters
    ----------
    store : LabelStore
        The store.
    rows : list of Row
        Its revisions.
    opened : list of EchoClip
        Labelled clips that were in memory.
    files : list of ClipFile
        The other labelled clips.
    left_out : list of LeftOut
        Damaged revisions, and files that could not be read.
    """

    store: LabelStore
    rows: list[Row]
    opened: list[EchoClip]
    files: list[ClipFile] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)

    def clips(self) -> Iterator[EchoClip]:
        """Give the clips, which are loaded one by one."""
        yield from self.opened
        for file in self.files:
            try:
                yield file.load()
            except EchoError as error:
                self.left_out.append(LeftOut("unreadable", str(error)))


def iter_search(
    store: LabelStore,
    paths: Sequence[Path],
    opened: Iterable[EchoClip] = (),
    *,
    on_skip: OnSkip | None = None,
) -> Generator[tuple[int, int], None, Sought]:
    """Find the clips that a label store labels; the search ends when all are found.

    Parameters
    ----------
    store : LabelStore
        The store.
    paths : sequence of Path
        Files, and folders that are searched to the bottom.
    opened : iterable of EchoClip
        Clips in memory, which need no file.
    on_skip : callable, optional
        Told of each file that cannot be read, and why, in one sentence.

    Yields
    ------
    (int, int)
        Files looked at, and in all.

    Returns
    -------
    Sought

    Raises
    ------
    EchoError
        If there is no store, a path does not exist, or there is no clip at all.
    """
    if not store.path.is_dir():
        raise EchoError(f"There is no label store at {store.path}.")
    rows = store.rows()
    damaged = [LeftOut("damaged", found.reason, frames=()) for found in store.damaged]
    missing = {row.clip_id for row in rows}
    sought = Sought(
        store, rows, [clip for clip in opened if clip.clip_id in missing], left_out=damaged
    )
    missing -= {clip.clip_id for clip in sought.opened}

    def skip(sentence: str) -> None:
        sought.left_out.append(LeftOut("unreadable", sentence))
        if on_skip is not None:
            on_skip(sentence)

    if paths and missing:
        found = yield from iter_find(paths, missing, skip)
        sought.files = list(found.values())
    return sought


def of_clips(store: LabelStore, clips: Iterable[EchoClip]) -> Sought:
    """Take what a label store holds of some clips in memory, and nothing of others."""
    by_id = {clip.clip_id: clip for clip in clips}
    rows = [row for row in store.rows() if row.clip_id in by_id]
    damaged = [LeftOut("damaged", found.reason, frames=()) for found in store.damaged]
    return Sought(store, rows, list(by_id.values()), left_out=damaged)


def iter_export_sought(
    sought: Sought,
    out: Path,
    *,
    format: str,
    splits: Splits | None = None,
    fork: Fork = "leave",
    view: str = "unknown",
) -> Generator[tuple[int, int], None, Exported]:
    """Write the labels of the clips that were found; all else as `iter_export`."""
    return iter_export(
        sought.rows,
        sought.store.revisions,
        sought.clips(),
        out,
        format=format,
        splits=splits,
        fork=fork,
        store=str(sought.store.path.absolute()),
        left_out=sought.left_out,
        view=view,
    )
