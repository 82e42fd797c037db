"""`napari-echo labels`: what readers committed to a label store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from napari_echo.cli import labels_agreement, labels_formats
from napari_echo.cli.console import print_json, print_table, progress
from napari_echo.cli.labels_describe import as_dict, plain, summary
from napari_echo.core.errors import EchoError

if TYPE_CHECKING:
    from datetime import datetime

    from napari_echo.io.store import LabelStore
    from napari_echo.io.store_row import Row

app = typer.Typer(
    no_args_is_help=True, help="List, show, verify, merge, compare, export and import labels."
)

StoreFolder = labels_formats.StoreFolder
AsJson = labels_formats.AsJson
Sort = Literal["time", "study", "reader", "status", "frames", "seconds"]
_STATUSES = Literal["accepted", "corrected", "rejected", "second reader"]


@app.command("list")
def list_revisions(
    store: StoreFolder,
    clip: Annotated[str, typer.Option(help="Only this clip: its id, or how it begins.")] = "",
    study: Annotated[str | None, typer.Option(help="Only this study.")] = None,
    reader: Annotated[str | None, typer.Option(help="Only this reader.")] = None,
    status: Annotated[_STATUSES | None, typer.Option(help="Only this verdict.")] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only from then on, such as 2026-03-01 or with a time."),
    ] = None,
    sort: Annotated[
        Sort, typer.Option(help="By time, oldest first; by frames or seconds, most first.")
    ] = "time",
    json: AsJson = False,
) -> None:
    """List the revisions of a label store; say which are heads and which forked."""
    from napari_echo.core.ancestry import forks, heads

    earliest = None if since is None else _time(since)
    found = _open(store)
    # A reader's revision may be superseded by another's: heads are sought among all.
    every = _rows(found)
    ends = {row.revision_id for row in heads(every)}
    rivals = forks(every)
    forked = {row.revision_id for fork in rivals for row in fork}
    rows = [
        row
        for row in every
        if row.clip_id.startswith(clip)
        and study in (None, row.study_id)
        and reader in (None, row.reader)
        and status in (None, row.status)
        and (earliest is None or row.committed >= earliest)
    ]
    if sort in ("frames", "seconds"):
        rows.sort(key=lambda r: -(len(r.frames) if sort == "frames" else r.seconds))
    elif sort != "time":
        rows.sort(key=lambda r: str(getattr(r, "study_id" if sort == "study" else sort)))
    if json:
        print_json([summary(row, ends, forked) for row in rows])
        return
    from napari_echo.cli.labels_history import frame_ranges

    headers = ("REVISION", "STUDY", "CLIP", "FRAMES", "STATUS", "READER", "COMMITTED (UTC)", "")
    table = [
        (
            row.revision_id[:12],
            row.study_id,
            row.clip_id[:12],
            frame_ranges(row.frames),
            row.status,
            row.reader,
            f"{row.committed:%Y-%m-%d %H:%M}",
            _mark(row, ends, forked),
        )
        for row in rows
    ]
    print_table(headers, table)
    typer.echo(
        f"\n{_count(len(rows), 'revision')} of {_count(len({r.clip_id for r in rows}), 'clip')}, "
        f"{_count(sum(r.revision_id in ends for r in rows), 'head')}"
    )
    shown = {row.revision_id for row in rows}
    _print_forks([fork for fork in rivals if any(r.revision_id in shown for r in fork)])


@app.command()
def show(
    store: StoreFolder,
    revision: Annotated[str, typer.Argument(help="A revision's id, or how it begins.")],
    json: AsJson = False,
) -> None:
    """Show one revision: its clip, frames, pixels labelled, base, reader and times."""
    found = _open(store)
    matches = [row for row in _rows(found) if row.revision_id.startswith(revision)]
    if len(matches) != 1:
        count = "No revision" if not matches else f"More than one revision, {len(matches)},"
        raise EchoError(f"{count} in {store} begins with '{revision}'; see `labels list`.")
    described = as_dict(found.read(matches[0].revision_id))
    if json:
        print_json(described)
        return
    print_table(("", ""), [(name.replace("_", " "), plain(v)) for name, v in described.items()])


@app.command()
def verify(
    store: StoreFolder,
    set_aside: Annotated[
        bool,
        typer.Option("--set-aside", help="Move damaged files into the store's folder set-aside."),
    ] = False,
    json: AsJson = False,
) -> None:
    """Check every byte and every parent of a store; the exit status is 1 where labels are damaged.

    Nothing is ever deleted.
    """
    from napari_echo.io import store_verify

    folder = _open(store).path
    with progress("Verifying") as update:
        checked = store_verify.verify(folder, update)
    moved = store_verify.set_aside(folder, checked.damage) if set_aside else []
    if json:
        findings = [
            {"file": str(f.path), "kind": f.kind, "damage": f.is_damage, "text": f.text}
            for f in checked.findings
        ]
        print_json({"whole": checked.whole, "findings": findings, "set_aside": moved})
    else:
        for finding in checked.findings:
            typer.echo(f"{'DAMAGE' if finding.is_damage else 'note'}: {finding.text}")
        for path in moved:
            typer.echo(f"set aside: {path}")
        damaged = _count(len(checked.damage), "damage") if checked.damage else "no damage"
        typer.echo(f"{_count(checked.whole, 'whole revision')}, {damaged}")
    if checked.damage:
        raise typer.Exit(1)


@app.command()
def merge(
    store: StoreFolder,
    others: Annotated[list[Path], typer.Argument(metavar="OTHER...", help="Stores to take from.")],
    json: AsJson = False,
) -> None:
    """Copy the revisions of other stores into STORE, which is made where it is missing.

    Each is verified first. A merge that was stopped goes on by the same command. The exit status
    is 1 where something could not come.
    """
    from napari_echo.io.store import LabelStore
    from napari_echo.io.store_merge import merge as merge_stores

    target = LabelStore(store)
    refused, results = False, []
    for other in others:
        with progress(f"Merging {other}") as update:
            merged = merge_stores(target, other, update)
        refused |= bool(merged.damaged or merged.conflicts)
        if json:
            results.append(
                {
                    "store": str(other),
                    "copied": merged.copied,
                    "present": merged.present,
                    "damaged": [damaged.reason for damaged in merged.damaged],
                    "conflicts": [conflict.reason for conflict in merged.conflicts],
                    "forks": [[row.revision_id for row in fork] for fork in merged.forks],
                }
            )
            continue
        came = _count(len(merged.copied), "revision")
        typer.echo(f"{other}: {came} came, {merged.present} were there already")
        for left in (*merged.damaged, *merged.conflicts):
            typer.echo(f"left out: {left.reason}")
        _print_forks(merged.forks)
    if json:
        print_json(results)
    if refused:
        raise typer.Exit(1)


@app.command()
def history(
    store: StoreFolder,
    what: Annotated[
        str,
        typer.Argument(
            metavar="CLIP|REVISION|STUDY", help="An id, or how it begins; or a study's name."
        ),
    ],
    json: AsJson = False,
) -> None:
    """Draw the revisions of a clip as a tree: who went on from what, heads and forks."""
    from napari_echo.cli.labels_history import draw
    from napari_echo.core.ancestry import forks, heads, in_order

    every = _rows(_open(store))
    clips = {row.clip_id: row.study_id for row in every if row.study_id == what}
    if not clips:
        clips = {
            row.clip_id: row.study_id
            for row in every
            if what and (row.revision_id.startswith(what) or row.clip_id.startswith(what))
        }
        if len(clips) > 1:
            raise EchoError(f"{len(clips)} clips in {store} have '{what}': give more of the id.")
    if not clips:
        raise EchoError(f"No clip, revision or study in {store} has '{what}'; see `labels list`.")
    of_clip = {clip: in_order(r for r in every if r.clip_id == clip) for clip in clips}
    if json:
        rows = [row for rows in of_clip.values() for row in rows]
        ends = {row.revision_id for row in heads(rows)}
        forked = {row.revision_id for fork in forks(rows) for row in fork}
        print_json([summary(row, ends, forked) for row in rows])
        return
    for clip, study in clips.items():
        typer.echo(f"Clip {clip} of the study {study}")
        typer.echo("\n".join(draw(of_clip[clip])))


app.command()(labels_agreement.agreement)
app.command()(labels_formats.export)
app.command("import")(labels_formats.import_)


def _open(folder: Path) -> LabelStore:
    from napari_echo.io.store import LabelStore

    if not folder.is_dir():
        raise EchoError(f"There is no label store at {folder}.")
    return LabelStore(folder)


def _rows(store: LabelStore) -> list[Row]:
    """List a store's revisions, and say on stderr which files are no whole ones."""
    rows = store.rows()
    for damaged in store.damaged:
        typer.echo(f"napari-echo: skipped: {damaged.reason}", err=True)
    return rows


def _time(text: str) -> datetime:
    from datetime import UTC, datetime

    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise EchoError(
            f"'{text}' is no time: write it like 2026-03-01 or 2026-03-01T14:30, in UTC."
        ) from error
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _mark(row: Row, ends: set[str], forked: set[str]) -> str:
    if row.revision_id not in ends:
        return ""
    return "fork" if row.revision_id in forked else "head"


def _print_forks(forks: Sequence[tuple[Row, ...]]) -> None:
    for fork in forks:
        rivals = ", ".join(f"{row.revision_id[:12]} by {row.reader}" for row in fork[:4])
        rivals += f" and {len(fork) - 4} more" if len(fork) > 4 else ""
        typer.echo(f"fork: clip {fork[0].clip_id[:12]} of {fork[0].study_id}: {rivals}")


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
