"""Export: readers' revisions become a clip data set to train on."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.labels import Segmentation
from napari_echo.core.revision import Revision, Status
from napari_echo.io.clipset import write_clipset
from napari_echo.io.labelled import LabelledClip

EXPORTED: tuple[Status, ...] = ("accepted", "corrected")
"""Verdicts that make a frame's labels fit to train on."""


def export_clipset(
    revisions: Iterable[Revision],
    clips: Mapping[str, EchoClip],
    out: Path,
    *,
    split: str = "train",
) -> Path:
    """Write the labelled frames of revisions as a clip data set.

    Of each frame the latest revision counts: a revision comes after its
    parent whatever the clocks said, and otherwise in the order of commitment.
    Frames that the latest revision did not label keep the labels of the ones
    before it. A frame whose latest verdict is neither "accepted" nor
    "corrected" is left out.

    Parameters
    ----------
    revisions : iterable of Revision
        In any order; of one label schema.
    clips : mapping of str to EchoClip
        The clips by their id.
    out : Path
        Folder to make; it must not exist. It appears whole or not at all.
    split : str
        Split of the data set that all clips go to.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    EchoError
        If a clip is missing, a frame's hash is not the one that was labelled,
        no frame is left to export, the schemas differ, or `out` exists.
    """
    by_clip: defaultdict[str, list[Revision]] = defaultdict(list)
    for revision in revisions:
        by_clip[revision.clip_id].append(revision)
    labelled = _labelled_clips(by_clip, clips, split)
    first = next(labelled, None)
    if first is None:
        raise EchoError("No frame is accepted or corrected: commit one before you export.")
    return write_clipset(out, _chain(first, labelled))


def _labelled_clips(
    by_clip: Mapping[str, list[Revision]], clips: Mapping[str, EchoClip], split: str
) -> Iterator[LabelledClip]:
    for clip_id, revisions in by_clip.items():
        clip = clips.get(clip_id)
        if clip is None:
            raise EchoError(
                f"The clip {clip_id} of study {revisions[0].study_id} is labelled but not among "
                "the clips: open it, or name its file, before you export."
            )
        ordered = _in_order(revisions)
        latest: dict[int, tuple[Revision, int]] = {}
        for revision in ordered:
            _check_frames(revision, clip)
            latest.update({f: (revision, i) for i, f in enumerate(revision.frames)})
        kept = {f: found for f, found in latest.items() if found[0].status in EXPORTED}
        if not kept:
            continue
        labels = np.zeros(clip.frames.shape, np.uint8)
        annotated = np.zeros(len(clip), np.bool_)
        for frame, (revision, index) in kept.items():
            if revision.schema != ordered[-1].schema:
                raise EchoError(
                    f"The revisions of {clip.name} use the schemas '{revision.schema.name}' and "
                    f"'{ordered[-1].schema.name}'; a clip data set has one: export them apart."
                )
            labels[frame], annotated[frame] = revision.labels[index], True
        truth = Segmentation(labels, annotated, "correction", ordered[-1].schema)
        yield LabelledClip(clip, truth, ordered[-1].key_frames, split)


def _chain(first: LabelledClip, others: Iterator[LabelledClip]) -> Iterator[LabelledClip]:
    yield first
    yield from others


def _in_order(revisions: list[Revision]) -> list[Revision]:
    """Sort by the time of commitment, but each after its parent."""
    known = {revision.revision_id: revision for revision in revisions}
    children: defaultdict[str, list[Revision]] = defaultdict(list)
    ready = []
    for revision in known.values():
        if revision.parent in known and revision.parent != revision.revision_id:
            children[str(revision.parent)].append(revision)
        else:
            ready.append((revision.committed, revision.revision_id))
    heapq.heapify(ready)
    ordered = []
    while ready:
        _, revision_id = heapq.heappop(ready)
        ordered.append(known[revision_id])
        for child in children[revision_id]:
            heapq.heappush(ready, (child.committed, child.revision_id))
    if len(ordered) < len(known):
        lost = next(i for i in known if known[i] not in ordered)
        raise EchoError(f"Revision {lost} is its own ancestor: the label store is damaged.")
    return ordered


def _check_frames(revision: Revision, clip: EchoClip) -> None:
    """Refuse to attach a revision to other frames than it labels."""
    if revision.clip_shape != clip.frames.shape:
        raise EchoError(
            f"Revision {revision.revision_id} labels a clip of shape {revision.clip_shape} and "
            f"{clip.name} has {clip.frames.shape}: it is not the clip that was labelled."
        )
    for frame, expected in zip(revision.frames, revision.frame_hashes, strict=True):
        found = clip.frame_hash(frame)
        if found != expected:
            raise EchoError(
                f"Frame {frame} of {clip.name} has the hash {found}, but revision "
                f"{revision.revision_id} labels {expected}: it is not the frame that was labelled."
            )
