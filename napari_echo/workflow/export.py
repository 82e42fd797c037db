"""Export: readers' revisions become a clip data set to train on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.revision import Revision
from napari_echo.io.clipset import write_clipset
from napari_echo.io.labelled import LabelledClip
from napari_echo.workflow.export_choose import choose


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
        chosen = choose(clip, revisions, fork="latest")
        for left in chosen.left_out:
            # They would be missed without a word: `labels export` leaves them out and says so.
            if left.kind in ("schema", "other frames"):
                raise EchoError(left.reason)
        if chosen.item is not None:
            yield replace(chosen.item, split=split)


def _chain(first: LabelledClip, others: Iterator[LabelledClip]) -> Iterator[LabelledClip]:
    yield first
    yield from others
