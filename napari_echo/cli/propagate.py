"""`napari-echo propagate`: carry the labels of some frames through a clip."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from napari_echo.cli.console import progress
from napari_echo.cli.params import predict_params

_FLOW = "flow"


def propagate(
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="The clip.")],
    labels: Annotated[
        Path,
        typer.Option(help="A revision of a label store, or NAME.labels.tif with --frames."),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")],
    model: Annotated[
        str,
        typer.Option(
            "--model", "-m", metavar="PACK", help="A pack with a memory (gpm), or 'flow'."
        ),
    ] = _FLOW,
    frames: Annotated[
        str | None,
        typer.Option(metavar="N,N...", help="Frames whose labels are given, counted from 0."),
    ] = None,
    engine: Annotated[
        Literal["onnx", "torch"] | None,
        typer.Option(help="ONNX Runtime is faster; torch is the reference.", show_default="onnx"),
    ] = None,
) -> None:
    """Carry the labels of some frames through a clip, in both directions.

    Writes NAME.labels.tif and NAME.json as `predict` does. The given frames
    keep their labels.
    """
    from napari_echo.core.errors import EchoError
    from napari_echo.ml.packs import find_pack
    from napari_echo.workflow.propagate_file import propagate_file

    try:
        wanted = None if frames is None else [int(number) for number in frames.split(",")]
    except ValueError as error:
        raise EchoError(f"--frames {frames}: give numbers with commas between, as 0,12.") from error
    pack = None if model == _FLOW else find_pack(model)
    params = None if pack is None else predict_params(engine=engine)
    with progress("Propagating") as update:
        done = propagate_file(
            clip, labels, pack, out, frames=wanted, params=params, on_progress=update
        )
    ef = "no beat found" if done.ef is None else f"EF {done.ef:.0%}"
    typer.echo(f"{done.json_file}: {done.n_frames} frames, {ef}, {done.seconds:.1f} s")
