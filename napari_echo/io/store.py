"""The label store: a folder of immutable revisions, one file each.

`REVISIONID.tif` holds the labels and, as JSON, all else. Files are only ever
added, so two stores merge by copying the files of one into the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LabelSchema
from napari_echo.core.revision import Base, BaseKind, Revision, Status
from napari_echo.io.json_fields import key_frames_from_dict, key_frames_to_dict
from napari_echo.io.label_tiff import read_label_metadata, read_label_tiff, write_label_tiff

_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Damaged:
    """A file of the store that is no whole revision, and why, as one sentence."""

    path: Path
    reason: str


@dataclass
class LabelStore:
    """Revisions in a folder, which is made by the first commit.

    Parameters
    ----------
    path : Path
        The folder.

    Attributes
    ----------
    damaged : list of Damaged
        The files that the last search passed over, as they are no whole revisions.
    """

    path: Path
    damaged: list[Damaged] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.path = Path(self.path)

    def commit(self, revision: Revision) -> Path:
        """Write a revision for good.

        The file is written under a temporary name, synced to the disk and
        renamed, so it is whole whenever it is there.

        Raises
        ------
        EchoError
            If the id is malformed or taken, a time has no zone, or the disk
            refuses.
        """
        if not _ID.fullmatch(revision.revision_id):
            raise EchoError(
                f"{revision.revision_id!r} is no revision id: it takes 32 hexadecimal digits."
            )
        if revision.started.tzinfo is None or revision.committed.tzinfo is None:
            raise EchoError(f"The times of the revision {revision.revision_id} need a time zone.")
        path = self._file(revision.revision_id)
        return write_label_tiff(path, revision.labels, _to_metadata(revision), replace=False)

    def read(self, revision_id: str) -> Revision:
        """Read one revision.

        Raises
        ------
        EchoError
            If there is none of that id, or its file is damaged.
        """
        if not _ID.fullmatch(revision_id) or not self._file(revision_id).is_file():
            raise EchoError(f"{self.path} has no revision {revision_id}.")
        return _read(self._file(revision_id))

    def revisions(self, clip_id: str | None = None) -> list[Revision]:
        """All revisions, or those of one clip, the oldest first.

        Files that are no whole revisions are passed over and listed in `damaged`.
        """
        found: list[Revision] = []
        self.damaged = []
        for path in sorted(self.path.glob("*.tif")):
            if path.name.startswith("."):
                continue
            try:
                if clip_id is None or read_label_metadata(path).get("clip_id") == clip_id:
                    found.append(_read(path))
            except EchoError as error:
                self.damaged.append(Damaged(path, str(error)))
        return sorted(found, key=lambda revision: (revision.committed, revision.revision_id))

    def latest(self, clip_id: str) -> Revision | None:
        """Return the clip's revision that was committed last; None where it has none."""
        revisions = self.revisions(clip_id)
        return revisions[-1] if revisions else None

    def _file(self, revision_id: str) -> Path:
        return self.path / f"{revision_id}.tif"


def _read(path: Path) -> Revision:
    labels, metadata = read_label_tiff(path)
    try:
        revision = _from_metadata(labels, metadata)
    except (KeyError, TypeError, ValueError, EchoError) as error:
        raise EchoError(f"{path} is no whole revision: {error}.") from error
    if path.stem != revision.revision_id:
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
    }


def _from_metadata(labels: NDArray[np.uint8], data: dict[str, Any]) -> Revision:
    t, h, w = (int(n) for n in data["clip_shape"])
    if data["status"] not in get_args(Status) or data["base"]["kind"] not in get_args(BaseKind):
        raise ValueError("an unknown status or base")
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
        parent=None if data["parent"] is None else str(data["parent"]),
        key_frames=key_frames_from_dict(data["key_frames"], t),
        reader=str(data["reader"]),
        started=_time(data["started"]),
        committed=_time(data["committed"]),
        seconds=float(data["seconds"]),
        status=data["status"],
        comment=str(data["comment"]),
        program=str(data["program"]),
        supersedes=tuple(str(other) for other in data.get("supersedes", ())),
    )


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"the time {text} has no zone")
    return time
