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
    work_dir: Annotated[
        Path | None,
        typer.Option(help="Folder for checkpoints and logs; work_dirs/CONFIG by default."),
    ] = None,
    load_from: Annotated[
        Path | None,
        typer.Option(help="Checkpoint, or model pack, whose weights training starts from."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in the work folder.")
    ] = False,
    devices: Annotated[
        int | None,
        typer.Option(min=1, help="Processes to train with on this node: one a GPU, or on CPUs."),
    ] = None,
    amp: Annotated[
        bool | None,
        typer.Option(
            "--amp/--no-amp", help="Mixed precision, or float32; as the config says by default."
        ),
    ] = None,
    cfg_options: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Replace a value of the config; may be repeated."),
    ] = None,
) -> None:
    """Train a model on clip data sets and print its best checkpoint.

    Several nodes: start it on each by
    `torchrun --nnodes ... -m napari_echo.cli.main train CONFIG ...`.
    """
    from napari_echo.ml.distributed import (
        launch,
        launched,
        record_failure,
        speaks,
        under_torchrun,
    )
    from napari_echo.ml.training import train as run_training
    from napari_echo.ml.training import training_config

    if repeat and len(repeat) != len(data or []):
        raise EchoError("Give --repeat once for each --data, or not at all.")
    if devices is not None and under_torchrun():
        raise EchoError("torchrun starts the processes already; leave --devices out.")
    arguments: dict[str, Any] = {
        "work_dir": work_dir,
        "data_roots": data or [],
        "repeats": repeat or [],
        "val_roots": val or [],
        "load_from": load_from,
        "amp": amp,
        "cfg_options": parse_cfg_options(cfg_options or []),
    }
    if devices is not None and devices > 1:
        # What the user can mend is found here, once, and not in each process.
        training_config(config, processes=devices, **arguments)
        flags = {
            "--data": data,
            "--repeat": repeat,
            "--val": val,
            "--work-dir": [work_dir] if work_dir else None,
            "--load-from": [load_from] if load_from else None,
            "--cfg-options": cfg_options,
        }
        words = [f"{flag}={value}" for flag, values in flags.items() for value in values or []]
        words += ["--resume"] if resume else []
        words += [] if amp is None else ["--amp" if amp else "--no-amp"]
        launch(["train", *words, "--", config], devices)
        return
    try:
        best = run_training(config, resume=resume, **arguments)
    except (Exception, KeyboardInterrupt) as error:
        if not launched():
            raise
        if isinstance(error, Exception):
            record_failure(error)  # the process that launched this one tells it, once
        raise typer.Exit(1) from error
    if speaks():
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
