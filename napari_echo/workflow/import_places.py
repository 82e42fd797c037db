"""Where imported labels belong: the clip of each, and which of its frames they label."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from napari_echo.core.clip import hash_array
from napari_echo.io.camus_layout import view_stem
from napari_echo.io.foreign import ForeignLabels
from napari_echo.io.labelled import Skipped
from napari_echo.io.load import ClipFile
from napari_echo.workflow.clip_search import clips_in


@dataclass(frozen=True)
class ClipKey:
    """What tells a clip among others."""

    file: ClipFile
    clip_id: str
    study_id: str
    shape: tuple[int, ...]
    frame_hashes: tuple[str, ...]
    source_uid: str

    @property
    def path(self) -> Path:
        """The file of its frames."""
        return self.file.path


class NotTakenError(Exception):
    """Labels cannot be attached to their clip; one sentence."""


@dataclass(frozen=True, eq=False)
class Placed:
    """Labels, their clip and, of each, its frame."""

    labels: ForeignLabels
    key: ClipKey
    frames: tuple[int, ...]


def keys_in(path: Path, skipped: list[Skipped]) -> list[ClipKey]:
    """Look at the clips that a review makes of a file; why it cannot be read goes to `skipped`."""
    from napari_echo.io.dicom_seg import source_uid

    clips = clips_in(path, lambda reason: skipped.append(Skipped(path.name, reason)))
    return [
        ClipKey(
            file,
            clip.clip_id,
            clip.study_id,
            clip.frames.shape,
            tuple(clip.frame_hash(frame) for frame in range(len(clip))),
            source_uid(path),
        )
        for file, clip in clips
    ]


def place_all(
    labels: ForeignLabels, keys: Sequence[ClipKey], skipped: list[Skipped]
) -> Iterator[Placed]:
    """Find the clip of labels; stills of several clips are told apart one by one."""
    try:
        yield _place(labels, keys)
    except NotTakenError as error:
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
                yield from place_all(single, keys, skipped)
        else:
            skipped.append(Skipped(labels.name, str(error)))


def _place(labels: ForeignLabels, keys: Sequence[ClipKey]) -> Placed:
    if labels.frames is not None:
        for key in keys:
            by_id = labels.clip_id and key.clip_id == labels.clip_id
            if by_id or (labels.source_uid and key.source_uid == labels.source_uid):
                return Placed(labels, key, labels.frames)
    if labels.pixels is not None:
        hashes = [hash_array(pixels) for pixels in labels.pixels]
        holding = [key for key in keys if set(hashes) <= set(key.frame_hashes)]
        named = [key for key in holding if key.clip_id == labels.clip_id]
        found = named or _listed(holding)
        if len({key.clip_id for key in found}) > 1:
            names = ", ".join(key.path.name for key in found[:3])
            raise NotTakenError(
                f"Its frames are in several clips, {names}: name the one that is meant."
            )
        if found:
            return Placed(labels, found[0], _frames(labels, hashes, found[0]))
    elif labels.study_id and labels.frames is not None:
        of_study = [key for key in keys if labels.study_id in (key.study_id, key.path.stem)]
        fitting = [key for key in of_study if labels.n_frames in (None, key.shape[0])]
        if len(fitting) == 1:
            return Placed(labels, fitting[0], labels.frames)
        if of_study:
            raise NotTakenError(
                f"{len(fitting)} clips of the study {labels.study_id} have as many frames as were "
                f"labelled ({labels.n_frames}); one is needed."
            )
    name = labels.clip_id or labels.source_uid or labels.study_id
    raise NotTakenError(
        f"Its clip{f' ({name})' if name else ''} is not among the {len(keys)} clips: "
        "name its file by --clips."
    )


def _listed(keys: Iterable[ClipKey]) -> list[ClipKey]:
    """Leave out the clips that a review does not list, as another one of the view stands for them.

    A half sequence of CAMUS stands for the stills of its view, and ED and ES as a
    pair for each of them.
    """
    listed: dict[Path, ClipKey] = {}
    for key in keys:
        view = view_stem(key.path) or key.path
        listed[view] = max(listed.get(view, key), key, key=_rank)
    return list(listed.values())


def _rank(key: ClipKey) -> tuple[int, bool]:
    # A half sequence may be ED and ES alone, too.
    return key.shape[0], not key.file.pair


def _frames(labels: ForeignLabels, hashes: Sequence[str], key: ClipKey) -> tuple[int, ...]:
    """Places of frames in a clip; of those that are alike the ones named, else in order."""
    places: list[int] = []
    for n, digest in enumerate(hashes):
        alike = [f for f, other in enumerate(key.frame_hashes) if other == digest]
        named = labels.frames[n] if labels.frames is not None else -1
        free = [f for f in alike if f not in places]
        if not free:
            raise NotTakenError(f"It holds the frame {alike[0]} of {key.path.name} twice.")
        places.append(named if named in free else free[0])
    return tuple(places)
