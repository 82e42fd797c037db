"""What readers differ by anyway.

Two cardiologists who outlined the LV of the same CAMUS images agree by a mean
Dice of 0.919 at ED and 0.873 at ES (Leclerc et al., Deep learning for
segmentation using an open large-scale dataset in 2D echocardiography, IEEE
TMI 38(9), 2019, 2198-2210), and experts' EF of the same study has a standard
deviation of about 7 points. A Dice that is no lower, or an EF difference that
is no larger, is within what two readers typically differ by: it does not tell
a model from a second reader. These are averages: about half of all pairs of
readers agree by less.
"""

from __future__ import annotations

import math
from typing import Literal

Band = Literal["within", "beyond"]

READERS_DICE = {"ED": 0.919, "ES": 0.873}
"""Mean Dice of the LV between two readers."""

READERS_EF = 0.07
"""Standard deviation of the EF between experts, as a fraction."""


def dice_band(dice: float, which: Literal["ED", "ES"]) -> Band | None:
    """Whether a Dice at ED or ES is what two readers reach; None for not-a-number."""
    if not math.isfinite(dice):
        return None
    return "within" if dice >= READERS_DICE[which] else "beyond"


def ef_band(difference: float) -> Band | None:
    """Whether an EF difference (a fraction, of either sign) is what readers differ by."""
    if not math.isfinite(difference):
        return None
    # To a tenth of a point, as it is shown.
    return "within" if round(abs(difference), 3) <= READERS_EF else "beyond"
