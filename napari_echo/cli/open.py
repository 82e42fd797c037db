"""`napari-echo open`: review clips in napari."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_echo.cli.display import need_display


def open_clips(
    sources: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[SRC]...", help="Clips: files, folders or data sets."),
    ] = None,
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            metavar="PACK",
            help="A model pack's name or folder, to run on the first clip; "
            "give it up to four times to compare models.",
        ),
    ] = None,
    frame: Annotated[
        int | None, typer.Option(min=0, help="Frame of the first clip to show, from 0.")
    ] = None,
) -> None:
    """Open clips for review in napari."""
    need_display()
    from napari_echo.gui.app import open_clips as open_in_napari

    open_in_napari(sources or [], models=models or [], frame=frame)
