"""`napari-echo labels`: what readers committed to a label store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_echo.cli import labels_formats
from napari_echo.cli.console import print_json, print_table
from napari_echo.core.errors import EchoError

if TYPE_CHECKING:
    from napari_echo.core.revision import Revision

app = typer.Typer(no_args_is_help=True, help="List, show and export committed labels.")

app.command()(labels_formats.export)
app.command("import")(labels_formats.import_)

StoreFolder = labels_formats.StoreFolder
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_revisions(store: StoreFolder, json: AsJson = False) -> None:
    """List the revisions of a label store, the oldest first."""
    revisions = _revisions(store)
    if json:
        print_json([_as_dict(revision) for revision in revisions])
        return
    rows = [
        (
            revision.revision_id[:12],
            revision.study_id,
            ", ".join(map(str, revision.frames)),
            revision.status,
            revision.reader,
            f"{revision.committed:%Y-%m-%d %H:%M}",
        )
        for revision in revisions
    ]
    print_table(("REVISION", "STUDY", "FRAMES", "STATUS", "READER", "COMMITTED (UTC)"), rows)


@app.command()
def show(
    store: StoreFolder,
    revision: Annotated[str, typer.Argument(help="A revision's id, or how it begins.")],
) -> None:
    """Show one revision as JSON: its clip, frames, pixels labelled, base, reader and times."""
    found = [r for r in _revisions(store) if r.revision_id.startswith(revision)]
    if len(found) != 1:
        count = "No revision" if not found else f"More than one revision, {len(found)},"
        raise EchoError(f"{count} in {store} begins with '{revision}'; see `labels list`.")
    print_json(_as_dict(found[0]))


def _revisions(folder: Path) -> list[Revision]:
    """Read a store's revisions, and say on stderr which files are no whole ones."""
    from napari_echo.io.store import LabelStore

    if not folder.is_dir():
        raise EchoError(f"There is no label store at {folder}.")
    store = LabelStore(folder)
    revisions = store.revisions()
    for damaged in store.damaged:
        typer.echo(f"napari-echo: skipped: {damaged.reason}", err=True)
    return revisions


def _as_dict(revision: Revision) -> dict[str, Any]:
    """Describe a revision without its pixels."""
    from dataclasses import asdict

    pixels = {
        structure.name: [int(frame.sum()) for frame in revision.labels == structure.index]
        for structure in revision.schema.structures
    }
    fields = {name: value for name, value in vars(revision).items() if name != "labels"}
    return {
        **fields,
        "schema": revision.schema.name,
        "started": revision.started.isoformat(),
        "committed": revision.committed.isoformat(),
        "base": asdict(revision.base),
        "key_frames": asdict(revision.key_frames),
        "pixels": pixels,
    }
