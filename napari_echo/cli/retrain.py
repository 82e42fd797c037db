"""`napari-echo retrain`: a model learns from corrections."""

from __future__ import annotations

import json as json_module
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_echo.cli.console import print_table, progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_echo.workflow.retrain_request import Request, Retrained, Step

REFUSED = 3
"""Exit status where the new model is worse than its base."""


def retrain(
    labels: Annotated[Path, typer.Option("--labels", help="Folder of the label store.")],
    base: Annotated[
        str, typer.Option("--base", help="Model pack that was corrected: a name or a folder.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The new pack's folder, a new one.")],
    clips: Annotated[
        list[Path],
        typer.Option("--clips", help="Labelled clips: a file or a folder; may be repeated."),
    ],
    val: Annotated[
        Path, typer.Option("--val", help="Clip data set that judges the new model; not learned.")
    ],
    data: Annotated[
        list[Path] | None,
        typer.Option(
            "--data", help="Clip data set whose split 'train' is learned again; may be repeated."
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="The split of --val.")] = "val",
    iterations: Annotated[
        int | None, typer.Option(help="Batches to learn from.", show_default="100")
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(help="Side of the square, pixels.", show_default="the base model's"),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of all chance.", show_default="0")] = None,
    batch: Annotated[int | None, typer.Option(help="Frames of a batch.", show_default="8")] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Of AdamW, at its highest.", show_default="0.0003")
    ] = None,
    hard_weight: Annotated[
        float | None,
        typer.Option(help="What a hard pixel counts beyond 1.", show_default="1"),
    ] = None,
    share: Annotated[
        float | None,
        typer.Option(help="Share of the frames shown that are corrections.", show_default="0.5"),
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option(
            help="Licence of the new model, where the data ask for a stricter one.",
            show_default="the base model's",
        ),
    ] = None,
    work_dir: Annotated[
        Path | None,
        typer.Option(help="Work folder.", show_default="OUT.work"),
    ] = None,
    found_only: Annotated[
        bool,
        typer.Option("--found-only", help="Leave out labelled clips that are not among --clips."),
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print a line of JSON a step; the last is the outcome.")
    ] = False,
) -> None:
    """Train a model on with committed corrections and compare it with its base.

    The new pack is written only where it is not worse: its mean Dice of the LV over all
    frames, at ED and at ES not lower by more than 0.001, its bias of EF not farther from 0 by
    more than 0.5 points. Else it stays in the work folder and the exit status is 3. After an
    interruption the same command goes on.
    """
    from napari_echo.cli.params import train_params
    from napari_echo.ml.child import end_with_starter
    from napari_echo.workflow.retrain import retrain as run
    from napari_echo.workflow.retrain_request import Request

    end_with_starter()
    request = Request(
        labels=labels,
        base=base,
        out=out,
        clips=tuple(clips),
        val=val,
        data=tuple(data or ()),
        split=split,
        work_dir=work_dir,
        params=train_params(
            iterations=iterations,
            size=size,
            seed=seed,
            batch=batch,
            learning_rate=learning_rate,
            hard_weight=hard_weight,
            share=share,
        ),
        licence=licence,
        found_only=found_only,
        command=_command(),
    )
    with _telling(json) as on_step:
        found = run(request, on_step)
    if json:
        _print_line({"step": "outcome", **_outcome(found, request)})
    else:
        _print(found, request)
    if not found.offered:
        raise typer.Exit(REFUSED)


def _command() -> str:
    """The command that is running, for the card."""
    return shlex.join(["napari-echo", "retrain", *_after("retrain", sys.argv)])


def _after(word: str, words: list[str]) -> list[str]:
    return words[words.index(word) + 1 :] if word in words else []


@contextmanager
def _telling(json: bool) -> Iterator[Callable[[Step], None]]:
    """Tell the steps: as lines of JSON on stdout, or by a bar and few sentences on stderr."""
    from napari_echo.workflow.retrain_process import Trained
    from napari_echo.workflow.retrain_request import Stage, Told

    if json:
        yield lambda step: _print_line({"step": type(step).__name__.lower(), **vars(step)})
        return
    with progress("Retraining") as on_progress:
        estimated = False

        def tell(step: Step) -> None:
            nonlocal estimated
            if isinstance(step, Told):
                typer.echo(step.sentence, err=True)
            elif isinstance(step, Stage):
                on_progress(step.done, step.total, step.what)
            elif isinstance(step, Trained):
                on_progress(step.iteration, step.iterations, "Training")
                if step.dice is not None:
                    typer.echo(
                        f"Iteration {step.iteration}: validation Dice of the LV {step.dice:.3f}",
                        err=True,
                    )
                if step.seconds_left and not estimated:
                    estimated = True
                    typer.echo(
                        f"About {_minutes(step.seconds_left)} of training are left.", err=True
                    )

        yield tell


def _minutes(seconds: float) -> str:
    return f"{round(seconds / 60)} minutes" if seconds >= 90 else f"{round(seconds)} seconds"


def _print_line(data: dict[str, Any]) -> None:
    typer.echo(json_module.dumps(data, ensure_ascii=False))
    sys.stdout.flush()  # a window reads along


def _outcome(found: Retrained, request: Request) -> dict[str, Any]:
    return {
        "offered": found.offered,
        "pack": str(found.pack),
        "base": found.base,
        "reasons": list(found.reasons),
        "compared": [{**row.to_dict(), "worse": bool(row.worse)} for row in found.rows],
        "work_dir": None if found.offered else str(request.work),
    }


def _print(found: Retrained, request: Request) -> None:
    rows = []
    for row in found.rows:
        data = row.to_dict()
        digits = 4 if row.measure.unit == "" else 2
        cells = [
            "-" if data[name] is None else f"{data[name]:{sign}.{digits}f}"
            for name, sign in (
                ("base", ""), ("new", ""), ("difference", "+"), ("low", "+"), ("high", "+")
            )
        ]  # fmt: skip
        label = f"{row.measure.label} {row.measure.unit}".rstrip()
        verdict = "worse" if row.worse else ""
        interval = f"{cells[3]} to {cells[4]}"
        rows.append((label, str(data["clips"]), *cells[:3], interval, verdict))
    head = ("MEASURE", "CLIPS", found.base.upper(), "NEW", "DIFFERENCE", "95% INTERVAL", "")
    print_table(head, rows)
    if found.offered:
        typer.echo(str(found.pack))
        return
    for reason in found.reasons:
        typer.echo(f"napari-echo: {reason}", err=True)
    typer.echo(
        f"napari-echo: the new model is worse than {found.base} and is not offered; it is kept in "
        f"{found.pack}, with its training in {request.work}.",
        err=True,
    )
