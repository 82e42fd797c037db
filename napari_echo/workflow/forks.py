"""Forks: rival labels of one clip, and what a reader needs to choose between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.ancestry import in_order
from napari_echo.core.labels import LV
from napari_echo.core.revision import Revision
from napari_echo.metrics.overlap import dice


@dataclass(frozen=True, eq=False)
class Side:
    """One head of a clip that has several.

    Parameters
    ----------
    head : Revision
        The head.
    frames : tuple of int
        Frames that it labels, with what lies behind it and not behind all
        the others.
    dice : float or None
        Dice of the LV with the other heads, over the frames that both label;
        None where there are none.
    """

    head: Revision
    frames: tuple[int, ...]
    dice: float | None


def lineage(revisions: Iterable[Revision], head: str) -> list[Revision]:
    """List a head and what lies behind it, the oldest first."""
    known = {revision.revision_id: revision for revision in revisions}
    behind: dict[str, Revision] = {}
    left = [head]
    while left:
        found = known.get(left.pop())
        if found is not None and found.revision_id not in behind:
            behind[found.revision_id] = found
            left.extend(found.parents)
    return in_order(behind.values())


def compare_heads(revisions: Sequence[Revision], heads: Sequence[Revision]) -> list[Side]:
    """Say what each of several heads labels, and how far they agree."""
    lines = [lineage(revisions, head.revision_id) for head in heads]
    shared = set.intersection(*({r.revision_id for r in line} for line in lines))
    labels = [_labels([r for r in line if r.revision_id not in shared]) for line in lines]
    sides = []
    for place, (head, mine) in enumerate(zip(heads, labels, strict=True)):
        both = [
            (mine[frame], other[frame])
            for at, other in enumerate(labels)
            if at != place
            for frame in sorted(mine.keys() & other.keys())
        ]
        overlap = None
        if both:
            a, b = (np.stack([pair[i] for pair in both]) == LV for i in (0, 1))
            overlap = dice(a, b)
        sides.append(Side(head, tuple(sorted(mine)), overlap))
    return sides


def _labels(revisions: Iterable[Revision]) -> dict[int, NDArray[np.uint8]]:
    """Labels by frame: of each the last."""
    found: dict[int, NDArray[np.uint8]] = {}
    for revision in revisions:
        found.update(zip(revision.frames, revision.labels, strict=True))
    return found
