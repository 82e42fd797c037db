"""How `napari-echo labels` describes revisions, for people and for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_echo.core.revision import Revision
    from napari_echo.io.store_row import Row


def plain(value: Any) -> str:
    """Write a value on one line."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {plain(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value))
    return "" if value is None else " ".join(str(value).split())


def summary(row: Row, ends: set[str], forked: set[str]) -> dict[str, Any]:
    """Describe a revision as far as the index knows it."""
    return {
        "revision_id": row.revision_id,
        "clip_id": row.clip_id,
        "study_id": row.study_id,
        "frames": row.frames,
        "status": row.status,
        "reader": row.reader,
        "started": row.started.isoformat(),
        "committed": row.committed.isoformat(),
        "seconds": row.seconds,
        "base": {"kind": row.base_kind, "id": row.base_id},
        "parent": row.parent,
        "supersedes": row.supersedes,
        "schema": row.schema,
        "comment": row.comment,
        "blind": row.blind,
        "repeat": row.repeat,
        "head": row.revision_id in ends,
        "fork": row.revision_id in forked,
    }


def as_dict(revision: Revision) -> dict[str, Any]:
    """Describe a revision without its pixels."""
    from dataclasses import asdict

    pixels = {
        structure.name: [int(frame.sum()) for frame in revision.labels == structure.index]
        for structure in revision.schema.structures
    }
    fields = {name: value for name, value in vars(revision).items() if name != "labels"}
    return {
        **fields,
        "schema": revision.schema.name,
        "started": revision.started.isoformat(),
        "committed": revision.committed.isoformat(),
        "base": asdict(revision.base),
        "key_frames": asdict(revision.key_frames),
        "pixels": pixels,
    }
