"""How long a job will still take, where that can be told. No Qt."""

from __future__ import annotations

from collections import deque

LEAST_SECONDS, LEAST_STEPS = 2.0, 4
"""A guess from less than this would jump about."""

STEADY = 1.4
"""Rates that differ by more than this factor are not steady."""

WORTH_TELLING = 3.0
"""Seconds; what takes less is over before it is read."""


class TimeLeft:
    """Guesses from the rate of a job how long it still takes.

    It begins anew where the job turns to something else. It tells nothing
    until the rate is steady: that of the last half of the steps must be about
    that of all.
    """

    def __init__(self) -> None:
        self._stage: tuple[str, int] = ("", 0)
        self._steps: deque[tuple[float, int]] = deque(maxlen=512)

    def seconds(self, what: str, done: int, total: int, now: float) -> float | None:
        """Take note of a step, and guess.

        Parameters
        ----------
        what : str
            The stage of the job.
        done, total : int
            How far it is; a total of 0 is not known.
        now : float
            Seconds, of a clock that only goes forward.

        Returns
        -------
        float or None
            Seconds; None where that cannot be told, or is not worth telling.
        """
        if (what, total) != self._stage or (self._steps and done < self._steps[-1][1]):
            self._stage = (what, total)
            self._steps.clear()
        self._steps.append((now, done))
        (began, first), (middle, half) = self._steps[0], self._steps[len(self._steps) // 2]
        if total <= 0 or done - first < LEAST_STEPS or now - began < LEAST_SECONDS:
            return None
        if done <= half or half <= first or now <= middle:
            return None
        overall, lately = (done - first) / (now - began), (done - half) / (now - middle)
        if max(overall, lately) > STEADY * min(overall, lately):
            return None
        left = (total - done) / lately
        return left if left >= WORTH_TELLING else None
