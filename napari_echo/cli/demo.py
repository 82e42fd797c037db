"""`napari-echo demo`: the main job on a real cine and a phantom."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_echo.cli.display import restart_under_xvfb
from napari_echo.cli.system_libraries import has_display


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for what the demo writes.")] = (
        Path("demo-output")
    ),
    headless: Annotated[
        bool,
        typer.Option("--headless", help="Close the window when done, as without a display."),
    ] = False,
) -> None:
    """Segment a real cine and a phantom in napari.

    With a display napari stays open on them. Without one the same widgets are
    driven under Xvfb. Writes a picture, a summary and an exported label.
    """
    if not has_display():
        restart_under_xvfb(["demo", "--headless", "--out", str(out)])
    from napari_echo.gui.demo import run_demo

    run_demo(out, headless=headless)
    typer.echo(f"The demo wrote its pictures, its summary and an exported label to {out}/.")
