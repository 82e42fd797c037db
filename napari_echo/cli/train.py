"""`napari-echo train`: train a model through mmengine."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_echo.core.errors import EchoError


def train(
    config: Annotated[
        str, typer.Argument(help="A config's name (`napari-echo models configs`) or file.")
    ],
    work_dir: Annotated[Path, typer.Option(help="Folder for checkpoints and logs.")],
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", help="Clip data set to train on; may be repeated."),
    ] = None,
    repeat: Annotated[
        list[int] | None,
        typer.Option(min=1, help="How often each data set is listed, in their order."),
    ] = None,
    val: Annotated[
        list[Path] | None,
        typer.Option("--val", help="Clip data set to validate on; those of --data by default."),
    ] = None,
    load_from: Annotated[
        Path | None, typer.Option(help="Checkpoint whose weights training starts from.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in the work folder.")
    ] = False,
    cfg_options: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Replace a value of the config; may be repeated."),
    ] = None,
) -> None:
    """Train a model on clip data sets and print its best checkpoint."""
    from napari_echo.ml.training import train as run_training

    if repeat and len(repeat) != len(data or []):
        raise EchoError("Give --repeat once for each --data, or not at all.")
    best = run_training(
        config,
        work_dir=work_dir,
        data_roots=data or [],
        repeats=repeat or [],
        val_roots=val or [],
        load_from=load_from,
        resume=resume,
        cfg_options=parse_cfg_options(cfg_options or []),
    )
    typer.echo(str(best))


def parse_cfg_options(options: list[str]) -> dict[str, Any]:
    """Read ``key=value`` pairs; a value is a Python literal, else text.

    Raises
    ------
    EchoError
        If an option has no ``=`` or no key.
    """
    parsed: dict[str, Any] = {}
    for option in options:
        key, equals, text = option.partition("=")
        if not (key and equals):
            raise EchoError(f"--cfg-options {option}: write it as KEY=VALUE.")
        try:
            parsed[key] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            parsed[key] = text
    return parsed
