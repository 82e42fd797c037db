"""`napari-echo preprocess`: a public data set becomes a clip data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from napari_echo.cli.console import progress

if TYPE_CHECKING:
    from napari_echo.io.labelled import Skipped
    from napari_echo.io.splits import SplitRule


def preprocess(
    layout: Annotated[
        Literal["camus", "echonet", "pediatric"],
        typer.Argument(help="What SRC is: CAMUS, EchoNet-Dynamic or EchoNet-Pediatric."),
    ],
    src: Annotated[Path, typer.Option("--in", "-i", help="Folder of the data set.")],
    dst: Annotated[Path, typer.Option("--out", "-o", help="Folder to write, a new one.")],
    sequences: Annotated[
        bool,
        typer.Option("--sequences", help="CAMUS's half sequences in place of its ED and ES."),
    ] = False,
    view: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VIEW",
            help="A view to take, of CAMUS A4C or A2C, of EchoNet-Pediatric A4C or PSAX; "
            "can be given twice; all by default.",
        ),
    ] = None,
    split_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="CSV with the columns study and split, or JSON; the official split by default.",
        ),
    ] = None,
    random_split: Annotated[
        str | None,
        typer.Option(
            metavar="SHARES",
            help="Draw the studies of train, val and test, such as 0.8,0.1,0.1.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed gives another --random-split.")] = 0,
    val_folds: Annotated[
        str | None,
        typer.Option(metavar="FOLDS", help="EchoNet-Pediatric's folds for val, 8 by default."),
    ] = None,
    test_folds: Annotated[
        str | None,
        typer.Option(metavar="FOLDS", help="Its folds for test, 9 by default; as in 8,9."),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(
            min=16, max=4096, help="Letterbox frames to a square of so many pixels a side."
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Processes that read; as many as there are cores by default."),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew, not where an earlier run stopped.")
    ] = False,
) -> None:
    """Turn CAMUS, EchoNet-Dynamic or EchoNet-Pediatric into a clip data set for training.

    A run that was stopped leaves DST.partial; the same command goes on with it.
    """
    from napari_echo.workflow.parallel import usable_cores
    from napari_echo.workflow.preprocess import preprocess as run

    skipped: list[Skipped] = []
    try:
        with progress("Reading clips") as on_progress:
            written, skipped = run(
                layout,
                src,
                dst,
                sequences=sequences,
                views=view,
                val_folds=_folds(val_folds, "--val-folds"),
                test_folds=_folds(test_folds, "--test-folds"),
                split=_rule(split_file, random_split, seed),
                size=size,
                workers=workers or usable_cores(),
                fresh=fresh,
                on_progress=on_progress,
                on_skip=skipped.append,
            )
    finally:
        for skip in skipped:
            typer.echo(f"napari-echo: skipped: {skip.name}: {skip.reason}", err=True)
    typer.echo(_summary(written, len(skipped)), err=True)
    typer.echo(str(written))


def _rule(split_file: Path | None, random_split: str | None, seed: int) -> SplitRule | None:
    from napari_echo.io.splits import FileSplit, RandomSplit

    if split_file is not None and random_split is not None:
        raise typer.BadParameter("give --split-file or --random-split, not both")
    if split_file is not None:
        return FileSplit(split_file)
    return None if random_split is None else RandomSplit.parse(random_split, seed)


def _folds(text: str | None, option: str) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(fold) for fold in text.split(",") if fold.strip())
    except ValueError:
        raise typer.BadParameter(
            f"{option} takes folds, such as 8 or 8,9; '{text}' is none"
        ) from None


def _summary(written: Path, n_skipped: int) -> str:
    from collections import Counter

    from napari_echo.io.clipset import open_clipset

    counts = Counter(entry.split for entry in open_clipset(written).entries)
    parts = ", ".join(f"{count} {split}" for split, count in counts.items())
    end = f"; {n_skipped} skipped, see skipped.csv in it" if n_skipped else ""
    return f"napari-echo: {counts.total()} clips: {parts}{end}."
