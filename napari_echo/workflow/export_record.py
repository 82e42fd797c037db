"""The record of an export: what goes in clip by clip, and the manifest that tells of it.

``manifest.json`` in the folder says what wrote it, when and from which store;
of each clip the files, split, label schema, ED and ES; every revision that
went in, by the SHA-256 of its labels; and all that was left out, and why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from napari_echo import __version__
from napari_echo.core.clip import EchoClip, hash_array
from napari_echo.core.labels import LabelSchema
from napari_echo.core.revision import Revision
from napari_echo.io.json_fields import key_frames_to_dict
from napari_echo.io.labelled import LabelledClip, Skipped, Written
from napari_echo.workflow.export_choose import Chosen, Fork, LeftOut, choose
from napari_echo.workflow.export_formats import Format
from napari_echo.workflow.export_splits import Splits

VERSION = 1


@dataclass
class Record:
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
        """Whether a clip has to be left out for its schema; note the schema where it has not."""
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

    def manifest(self, store: str) -> dict[str, Any]:
        """Tell of an export from a label store; to be written as JSON."""
        return {
            "kind": "napari-echo export",
            "version": VERSION,
            "program": f"napari-echo {__version__}",
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "format": self.format.name,
            "carries": self.format.carries,
            "store": store,
            "forks": self.fork,
            "schemas": {name: schema.to_dict() for name, schema in self.schemas.items()},
            "splits": dict(Counter(clip["split"] for clip in self.clips)),
            "clips": self.clips,
            "revisions": self.revisions,
            "left_out": [asdict(left) for left in self.left_out],
        }
