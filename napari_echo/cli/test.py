"""`napari-echo test`: measure a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_echo.cli.console import print_json, print_table


def measure(
    config: Annotated[
        str, typer.Argument(help="The name or file of the config that it was trained by.")
    ],
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint (.pth) of `train`.")],
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", help="Clip data set to measure on; may be repeated."),
    ] = None,
    split: Annotated[str, typer.Option(help="The split to measure.")] = "val",
    show_dir: Annotated[
        Path | None, typer.Option(help="Folder for pictures of the prediction over the truth.")
    ] = None,
    interval: Annotated[int, typer.Option(min=1, help="Draw each so-many-th clip.")] = 1,
    cfg_options: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Replace a value of the config; may be repeated."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure a checkpoint on a clip data set, on the model's square."""
    from napari_echo.cli.train import parse_cfg_options
    from napari_echo.ml.distributed import speaks
    from napari_echo.ml.testing import run_test

    metrics = run_test(
        config,
        checkpoint,
        data_roots=data or [],
        split=split,
        show_dir=show_dir,
        interval=interval,
        cfg_options=parse_cfg_options(cfg_options or []),
    )
    if not speaks():
        return
    if json:
        print_json(metrics)
    else:
        print_metrics(metrics)


def print_metrics(metrics: dict[str, float]) -> None:
    """Print what `EchoMetric` reports as a table and two lines."""
    measures = ("dice", "iou", "hd95", "asd")
    names = [key.removeprefix("dice_") for key in metrics if key.startswith("dice_")]
    rows = []
    for name in names:
        structure, _, phase = name.partition("_")
        values = (metrics.get(f"{measure}_{name}") for measure in measures)
        cells = ("" if value is None else f"{value:.2f}" for value in values)
        rows.append((structure, phase.upper() or "all", *cells))
    print_table(("STRUCTURE", "PHASE", "DICE %", "IOU %", "HD95 mm", "ASD mm"), rows)
    if "ef_mae" in metrics:
        m = {key: metrics.get(f"ef_{key}", float("nan")) for key in _EF}
        typer.echo(
            f"EF against the true masks' in {metrics['ef_clips']:.0f} clips: "
            f"bias {m['bias']:+.1f} points, SD {m['sd']:.1f}, mean absolute error {m['mae']:.1f}, "
            f"RMSE {m['rmse']:.1f}, r {m['r']:.2f}, R2 {m['r2']:.2f}"
        )
    if "jitter" in metrics:
        truth = metrics.get("jitter_truth")
        beside = "" if truth is None else f"; of the true masks {truth:.2f}%"
        typer.echo(f"Jitter of the LV's area: {metrics['jitter']:.2f}%{beside}")


_EF = ("bias", "sd", "mae", "rmse", "r", "r2")
