"""`napari-echo labels export` and `import`: committed labels in other programs' formats."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_echo.core.errors import EchoError

StoreFolder = Annotated[Path, typer.Argument(metavar="STORE", help="Folder of a label store.")]


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
    from napari_echo.io.store import LabelStore
    from napari_echo.workflow.export import export_clipset

    if not store.is_dir():
        raise EchoError(f"There is no label store at {store}.")
    label_store = LabelStore(store)
    revisions = label_store.revisions()
    for damaged in label_store.damaged:
        typer.echo(f"napari-echo: skipped: {damaged.reason}", err=True)
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


def import_(store: StoreFolder) -> None:
    """Commit the labels of other programs to a label store."""
    raise EchoError(f"Labels cannot be imported to {store} yet.")
