"""`napari-echo labels`: what readers committed to a label store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_echo.cli.console import print_json, print_table
from napari_echo.core.errors import EchoError

if TYPE_CHECKING:
    from napari_echo.core.revision import Revision

app = typer.Typer(no_args_is_help=True, help="List, show and export committed labels.")

StoreFolder = Annotated[Path, typer.Argument(metavar="STORE", help="Folder of a label store.")]
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


@app.command()
def export(
    store: StoreFolder,
    clips: Annotated[
        list[Path], typer.Option("--clips", help="Clips that were labelled: files or folders.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The data set's folder, a new one.")],
    split: Annotated[str, typer.Option(help="The split that the clips go to.")] = "train",
) -> None:
    """Write the labelled frames as a clip data set, ready for `napari-echo train`."""
    from napari_echo.io.load import find_clips, load
    from napari_echo.workflow.export import export_clipset

    revisions = _revisions(store)
    labelled = {revision.clip_id for revision in revisions}
    loaded = {}
    for path in find_clips(clips):
        try:
            clip = load(path)
        except EchoError as error:
            # It may be none of the labelled clips; if it is one, the export says so.
            typer.echo(f"napari-echo: skipped: {error}", err=True)
            continue
        if clip.clip_id in labelled:
            loaded[clip.clip_id] = clip
    typer.echo(str(export_clipset(revisions, loaded, out, split=split)))


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
