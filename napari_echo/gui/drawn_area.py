"""Where in its frames a clip's labels and maps hold anything. No Qt here.

To look through all frames takes time, so it is done once an array, and by the
job that makes it (`gui.jobs`) rather than when it is drawn.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Area = tuple[slice, slice]
"""Rows and columns."""

_known: dict[tuple[int, float], tuple[weakref.ref[NDArray[Any]], Area | None]] = {}


def area_of(frames: NDArray[Any], least: float = 0.0) -> Area | None:
    """Find the smallest area that holds all pixels that are not 0, on any frame.

    Parameters
    ----------
    frames : ndarray of uint8, bool or float32, shape (T, H, W)
        Labels, a mask or a map; not to be changed afterwards, as what is found
        is kept for as long as the array lives.
    least : float
        Smaller values are taken for 0.

    Returns
    -------
    tuple of slice, or None
        Rows and columns; None where all is 0.
    """
    key = (id(frames), least)
    known = _known.get(key)
    if known is not None and known[0]() is frames:
        return known[1]
    # The largest value of every pixel: one pass over the memory, in its order.
    top = frames.max(axis=0) if len(frames) else np.zeros(frames.shape[1:], frames.dtype)
    found = top >= least if least else top != 0
    rows, columns = (np.flatnonzero(found.any(axis=axis)) for axis in (1, 0))
    area = (_from_to(rows), _from_to(columns)) if rows.size else None
    _known[key] = (weakref.ref(frames, lambda _: _known.pop(key, None)), area)
    return area


def together(areas: Iterable[Area | None]) -> Area:
    """Find the smallest area that holds all of them; one pixel where there is none."""
    there = [area for area in areas if area is not None]
    if not there:
        return slice(0, 1), slice(0, 1)
    rows, columns = zip(*there, strict=True)
    return _around(rows), _around(columns)


def padded(area: Area, reach: int, shape: tuple[int, ...]) -> Area:
    """Add so many pixels on every side, where frames of this shape have them."""
    rows, columns = (
        slice(max(0, side.start - reach), min(size, side.stop + reach))
        for side, size in zip(area, shape[-2:], strict=True)
    )
    return rows, columns


def whole(shape: tuple[int, ...]) -> Area:
    """All of the frames of this shape."""
    return slice(0, shape[-2]), slice(0, shape[-1])


def _from_to(indices: NDArray[np.intp]) -> slice:
    return slice(int(indices[0]), int(indices[-1]) + 1)


def _around(sides: Iterable[slice]) -> slice:
    sides = list(sides)
    return slice(min(side.start for side in sides), max(side.stop for side in sides))
