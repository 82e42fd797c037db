"""The look of the dock, in the colours of napari's theme."""

from __future__ import annotations

from napari.utils.theme import get_theme

from napari_echo.gui.contrast import readable, readable_on


def theme_colors(theme: str) -> dict[str, str]:
    """Return the colours of a napari theme, as ``#rrggbb`` by name."""
    found = get_theme(theme)
    names = ("background", "foreground", "primary", "highlight", "text", "current", "warning")
    colors = {name: getattr(found, name).as_hex(format="long") for name in names}
    behind = colors["background"]
    faint = _mixed(colors["text"], behind, 0.6)
    # Napari's yellow is the same in all themes, and not to be read on the light one.
    return {
        **colors,
        "warning": readable(colors["warning"], behind),
        "faint": readable(faint, behind),
    }


def _mixed(color: str, other: str, share: float) -> str:
    """Mix so much of a colour with another: napari has none for text that is faint and readable."""
    pairs = ((int(color[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in pairs)


def style_sheet(theme: str) -> str:
    """Style headings, notes and the one primary button."""
    colors = theme_colors(theme)
    return f"""
    QLabel#echoHeading {{ font-weight: bold; }}
    QToolButton#echoHeading {{
        font-weight: bold; text-align: left; padding: 1px 0px; border: none;
        background: transparent; color: {colors["text"]};
    }}
    QToolButton#echoHeading:hover, QToolButton#echoHeading:focus {{
        background: {colors["foreground"]};
    }}
    QToolButton#echoLegend {{
        text-align: left; padding: 2px 4px; border: 1px solid transparent;
        background: transparent; color: {colors["text"]};
    }}
    QToolButton#echoLegend:hover {{ background: {colors["foreground"]}; }}
    QToolButton#echoLegend:checked {{
        background: {colors["foreground"]}; border-color: {colors["highlight"]};
    }}
    QToolButton#echoLegend[nothing="true"] {{ color: {colors["faint"]}; }}
    QLabel#echoSmall {{ font-size: 8pt; }}
    QLabel#echoNote {{ color: {colors["warning"]}; }}
    QTableView {{
        background: {colors["background"]}; alternate-background-color: {colors["foreground"]};
        color: {colors["text"]}; gridline-color: {colors["foreground"]};
        selection-background-color: {colors["current"]};
        selection-color: {readable_on(colors["current"])};
    }}
    QTableView QTableCornerButton::section {{
        background: {colors["background"]}; border: none;
    }}
    QHeaderView::section:vertical {{
        background: {colors["background"]}; color: {colors["text"]};
        border: none; padding-left: 2px;
    }}
    QPushButton {{ padding: 3px 8px; }}
    QPushButton[primary="true"] {{
        background-color: {colors["current"]};
        color: {readable_on(colors["current"])};
        font-weight: bold;
    }}
    QPushButton[primary="true"]:disabled {{
        background-color: {colors["foreground"]};
        color: {colors["highlight"]};
    }}
    """
