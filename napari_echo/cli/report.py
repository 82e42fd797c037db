"""`napari-echo report`: measure models and write a page on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from napari_echo.cli.console import print_table, progress


def report(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...", help="Names or folders of model packs; the first is the reference."
        ),
    ],
    data: Annotated[Path, typer.Option("--data", help="A clip data set.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The report's folder, a new one.")],
    split: Annotated[str, typer.Option(help="The split to score.")] = "val",
    engine: Annotated[Literal["onnx", "torch"], typer.Option(help="What runs them.")] = "onnx",
    every_frame: Annotated[
        bool,
        typer.Option(
            "--every-frame",
            help="Segment all frames between the labelled ones, too: measures the jitter.",
        ),
    ] = False,
    hardest: Annotated[int, typer.Option(min=0, help="Clips to show with pictures.")] = 6,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
) -> None:
    """Measure models against the ground truth of a clip data set, and against each other.

    Writes report.html, report.json and clips.csv.
    """
    import shlex

    from napari_echo.cli.params import predict_params
    from napari_echo.core.errors import EchoError
    from napari_echo.ml.packs import find_pack
    from napari_echo.ml.predictor import make_predictor
    from napari_echo.workflow.report.build import write_report

    if out.exists():  # before the models are loaded
        raise EchoError(f"{out} exists already; give the name of a new folder.")
    params = predict_params(engine=engine)
    predictors = [make_predictor(find_pack(name), params) for name in models]
    command = ["napari-echo", "report", *models, "--data", str(data), "--split", split]
    command += ["--out", str(out), "--engine", engine, "--hardest", str(hardest)]
    command += ["--seed", str(seed), *(["--every-frame"] if every_frame else [])]
    with progress("Measuring") as on_progress:
        made = write_report(
            predictors,
            data,
            out,
            split=split,
            engine=engine,
            every_frame=every_frame,
            hardest=hardest,
            seed=seed,
            command=shlex.join(command),
            on_progress=on_progress,
        )
    _print(made.content)
    typer.echo(f"\n{made.folder / 'report.html'}")


def _print(content: dict[str, Any]) -> None:
    """The summary of each model, and its differences from the first."""
    lv = content["lv"]
    headers = ("MODEL", "DICE ED", "DICE ES", "DICE ALL", "HD95 ED/ES mm", "ASD ED/ES mm", "EF MAE",
               "EF BIAS±SD", "EF r", "JITTER %", "FRAMES/S")  # fmt: skip
    rows = []
    for model in content["models"]:
        summary = model["summary"]
        ed, es, every = (summary["structures"][lv][phase] for phase in ("ED", "ES", "all"))
        ef = summary["ef_points"]["masks"]
        rows.append(
            (
                model["name"],
                *(_number(of["dice"]["mean"], 3) for of in (ed, es, every)),
                *(
                    "/".join(_number(of[measure]["mean"], 2) for of in (ed, es))
                    for measure in ("hd95_mm", "asd_mm")
                ),
                _number(ef and ef["mae"], 1),
                f"{ef['bias']:+.1f}±{ef['sd']:.1f}" if ef else "-",
                _number(ef and ef["r"], 2),
                _number(summary["jitter_percent"]["mean"], 2),
                _number(summary["frames_per_second"], 1),
            )
        )
    print_table(headers, rows)
    if content["differences"]:
        typer.echo(f"\nAgainst {content['models'][0]['name']}, with 95% intervals over patients")
        print_table(
            ("MODEL", "MEASURE", "DIFFERENCE", "INTERVAL", "P"),
            [_difference(row) for row in content["differences"]],
        )


def _difference(row: dict[str, Any]) -> tuple[str, ...]:
    found, digits = row["difference"], 2 if row["unit"] else 4
    interval = "-"
    if found["low"] is not None:
        interval = f"{found['low']:+.{digits}f} to {found['high']:+.{digits}f}"
    unit = f", {row['unit']}" if row["unit"] else ""
    return (
        row["second"],
        f"{row['label']}{unit}",
        f"{found['mean']:+.{digits}f}",
        interval,
        "<0.001" if (row["p_wilcoxon"] or 1) < 0.001 else _number(row["p_wilcoxon"], 3),
    )


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
