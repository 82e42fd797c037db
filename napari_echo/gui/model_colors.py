"""The colours of what is compared: one for each model, and those of truth and correction."""

from __future__ import annotations

# Okabe-Ito, told apart by colour-blind readers. Sky blue is the correction's, reddish purple
# the hardness's, and black or white, as the theme has it, the truth's.
MODELS = ("#e69f00", "#009e73", "#d55e00", "#0072b2", "#f0e442")
CORRECTION = "#56b4e9"
HARDNESS = "#cc79a7"
# Also a fifth model's: it is told from that by its dashes.
PROPAGATION = "#f0e442"


def color_of(index: int) -> str:
    """Return the colour of the model in a slot (`Session.slot`), as ``#rrggbb``."""
    return MODELS[index % len(MODELS)]
