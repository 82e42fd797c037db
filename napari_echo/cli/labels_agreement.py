"""`napari-echo labels agreement`: how far readers agree, with each other and with a model."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_echo.cli.console import print_json, print_table, run_steps
from napari_echo.cli.labels_formats import AsJson, StoreFolder
from napari_echo.core.errors import EchoError

if TYPE_CHECKING:
    from napari_echo.workflow.reader_agreement import PairAgreement, ReaderAgreement, Spread

HEADERS = ("WHO", "CLIPS", "BLIND", "DICE ED", "DICE ES", "EF BIAS", "LIMITS OF AGREEMENT")


def agreement(
    store: StoreFolder,
    clips: Annotated[
        list[Path] | None,
        typer.Option(
            "--clips",
            help="Clips that were labelled, files or folders; without them pixels count as square.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="PACK",
            help="Compare readers with a model, too: a pack's name or folder; needs --clips.",
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Compare readers with each other, each with himself (repeats), and each with a model.

    Dice of the LV at ED and ES as mean and SD, and the difference of EF in points: bias and
    limits of agreement. Clips that were read blind are compared as they were drawn blind.
    """
    from napari_echo.io.store import LabelStore
    from napari_echo.workflow.compare_readers import iter_agreement
    from napari_echo.workflow.export_store import iter_search

    if not store.is_dir():
        raise EchoError(f"There is no label store at {store}.")
    if model is not None and not clips:
        raise EchoError(
            "A model is compared with readers on the clips: say where they are by --clips."
        )
    predictor = None
    if model is not None:
        from napari_echo.core.params import PredictParams
        from napari_echo.ml.packs import find_pack
        from napari_echo.ml.predictor import make_predictor

        predictor = make_predictor(find_pack(model), PredictParams())
    labels = LabelStore(store)
    sought = run_steps("Looking for clips", iter_search(labels, clips)) if clips else None
    found = run_steps(
        "Comparing", iter_agreement(labels, sought.clips() if sought else (), predictor)
    )
    if json:
        print_json(_as_dict(found))
        return
    if found.groups:
        print_table(HEADERS, [_row(group) for group in found.groups])
    else:
        typer.echo("No clip was read by two readers, or by one reader twice.")
    for sentence in (*_remarks(found), *found.left_out):
        typer.echo(sentence, err=True)


def _row(group: PairAgreement) -> tuple[str, ...]:
    if group.kind == "repeat":
        who = f"{group.first}, again"
    else:
        how = {None: "", True: ", blind", False: ", shown it"}[group.blind]
        who = f"{group.first} and {group.second}{how}"
    ef = group.ef
    return (
        who,
        str(len(group.pairs)),
        str(group.n_blind),
        _spread(group.dice_ed),
        _spread(group.dice_es),
        "" if ef is None else f"{ef.bias:+.1f} (n={ef.n})",
        "" if ef is None else f"{ef.limits[0]:+.1f} to {ef.limits[1]:+.1f}",
    )


def _spread(spread: Spread) -> str:
    if not spread.n:
        return ""
    sd = "" if math.isnan(spread.sd) else f" ± {spread.sd:.3f}"
    return f"{spread.mean:.3f}{sd} (n={spread.n})"


def _remarks(found: ReaderAgreement) -> list[str]:
    remarks = []
    if found.not_independent:
        remarks.append(
            f"{found.not_independent} pairs were left out: one reading went on from the other."
        )
    if found.square_pixels and any(group.ef is not None for group in found.groups):
        remarks.append(
            f"{found.square_pixels} clips were not given: their EF takes pixels as square."
        )
    return remarks


def _as_dict(found: ReaderAgreement) -> dict[str, Any]:
    groups = []
    for group in found.groups:
        ef = group.ef
        groups.append(
            {
                "kind": group.kind,
                "first": group.first,
                "second": group.second,
                "blind": group.blind,
                "n_blind": group.n_blind,
                "dice_ed": asdict(group.dice_ed),
                "dice_es": asdict(group.dice_es),
                "dice": asdict(group.dice),
                "ef": None if ef is None else {**asdict(ef), "limits": ef.limits},
                "pairs": [asdict(pair) for pair in group.pairs],
            }
        )
    return {
        "groups": groups,
        "n_clips": found.n_clips,
        "n_readings": found.n_readings,
        "not_independent": found.not_independent,
        "square_pixels": found.square_pixels,
        "left_out": found.left_out,
    }
