"""`napari-echo experiment`: what the labels of a reader are worth, by simulated readers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_echo.cli.console import print_json, print_table, progress

if TYPE_CHECKING:
    from napari_echo.workflow.active_learning import Round

app = typer.Typer(
    no_args_is_help=True,
    help="Repeat the experiments of docs/results.md that simulate a reader by true masks.",
)

_STRATEGIES = ("random", "entropy", "disagreement", "ef change")


@app.command("active-learning")
def active_learning(
    start: Annotated[
        Path, typer.Argument(help="Checkpoint (.pth) of PIDNet-S that all models start from.")
    ],
    data: Annotated[
        Path,
        typer.Option("--data", help="Clip data set; its split 'train' is labelled bit by bit."),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Working folder; a stopped run goes on there.")
    ],
    strategy: Annotated[
        list[str] | None,
        typer.Option(
            help="random, entropy, disagreement or 'ef change'; may be repeated.",
            show_default="all four",
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="The split that models are measured on.")] = "val",
    rounds: Annotated[int, typer.Option(min=1, help="Rounds after the first model.")] = 5,
    step: Annotated[int, typer.Option(min=1, help="Patients that are labelled a round.")] = 25,
    iterations: Annotated[int, typer.Option(min=1, help="Batches of each training.")] = 100,
    size: Annotated[int, typer.Option(min=32, help="Side of the square, pixels.")] = 128,
    seed: Annotated[int, typer.Option(min=0, help="Of the first patients and all chance.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print JSON with the patients.")] = False,
) -> None:
    """Label the patients that a question points at, learn anew, and measure what it brought."""
    import contextlib
    import os

    from napari_echo.core.errors import EchoError
    from napari_echo.workflow.active_learning import active_learning as run
    from napari_echo.workflow.learner import PackLearner

    chosen: list[Any] = strategy or list(_STRATEGIES)
    unknown = [name for name in chosen if name not in (*_STRATEGIES, "ef crossing")]
    if unknown:
        raise EchoError(
            f"There is no strategy '{unknown[0]}'; use one of {', '.join(_STRATEGIES)}."
        )
    if not start.is_file():
        raise EchoError(
            f"There is no checkpoint {start} to start from; `napari-echo train` makes one."
        )
    learner = PackLearner(start, data, split, iterations, size, seed)
    found: list[Round] = []

    def tell(one: Round) -> None:
        found.append(one)
        values = "  ".join(f"{name} {value:.3f}" for name, value in one.metrics.items())
        typer.echo(f"{one.strategy}, {one.patients} patients: {values}", err=True)

    # Trainings tell their course on stdout, which is for the table; they also keep it in OUT.
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        first = learner.pack(start, out / "before" / "training" / "pack")
        for name in chosen:
            run(
                data,
                out,
                name,
                learn=learner.learn,
                ready=learner.ready,
                measure=learner.measure,
                start=first,
                rounds=rounds,
                step=step,
                seed=seed,
                on_round=tell,
            )
    if json:
        print_json([vars(one) for one in found])
        return
    rows = [
        (
            one.strategy,
            str(one.patients),
            *(f"{100 * one.metrics[key]:.2f}" for key in ("dice_ed", "dice_es", "dice")),
            f"{one.metrics['ef_mae']:.1f}",
            f"{one.metrics['ef_bias']:+.1f}",
        )
        for one in found
    ]
    print_table(("STRATEGY", "PATIENTS", "DICE ED", "DICE ES", "MEAN", "EF MAE", "EF BIAS"), rows)


@app.command()
def effort(
    model: Annotated[str, typer.Argument(help="Model pack, a name or a folder.")],
    data: Annotated[Path, typer.Option("--data", help="Clip data set with true masks.")],
    split: Annotated[str, typer.Option(help="The split to count over.")] = "val",
    least_dice: Annotated[
        float, typer.Option(min=0.5, max=0.99, help="Agreement at which the reader stops.")
    ] = 0.95,
    json: Annotated[bool, typer.Option("--json", help="Print JSON with every frame.")] = False,
) -> None:
    """Count pixels and points that a reader changes, from the model's labels and from nothing."""
    from dataclasses import asdict

    import numpy as np

    from napari_echo.ml.packs import find_pack
    from napari_echo.ml.predictor import make_predictor
    from napari_echo.workflow.effort import reader_effort

    predictor = make_predictor(find_pack(model))
    with progress("Counting") as on_progress:
        found = reader_effort(
            predictor.probabilities,
            data,
            split=split,
            least_dice=least_dice,
            on_progress=on_progress,
        )
    if json:
        print_json([asdict(one) for one in found])
        return
    rows = []
    for what in ("pixels", "points"):
        nothing, helped = (
            np.array([getattr(one, f"{what}_from_{way}") for one in found], float)
            for way in ("nothing", "model")
        )
        saved = 1 - helped.sum() / nothing.sum()
        rows.append((what, f"{nothing.mean():.1f}", f"{helped.mean():.1f}", f"{saved:.0%}"))
    print_table(("A FRAME", "FROM NOTHING", "FROM THE MODEL", "SAVED"), rows)
    accepted = np.mean([one.points_from_model == 0 for one in found])
    typer.echo(f"{accepted:.0%} of {len(found)} frames reach Dice {least_dice} as they are.")
