"""`napari-echo models propagation`: what follows from the mask of one frame."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_echo.cli.console import print_json, print_table, progress


def propagation(
    packs: Annotated[
        list[str], typer.Argument(metavar="PACK...", help="Packs with a memory, by name or folder.")
    ],
    data: Annotated[
        Path,
        typer.Option("--data", help="A clip data set whose clips are labelled in every frame."),
    ],
    split: Annotated[str, typer.Option(help="The split to score.")] = "test",
    json: Annotated[bool, typer.Option("--json", help="Print JSON with every frame.")] = False,
) -> None:
    """Measure what follows from the mask of ED: by the models, by optical flow, and by none.

    The mask is once the true one and once a spoiled one, moved by 4% of the
    frame; columns tell how far the other frames are from ED.
    """
    from dataclasses import asdict

    from napari_echo.ml.packs import find_pack
    from napari_echo.ml.predictor import make_predictor
    from napari_echo.workflow.evaluate_propagation import evaluate_propagation, propagation_table

    predictors = [make_predictor(find_pack(pack)) for pack in packs]
    with progress("Propagating") as on_progress:
        scores = evaluate_propagation(predictors, data, split=split, on_progress=on_progress)
    table = propagation_table(scores)
    if json:
        print_json({"means": table, "frames": [asdict(score) for score in scores]})
        return
    measures = ("dice", "first_quarter", "half", "third_quarter", "end")
    rows = [
        (
            str(row["method"]),
            str(row["given"]),
            str(row["frames"]),
            *(f"{row[measure]:.3f}" for measure in measures),
        )
        for row in table
    ]
    headers = ("METHOD", "GIVEN MASK", "FRAMES", "DICE", "TO 1/4", "TO 1/2", "TO 3/4", "TO END")
    print_table(headers, rows)
