"""What a journal tells: the labels, the history and the reader's notes, as they were last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.history import Edit, History
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import LabelSchema
from napari_echo.core.revision import Base, Revision
from napari_echo.io.journal import (
    Record,
    pack_arrays,
    read_journal,
    split_blob,
    unpack_array,
)
from napari_echo.io.json_fields import key_frames_from_dict


class _Lazy(dict[int, NDArray[np.uint8]]):
    """Labels by frame, decompressed when they are first asked for."""

    def __init__(self, chunks: list[bytes], shape: tuple[int, int]) -> None:
        super().__init__()
        self.chunks, self.shape = chunks, shape

    def __missing__(self, frame: int) -> NDArray[np.uint8]:
        return self.setdefault(frame, unpack_array(self.chunks[frame], self.shape))


class Replay:
    """A draft as a journal has it.

    Parameters
    ----------
    path : Path
        The journal.

    Attributes
    ----------
    clip_id, clip_name : str
        The clip by the hash of its frames, and its name.
    source : Path or None
        The file that it was decoded from.
    reader, comment : str
        Who edited, and the remark so far.
    verdict : str
        The verdict that was given, where it was not committed; else empty.
    started, edited : datetime
        When the work began, and when the last edit was made; aware, UTC.
    spent : float
        Seconds of work on it.
    base : Base
        What the reader started from, or the revision committed last.
    schema : LabelSchema
        What the labels mean.
    key_frames : KeyFrames or None
        ED and ES as the reader saw them.
    key_frames_alone : bool
        Whether ED and ES that the reader set are all that it keeps.
    accepted : set of int
        Frames that the reader accepts as they are.
    history : History
        What can be undone and done again.
    hashes : dict of int to str
        SHA-256 of each edited frame's pixels.

    Raises
    ------
    EchoError
        If the file cannot be read, or not even its first record is whole.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        records, self.size = read_journal(path)
        if not records or records[0].kind != "start":
            raise EchoError(f"{path} is a journal without its start: nothing was edited in it yet.")
        try:
            self._begin(records[0])
            for record in records[1:]:
                self._apply(record)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise EchoError(f"{path} is no journal of a draft: it lacks {error}.") from error

    def _begin(self, record: Record) -> None:
        self._start = data = record.data
        frames, height, width = (int(n) for n in data["shape"])
        self.shape = (frames, height, width)
        self.clip_id, self.clip_name = str(data["clip_id"]), str(data["clip_name"])
        self.source = None if data["source"] is None else Path(data["source"])
        self.schema = LabelSchema.from_dict(data["schema"])
        self.base = Base(data["base"]["kind"], str(data["base"]["id"]))
        self.started = self.edited = datetime.fromisoformat(data["started"])
        self.reader, self.comment, self.verdict = str(data["reader"]), "", ""
        self.spent = float(data["spent"])
        self.key_frames: KeyFrames | None = None
        self.key_frames_alone = False
        self.accepted: set[int] = set()
        self.history = History()
        self.hashes: dict[int, str] = {}
        self._records: dict[Edit, Record] = {}
        chunks = split_blob(data["sizes"], record.blob)
        self._baseline = _Lazy(chunks, (height, width))
        self._labels = _Lazy(chunks, (height, width))
        self._about: dict[str, Any] = {}

    def _apply(self, record: Record) -> None:
        data = record.data
        if record.kind in ("edit", "lay"):
            edit = self._edit(record)
            edit.apply(self._labels)
            self.hashes.setdefault(edit.frame, str(data["hash"]))
            if record.kind == "edit":
                self._records[edit] = record
                self.history.push([edit], more=bool(data["more"]))
        elif record.kind == "seal":
            self.history.push([], more=False)
        elif record.kind == "undo":
            self.history.undo(self._labels)
        elif record.kind == "redo":
            self.history.redo(self._labels)
        elif record.kind == "about":
            self._about = {**self._about, **data}
            self.reader, self.comment = str(data["reader"]), str(data["comment"])
            self.verdict = str(data.get("verdict", self.verdict))
            self.accepted = {int(frame) for frame in data["accepted"]}
            self.key_frames_alone = bool(data.get("key_frames_alone"))
            if data["key_frames"] is not None:
                self.key_frames = key_frames_from_dict(data["key_frames"], self.shape[0])
        elif record.kind == "commit":
            chunks = split_blob(data["sizes"], record.blob)
            for frame, chunk in zip(data["frames"], chunks, strict=True):
                self._baseline[int(frame)] = unpack_array(chunk, self._baseline.shape)
                self.accepted.discard(int(frame))
            self.base = Base("revision", str(data["revision_id"]))
            self.started = datetime.fromisoformat(data["at"])
        else:
            raise ValueError(f"the meaning of a record '{record.kind}'")
        if "at" in data:
            self.edited = datetime.fromisoformat(data["at"])
        self.spent = float(data.get("spent", self.spent))

    def _edit(self, record: Record) -> Edit:
        data = record.data
        shape = (int(data["h"]), int(data["w"]))
        before, after = split_blob(data["sizes"], record.blob)
        return Edit(
            int(data["frame"]),
            int(data["y"]),
            int(data["x"]),
            unpack_array(before, shape),
            unpack_array(after, shape),
        )

    # What is left to commit -----------------------------------------------------

    def settle(self, revisions: Iterable[Revision]) -> None:
        """Take note of commits that the journal did not live to hear of.

        A frame whose labels a revision of the store holds exactly as they
        are, committed since the work on it began, is committed; and so are ED
        and ES.
        """
        for revision in revisions:
            if revision.committed < self.started:
                continue
            if self.key_frames is not None and revision.key_frames.beats == self.key_frames.beats:
                self.key_frames_alone = False
            same = [
                frame
                for frame, labels in zip(revision.frames, revision.labels, strict=True)
                if frame in self.uncommitted and np.array_equal(labels, self._labels[frame])
            ]
            for frame in same:
                self._baseline[frame] = self._labels[frame].copy()
                self.accepted.discard(frame)
            if same:
                self.base = Base("revision", revision.revision_id)

    @property
    def is_left(self) -> bool:
        """Whether there is anything that is not committed."""
        return bool(self.uncommitted) or self.key_frames_alone

    @property
    def uncommitted(self) -> tuple[int, ...]:
        """Frames that were changed or accepted and are not committed, ascending."""
        changed = {
            frame
            for frame in self._labels.keys() | self._baseline.keys()
            if not np.array_equal(self._labels[frame], self._baseline[frame])
        }
        return tuple(sorted(changed | self.accepted))

    def check(self, clip: EchoClip) -> None:
        """Refuse to lay the edits on other pixels than they were made on.

        Raises
        ------
        EchoError
            With both hashes.
        """
        kept = f"The edits are kept in {self.path}."
        if clip.clip_id != self.clip_id or clip.frames.shape != self.shape:
            raise EchoError(
                f"The uncommitted edits of {self.clip_name} were made on pixels of the hash "
                f"{self.clip_id}, but {clip.name} now has {clip.clip_id}: they do not belong to "
                f"it. {kept}"
            )
        for frame, expected in self.hashes.items():
            found = clip.frame_hash(frame)
            if found != expected:
                raise EchoError(
                    f"Frame {frame} of {clip.name} has the hash {found}, but it was edited as "
                    f"{expected}: it is not the frame that was edited. {kept}"
                )

    # All of it ------------------------------------------------------------------

    def labels(self) -> NDArray[np.uint8]:
        """All labels as they were last, shape (T, H, W)."""
        return np.stack([self._labels[frame] for frame in range(self.shape[0])])

    def baseline(self) -> NDArray[np.uint8]:
        """All labels that the reader started from, or committed since, shape (T, H, W)."""
        return np.stack([self._baseline[frame] for frame in range(self.shape[0])])

    def records(self) -> Iterator[Record]:
        """Tell the same with as few records as there can be: what a journal is compacted to."""
        chunks = list(self._baseline.chunks)
        for frame, labels in self._baseline.items():
            _, chunks[frame] = pack_arrays([labels])
        data = {**self._start, "sizes": [len(chunk) for chunk in chunks]}
        data |= {"base": {"kind": self.base.kind, "id": self.base.id}, "spent": self.spent}
        yield Record("start", data | {"started": self.started.isoformat()}, b"".join(chunks))
        # Back to before the first stroke, then over all of them, and back to the present.
        touched = sorted(self._labels.keys() | self._baseline.keys())
        first = {frame: self._labels[frame].copy() for frame in touched}
        for stroke in reversed(self.history.strokes[: len(self.history.strokes) - self.undone]):
            for edit in reversed(stroke):
                edit.inverse().apply(first)
        for frame in touched:
            lay = Edit.between(frame, self._baseline[frame], first[frame])
            if lay is not None:
                yield edit_record("lay", lay, self.hashes[frame])
        for stroke in self.history.strokes:
            for place, edit in enumerate(stroke):
                # Compressed already, which is what takes time.
                known = self._records[edit]
                more = place < len(stroke) - 1
                yield Record("edit", {**known.data, "more": more}, known.blob)
        for _ in range(self.undone):
            yield Record("undo")
        about = {"reader": self.reader, "comment": self.comment, "key_frames": None, **self._about}
        about |= {"accepted": sorted(self.accepted), "at": self.edited.isoformat()}
        yield Record("about", about | {"spent": self.spent})

    @property
    def undone(self) -> int:
        """Strokes that can be done again."""
        return self.history.undone


def edit_record(kind: str, edit: Edit, frame_hash: str, **data: Any) -> Record:
    """Make the record of an edit; `frame_hash` is that of the frame's pixels."""
    sizes, blob = pack_arrays([edit.before, edit.after])
    height, width = edit.after.shape
    place = {"frame": edit.frame, "y": edit.y, "x": edit.x, "h": height, "w": width}
    return Record(kind, {**place, "hash": frame_hash, "sizes": sizes, **data}, blob)
