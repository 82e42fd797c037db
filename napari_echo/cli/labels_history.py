"""The tree of a clip's revisions, drawn as text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_echo.io.store_row import Row


def draw(rows: Sequence[Row]) -> list[str]:
    """Draw each revision under its parent, the oldest at the top.

    A line of descent stays in its column; only where two revisions have one
    parent is each drawn as a branch of it.

    Parameters
    ----------
    rows : sequence of Row
        The revisions of one clip; none may be its own ancestor.

    Returns
    -------
    list of str
        A line a revision.
    """
    from napari_echo.core.ancestry import forks, heads, in_order

    known = {row.revision_id for row in rows}
    ends = {row.revision_id for row in heads(rows)}
    forked = {row.revision_id for fork in forks(rows) for row in fork}
    children: defaultdict[str, list[Row]] = defaultdict(list)
    roots = []
    for row in in_order(rows):
        if row.parent in known:
            children[str(row.parent)].append(row)
        else:
            roots.append(row)
    lines = []
    # What is left to draw, the next one last: what stands before it, and before its descendants.
    todo = [(root, "", "") for root in reversed(roots)]
    while todo:
        row, first, rest = todo.pop()
        mark = ""
        if row.revision_id in ends:
            mark = "  <- fork" if row.revision_id in forked else "  <- head"
        lines.append(f"{first}* {_describe(row, known)}{mark}")
        below = children[row.revision_id]
        if len(below) == 1:
            todo.append((below[0], rest, rest))
        for child in reversed(below) if len(below) > 1 else ():
            last = child is below[-1]
            todo.append((child, rest + ("└─" if last else "├─"), rest + ("  " if last else "│ ")))
    return lines


def frame_ranges(frames: Sequence[int]) -> str:
    """Write frames shortly, such as ``0-9, 21``."""
    parts: list[list[int]] = []
    for frame in frames:
        if parts and frame == parts[-1][-1] + 1:
            parts[-1][1:] = [frame]
        else:
            parts.append([frame])
    return ", ".join("-".join(map(str, part)) for part in parts)


def _describe(row: Row, known: set[str]) -> str:
    what = "  ".join(
        (
            row.revision_id[:12],
            f"{row.committed:%Y-%m-%d %H:%M}",
            row.reader,
            row.status,
            f"frames {frame_ranges(row.frames)}",
        )
    )
    if row.parent is not None and row.parent not in known:
        what += f"  (its parent {row.parent[:12]} is not in the store)"
    if row.supersedes:
        what += f"  (resolves {', '.join(other[:12] for other in row.supersedes)})"
    return f"{what}  “{' '.join(row.comment.split())}”" if row.comment else what
