"""`napari-echo doctor`: what is installed, what is missing, and how to mend it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from napari_echo.cli.console import print_json, print_table


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what is installed, what is missing, and the line that mends it.

    The exit status is 1 if something that `open` or `predict` need is missing.
    """
    from napari_echo.cli.checks import all_checks

    checks = list(all_checks())
    if json:
        print_json([asdict(check) for check in checks])
    else:
        rows = [
            ("ok" if check.ok else "MISSING" if check.required else "-", check.name, check.found)
            for check in checks
        ]
        print_table(("", "WHAT", "FOUND"), rows)
        for check in checks:
            if not check.ok:
                typer.echo(f"\n{check.name}, needed for {check.needed_for}: {check.found}")
                typer.echo(f"  {check.mend}")
        broken = sum(check.required and not check.ok for check in checks)
        typer.echo("\nAll that `open` and `predict` need is here." if not broken else "")
    if any(check.required and not check.ok for check in checks):
        raise typer.Exit(1)
