"""The card of a retrained model: what it learned from, and how it compares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from napari_echo import __version__
from napari_echo.io.clipset import ClipSet
from napari_echo.io.letterbox import fit_spacing
from napari_echo.workflow import retrain_data as data
from napari_echo.workflow.export_choose import learned_revisions
from napari_echo.workflow.retrain_request import Request, Retrained
from napari_echo.workflow.scores import Evaluation

if TYPE_CHECKING:
    from napari_echo.core.revision import Revision
    from napari_echo.ml.packs import DataUsed, ModelPack


def data_used(
    request: Request, old: Sequence[ClipSet], val: ClipSet, corrections: ClipSet
) -> list[DataUsed]:
    """The data sets: the old ones, the corrections, and last what judges."""
    from napari_echo.ml.packs import DataUsed

    def count(clips: ClipSet, split: str, repeat: int = 1) -> DataUsed:
        labelled = [len(e.labelled_frames) for e in clips.entries if e.split == split]
        return DataUsed(
            name=clips.root.name,
            split=split,
            fingerprint=data.fingerprint(clips, split),
            clips=sum(n > 0 for n in labelled),
            frames=sum(labelled),
            repeat=repeat,
        )

    learned = [count(clips, data.TRAIN) for clips in (*old, corrections)]
    times = data.repeats([u.frames for u in learned[:-1]], learned[-1].frames, request.params)
    counted = [
        used.model_copy(update={"repeat": n}) for used, n in zip(learned, times, strict=True)
    ]
    return [*counted, count(val, request.split)]


def card_fields(
    request: Request,
    base: ModelPack,
    size: int,
    used: Sequence[DataUsed],
    sets: Sequence[ClipSet],
    revisions: Sequence[Revision],
) -> dict[str, Any]:
    """What the new pack's card says before it is measured."""
    from napari_echo.ml.packs import Retraining

    card, (*learned, val) = base.card, used
    corrected = learned[-1]
    wanted = {entry.clip_id for entry in sets[-1].entries}
    learned_from = learned_revisions(r for r in revisions if r.clip_id in wanted)
    frames = (
        "1 corrected frame" if corrected.frames == 1 else f"{corrected.frames} corrected frames"
    )
    record = Retraining(
        base=base.name,
        base_id=base.id,
        revisions=learned_from,
        data=learned,
        validation=val,
        iterations=request.params.iterations,
        seed=request.params.seed,
        command=request.command,
        program=f"napari-echo {__version__}",
    )
    return {
        "name": request.out.name,
        "description": f"{base.name}, trained on with {frames}.",
        "input_size": size,
        "training_spacing_mm": _spacing(base, size, sets),
        "training_data": [
            *(f"{base.name}: {line}" for line in card.training_data),
            *(
                f"Then {u.frames} labelled frames of {u.clips} clips of the data set {u.name}."
                for u in learned[:-1]
            ),
            f"Then {frames} of {corrected.clips} clips, by {len(record.revisions)} revisions.",
        ],
        "metrics": [],
        "limits": [
            *card.limits,
            "Trained on with corrections: the limits above are those of the model that it came "
            "from, and the corrections' readers and clips bring their own.",
        ],
        "licence": request.licence or card.licence,
        "citation": list(card.citation),
        "train_again": [request.command],
        "recommended_for": f"clips like those that were corrected; else as {base.name}",
        "retraining": record.model_dump(),
    }


def _spacing(base: ModelPack, size: int, sets: Sequence[ClipSet]) -> tuple[float, float] | None:
    """Range of the pixel spacing at the model's input, its base's included."""
    found: list[float] = []
    if base.card.training_spacing_mm is not None:
        found = [mm * base.card.input_size / size for mm in base.card.training_spacing_mm]
    for clips in sets:
        for entry in clips.entries:
            if entry.split == data.TRAIN and entry.labelled_frames:
                found += fit_spacing(entry.spacing_mm, entry.shape[1:], size) or ()
    return (round(min(found), 3), round(max(found), 3)) if found else None


def write_measures(
    pack: ModelPack, request: Request, new: Evaluation, result: Retrained
) -> ModelPack:
    """Write on the card what was measured."""
    from napari_echo.ml.make_pack import amend_card

    where = f"{request.val.name}, split {request.split}"
    command = f"napari-echo models evaluate {request.out} --data {request.val}"
    command += "" if request.split == "val" else f" --split {request.split}"
    metrics = [
        {
            "name": f"{row['structure']} Dice {row['phase']}",
            "value": round(row["dice"], 4),
            "unit": "",
            "data": where,
            "command": command,
        }
        for row in new.table()
        if row["dice"] == row["dice"]
    ]
    ef = new.ef_agreement()
    if ef is not None:
        for name, value in (("EF bias", ef.bias), ("EF mean absolute error", ef.mae)):
            of_ef = {"name": name, "value": round(value, 2), "unit": "points"}
            metrics.append({**of_ef, "data": where, "command": command})
    record = pack.card.retraining
    compared = [row.to_dict() for row in result.rows]
    retraining = {
        **(record.model_dump() if record is not None else {}),
        "offered": result.offered,
        "compared": compared,
    }
    return amend_card(pack, {"metrics": metrics, "retraining": retraining})
