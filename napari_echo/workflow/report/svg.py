"""Matplotlib figures as SVG that stands inside a page."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_P = ParamSpec("_P")
_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_FONTS = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', Arial, sans-serif"

_STYLE: Any = {
    "svg.fonttype": "none",  # text stays text: it can be searched, and is read aloud
    "svg.hashsalt": "napari-echo",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e3e3e3",
    "grid.linewidth": 0.6,
    "axes.edgecolor": "#555555",
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


def styled(draw: Callable[_P, str]) -> Callable[_P, str]:
    """Let a function draw its figure in the report's style."""

    @wraps(draw)
    def in_style(*args: _P.args, **kwargs: _P.kwargs) -> str:
        import matplotlib as mpl

        with mpl.rc_context(_STYLE):
            return draw(*args, **kwargs)

    return in_style


def to_svg(figure: Figure, name: str, description: str, tips: Mapping[str, str]) -> str:
    """Write a figure as an SVG element.

    Parameters
    ----------
    figure : Figure
        Drawn in the report's style. The URLs of its artists become links.
    name : str
        Told apart from the page's other figures: it keeps ids apart.
    description : str
        What it shows, for readers who do not see it.
    tips : mapping of str to str
        Tooltip of each link, by its URL.

    Returns
    -------
    str
        As wide as the place it stands in.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _XLINK)
    root = ElementTree.fromstring(buffer.getvalue())
    for metadata in root.findall(f"{{{_SVG}}}metadata"):
        root.remove(metadata)
    for link in root.iter(f"{{{_SVG}}}a"):
        url = link.attrib.pop(f"{{{_XLINK}}}href")
        link.set("href", url)
        if url in tips:
            tip = ElementTree.Element(f"{{{_SVG}}}title")
            tip.text = tips[url]
            link.insert(0, tip)
    root.set("role", "img")
    root.set("aria-label", description)
    for size in ("width", "height"):
        root.attrib.pop(size, None)
    text = ElementTree.tostring(root, encoding="unicode")
    used = set(re.findall(r'(?:url\(#|xlink:href="#)([^")]+)', text))

    def keep_apart(match: re.Match[str]) -> str:
        return f' id="{name}-{match[1]}"' if match[1] in used else ""

    text = re.sub(r' id="([^"]+)"', keep_apart, text)
    for found in used:
        text = text.replace(f"url(#{found})", f"url(#{name}-{found})")
        text = text.replace(f'xlink:href="#{found}"', f'xlink:href="#{name}-{found}"')
    # The page's fonts, not those of the machine that drew it.
    return re.sub(r"font: ([^;\"]*?)px [^;\"]*", rf"font: \1px {_FONTS}".replace("'", ""), text)
