"""Report: measure models on one split and write what was found as a new folder.

``report.json``
    All numbers: what is needed to repeat them, the summary of each model, the
    paired differences, and the score of every labelled frame. What is not
    known is null.
``clips.csv``
    One row for each clip and model.
``report.html``
    One page that needs no other file and no network.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LV
from napari_echo.core.params import PredictParams
from napari_echo.io.clipset import ClipSet, open_clipset
from napari_echo.io.writing import new_folder
from napari_echo.metrics.paired import CONFIDENCE, RESAMPLES
from napari_echo.ml.packs import shipped_packs
from napari_echo.workflow.evaluate import evaluate, labelled_entries
from napari_echo.workflow.predict import PackIdentity, SegmentationModel
from napari_echo.workflow.report.page import render
from napari_echo.workflow.report.pictures import draw_clip, hardest_clips
from napari_echo.workflow.report.provenance import data_hash, machine, versions
from napari_echo.workflow.report.summary import Measured, compare_models, count, summarise
from napari_echo.workflow.report.tables import clip_row, open_command, write_csv

HARDEST = 6


@dataclass(frozen=True)
class Report:
    """What was found: the folder, and the content of `report.json`."""

    folder: Path
    content: dict[str, Any]


def write_report(
    models: Sequence[SegmentationModel],
    data: Path,
    out: Path,
    *,
    split: str = "val",
    engine: str = PredictParams().engine,
    every_frame: bool = False,
    hardest: int = HARDEST,
    seed: int = 0,
    command: str = "",
    on_progress: Callable[[int, int, str], None] | None = None,
) -> Report:
    """Measure models on a split of a clip data set and write a report.

    Parameters
    ----------
    models : sequence of SegmentationModel
        Such as `ml.predictor.make_predictor` gives; the others are compared
        with the first.
    data : Path
        A clip data set.
    out : Path
        Folder to make; it must not exist. It appears whole or not at all.
    split : str
        The split to score.
    engine : str
        What runs the models, for the report's reader.
    every_frame : bool
        As for `workflow.evaluate.evaluate`.
    hardest : int
        So many clips are shown with pictures.
    seed : int
        Of the bootstrap.
    command : str
        The command that repeats the report, for its reader.
    on_progress : callable, optional
        Called with the clips done, those of all models, and the model at work.

    Returns
    -------
    Report

    Raises
    ------
    EchoError
        If a model is given twice, the split has no labelled clip, the data
        set or a model knows no LV, or `out` exists or cannot be written.
    """
    packs = [model.pack for model in models]
    twice = [pack.name for i, pack in enumerate(packs) if pack.id in {p.id for p in packs[:i]}]
    if twice:
        raise EchoError(f"The model {twice[0]} is given twice; give each model once.")
    with new_folder(Path(out)) as folder:
        clips = open_clipset(data)
        entries, _ = labelled_entries(clips, split)
        lv = _lv_name(clips, models)
        measured = []
        for number, (model, name) in enumerate(zip(models, _names(packs), strict=True)):

            def step(done: int, _: int, before: int = number, name: str = name) -> None:
                if on_progress is not None:
                    on_progress(before * len(entries) + done, len(models) * len(entries), name)

            model.probabilities(clips.frames(entries[0])[:1])  # the first call is slower
            scored = evaluate(model, data, split=split, every_frame=every_frame, on_progress=step)
            measured.append(
                Measured(
                    name=name,
                    model_id=model.pack.id,
                    path=str(getattr(model.pack, "path", "")),
                    temporal=bool(getattr(model, "temporal", False)),
                    evaluation=scored,
                )
            )

        named = [name for pack in packs if (name := _named(pack))]
        commands = [
            open_command(data, of_clip, lv, named)
            for of_clip in zip(*(m.evaluation.clips for m in measured), strict=True)
        ]
        rows = [
            clip_row(model, clip, lv, text)
            for model in measured
            for clip, text in zip(model.evaluation.clips, commands, strict=True)
        ]
        content = {
            "format": "napari-echo report",
            "version": 1,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": command,
            "versions": versions(),
            "machine": machine(),
            "engine": engine,
            "data": {
                "path": str(Path(data).absolute()),
                "split": split,
                "sha256": data_hash(clips, entries),
                "schema": clips.schema.to_dict(),
                "counts": count(measured[0].evaluation, lv),
            },
            "statistics": {"seed": seed, "resamples": RESAMPLES, "confidence": CONFIDENCE},
            "lv": lv,
            "models": [
                {
                    "name": model.name,
                    "id": model.model_id,
                    "path": model.path,
                    "temporal": model.temporal,
                    "summary": summarise(model, lv, seed),
                    "frames": model.evaluation.rows(),
                }
                for model in measured
            ],
            "differences": compare_models(measured, lv, seed),
        }
        content = plain(content)
        drawn = [
            (place, draw_clip(
                clips,
                [m.evaluation.clips[place] for m in measured],
                [(m.name, p) for m, p in zip(measured, models, strict=True)],
                lv,
            ))
            for place in hardest_clips(measured, lv, hardest)
        ]  # fmt: skip
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
        (folder / "report.json").write_text(text + "\n", encoding="utf-8")
        write_csv(folder / "clips.csv", rows)
        page = render(content, measured, commands, drawn)
        (folder / "report.html").write_text(page, encoding="utf-8")
    return Report(Path(out), content)


def plain(data: Any) -> Any:
    """Make numbers fit for JSON: six digits, and None for what is not a number."""
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [plain(value) for value in data]
    if isinstance(data, float):
        return float(f"{data:.6g}") if math.isfinite(data) else None
    return data


def _named(pack: PackIdentity) -> str:
    """What opens a pack again: the name of a shipped one, else its folder; empty without one."""
    if any(shipped.id == pack.id for shipped in shipped_packs()):
        return pack.name
    path = getattr(pack, "path", None)
    return str(Path(path).absolute()) if path else ""


def _lv_name(clips: ClipSet, models: Sequence[SegmentationModel]) -> str:
    """What the data set calls the LV cavity, which it and every model must know."""
    name = clips.schema.name_of(LV)
    blind = [m.pack.name for m in models if m.schema.name_of(LV) is None]
    if name is None or blind:
        what = f"The model {blind[0]}" if blind else f"The clip data set {clips.root}"
        raise EchoError(f"{what} knows no left ventricle, which a report is about.")
    return name


def _names(packs: Sequence[PackIdentity]) -> list[str]:
    """The packs' names; those that share one get the start of their id."""
    names = [pack.name for pack in packs]
    return [
        name if names.count(name) == 1 else f"{name} {pack.id[:8]}"
        for name, pack in zip(names, packs, strict=True)
    ]
