"""`napari-echo phantom`: write phantom clips in a data set's layout."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from napari_echo.cli.console import progress


def phantom(
    layout: Annotated[
        Literal["echonet", "camus", "clips", "beats"],
        typer.Option(
            help="Layout to write; 'clips' is ED and ES alone, for training, 'beats' whole "
            "beats with every frame labelled, for measuring."
        ),
    ],
    n: Annotated[int, typer.Option("-n", min=1, help="Number of clips.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write, a new one.")],
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same clips.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes that draw.")] = 1,
) -> None:
    """Write phantom clips with exact masks in the layout of a real data set."""
    from napari_echo.workflow.phantom import write_phantoms

    with progress("Drawing phantoms") as on_progress:
        write_phantoms(layout, n, seed, out, on_progress, workers=workers)
    typer.echo(str(out))
