"""`napari-echo open`: review clips in napari."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_echo.cli.display import need_display


def open_clips(
    sources: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[SRC]...", help="Clips: files, or folders of them."),
    ] = None,
) -> None:
    """Open clips for review in napari."""
    need_display()
    from napari_echo.gui.app import open_clips as open_in_napari

    open_in_napari(sources or [])
