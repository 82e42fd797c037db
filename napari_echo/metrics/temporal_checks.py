"""Findings in a clip's labels that no beating heart explains.

Each check looks at what `metrics.volume` measured of every frame, so it costs
next to nothing once a clip is measured, and needs no truth. Frames without an
LV, as in sparse truth, are passed over.

``"area jump"``
    The area of a frame strays from the mean of its two neighbours, in percent
    of the largest area: ``100 |A(t) - (A(t-1) + A(t+1)) / 2| / max A``
    (Painchaud et al., IEEE TMI 41(10), 2022, 2867-2878, find inconsistent
    frames so).
``"apex drift"``, ``"base drift"``
    The apex, or the middle of the mitral annulus, moves between two
    neighbouring frames, in percent of the median length of the long axis.
``"open cycle"``
    The area at the next ED differs from that at this one, in percent of the
    larger.
``"ED no maximum"``, ``"ES no minimum"``
    Another frame of the beat is larger than its ED, or smaller than its ES, in
    percent of the area at ED. A beat is looked at as far as a systole's length
    beyond each key frame, and not beyond the next key frame of another beat.

Lengths are taken relative to the ventricle, so that clips with and without a
spacing have the same limits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.keyframes import Beat
from napari_echo.metrics.volume import LVMeasures

Check = Literal[
    "area jump", "apex drift", "base drift", "open cycle", "ED no maximum", "ES no minimum"
]
CHECKS: tuple[Check, ...] = get_args(Check)

_UNKNOWN_FPS = 25.0
"""A clip that does not say its rate is taken for a slow one, which may change more."""


def limits(fps: float | None = None) -> dict[Check, float]:
    """Percent above which each check finds something.

    They lie above all that the exact masks of phantoms show (see
    `tests/benchmarks/bench_temporal_checks.py` and `docs/review.md`):

    - the area's bend grows with the square of the time between frames; at 28
      frames a second rapid filling reaches 4.7% in a phantom, at 50 and more 2%;
    - a blunt apex is placed a few mm to either side of where it was before,
      7.6% of the length at most, and the annulus moves by 5.8% at most;
    - beats of one heart differ with respiration, by about a tenth in size;
      phantoms' do not;
    - ED and ES that are right are the extrema to within 2% of the area; a
      limit of 3% lets pass what is off by a frame.

    Parameters
    ----------
    fps : float or None
        Frames a second; None takes a slow clip's limits.
    """
    return {
        "area jump": 2 + 2800 / (fps or _UNKNOWN_FPS) ** 2,
        "apex drift": 9.0,
        "base drift": 7.0,
        "open cycle": 10.0,
        "ED no maximum": 3.0,
        "ES no minimum": 3.0,
    }


@dataclass(frozen=True)
class Finding:
    """Something that no beating heart explains.

    Parameters
    ----------
    check : str
        Which of `CHECKS` found it.
    frame : int
        The frame to look at.
    value, limit : float
        How large it is, and what would still pass; in percent.
    """

    check: Check
    frame: int
    value: float
    limit: float

    @property
    def severity(self) -> float:
        """How many times the limit it is; over 1."""
        return self.value / self.limit


def findings(measures: LVMeasures, fps: float | None = None) -> tuple[Finding, ...]:
    """Check the labels of one clip for what no beating heart explains.

    Parameters
    ----------
    measures : LVMeasures
        What was measured of the labels; beats are those of its key frames.
    fps : float or None
        Frames a second, where known: a slower clip moves more from frame to
        frame.

    Returns
    -------
    tuple of Finding
        By frame. Neighbouring frames of the same jump or drift are one
        finding, at the worst of them.
    """
    passing = limits(fps)
    found = [
        Finding(check, frame, value, passing[check])
        for check, frame, value in values(measures)
        if value > passing[check]
    ]
    return tuple(sorted(_worst_of_runs(found), key=lambda f: (f.frame, CHECKS.index(f.check))))


def inconsistency(found: Iterable[Finding]) -> float:
    """How inconsistent a clip is in time, for ranking: the sum of the severities; 0 at best."""
    return sum(finding.severity for finding in found)


def values(measures: LVMeasures) -> Iterator[tuple[Check, int, float]]:
    """Every check's value at every frame where it can be told."""
    area = measures.area
    if not np.isfinite(area).any():
        return
    largest = float(np.nanmax(area))
    bend = np.abs(area[1:-1] - (area[:-2] + area[2:]) / 2)
    yield from _finite("area jump", 100 * bend / largest, first=1)
    length = float(np.nanmedian(measures.length)) if np.isfinite(measures.length).any() else 0.0
    if length > 0:
        points: tuple[tuple[Check, NDArray[np.float64]], ...] = (
            ("apex drift", measures.apex),
            ("base drift", measures.base),
        )
        for check, point in points:
            step = np.linalg.norm(np.diff(point, axis=0), axis=1)
            yield from _finite(check, 100 * step / length, first=1)
    beats = measures.key_frames.beats
    for beat, following in pairwise(beats):
        here, there = float(area[beat.ed]), float(area[following.ed])
        if np.isfinite([here, there]).all() and beat.ed != following.ed:
            yield "open cycle", following.ed, 100 * abs(there - here) / max(here, there)
    for beat in beats:
        yield from _extrema(beat, beats, area)


def _finite(
    check: Check, curve: NDArray[np.float64], first: int
) -> Iterator[tuple[Check, int, float]]:
    for place in np.flatnonzero(np.isfinite(curve)):
        yield check, int(place) + first, float(curve[place])


def _extrema(
    beat: Beat, beats: tuple[Beat, ...], area: NDArray[np.float64]
) -> Iterator[tuple[Check, int, float]]:
    eda, esa = float(area[beat.ed]), float(area[beat.es])
    if beat.ed == beat.es or not np.isfinite([eda, esa]).all():
        return
    low, high = sorted((beat.ed, beat.es))
    others = [f for b in beats if b is not beat for f in (b.ed, b.es)]
    first = max([2 * low - high, 0, *(f + 1 for f in others if f < low)])
    last = min([2 * high - low, len(area) - 1, *(f - 1 for f in others if f > high)])
    # The far side of the other key frame belongs to the next half of the beat.
    ed_span = (first, high) if beat.ed == low else (low, last)
    es_span = (low, last) if beat.ed == low else (first, high)
    for check, key, (start, stop), sign in (
        ("ED no maximum", eda, ed_span, 1),
        ("ES no minimum", esa, es_span, -1),
    ):
        part = sign * area[start : stop + 1]
        if np.isfinite(part).any():
            place = int(np.nanargmax(part))
            worse = 100 * (float(part[place]) - sign * key) / eda
            yield check, start + place, max(worse, 0.0)  # type: ignore[misc]


def _worst_of_runs(found: list[Finding]) -> Iterator[Finding]:
    """Of findings of one check in frames that follow each other, the worst."""
    run: list[Finding] = []
    for finding in sorted(found, key=lambda f: (CHECKS.index(f.check), f.frame)):
        if run and (finding.check != run[-1].check or finding.frame > run[-1].frame + 1):
            yield max(run, key=lambda f: f.value)
            run = []
        run.append(finding)
    if run:
        yield max(run, key=lambda f: f.value)
