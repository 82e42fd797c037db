"""`napari-echo preprocess`: a public data set becomes a clip data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer


def preprocess(
    layout: Annotated[Literal["camus", "echonet"], typer.Argument(help="What SRC is.")],
    src: Annotated[Path, typer.Option("--in", "-i", help="Folder of the data set.")],
    dst: Annotated[Path, typer.Option("--out", "-o", help="Folder to write, a new one.")],
    sequences: Annotated[
        bool,
        typer.Option("--sequences", help="CAMUS's half sequences in place of its ED and ES."),
    ] = False,
    view: Annotated[
        Literal["4CH", "2CH"] | None,
        typer.Option(help="The one view of CAMUS to take; both by default."),
    ] = None,
) -> None:
    """Turn CAMUS or EchoNet-Dynamic into a clip data set for training."""
    from napari_echo.workflow.preprocess import preprocess as run

    written, skipped = run(
        layout, src, dst, sequences=sequences, views=(view,) if view else ("4CH", "2CH")
    )
    for skip in skipped:
        typer.echo(f"napari-echo: skipped: {skip.name}: {skip.reason}", err=True)
    typer.echo(str(written))
