"""How well one colour is seen on another (WCAG 2.1), and a colour that is seen well enough.

Colours are ``#rrggbb``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GRAPHICS, TEXT = 3.0, 4.5
"""Least contrast of lines, marks and swatches, and of text."""
_WEIGHTS = np.array([0.2126, 0.7152, 0.0722])
_ROUNDING = 1.01  # to whole numbers of red, green and blue
_DARKEST = 1e-9


def contrast(color: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21."""
    darker, lighter = sorted((_luminance(color), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def readable_on(background: str) -> str:
    """Return black or white, whichever reads better on a colour."""
    black, white = contrast("#000000", background), contrast("#ffffff", background)
    return "black" if black > white else "white"


def readable(color: str, background: str, least: float = TEXT) -> str:
    """Return a colour that is seen on a background: of the same hue, and no other than it must be.

    On a light background less of its light is left, on a dark one white is added.

    Parameters
    ----------
    color, background : str
        As ``#rrggbb``.
    least : float
        The contrast that is wanted; where no colour has it, black or white comes nearest.
    """
    if contrast(color, background) >= least:
        return color
    light, own, behind = _light(color), _luminance(color), _luminance(background)
    if readable_on(background) == "black":
        wanted = max((behind + 0.05) / (least * _ROUNDING) - 0.05, 0.0)
        return _hex(light * wanted / max(own, _DARKEST))
    wanted = min(least * _ROUNDING * (behind + 0.05) - 0.05, 1.0)
    return _hex(light + (1 - light) * (wanted - own) / max(1 - own, _DARKEST))


def _light(color: str) -> NDArray[np.float64]:
    """Red, green and blue in proportion to light, 0 to 1."""
    srgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _luminance(color: str) -> float:
    return float(_WEIGHTS @ _light(color))


def _hex(light: NDArray[np.float64]) -> str:
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(255 * float(value)):02x}" for value in srgb)
