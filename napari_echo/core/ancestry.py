"""Which revision came of which: their order, the heads of a clip, and forks.

The functions take whole revisions and the light rows of an index alike, as
they look at ids, parents and times only.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Protocol, TypeVar

from napari_echo.core.errors import EchoError


class HasParents(Protocol):
    """What these functions look at of a revision (`core.revision.Revision`)."""

    @property
    def revision_id(self) -> str: ...
    @property
    def clip_id(self) -> str: ...
    @property
    def parents(self) -> tuple[str, ...]: ...
    @property
    def committed(self) -> datetime: ...


R = TypeVar("R", bound=HasParents)


def in_order(revisions: Iterable[R]) -> list[R]:
    """Sort by the time of commitment, but each after all its parents.

    Parameters
    ----------
    revisions : iterable of Revision
        In any order, of any clips; parents that are not among them count for nothing.

    Raises
    ------
    EchoError
        If a revision is its own ancestor.
    """
    known = {revision.revision_id: revision for revision in revisions}
    children: defaultdict[str, list[R]] = defaultdict(list)
    waits: dict[str, int] = {}
    ready = []
    for revision in known.values():
        parents = {parent for parent in revision.parents if parent in known}
        for parent in parents:
            children[parent].append(revision)
        waits[revision.revision_id] = len(parents)
        if not parents:
            ready.append((revision.committed, revision.revision_id))
    heapq.heapify(ready)
    ordered = []
    while ready:
        _, revision_id = heapq.heappop(ready)
        ordered.append(known[revision_id])
        for child in children[revision_id]:
            waits[child.revision_id] -= 1
            if not waits[child.revision_id]:
                heapq.heappush(ready, (child.committed, child.revision_id))
    if len(ordered) < len(known):
        lost = next(revision_id for revision_id, left in waits.items() if left)
        raise EchoError(
            f"Revision {lost} is its own ancestor, or comes of one that is: "
            "the label store is damaged."
        )
    return ordered


def heads(revisions: Iterable[R]) -> list[R]:
    """Those that no other names as its parent or supersedes, the oldest first.

    A clip's heads are its labels as they stand; an older revision counts
    where its heads did not label a frame.
    """
    every = list(revisions)
    named = {parent for revision in every for parent in revision.parents}
    found = [revision for revision in every if revision.revision_id not in named]
    return sorted(found, key=_age)


def forks(revisions: Iterable[R]) -> list[tuple[R, ...]]:
    """Find heads that share an ancestor: rival labels, of which a reader chooses.

    An ancestor that is not among the revisions counts as well, as it may be
    in a store that was not merged yet. Heads without a common ancestor are
    readings of their own, not a fork.

    Parameters
    ----------
    revisions : iterable of Revision
        In any order, of any clips.

    Returns
    -------
    list of tuple of Revision
        The heads of each fork, two or more, the oldest first.
    """
    every = list(revisions)
    ends = heads(every)
    of_clip = Counter(head.clip_id for head in ends)
    leader: dict[tuple[str, str], tuple[str, str]] = {}

    def find(node: tuple[str, str]) -> tuple[str, str]:
        while (above := leader.setdefault(node, node)) != node:
            leader[node] = leader[above]
            node = leader[node]
        return node

    for revision in every:
        if of_clip[revision.clip_id] < 2:
            continue  # most clips: one head forks with none
        for parent in revision.parents:
            # Of one clip only: a parent elsewhere is damage, which `verify` tells.
            mine = find((revision.clip_id, revision.revision_id))
            leader[find((revision.clip_id, parent))] = mine
    groups: defaultdict[tuple[str, str], list[R]] = defaultdict(list)
    for head in ends:
        groups[find((head.clip_id, head.revision_id))].append(head)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _age(revision: HasParents) -> tuple[datetime, str]:
    return revision.committed, revision.revision_id
