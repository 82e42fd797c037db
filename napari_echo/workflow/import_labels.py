"""Import: labels of other programs and data sets become revisions of a label store."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from napari_echo.core.ancestry import heads
from napari_echo.core.clip import EchoClip, hash_array
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import LabelSchema
from napari_echo.core.revision import Base, Revision
from napari_echo.io.foreign import ForeignLabels
from napari_echo.io.json_fields import key_frames_from_dict
from napari_echo.io.labelled import Skipped
from napari_echo.io.load import find_clips, load
from napari_echo.io.store import LabelStore
from napari_echo.workflow.correct import correct
from napari_echo.workflow.export_formats import format_of
from napari_echo.workflow.export_splits import MANIFEST


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


@dataclass(frozen=True)
class _Key:
    """What tells a clip among others."""

    path: Path
    clip_id: str
    study_id: str
    shape: tuple[int, ...]
    frame_hashes: tuple[str, ...]
    source_uid: str


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
    They follow the same reader's latest head of the clip, and else stand as a
    reading of their own. Labels that the same reader committed before are
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
    keys: list[_Key] = []
    for n, file in enumerate(files):
        try:
            keys.append(_key(file))
        except EchoError as error:
            result.skipped.append(Skipped(file.name, str(error)))
        yield n + 1, len(files)
    about = _manifest(path)
    for labels in format_of(format).read(path, result.skipped.append):
        for item in _placed(_with_manifest(labels, about), keys, result.skipped):
            try:
                _commit(store, item, format, reader.strip(), result)
            except _NotTakenError as error:
                result.skipped.append(Skipped(item.labels.name, str(error)))
        yield len(files), len(files)
    return result


class _NotTakenError(Exception):
    """Labels cannot be attached to their clip; one sentence."""


@dataclass(frozen=True, eq=False)
class _Placed:
    """Labels, their clip and, of each, its frame."""

    labels: ForeignLabels
    key: _Key
    frames: tuple[int, ...]


def _key(path: Path) -> _Key:
    from napari_echo.io.dicom_seg import source_uid

    clip = load(path)
    hashes = tuple(clip.frame_hash(frame) for frame in range(len(clip)))
    return _Key(path, clip.clip_id, clip.study_id, clip.frames.shape, hashes, source_uid(path))


def _placed(
    labels: ForeignLabels, keys: Sequence[_Key], skipped: list[Skipped]
) -> Iterator[_Placed]:
    """Find the clip of labels; stills of several clips are told apart one by one."""
    try:
        yield _place(labels, keys)
    except _NotTakenError as error:
        if labels.frames is None and len(labels.labels) > 1:
            for n in range(len(labels.labels)):
                assert labels.pixels is not None
                single = replace(
                    labels,
                    name=f"{labels.name}, image {n + 1}",
                    labels=labels.labels[n : n + 1],
                    pixels=labels.pixels[n : n + 1],
                    key_frames=None,
                )
                yield from _placed(single, keys, skipped)
        else:
            skipped.append(Skipped(labels.name, str(error)))


def _place(labels: ForeignLabels, keys: Sequence[_Key]) -> _Placed:
    if labels.frames is not None:
        for key in keys:
            by_id = labels.clip_id and key.clip_id == labels.clip_id
            if by_id or (labels.source_uid and key.source_uid == labels.source_uid):
                return _Placed(labels, key, labels.frames)
    if labels.pixels is not None:
        hashes = [hash_array(pixels) for pixels in labels.pixels]
        found = [key for key in keys if set(hashes) <= set(key.frame_hashes)]
        if len({key.clip_id for key in found}) > 1:
            names = ", ".join(key.path.name for key in found[:3])
            raise _NotTakenError(
                f"Its frames are in several clips, {names}: name the one that is meant."
            )
        if found:
            return _Placed(labels, found[0], _frames(labels, hashes, found[0]))
    elif labels.study_id and labels.frames is not None:
        of_study = [key for key in keys if labels.study_id in (key.study_id, key.path.stem)]
        fitting = [key for key in of_study if labels.n_frames in (None, key.shape[0])]
        if len(fitting) == 1:
            return _Placed(labels, fitting[0], labels.frames)
        if of_study:
            raise _NotTakenError(
                f"{len(fitting)} clips of the study {labels.study_id} have as many frames as were "
                f"labelled ({labels.n_frames}); one is needed."
            )
    named = labels.clip_id or labels.source_uid or labels.study_id
    raise _NotTakenError(
        f"Its clip{f' ({named})' if named else ''} is not among the {len(keys)} clips: "
        "name its file by --clips."
    )


def _frames(labels: ForeignLabels, hashes: Sequence[str], key: _Key) -> tuple[int, ...]:
    """Places of frames in a clip; of those that are alike the ones named, else in order."""
    places: list[int] = []
    for n, digest in enumerate(hashes):
        alike = [f for f, other in enumerate(key.frame_hashes) if other == digest]
        named = labels.frames[n] if labels.frames is not None else -1
        free = [f for f in alike if f not in places]
        if not free:
            raise _NotTakenError(f"It holds the frame {alike[0]} of {key.path.name} twice.")
        places.append(named if named in free else free[0])
    return tuple(places)


def _commit(store: LabelStore, item: _Placed, format: str, reader: str, result: Imported) -> None:
    """Make a revision of placed labels and commit it, unless the reader has it there already."""
    clip = load(item.key.path)
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
        raise _NotTakenError(str(error)) from error
    store.commit(revision)
    result.revisions.append(revision)


def _on_grid(item: _Placed, clip: EchoClip) -> Any:
    """The labels on the clip's grid; not where its frames are others than were labelled."""
    labels = item.labels
    if any(not 0 <= frame < len(clip) for frame in item.frames):
        raise _NotTakenError(f"It labels the frame {max(item.frames)} of {len(clip)}.")
    if labels.pixels is not None:
        for pixels, frame in zip(labels.pixels, item.frames, strict=True):
            found, expected = hash_array(pixels), clip.frame_hash(frame)
            if found != expected:
                raise _NotTakenError(
                    f"The image has the hash {found}, but frame {frame} of {clip.name} has "
                    f"{expected}: it is not the frame that was labelled."
                )
    if labels.labels.shape[1:] == clip.frame_shape:
        return labels.labels
    if labels.redraw is not None:
        return labels.redraw(clip.frame_shape)
    raise _NotTakenError(
        f"Its labels have the shape {labels.labels.shape[1:]}, the frames of {clip.name} "
        f"{clip.frame_shape}."
    )


def _key_frames(item: _Placed, n_frames: int) -> KeyFrames:
    """ED and ES, counted in the clip."""
    given = item.labels.key_frames
    if given is None:
        return KeyFrames((), "traced")
    if item.labels.frames is None:  # counted among the labels
        beats = tuple(Beat(item.frames[b.ed], item.frames[b.es]) for b in given.beats)
        return KeyFrames(beats, given.origin)
    if any(frame >= n_frames for frame in given.frames()):
        raise _NotTakenError(f"It has ED or ES outside the clip's {n_frames} frames.")
    return given


def _manifest(path: Path) -> dict[str, dict[str, Any]]:
    """What the manifest of an export says of each clip, by its name there and by its files."""
    manifest = (path if path.is_dir() else path.parent) / MANIFEST
    if not manifest.is_file():
        return {}
    try:
        data = json.loads(manifest.read_text(encoding="utf-8"))
        schemas = {name: LabelSchema.from_dict(schema) for name, schema in data["schemas"].items()}
        about: dict[str, dict[str, Any]] = {}
        for clip in data["clips"]:
            known = {
                "clip_id": str(clip["clip_id"]),
                "study_id": str(clip["study_id"]),
                "schema": schemas[clip["schema"]],
                "key_frames": key_frames_from_dict(clip["key_frames"], 1 << 30),
            }
            about.update(dict.fromkeys((clip["name"], *clip["files"]), known))
        return about
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise EchoError(f"{manifest} is damaged: {error!r}; delete it to do without.") from error


def _with_manifest(labels: ForeignLabels, about: dict[str, dict[str, Any]]) -> ForeignLabels:
    """Add what the format cannot say itself."""
    known = about.get(labels.name)
    if known is None:
        return labels
    key_frames = labels.key_frames
    if key_frames is None and labels.frames is not None:
        key_frames = known["key_frames"]
    schema: LabelSchema = known["schema"]
    # CAMUS's files do not tell that only the LV was labelled; EchoNet's hold no more than the LV.
    if not {s.index for s in schema.structures} <= {s.index for s in labels.schema.structures}:
        schema = labels.schema
    return replace(
        labels,
        clip_id=labels.clip_id or known["clip_id"],
        study_id=labels.study_id or known["study_id"],
        key_frames=key_frames,
        schema=schema,
    )
