"""`napari-echo labels export` and `import`: committed labels in other programs' formats."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from napari_echo.cli.console import print_json, run_steps
from napari_echo.core.errors import EchoError

if TYPE_CHECKING:
    from napari_echo.workflow.export_labels import Exported

StoreFolder = Annotated[Path, typer.Argument(metavar="STORE", help="Folder of a label store.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
FormatName = Literal["clips", "echonet", "camus", "coco", "nifti", "tiff", "dicom-seg"]
Name = Annotated[FormatName, typer.Option("--format", "-f", help="The format.")]


def export(
    store: StoreFolder,
    clips: Annotated[
        list[Path], typer.Option("--clips", help="Clips that were labelled: files or folders.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to make, a new one.")],
    format: Name = "clips",
    split: Annotated[
        str, typer.Option(help="Split of the studies that are in no split yet.")
    ] = "train",
    split_file: Annotated[
        Path | None,
        typer.Option(help="CSV of the columns study and split, or JSON: the studies' splits."),
    ] = None,
    splits_from: Annotated[
        list[Path] | None,
        typer.Option(help="An earlier export or data set, whose studies stay in their splits."),
    ] = None,
    fork: Annotated[
        Literal["leave", "latest"],
        typer.Option(help="Clips with rival labels: leave them out, or let the latest count."),
    ] = "leave",
    view: Annotated[
        Literal["A4C", "A2C", "unknown"], typer.Option(help="View of clips that do not say theirs.")
    ] = "unknown",
    json: AsJson = False,
) -> None:
    """Write the committed labels as a data set, with a manifest of what went in and what not."""
    from napari_echo.io.store import LabelStore
    from napari_echo.io.writing import check_new
    from napari_echo.workflow.export_splits import Splits
    from napari_echo.workflow.export_store import iter_export_sought, iter_search

    splits = Splits(split, split_file, splits_from or ())
    check_new(out)
    sought = run_steps(
        "Looking for clips",
        iter_search(
            LabelStore(store),
            clips,
            on_skip=lambda reason: typer.echo(f"napari-echo: skipped: {reason}", err=True),
        ),
    )
    steps = iter_export_sought(sought, out, format=format, splits=splits, fork=fork, view=view)
    _tell(run_steps("Exporting", steps), json)


def _tell(exported: Exported, json: bool) -> None:
    from dataclasses import asdict

    forks = {left.reason for left in exported.left_out if left.kind == "fork"}
    for reason in sorted(forks):
        typer.echo(f"napari-echo: left out: {reason}", err=True)
    if exported.left_out:
        typer.echo(f"napari-echo: {exported.told_left_out()}", err=True)
        typer.echo(f"napari-echo: Each is in {exported.path / 'manifest.json'}.", err=True)
    if json:
        print_json({**asdict(exported), "path": str(exported.path)})
    else:
        typer.echo(f"napari-echo: {exported.told()}", err=True)
        typer.echo(str(exported.path))


def import_(
    store: StoreFolder,
    path: Annotated[Path, typer.Argument(help="A data set's folder, or a file of labels.")],
    format: Annotated[FormatName, typer.Option("--format", "-f", help="The format.")],
    reader: Annotated[str, typer.Option(help="Whose labels they are.")],
    clips: Annotated[
        list[Path] | None,
        typer.Option("--clips", help="Clips that were labelled; those in PATH without it."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Commit labels of other programs to a label store; what it has already is passed over."""
    from napari_echo.io.store import LabelStore
    from napari_echo.workflow.import_labels import iter_import

    steps = iter_import(LabelStore(store), path, format=format, reader=reader, clips=clips or ())
    imported = run_steps("Looking at clips", steps)
    for skipped in imported.skipped:
        typer.echo(f"napari-echo: skipped: {skipped.name}: {skipped.reason}", err=True)
    if json:
        print_json(
            {
                "revisions": [revision.revision_id for revision in imported.revisions],
                "known": imported.known,
                "skipped": [vars(skipped) for skipped in imported.skipped],
            }
        )
    else:
        typer.echo(f"{store}: {imported.told()}")
    if not imported.revisions and not imported.known:
        raise EchoError(f"No label of {path} could be attached to a clip.")
