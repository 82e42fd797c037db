"""Hidden repeats: clips that a reader has drawn come up again, to compare him with himself."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from typing import TYPE_CHECKING

from napari_echo.workflow.readings import readings

if TYPE_CHECKING:
    from napari_echo.io.store_row import Row

GAP = 5
"""So many other clips lie at least between two readings of one."""


def readings_by(reader: str, rows: Iterable[Row]) -> list[Row]:
    """The first revision of each reading that a reader began from nothing, the oldest first."""
    mine = readings(row for row in rows if row.reader == reader)
    return [reading[0] for reading in mine if reading[0].base_kind == "nothing"]


def next_repeat(
    begun: Sequence[Row], share: float, seed: int, at_hand: Container[str]
) -> str | None:
    """Say whether a repeat is due now, and of which clip.

    The same readings and the same seed give the same answer, so a reader who
    goes on tomorrow goes on where he left off.

    Parameters
    ----------
    begun : sequence of Row
        The reader's readings so far, as `readings_by` gives them.
    share : float
        How many of the readings are to be repeats, 0 to 1.
    seed : int
        Of what is drawn.
    at_hand : container of str
        Ids of the clips that can be opened.

    Returns
    -------
    str or None
        Id of the clip; None where none is due, or none was drawn long enough ago.
    """
    if not begun or _chance(seed, begun[0].reader, str(len(begun))) >= share:
        return None
    lately = {row.clip_id for row in begun[-GAP:]}
    times = Counter(row.clip_id for row in begun)
    candidates = [c for c in times if c not in lately and c in at_hand]
    if not candidates:
        return None
    fewest = min(times[clip_id] for clip_id in candidates)
    return min(
        (clip_id for clip_id in candidates if times[clip_id] == fewest),
        key=lambda clip_id: _chance(seed, clip_id, str(len(begun))),
    )


def _chance(seed: int, *about: str) -> float:
    """A number from 0 up to 1 that looks random and is always the same."""
    digest = hashlib.sha256("\0".join((str(seed), *about)).encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56
