"""Few colours for a picture of the window, so that it stays small."""

from __future__ import annotations

from collections import Counter

import numpy as np
from PIL import Image

# Of a picture: colours in all, greys, flat colours; what is a grey, what is another shade.
COLORS, GREYS, FLAT, GREY, SHADE = 64, 11, 16, 12, 17


def few_colors(image: Image.Image) -> Image.Image:
    """Leave greys and the most frequent colours: a clip's speckle is most of a picture's size.

    Parameters
    ----------
    image : Image
        RGB.

    Returns
    -------
    Image
        With a palette.
    """
    pixels = np.asarray(image).reshape(-1, 3).astype(int)
    coloured = np.ptp(pixels, axis=1) > GREY
    steps = np.linspace(0, 255, GREYS).round().astype(int)
    palette = [(g, g, g) for g in steps]
    found = Counter(map(tuple, pixels[coloured].tolist()))
    for color, _ in found.most_common():
        # Near shades count as one, so that rare colours get a place, too.
        if all(max(abs(a - b) for a, b in zip(color, c, strict=True)) > SHADE for c in palette):
            palette.append(color)
        if len(palette) == COLORS:
            break
    # The flat colours of the window stay what they are.
    flat = Counter(map(tuple, pixels.tolist())).most_common(FLAT)
    palette = [*(color for color, _ in flat), *palette][:COLORS]
    named = Image.new("P", (1, 1))
    named.putpalette([value for color in palette for value in color])
    return image.quantize(palette=named, dither=Image.Dither.NONE)
