"""`napari-echo models`: the model packs and the training configs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from napari_echo.cli import propagation
from napari_echo.cli.console import print_json, print_table, progress

if TYPE_CHECKING:
    from napari_echo.ml.packs import Retraining

app = typer.Typer(no_args_is_help=True, help="List, show, verify, measure and make model packs.")

PackName = Annotated[
    str, typer.Argument(metavar="PACK", help="A pack's name or folder, or 'default'.")
]
NewPack = Annotated[Path, typer.Option("--out", "-o", help="The pack's folder, a new one.")]
Bits = Annotated[
    Literal["8", "16"],
    typer.Option(help="Bits of a convolution's weight; 8 halve the pack at a cost below notice."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_packs(json: AsJson = False) -> None:
    """List the model packs that came with the program, the default first."""
    from napari_echo.ml.packs import shipped_packs

    packs = shipped_packs()
    if json:
        print_json([{**pack.card.model_dump(), "path": str(pack.path)} for pack in packs])
        return
    rows = [
        (pack.name, pack.card.recommended_for, pack.card.licence, pack.id[:12]) for pack in packs
    ]
    print_table(("NAME", "FOR", "LICENCE", "ID"), rows)


@app.command()
def show(pack: PackName = "default", json: AsJson = False) -> None:
    """Show a pack's card: its data, metrics, limits, licence and how to train it again."""
    from napari_echo.ml.packs import find_pack

    found = find_pack(pack)
    card = found.card
    if json:
        print_json({**card.model_dump(), "path": str(found.path)})
        return
    typer.echo(f"{card.name}: {card.description}")
    print_table(
        ("", ""),
        [
            ("id", card.id),
            ("folder", str(found.path)),
            ("architecture", f"{card.architecture}, {card.input_size} x {card.input_size}"),
            ("config", card.config),
            ("weights", f"{card.bits} bits" + (", frames are remembered" if card.temporal else "")),
            ("structures", ", ".join(s.name for s in found.schema.structures)),
            ("recommended for", card.recommended_for),
            ("licence", card.licence),
        ],
    )
    measured: dict[tuple[str, str], list[str]] = {}
    for metric in card.metrics:
        value = f"{metric.name} {metric.value:g} {metric.unit}".rstrip()
        measured.setdefault((metric.data, metric.command), []).append(value)
    for title, lines in (
        ("Trained on", card.training_data),
        *((f"Measured on {data} by `{cmd}`", values) for (data, cmd), values in measured.items()),
        ("Retrained", _retrained(card.retraining)),
        ("Limits", card.limits),
        ("Cite", card.citation),
        ("Train again", card.train_again),
    ):
        if lines:
            typer.echo(f"\n{title}")
            for line in lines:
                typer.echo(f"  {line}")


@app.command()
def verify(
    packs: Annotated[
        list[str] | None, typer.Argument(metavar="[PACK]...", help="Packs; all shipped by default.")
    ] = None,
) -> None:
    """Check every file of the packs against the hashes on their cards."""
    from napari_echo.ml.packs import find_pack, shipped_packs

    for pack in [find_pack(name) for name in packs] if packs else shipped_packs():
        pack.verify()
        typer.echo(f"{pack.name}: {len(pack.card.files)} files are as the card says")


@app.command()
def configs() -> None:
    """List the shipped training configs."""
    from napari_echo.ml.config_list import list_configs

    print_table(("CONFIG", "WHAT IT IS"), list(list_configs().items()))


@app.command()
def evaluate(
    pack: PackName,
    data: Annotated[Path, typer.Option("--data", help="A clip data set.")],
    split: Annotated[str, typer.Option(help="The split to score.")] = "val",
    engine: Annotated[Literal["onnx", "torch"], typer.Option(help="What runs it.")] = "onnx",
    mirror: Annotated[
        bool, typer.Option("--mirror", help="Average with the mirrored frame's prediction.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON with every frame.")] = False,
) -> None:
    """Measure a model against the ground truth of a clip data set."""
    from dataclasses import asdict

    from napari_echo.cli.params import predict_params
    from napari_echo.ml.packs import find_pack
    from napari_echo.ml.predictor import make_predictor
    from napari_echo.workflow.evaluate import evaluate as evaluate_model

    predictor = make_predictor(find_pack(pack), predict_params(engine=engine, mirror=mirror))
    with progress("Evaluating") as on_progress:
        evaluation = evaluate_model(predictor, data, split=split, on_progress=on_progress)
    ef = evaluation.ef_agreement()
    if json:
        print_json(
            {
                "means": evaluation.table(),
                "ef_points": asdict(ef) if ef is not None else None,
                "frames": evaluation.rows(),
                "ef": [asdict(pair) for pair in evaluation.ef],
            }
        )
        return
    rows = [
        (
            row["structure"],
            row["phase"],
            str(row["frames"]),
            *(f"{row[measure]:.3f}" for measure in ("dice", "hd95_mm", "asd_mm")),
        )
        for row in evaluation.table()
    ]
    print_table(("STRUCTURE", "PHASE", "FRAMES", "DICE", "HD95 mm", "ASD mm"), rows)
    if ef is not None:
        typer.echo(
            f"EF against the true masks' in {ef.n} clips: bias {ef.bias:+.1f} points, "
            f"SD {ef.sd:.1f}, mean absolute error {ef.mae:.1f}, RMSE {ef.rmse:.1f}, r {ef.r:.2f}, "
            f"R2 {ef.r2:.2f}"
        )


@app.command()
def make(
    config: Annotated[str, typer.Argument(help="Name of the training config.")],
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint of a training by that config.")],
    card: Annotated[
        Path,
        typer.Option(help="JSON with what only people know: name, data, metrics, licence, ..."),
    ],
    out: NewPack,
    bits: Bits = "16",
) -> None:
    """Make a model pack from a checkpoint."""
    from napari_echo.ml.make_pack import make_pack

    made = make_pack(config, checkpoint, out, _description(card), _bits(bits))
    typer.echo(str(made.path))


@app.command()
def convert(
    pack: PackName,
    out: NewPack,
    bits: Bits = "8",
    card: Annotated[
        Path | None,
        typer.Option(help="JSON with fields of the new card, such as its measurements."),
    ] = None,
) -> None:
    """Write a pack anew with weights of 8 or 16 bits.

    The measurements on its card were made with other weights: they are left
    out unless --card brings new ones.
    """
    from napari_echo.ml.make_pack import convert_pack
    from napari_echo.ml.packs import find_pack

    description = None if card is None else _description(card)
    typer.echo(str(convert_pack(find_pack(pack), out, _bits(bits), description).path))


app.command()(propagation.propagation)


@app.command("import")
def import_model(
    config: Annotated[
        Path, typer.Argument(help="config.py of the original project; it is executed.")
    ],
    checkpoint: Annotated[Path, typer.Argument(help="iter_N.pth of a training by it.")],
    out: NewPack,
    name: Annotated[
        str | None, typer.Option(help="The pack's name.", show_default="its folder's")
    ] = None,
    licence: Annotated[
        str, typer.Option(help="Licence of the weights.")
    ] = "unknown; ask who trained it",
    input_size: Annotated[
        int | None, typer.Option(help="Side of the input square.", show_default="the config's")
    ] = None,
    bits: Bits = "16",
) -> None:
    """Make a pack of a PIDNet that the original project trained.

    The config is Python code, and importing executes it: take configs only
    from people you trust. Of the checkpoint only tensors are read.
    """
    from napari_echo.ml.legacy import import_legacy

    typer.echo(f"Executing {config}, which is Python code.", err=True)
    made = import_legacy(
        config,
        checkpoint,
        out,
        name=name,
        licence=licence,
        input_size=input_size,
        bits=_bits(bits),
    )
    typer.echo(str(made.path))


def _retrained(record: Retraining | None) -> list[str]:
    """How a pack came from another, line by line."""
    if record is None:
        return []
    verdict = "no worse than" if record.offered else "WORSE than"
    return [
        f"from {record.base} ({record.base_id[:12]}), {verdict} it on {record.validation.name}, "
        f"split {record.validation.split} ({record.validation.fingerprint[:12]})",
        *(
            f"{used.name} ({used.fingerprint[:12]}): {used.frames} frames of {used.clips} clips, "
            f"listed {used.repeat} times"
            for used in record.data
        ),
        f"{len(record.revisions)} revisions; --json lists them",
    ]


def _bits(bits: Bits) -> Literal[8, 16]:
    return 8 if bits == "8" else 16


def _description(card: Path) -> dict[str, Any]:
    import json

    from napari_echo.core.errors import EchoError

    try:
        description = json.loads(card.read_text(encoding="utf-8"))
    except ValueError as error:
        raise EchoError(f"{card} is not JSON: {error}.") from error
    if not isinstance(description, dict):
        raise EchoError(f"{card} needs to hold one JSON object with the fields of the card.")
    return description
