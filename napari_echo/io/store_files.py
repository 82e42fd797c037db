"""The files of a label store: one revision each, named after its id."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LabelSchema
from napari_echo.core.revision import Base, BaseKind, Revision, Status
from napari_echo.io.json_fields import key_frames_from_dict, key_frames_to_dict
from napari_echo.io.label_tiff import encode_label_tiff, read_label_metadata, read_label_tiff

ID = re.compile(r"[0-9a-f]{32}")
SUFFIX = ".tif"


def is_candidate(name: str) -> bool:
    """Whether a file of this name should be a revision."""
    return name.endswith(SUFFIX) and not name.startswith(".")


def encode_revision(revision: Revision) -> bytes:
    """Make the bytes of a revision's file (`io.label_tiff.encode_label_tiff`)."""
    return encode_label_tiff(revision.labels, _to_metadata(revision))


def read_revision(path: Path) -> tuple[Revision, dict[str, Any]]:
    """Read a revision and the metadata of its file, all checks made.

    Raises
    ------
    EchoError
        If the file is no whole revision or is named otherwise.
    """
    labels, metadata = read_label_tiff(path)
    return _revision(path, labels, metadata), metadata


def read_without_labels(path: Path) -> Revision:
    """Read a revision whose labels are all background: quick, for what else it says.

    Raises
    ------
    EchoError
        As `read_revision`, except where only decoding would tell.
    """
    metadata = read_label_metadata(path)
    try:
        shape = (len(metadata["frames"]), *(int(n) for n in metadata["clip_shape"][1:]))
        blank = np.broadcast_to(np.uint8(0), shape)
    except (KeyError, TypeError, ValueError) as error:
        raise EchoError(f"{path} is no whole revision: {error}.") from error
    return _revision(path, blank, metadata)


def _revision(path: Path, labels: NDArray[np.uint8], metadata: dict[str, Any]) -> Revision:
    try:
        revision = _from_metadata(labels, metadata)
    except (KeyError, TypeError, ValueError, EchoError) as error:
        raise EchoError(f"{path} is no whole revision: {error}.") from error
    if path.name != f"{revision.revision_id}{SUFFIX}":
        raise EchoError(f"{path} holds the revision {revision.revision_id}: name it after that.")
    return revision


def _to_metadata(revision: Revision) -> dict[str, Any]:
    return {
        "kind": "revision",
        "revision_id": revision.revision_id,
        "clip_id": revision.clip_id,
        "study_id": revision.study_id,
        "clip_shape": list(revision.clip_shape),
        "frames": list(revision.frames),
        "frame_hashes": list(revision.frame_hashes),
        "schema": revision.schema.to_dict(),
        "base": {"kind": revision.base.kind, "id": revision.base.id},
        "parent": revision.parent,
        "supersedes": list(revision.supersedes),
        "key_frames": key_frames_to_dict(revision.key_frames),
        "reader": revision.reader,
        "started": revision.started.astimezone(UTC).isoformat(),
        "committed": revision.committed.astimezone(UTC).isoformat(),
        "seconds": revision.seconds,
        "status": revision.status,
        "comment": revision.comment,
        "program": revision.program,
        "blind": revision.blind,
        "repeat": revision.repeat,
    }


def _from_metadata(labels: NDArray[np.uint8], data: dict[str, Any]) -> Revision:
    t, h, w = (int(n) for n in data["clip_shape"])
    if data["status"] not in get_args(Status) or data["base"]["kind"] not in get_args(BaseKind):
        raise ValueError("an unknown status or base")
    parents = [*([] if data["parent"] is None else [data["parent"]]), *data.get("supersedes", ())]
    if not all(isinstance(parent, str) and ID.fullmatch(parent) for parent in parents):
        raise ValueError("a parent that is no revision id")
    return Revision(
        revision_id=str(data["revision_id"]),
        clip_id=str(data["clip_id"]),
        study_id=str(data["study_id"]),
        clip_shape=(t, h, w),
        frames=tuple(int(frame) for frame in data["frames"]),
        frame_hashes=tuple(str(digest) for digest in data["frame_hashes"]),
        labels=labels,
        schema=LabelSchema.from_dict(data["schema"]),
        base=Base(data["base"]["kind"], str(data["base"]["id"])),
        parent=data["parent"],
        key_frames=key_frames_from_dict(data["key_frames"], t),
        reader=str(data["reader"]),
        started=_time(data["started"]),
        committed=_time(data["committed"]),
        seconds=float(data["seconds"]),
        status=data["status"],
        comment=str(data["comment"]),
        program=str(data["program"]),
        supersedes=tuple(data.get("supersedes", ())),
        # Older programs read nobody blind.
        blind=bool(data.get("blind", False)),
        repeat=bool(data.get("repeat", False)),
    )


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"the time {text} has no zone")
    return time
