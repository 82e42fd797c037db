"""The queue of a review: what clips are ranked by, and why one ranks where it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from napari_echo.workflow.facts import Facts

Queue = Literal["list", "hardness", "disagreement", "time", "ef change", "ef crossing"]
QUEUES: Mapping[Queue, tuple[str, str]] = {
    "list": ("List order", "As the clips were listed."),
    "hardness": (
        "Hardness",
        "How unsure the model is of its borders at ED and ES, from 0 to 1; the hardest first.",
    ),
    "disagreement": (
        "Model disagreement",
        "One less the Dice of the LV of two models at ED and ES; tick two models and scan.",
    ),
    "time": (
        "Inconsistent in time",
        "Jumps and drifts from frame to frame that no heart makes, in multiples of what passes.",
    ),
    "ef change": (
        "Expected EF change",
        "By how many points a correction within the model's doubt would change the EF.",
    ),
    "ef crossing": (
        "EF crossing a limit",
        "The chance that a correction brings the EF across 35, 40 or 50%.",
    ),
}
"""Title and explanation of each way to rank the clips."""


def rank(queue: Queue, facts: Facts | None) -> float | None:
    """What a queue ranks a clip by: the larger, the sooner it is to be looked at.

    A clip in which the model finds no ventricle is worth a look before all
    others, where the EF is asked for: infinity.
    """
    if facts is None or facts.hardness is None or queue == "list":
        return None
    if queue == "hardness":
        return facts.hardness
    if queue == "time":
        return facts.inconsistency
    if queue == "disagreement":
        return facts.disagreement
    if facts.expected_change is None:
        return float("inf")
    return facts.expected_change if queue == "ef change" else max(facts.crossing)


def rank_text(queue: Queue, rank: float) -> str:
    """Write what a queue ranks by, with its unit."""
    formats = {
        "hardness": "{:.2f}",
        "time": "{:.1f}×",
        "disagreement": "{:.3f}",
        "ef change": "{:.1f} pts",
        "ef crossing": "{:.0%}",
    }
    shown = 100 * rank if queue == "ef change" else rank
    return "no LV" if np.isinf(rank) else formats[queue].format(shown)


def why(queue: Queue, facts: Facts | None) -> str:
    """Say in one line why a clip ranks where it does."""
    doubt = facts.doubt if facts is not None else None
    if facts is None or queue == "list":
        return ""
    if doubt is None:
        return "No beat was found in it."
    if queue == "time":
        return _explain_time(facts)
    if queue == "disagreement":
        if not facts.disagreements:
            return ""
        name, value = max(facts.disagreements, key=lambda pair: pair[1])
        return f"Its LV and that of {name} overlap by a Dice of {1 - value:.3f}."
    return doubt.explain("entropy" if queue == "hardness" else queue)


def _explain_time(facts: Facts) -> str:
    from napari_echo.metrics.temporal_checks import limits

    if not facts.findings:
        return "Nothing jumps from frame to frame."
    passing: dict[str, float] = {str(check): limit for check, limit in limits().items()}
    check, frame, value = max(facts.findings, key=lambda f: f[2] / passing.get(f[0], 1.0))
    more = f", and {len(facts.findings) - 1} more" if len(facts.findings) > 1 else ""
    return f"{check[0].upper()}{check[1:]} of {value:.0f}% at frame {frame}{more}."
