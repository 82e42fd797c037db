"""Export: committed labels as a new folder in one of the formats, with a manifest.

``manifest.json`` in the folder says what wrote it, when and from which store;
of each clip the files, split, label schema, ED and ES; every revision that
went in, by the SHA-256 of its labels; and all that was left out, and why.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from napari_echo import __version__
from napari_echo.core.clip import EchoClip, hash_array
from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LabelSchema
from napari_echo.core.revision import Revision
from napari_echo.io.json_fields import key_frames_to_dict
from napari_echo.io.labelled import LabelledClip, Skipped, Written
from napari_echo.io.writing import new_folder
from napari_echo.workflow.export_choose import Chosen, Fork, Kind, LeftOut, Told, choose
from napari_echo.workflow.export_formats import Format, format_of
from napari_echo.workflow.export_splits import MANIFEST, Splits

VERSION = 1

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


@dataclass
class _Record:
    """What an export has come to."""

    format: Format
    splits: Splits
    fork: Fork
    left_out: list[LeftOut]
    seen: set[str] = field(default_factory=set)
    given: list[Chosen] = field(default_factory=list)
    clips: list[dict[str, Any]] = field(default_factory=list)
    revisions: list[dict[str, Any]] = field(default_factory=list)
    schemas: dict[str, LabelSchema] = field(default_factory=dict)

    def items(
        self,
        clips: Iterable[EchoClip],
        wanted: set[str],
        read: Callable[[str], Sequence[Revision]],
        view: str,
    ) -> Iterator[LabelledClip]:
        """Choose the labels of each clip that has some, once."""
        for clip in clips:
            if clip.clip_id not in wanted or clip.clip_id in self.seen:
                continue
            self.seen.add(clip.clip_id)
            if clip.view == "unknown":
                clip = replace(clip, view=view)
            revisions = read(clip.clip_id)
            if not revisions:
                continue
            chosen = choose(clip, revisions, fork=self.fork)
            self.left_out += chosen.left_out
            if chosen.item is None or self._of_other_schema(chosen):
                continue
            studies = {clip.study_id, *(revision.study_id for revision in revisions)}
            split = self.splits.assign(clip.clip_id, [clip.study_id, *sorted(studies)])
            item = replace(chosen.item, split=split)
            self.given.append(replace(chosen, item=item))
            yield item

    def _of_other_schema(self, chosen: Chosen) -> bool:
        assert chosen.item is not None
        schema = chosen.item.truth.schema
        first = next(iter(self.schemas.values()), schema)
        if self.format.one_schema and schema != first:
            reason = (
                f"It is labelled by the schema '{schema.name}', and this data set has "
                f"'{first.name}': export it apart."
            )
            self.left_out += [LeftOut.of(r, "schema", reason, f) for r, f in chosen.used]
            return True
        if schema not in self.schemas.values():
            taken = schema.name in self.schemas
            self.schemas[f"{schema.name}-{len(self.schemas)}" if taken else schema.name] = schema
        return False

    def take(self, chosen: Chosen, outcome: Written | Skipped) -> None:
        """Note what a writer made of a clip."""
        assert chosen.item is not None
        if isinstance(outcome, Skipped):
            reason = f"{self.format.title} cannot hold its clip: {outcome.reason}"
            self.left_out += [LeftOut.of(r, "format", reason, f) for r, f in chosen.used]
            return
        item, written = chosen.item, set(outcome.frames)
        schema = next(name for name, s in self.schemas.items() if s == item.truth.schema)
        studies = {revision.study_id for revision, _ in chosen.used} - {item.clip.study_id}
        self.clips.append(
            {
                "name": outcome.name,
                "clip_id": item.clip.clip_id,
                "study_id": item.clip.study_id,
                "also_known_as": sorted(studies),
                "view": item.clip.view,
                "source": item.clip.source.name if item.clip.source else None,
                "split": item.split,
                "schema": schema,
                "frames": list(outcome.frames),
                "key_frames": key_frames_to_dict(item.key_frames),
                "files": list(outcome.files),
            }
        )
        for revision, frames in chosen.used:
            kept = [frame for frame in frames if frame in written]
            lost = [frame for frame in frames if frame not in written]
            if lost:
                note = self.format.frames_note
                self.left_out.append(LeftOut.of(revision, "format", note, lost))
            if kept:
                self.revisions.append(
                    {
                        "revision_id": revision.revision_id,
                        "clip_id": revision.clip_id,
                        "study_id": revision.study_id,
                        "frames": kept,
                        "reader": revision.reader,
                        "status": revision.status,
                        "committed": revision.committed.isoformat(),
                        "labels_sha256": hash_array(revision.labels),
                    }
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
    record = _Record(format_of(format), splits or Splits(), fork, [])
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
        manifest = _manifest(record, store)
        text = json.dumps(manifest, indent=1)
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


def _nothing(record: _Record, out: Path) -> str:
    if not record.left_out:
        return f"There is no label to export, so {out} was not made."
    # Files that cannot be read may be none of the labelled clips: what became of labels tells more.
    about = [left for left in record.left_out if left.revision_id] or record.left_out
    summary = _summary(record.left_out)
    return f"No label can be exported ({summary}), so {out} was not made. {about[0].reason}"


def _manifest(record: _Record, store: str) -> dict[str, Any]:
    return {
        "kind": "napari-echo export",
        "version": VERSION,
        "program": f"napari-echo {__version__}",
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "format": record.format.name,
        "carries": record.format.carries,
        "store": store,
        "forks": record.fork,
        "schemas": {name: schema.to_dict() for name, schema in record.schemas.items()},
        "splits": dict(Counter(clip["split"] for clip in record.clips)),
        "clips": record.clips,
        "revisions": record.revisions,
        "left_out": [asdict(left) for left in record.left_out],
    }


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
