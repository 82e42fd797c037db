"""The colours of what is compared: one for each model, and those of truth and correction."""

from __future__ import annotations

from napari_echo.gui.contrast import readable

# Of a search for colours that readers who are colour-blind in any way tell apart, the first
# four best, and from what is below; none is near that of a structure or of the difference. All
# are about as bright, so that each is seen on napari's dark and on its light as it is, and a
# title in it on black.
MODELS = ("#9051ea", "#6c9000", "#cf36ab", "#ab6351", "#6c7ed8", "#e1487e")
# Okabe and Ito's: on the canvas and on dark lighter than any model.
CORRECTION = "#56b4e9"
HARDNESS = "#cc79a7"
PROPAGATION = "#f0e442"
_APART = 6.0
"""On light, so much contrast makes those darker than any model."""


def color_of(index: int) -> str:
    """Return the colour of the model in a slot (`Session.slot`), as ``#rrggbb``."""
    return MODELS[index]


def beside_models(color: str, background: str) -> str:
    """Return the colour that correction, propagation or hardness has on a background."""
    return readable(color, background, _APART)
