"""Export: committed labels as a new folder in one of the formats, with a manifest."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.revision import Revision
from napari_echo.io.writing import new_folder
from napari_echo.workflow.export_choose import Fork, Kind, LeftOut, Told
from napari_echo.workflow.export_formats import format_of
from napari_echo.workflow.export_record import Record
from napari_echo.workflow.export_splits import MANIFEST, Splits

WORDS: dict[Kind, str] = {
    "superseded": "superseded by later labels",
    "rejected": "rejected",
    "second reader": "waiting for a second reader",
    "fork": "with rival labels that nobody chose from",
    "repeat": "read again, to compare a reader with himself",
    "no clip": "of clips that were not given",
    "other frames": "of other pixels than their clip has",
    "schema": "of another label schema",
    "format": "that the format cannot hold",
    "unreadable": "that cannot be read",
    "damaged": "of the store that are damaged",
}
"""What each reason to leave labels out is called in a summary."""


@dataclass(frozen=True)
class Exported:
    """An export.

    Parameters
    ----------
    path : Path
        Its folder.
    format : str
        Its format.
    clips, frames, revisions : int
        What went in.
    left_out : tuple of LeftOut
        What did not, and why.
    """

    path: Path
    format: str
    clips: int
    frames: int
    revisions: int
    left_out: tuple[LeftOut, ...]

    def told(self) -> str:
        """Say in one sentence what went in."""
        return (
            f"{_count(self.frames, 'frame')} of {_count(self.clips, 'clip')} went to {self.path}."
        )

    def told_left_out(self) -> str:
        """Say in one sentence what did not go in; empty if all did."""
        summary = _summary(self.left_out)
        return f"Left out: {summary}." if summary else ""


def _summary(left_out: Iterable[LeftOut]) -> str:
    """How many labelled frames, or files, were left out for each reason; the most first."""
    counts: Counter[Kind] = Counter()
    for left in left_out:
        counts[left.kind] += len(left.frames) if left.revision_id else 1
    return ", ".join(
        f"{_count(n, 'file' if kind in ('unreadable', 'damaged') else 'frame')} {WORDS[kind]}"
        for kind, n in counts.most_common()
    )


def iter_export(
    rows: Iterable[Told],
    read: Callable[[str], Sequence[Revision]],
    clips: Iterable[EchoClip],
    out: Path,
    *,
    format: str,
    splits: Splits | None = None,
    fork: Fork = "leave",
    store: str = "",
    left_out: list[LeftOut] | None = None,
    view: str = "unknown",
) -> Generator[tuple[int, int], None, Exported]:
    """Write committed labels as a new folder: the whole of it or nothing.

    Parameters
    ----------
    rows : iterable of Told
        Every revision, or its row in the store's index.
    read : callable
        Reads the revisions of a clip id.
    clips : iterable of EchoClip
        Read once, clip by clip; those without revisions are passed over.
    out : Path
        Folder to make; it must not exist.
    format : str
        One of `FORMATS`.
    splits : Splits, optional
        Which split a study goes to; "train" without it.
    fork : {"leave", "latest"}
        As for `choose`.
    store : str
        Where the revisions come from, for the manifest.
    left_out : list of LeftOut, optional
        What was left out before, such as files that cannot be read; looked at
        when all clips were read.
    view : str
        View of the clips that do not say theirs.

    Yields
    ------
    (int, int)
        Labelled clips done, and in all.

    Returns
    -------
    Exported

    Raises
    ------
    EchoError
        If `out` exists or cannot be written, one study is in two splits, or
        there is nothing to write.
    """
    rows = list(rows)
    wanted = {row.clip_id for row in rows}
    record = Record(format_of(format), splits or Splits(), fork, [])
    with new_folder(Path(out)) as partial:
        outcomes = record.format.fill(partial, record.items(clips, wanted, read, view))
        for n, outcome in enumerate(outcomes):
            record.take(record.given[n], outcome)
            yield len(record.seen), len(wanted)
        record.left_out += left_out or []
        record.left_out += [
            LeftOut.of(
                row,
                "no clip",
                f"Its clip {row.clip_id} of study {row.study_id} is not among the clips: open it, "
                "or name its file.",
            )
            for row in rows
            if row.clip_id not in record.seen
        ]
        if not record.clips:
            raise EchoError(_nothing(record, Path(out)))
        text = json.dumps(record.manifest(store), indent=1)
        (partial / MANIFEST).write_text(text, encoding="utf-8")
        if hasattr(os, "sync"):
            os.sync()  # so that a power cut after the renaming finds the files' content there
    return Exported(
        Path(out),
        format,
        len(record.clips),
        sum(len(clip["frames"]) for clip in record.clips),
        len({revision["revision_id"] for revision in record.revisions}),
        tuple(record.left_out),
    )


def _nothing(record: Record, out: Path) -> str:
    if not record.left_out:
        return f"There is no label to export, so {out} was not made."
    # Files that cannot be read may be none of the labelled clips: what became of labels tells more.
    about = [left for left in record.left_out if left.revision_id] or record.left_out
    summary = _summary(record.left_out)
    return f"No label can be exported ({summary}), so {out} was not made. {about[0].reason}"


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
