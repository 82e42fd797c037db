"""`napari-echo predict`: segment clips without a window."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from napari_echo.cli.console import print_json, progress
from napari_echo.cli.params import predict_params


def predict(
    sources: Annotated[
        list[Path], typer.Argument(metavar="SRC...", help="Clips: files, or folders of them.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")],
    model: Annotated[
        str, typer.Option("--model", "-m", metavar="PACK", help="A model pack's name or folder.")
    ] = "default",
    engine: Annotated[
        Literal["onnx", "torch"] | None,
        typer.Option(help="ONNX Runtime is faster; torch is the reference.", show_default="onnx"),
    ] = None,
    batch: Annotated[
        int | None, typer.Option(help="Frames per model call, 1 to 64.", show_default="4")
    ] = None,
    mirror: Annotated[
        bool | None,
        typer.Option(
            "--mirror",
            help="Average with the prediction of the mirrored frame, in twice the time.",
            show_default="False",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Segment clips; writes NAME.labels.tif and NAME.json for each.

    A clip that cannot be read is reported and the others go on; the exit
    status is then 1.
    """
    from napari_echo.ml.packs import find_pack
    from napari_echo.workflow.predict_files import FileProgress, predict_files

    params = predict_params(engine=engine, batch=batch, mirror=mirror)
    with progress("Segmenting") as update:

        def on_progress(at: FileProgress) -> None:
            update(at.done, at.total, f"{at.source.name} ({at.clip} of {at.clips})")

        summary = predict_files(sources, find_pack(model), out, params, on_progress)
    if json:
        print_json([asdict(clip) for clip in summary.done])
    else:
        for clip in summary.done:
            ef = "no beat found" if clip.ef is None else f"EF {clip.ef:.0%}"
            typer.echo(f"{clip.json_file}: {clip.n_frames} frames, {ef}, {clip.seconds:.1f} s")
    for _, sentence in summary.failed:
        typer.echo(f"napari-echo: error: {sentence}", err=True)
    if summary.failed:
        raise typer.Exit(1)
