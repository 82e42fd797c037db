"""What commands print: progress on stderr, results on stdout."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

import typer

T = TypeVar("T")


class OnProgress(Protocol):
    """Takes the steps done and their number, and may rename the job."""

    def __call__(self, done: int, total: int, what: str | None = None) -> None: ...


@contextmanager
def progress(what: str) -> Iterator[OnProgress]:
    """Show a progress bar on stderr while a job runs.

    Yields
    ------
    OnProgress
        To be called as the job goes on. Where stderr is not a terminal it
        writes nothing.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    text = TextColumn("{task.description}", markup=False)
    columns = (text, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)

        def update(done: int, total: int, what: str | None = None) -> None:
            bar.update(task, completed=done, total=total, description=what)

        yield update


def run_steps(what: str, steps: Generator[tuple[int, int], None, T]) -> T:
    """Run a job that yields the steps done and their number; show them, return its outcome."""
    with progress(what) as update:
        while True:
            try:
                update(*next(steps))
            except StopIteration as end:
                outcome: T = end.value
                return outcome


def print_json(data: Any) -> None:
    """Print JSON for machines; not-a-number becomes null."""
    typer.echo(json.dumps(_finite(data), indent=2, ensure_ascii=False, default=str))


def print_table(headers: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print aligned columns, headers first, that stay readable through a pipe."""
    table = [headers, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(headers))]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    )
    typer.echo("\n".join(lines))  # at once, as a write a line takes its time


def _finite(data: Any) -> Any:
    """Replace what JSON cannot say; a number differs from itself only if it is none."""
    if isinstance(data, dict):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and data != data else data
