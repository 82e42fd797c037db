"""`napari-echo visualize`: films and pictures of predictions and their errors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from napari_echo.cli.console import progress


def visualize(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model pack's name or folder.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write, a new one.")],
    clips: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[CLIP]...",
            help="Clip files or folders of them; with --data, patients or clips of the data set.",
        ),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="A clip data set, which also has the truth.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Of the data set, clips of this split alone.")
    ] = None,
    truth: Annotated[
        list[Path] | None,
        typer.Option(
            "--truth", help="The clip's true masks (.labels.tif, NIfTI); once for each clip."
        ),
    ] = None,
    fmt: Annotated[
        Literal["mp4", "gif", "png", "sheet"],
        typer.Option(
            "--format", help="A film, an animation, a PNG a frame, or one PNG of up to 12 frames."
        ),
    ] = "mp4",
    fps: Annotated[
        float | None,
        typer.Option(min=0.1, max=240, help="Frames a second.", show_default="the clip's own"),
    ] = None,
    side: Annotated[
        int, typer.Option(min=64, max=2048, help="Longer side of a frame's picture, pixels.")
    ] = 480,
    engine: Annotated[Literal["onnx", "torch"], typer.Option(help="What runs it.")] = "onnx",
) -> None:
    """Paint prediction, truth and error over clips.

    A clip that cannot be read is reported and the others go on; the exit
    status is then 1.
    """
    from napari_echo.cli.params import predict_params
    from napari_echo.core.errors import EchoError
    from napari_echo.io.load import find_clips
    from napari_echo.ml.packs import find_pack
    from napari_echo.ml.predictor import make_predictor
    from napari_echo.workflow.visualize import clipset_sources, file_sources
    from napari_echo.workflow.visualize import visualize as run

    if data is not None:
        if truth:
            raise EchoError("With --data the truth is the data set's: leave --truth out.")
        sources = clipset_sources(data, clips or [], split)
    elif not clips:
        raise EchoError("Give a clip, or a clip data set with --data.")
    elif split is not None:
        raise EchoError("--split chooses clips of a data set: give it with --data.")
    else:
        sources = file_sources(find_clips(clips), truth or [])
    predictor = make_predictor(find_pack(model), predict_params(engine=engine))
    with progress("Segmenting") as on_progress:
        made = run(predictor, sources, out, fmt=fmt, fps=fps, side=side, on_progress=on_progress)
    for path in made.files:
        typer.echo(str(path))
    for _, sentence in made.failed:
        typer.echo(f"napari-echo: error: {sentence}", err=True)
    if made.failed:
        raise typer.Exit(1)
