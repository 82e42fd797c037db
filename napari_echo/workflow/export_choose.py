"""Which labels of a clip an export takes, and why it leaves the others out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

import numpy as np

from napari_echo.core.ancestry import forks, in_order
from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.labels import Segmentation
from napari_echo.core.revision import Revision, Status, check_frames
from napari_echo.io.labelled import LabelledClip

EXPORTED: tuple[Status, ...] = ("accepted", "corrected")
"""Verdicts that make a frame's labels fit to train on."""

Fork = Literal["leave", "latest"]
"""What is done with a clip whose heads rival: leave it out, or let the latest count."""

REPEAT = "It repeats a reading, to compare its reader with himself: the first reading counts."

Kind = Literal[
    "superseded", "rejected", "second reader", "fork", "repeat", "no clip", "other frames",
    "schema", "format", "unreadable", "damaged",
]  # fmt: skip


class Told(Protocol):
    """What an export tells of a revision that it leaves out; `Revision` and `io.store.Row`."""

    @property
    def revision_id(self) -> str: ...
    @property
    def clip_id(self) -> str: ...
    @property
    def study_id(self) -> str: ...
    @property
    def frames(self) -> tuple[int, ...]: ...
    @property
    def reader(self) -> str: ...
    @property
    def status(self) -> str: ...


@dataclass(frozen=True)
class LeftOut:
    """Labels, or a file, that did not go into an export, and why, as one sentence."""

    kind: Kind
    reason: str
    revision_id: str = ""
    clip_id: str = ""
    study_id: str = ""
    frames: tuple[int, ...] = ()
    reader: str = ""
    status: str = ""

    @classmethod
    def of(
        cls, told: Told, kind: Kind, reason: str, frames: Iterable[int] | None = None
    ) -> LeftOut:
        """Leave out a revision, or some of its frames."""
        return cls(
            kind,
            reason,
            told.revision_id,
            told.clip_id,
            told.study_id,
            told.frames if frames is None else tuple(frames),
            told.reader,
            told.status,
        )


@dataclass(frozen=True, eq=False)
class Chosen:
    """What an export takes of one clip.

    Parameters
    ----------
    item : LabelledClip or None
        The clip with its labels; None where nothing is taken.
    used : tuple of (Revision, tuple of int)
        The revisions and, of each, the frames that are taken.
    left_out : tuple of LeftOut
        All else.
    """

    item: LabelledClip | None
    used: tuple[tuple[Revision, tuple[int, ...]], ...]
    left_out: tuple[LeftOut, ...]


def choose(clip: EchoClip, revisions: Sequence[Revision], *, fork: Fork = "leave") -> Chosen:
    """Choose the labels of a clip.

    Of each frame the latest revision counts: a revision comes after its
    parents whatever the clocks said, and otherwise in the order of
    commitment. Frames that the latest revision did not label keep the labels
    of the ones before it. A frame whose latest verdict is neither "accepted"
    nor "corrected" is left out, as is one that is labelled by another schema
    than the last revision's.

    Repeats, by which readers are compared with themselves, are left out: the
    first reading counts, also where the repeat is later.

    Parameters
    ----------
    clip : EchoClip
        The clip.
    revisions : sequence of Revision
        Its revisions, in any order; at least one.
    fork : {"leave", "latest"}
        Whether a clip with an unresolved fork is left out, or the latest head
        counts.

    Raises
    ------
    EchoError
        If a revision is its own ancestor.
    """
    ordered = in_order(revisions)
    try:
        for revision in ordered:
            check_frames(revision, clip)
    except EchoError as error:
        return Chosen(None, (), tuple(LeftOut.of(r, "other frames", str(error)) for r in ordered))
    again = tuple(LeftOut.of(r, "repeat", REPEAT) for r in ordered if r.repeat)
    ordered = [revision for revision in ordered if not revision.repeat]
    if not ordered:
        return Chosen(None, (), again)
    rivals = forks(ordered)
    if rivals and fork == "leave":
        heads = " and ".join(f"{head.revision_id[:12]} ({head.reader})" for head in rivals[0])
        reason = (
            f"{clip.name} of study {ordered[0].study_id} has rival labels, {heads}: resolve the "
            "fork in the reviewer, or let the latest count by `--fork latest`."
        )
        rival = tuple(LeftOut.of(r, "fork", reason) for r in ordered)
        return Chosen(None, (), (*again, *rival))
    latest = latest_of_frames(ordered)
    schema = ordered[-1].schema
    labels = np.zeros(clip.frames.shape, np.uint8)
    annotated = np.zeros(len(clip), np.bool_)
    used: defaultdict[str, list[int]] = defaultdict(list)
    left: dict[tuple[str, Kind, str], list[int]] = defaultdict(list)
    for revision in ordered:
        for index, frame in enumerate(revision.frames):
            why = _why_not(
                revision, latest[frame], schema.name if revision.schema != schema else ""
            )
            if why is None:
                labels[frame], annotated[frame] = revision.labels[index], True
                used[revision.revision_id].append(frame)
            else:
                left[(revision.revision_id, *why)].append(frame)
    by_id = {revision.revision_id: revision for revision in ordered}
    left_out = again + tuple(
        LeftOut.of(by_id[revision_id], kind, reason, frames)
        for (revision_id, kind, reason), frames in left.items()
    )
    if not used:
        return Chosen(None, (), left_out)
    truth = Segmentation(labels, annotated, "correction", schema)
    item = LabelledClip(clip, truth, ordered[-1].key_frames)
    return Chosen(item, tuple((by_id[i], tuple(f)) for i, f in used.items()), left_out)


R = TypeVar("R", bound=Told)


def latest_of_frames(ordered: Iterable[R]) -> dict[int, R]:
    """Of each labelled frame the last of the revisions, which are in order."""
    return {frame: revision for revision in ordered for frame in revision.frames}


def learned_revisions(revisions: Iterable[Revision]) -> list[str]:
    """Ids of the revisions some frame of which counts and is fit to train on, in order.

    What was rejected, or superseded in every frame, is not among them, and no repeat.
    """
    ordered = in_order(r for r in revisions if not r.repeat)
    latest = {(r.clip_id, frame): r.revision_id for r in ordered for frame in r.frames}
    counted = set(latest.values())
    return [r.revision_id for r in ordered if r.revision_id in counted and r.status in EXPORTED]


def _why_not(revision: Revision, latest: Revision, other_schema: str) -> tuple[Kind, str] | None:
    """Say why a revision's labels of a frame are not taken; None where they are."""
    if latest is not revision:
        by = f"{latest.revision_id[:12]} of {latest.reader}"
        return "superseded", f"It is superseded by the revision {by}."
    if revision.status == "rejected":
        return "rejected", "Its reader rejected it."
    if revision.status == "second reader":
        return "second reader", "It waits for a second reader."
    if other_schema:
        return "schema", (
            f"The revisions of the clip use the schemas '{revision.schema.name}' and "
            f"'{other_schema}'; its latest revision's counts."
        )
    return None
