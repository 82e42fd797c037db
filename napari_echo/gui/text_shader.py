"""Texts on the canvas that are drawn sooner.

Vispy writes all of its spatial filters, 75,000 characters, into the shader of
every text, of which the text may call one. To read, compile and link them takes
about a tenth of a second for each caption, scale bar or title that comes to the
canvas, and the window stands still meanwhile. Filters that are not called are
left out here; what is drawn is the same.
"""

from __future__ import annotations

import re

from vispy import glsl
from vispy.visuals.text.text import TextVisual

_FILTERS = "misc/spatial-filters.frag"
_INCLUDE = f'#include "{_FILTERS}"'
# Those of vispy's files: a body ends with the first brace at the beginning of a line.
_FUNCTION = re.compile(r"^\w+ (\w+)\([^)]*\) \{\n.*?^\}\n", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"\w+")


def lighten_texts() -> None:
    """Leave out of the shader of texts that are made from now on what it does not call."""
    shaders = TextVisual._shaders
    # Another vispy may do without them.
    if _INCLUDE in shaders["fragment"]:
        TextVisual._shaders = shaders | {"fragment": without_unused(shaders["fragment"])}


def without_unused(fragment: str) -> str:
    """Write the filters that a shader calls in the place of all of them.

    Parameters
    ----------
    fragment : str
        Code of a fragment shader that includes vispy's spatial filters.

    Returns
    -------
    str
        The same without the include.
    """
    filters = glsl.get(_FILTERS)
    functions = {found[1]: found[0] for found in _FUNCTION.finditer(filters)}
    called: set[str] = set()
    waiting = [fragment]
    while waiting:
        names = set(_NAME.findall(waiting.pop())) & functions.keys() - called
        called |= names
        waiting += [functions[name] for name in names]
    kept = _FUNCTION.sub(lambda found: found[0] if found[1] in called else "", filters)
    return fragment.replace(_INCLUDE, kept)
