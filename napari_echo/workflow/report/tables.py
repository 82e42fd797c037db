"""The rows of `clips.csv`, and what a report says of a clip."""

from __future__ import annotations

import csv
import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_echo.io.clipset import ClipEntry
from napari_echo.workflow.predictions import MOST
from napari_echo.workflow.report.pictures import worst_frames
from napari_echo.workflow.report.summary import Measured
from napari_echo.workflow.scores import ClipResult


def open_command(
    data: Path, results: Sequence[ClipResult], lv: str, models: Sequence[str] = ()
) -> str:
    """The command that opens a clip where its models score least, and runs the first of them.

    Parameters
    ----------
    data : Path
        The clip data set.
    results : sequence of ClipResult
        Of the clip, one for each model.
    lv : str
        The LV cavity's name.
    models : sequence of str
        Names or folders of the model packs; as many as can be compared are run.
    """
    frames = worst_frames(results, lv)
    path = (data / results[0].entry.frames_file).absolute()
    # The first of the lowest score; without a score, the first labelled frame.
    scores = [
        (score.dice, score.frame)
        for clip in results
        for score in clip.scores
        if score.structure == lv and score.frame in frames.values() and score.dice == score.dice
    ]
    frame = min(scores)[1] if scores else results[0].entry.labelled_frames[0]
    named = [part for model in models[:MOST] for part in ("--model", model)]
    return shlex.join(["napari-echo", "open", str(path), *named, "--frame", str(frame)])


def clip_row(model: Measured, clip: ClipResult, lv: str, command: str) -> dict[str, Any]:
    """One row of `clips.csv`; EF is in percent, lengths in mm, None is unknown."""
    entry, ef = clip.entry, clip.ef
    row: dict[str, Any] = {
        "model": model.name,
        "model_id": model.model_id,
        "study_id": entry.study_id,
        "view": entry.view,
        "clip_id": entry.clip_id,
        "file": entry.frames_file,
        "frames": entry.shape[0],
        "labelled_frames": len(entry.labelled_frames),
        "fps": entry.fps,
        "spacing_mm": entry.spacing_mm and entry.spacing_mm[0],
        "ed_frames": _frames(clip, "ED"),
        "es_frames": _frames(clip, "ES"),
    }
    for phase in ("ED", "ES", None):
        for name in dict.fromkeys(score.structure for score in clip.scores):
            prefix = "" if name == lv else f"{name.replace(' ', '_')}_"
            for measure in ("dice", "iou", "hd95_mm", "asd_mm"):
                key = f"{prefix}{measure}_{phase or 'all'}".lower()
                row[key] = _number(clip.mean(measure, name, phase))
    for phase in ("ED", "ES"):
        for side in ("true", "predicted"):
            row[f"area_{side}_{phase}_cm2".lower()] = _area(clip, entry, lv, phase, f"{side}_px")
        row[f"area_gap_{phase}_percent".lower()] = _number(100 * clip.area_gap(lv, phase))
    row["ef_predicted"] = _number(100 * ef.predicted) if ef else None
    row["ef_true"] = _number(100 * ef.true) if ef else None
    row["ef_stated"] = _number(100 * entry.ef) if entry.ef is not None else None
    row["jitter_percent"] = _number(clip.jitter)
    row["true_jitter_percent"] = _number(clip.true_jitter)
    row["excess_flicker_points"] = _number(clip.flicker)
    row["open"] = command
    return row


def write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows with a header; None is an empty field."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def _frames(clip: ClipResult, phase: str) -> str:
    frames = dict.fromkeys(score.frame for score in clip.scores if score.phase == phase)
    return " ".join(map(str, frames))


def _area(clip: ClipResult, entry: ClipEntry, lv: str, phase: str, side: str) -> float | None:
    """Mean area over the frames of a phase in cm2; None without a spacing."""
    if entry.spacing_mm is None:
        return None
    pixels = clip.mean(side, lv, phase)
    return _number(pixels * entry.spacing_mm[0] * entry.spacing_mm[1] / 100)


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None
