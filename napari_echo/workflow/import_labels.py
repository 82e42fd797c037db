"""Import: labels of other programs and data sets become revisions of a label store."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from napari_echo.core.ancestry import heads
from napari_echo.core.clip import EchoClip, hash_array
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.revision import Base, Revision
from napari_echo.io.labelled import Skipped
from napari_echo.io.load import find_clips
from napari_echo.io.store import LabelStore
from napari_echo.workflow.correct import correct
from napari_echo.workflow.export_formats import format_of
from napari_echo.workflow.import_manifest import read_manifest, with_manifest
from napari_echo.workflow.import_places import (
    ClipKey,
    NotTakenError,
    Placed,
    keys_in,
    place_all,
)


@dataclass
class Imported:
    """What an import came to.

    Parameters
    ----------
    revisions : list of Revision
        Those that were committed.
    known : list of str
        Labels that the store had already, by the same reader.
    skipped : list of Skipped
        Labels, and files, that could not be taken, and why.
    """

    revisions: list[Revision] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def told(self) -> str:
        """Say in one sentence what was committed and what was not."""
        made, frames = len(self.revisions), sum(len(r.frames) for r in self.revisions)
        return (
            f"{made} revision{'s' * (made != 1)} of {frames} frame{'s' * (frames != 1)} imported; "
            f"{len(self.known)} known already, {len(self.skipped)} skipped."
        )


def iter_import(
    store: LabelStore,
    path: Path,
    *,
    format: str,
    reader: str,
    clips: Sequence[Path] = (),
    result: Imported | None = None,
) -> Generator[tuple[int, int], None, Imported]:
    """Commit the labels of a folder or a file to a label store.

    Labels are attached to the clip that they name, whose frames must be those
    that were labelled; else to the one that has these very frames; else, for
    formats that keep neither, to the one of that study, if it is as long.
    Frames of CAMUS that are in several clips of one view go to the clip that
    a review lists: the half sequence, else ED and ES as a pair.

    The labels follow the same reader's latest head of the clip, and else stand
    as a reading of their own. Those that the same reader committed before are
    passed over, so a second import adds nothing.

    Parameters
    ----------
    store : LabelStore
        Where the revisions go.
    path : Path
        What is read.
    format : str
        One of `FORMATS`.
    reader : str
        Whose labels they are.
    clips : sequence of Path
        Files and folders of the clips; `path` itself without them.
    result : Imported, optional
        Filled as the import goes on, and returned: what was committed before
        an import is stopped stays committed.

    Yields
    ------
    (int, int)
        Clips looked at, and in all.

    Returns
    -------
    Imported

    Raises
    ------
    EchoError
        If `path` is not of that format, there is no clip, the reader has no
        name, or the store refuses.
    """
    path = Path(path)
    if not path.exists():
        raise EchoError(f"{path} does not exist.")
    if not reader.strip():
        raise EchoError("Labels need the name of their reader: give one.")
    result = Imported() if result is None else result
    files = find_clips(clips or [path])
    keys: list[ClipKey] = []
    for n, file in enumerate(files):
        keys += keys_in(file, result.skipped)
        yield n + 1, len(files)
    about = read_manifest(path)
    for labels in format_of(format).read(path, result.skipped.append):
        for item in place_all(with_manifest(labels, about), keys, result.skipped):
            try:
                _commit(store, item, format, reader.strip(), result)
            except NotTakenError as error:
                result.skipped.append(Skipped(item.labels.name, str(error)))
        yield len(files), len(files)
    return result


def _commit(store: LabelStore, item: Placed, format: str, reader: str, result: Imported) -> None:
    """Make a revision of placed labels and commit it, unless the reader has it there already."""
    clip = item.key.file.load()
    labels, schema = _on_grid(item, clip), item.labels.schema
    edited = np.zeros(clip.frames.shape, np.uint8)
    edited[list(item.frames)] = labels
    order = tuple(sorted(item.frames))
    before = [r for r in store.revisions(clip.clip_id) if r.reader == reader]
    for revision in before:
        same = (revision.frames, revision.schema) == (order, schema)
        if same and np.array_equal(revision.labels, edited[list(order)]):
            result.known.append(item.labels.name)
            return
    mine = heads(before)
    digest = hash_array(labels)
    try:
        revision = correct(
            clip,
            edited,
            order,
            Base("import", f"{format} {item.labels.name} sha256:{digest}"),
            reader=reader,
            started=datetime.now(UTC),
            key_frames=_key_frames(item, len(clip)),
            schema=schema,
            comment=f"Imported from {item.labels.name} ({format}).",
            parent=mine[-1].revision_id if mine else None,
            status="accepted",
        )
    except EchoError as error:
        raise NotTakenError(str(error)) from error
    store.commit(revision)
    result.revisions.append(revision)


def _on_grid(item: Placed, clip: EchoClip) -> Any:
    """The labels on the clip's grid; not where its frames are others than were labelled."""
    labels = item.labels
    if any(not 0 <= frame < len(clip) for frame in item.frames):
        raise NotTakenError(f"It labels the frame {max(item.frames)} of {len(clip)}.")
    if labels.pixels is not None:
        for pixels, frame in zip(labels.pixels, item.frames, strict=True):
            found, expected = hash_array(pixels), clip.frame_hash(frame)
            if found != expected:
                raise NotTakenError(
                    f"The image has the hash {found}, but frame {frame} of {clip.name} has "
                    f"{expected}: it is not the frame that was labelled."
                )
    if labels.labels.shape[1:] == clip.frame_shape:
        return labels.labels
    if labels.redraw is not None:
        return labels.redraw(clip.frame_shape)
    raise NotTakenError(
        f"Its labels have the shape {labels.labels.shape[1:]}, the frames of {clip.name} "
        f"{clip.frame_shape}."
    )


def _key_frames(item: Placed, n_frames: int) -> KeyFrames:
    """ED and ES, counted in the clip."""
    given = item.labels.key_frames
    if given is None:
        return KeyFrames((), "traced")
    if item.labels.frames is None:  # counted among the labels
        beats = tuple(Beat(item.frames[b.ed], item.frames[b.es]) for b in given.beats)
        return KeyFrames(beats, given.origin)
    if any(frame >= n_frames for frame in given.frames()):
        raise NotTakenError(f"It has ED or ES outside the clip's {n_frames} frames.")
    return given
