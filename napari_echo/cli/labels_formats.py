"""`napari-echo labels export` and `import`: committed labels in other programs' formats."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from napari_echo.cli.console import print_json, run_steps
from napari_echo.core.errors import EchoError

if TYPE_CHECKING:
    from napari_echo.core.clip import EchoClip
    from napari_echo.workflow.export_choose import LeftOut
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
    from napari_echo.workflow.export_choose import LeftOut
    from napari_echo.workflow.export_labels import iter_export
    from napari_echo.workflow.export_splits import Splits

    if not store.is_dir():
        raise EchoError(f"There is no label store at {store}.")
    label_store = LabelStore(store)
    rows = label_store.rows()
    left_out = [LeftOut("damaged", found.reason, frames=()) for found in label_store.damaged]
    steps = iter_export(
        rows,
        label_store.revisions,
        _load(clips, left_out),
        out,
        format=format,
        splits=Splits(split, split_file, splits_from or ()),
        fork=fork,
        store=str(store.absolute()),
        left_out=left_out,
        view=view,
    )
    _tell(run_steps("Exporting", steps), json)


def _load(paths: list[Path], left_out: list[LeftOut]) -> Iterator[EchoClip]:
    """Load clip by clip; those that cannot be, are left out."""
    from napari_echo.io.load import find_clips, load
    from napari_echo.workflow.export_choose import LeftOut

    for path in find_clips(paths):
        try:
            clip = load(path)
        except EchoError as error:
            left_out.append(LeftOut("unreadable", str(error)))
            typer.echo(f"napari-echo: skipped: {error}", err=True)
        else:
            yield clip


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
        made, frames = len(imported.revisions), sum(len(r.frames) for r in imported.revisions)
        typer.echo(
            f"{made} revision{'s' * (made != 1)} of {frames} frames committed to {store}; "
            f"{len(imported.known)} known already, {len(imported.skipped)} skipped."
        )
    if not imported.revisions and not imported.known:
        raise EchoError(f"No label of {path} could be attached to a clip.")
