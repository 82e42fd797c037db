"""Export: readers' revisions become a clip data set to train on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from napari_echo.core.ancestry import in_order
from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.labels import Segmentation
from napari_echo.core.revision import Revision, Status, check_frames
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
        ordered = in_order(revisions)
        latest: dict[int, tuple[Revision, int]] = {}
        for revision in ordered:
            check_frames(revision, clip)
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
