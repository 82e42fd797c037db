"""The colours of what is compared: one for each model, and those of truth and correction."""

from __future__ import annotations

# Of a search for colours that readers who are colour-blind in any way tell apart, the first
# four best, on black, napari's dark and its light; none is near that of a structure, of the
# difference or of those below, which are Okabe and Ito's.
MODELS = ("#8c78ff", "#949c18", "#c2307e", "#bf9686", "#80682a", "#2a7c8e")
CORRECTION = "#56b4e9"
HARDNESS = "#cc79a7"
PROPAGATION = "#f0e442"


def color_of(index: int) -> str:
    """Return the colour of the model in a slot (`Session.slot`), as ``#rrggbb``."""
    return MODELS[index]
