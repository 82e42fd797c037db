"""Propagate from files: a clip, and labels of some of its frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LabelSchema
from napari_echo.core.params import FlowParams, PredictParams
from napari_echo.io.label_tiff import read_label_metadata
from napari_echo.io.labels import read_labels
from napari_echo.io.load import load
from napari_echo.io.store import LabelStore
from napari_echo.ml.packs import ModelPack
from napari_echo.ml.predictor import make_predictor
from napari_echo.workflow.predict_files import (
    PredictedFile,
    output_names,
    writable_folder,
    write_prediction,
)
from napari_echo.workflow.propagate import propagate, propagate_by_flow


def propagate_file(
    source: Path,
    labels: Path,
    pack: ModelPack | None,
    out: Path,
    *,
    frames: Sequence[int] | None = None,
    params: PredictParams | FlowParams | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> PredictedFile:
    """Carry the labels of some frames through a clip; write what `predict_files` writes.

    Parameters
    ----------
    source : Path
        The clip.
    labels : Path
        A revision of a label store, whose frames are given; or labels of the
        whole clip, as `predict_files` writes them, of which `frames` are.
    pack : ModelPack or None
        A model with a memory; optical flow without one.
    out : Path
        Output folder, made where it is missing.
    frames : sequence of int, optional
        Frames whose labels are given; all that a revision has.
    params : PredictParams or FlowParams, optional
        The engine of the model, or how the flow is found.
    on_progress : callable, optional
        Called with the steps done and the steps in all.

    Raises
    ------
    EchoError
        If a file cannot be read, the labels are of another clip, or
        `workflow.propagate` refuses them.
    """
    clip = load(source)
    masks, schema = read_masks(labels, clip, frames)
    out = writable_folder(out)
    if pack is None:
        flow = params if isinstance(params, FlowParams) else None
        prediction = propagate_by_flow(clip, masks, flow, schema=schema, on_progress=on_progress)
        engine = None
    else:
        run = params if isinstance(params, PredictParams) else PredictParams()
        _check_schema(schema, pack)
        prediction = propagate(clip, masks, make_predictor(pack, run), on_progress=on_progress)
        engine = run.engine
    return write_prediction(out, output_names([source])[0], source, clip, prediction, engine)


def read_masks(
    path: Path, clip: EchoClip, frames: Sequence[int] | None = None
) -> tuple[dict[int, NDArray[np.uint8]], LabelSchema]:
    """Read the labels of some frames of a clip, and what they mean.

    Parameters
    ----------
    path : Path
        As `propagate_file` takes it.
    clip : EchoClip
        The clip that they are of.
    frames : sequence of int, optional
        The frames wanted.

    Raises
    ------
    EchoError
        If the file is no label file or of another clip, a wanted frame has no
        label, or no frame is named where all have one.
    """
    path = Path(path)
    if read_label_metadata(path).get("kind") == "revision":
        revision = LabelStore(path.parent).read(path.stem)
        if revision.clip_id != clip.clip_id:
            raise EchoError(f"{path} labels another clip than {clip.name}.")
        there = dict(zip(revision.frames, revision.labels, strict=True))
        schema = revision.schema
    else:
        file = read_labels(path)
        if file.labels.shape != clip.frames.shape:
            raise EchoError(
                f"{path} has labels of the shape {file.labels.shape} and {clip.name} frames of "
                f"{clip.frames.shape}; give the labels of this clip."
            )
        if frames is None:
            raise EchoError(f"{path} labels every frame: name those to propagate from.")
        there = dict(enumerate(file.labels))
        schema = file.schema
    wanted = list(there) if frames is None else list(frames)
    missing = [frame for frame in wanted if frame not in there]
    if missing:
        raise EchoError(f"{path} has no label of frame {missing[0]}; frames count from 0.")
    return {frame: there[frame] for frame in wanted}, schema


def _check_schema(schema: LabelSchema, pack: ModelPack) -> None:
    """Refuse labels that mean something else than the model's."""
    mine = {s.index: s.name for s in pack.schema.structures}
    for structure in schema.structures:
        if mine.get(structure.index, structure.name) != structure.name:
            raise EchoError(
                f"The label {structure.index} is the {structure.name} in the file and the "
                f"{mine[structure.index]} in the model {pack.name}; choose another model."
            )
