"""Predict many files: labels and measures of each clip, written side by side.

For each clip two files appear in the output folder:

``NAME.labels.tif``
    Labels (T, H, W) uint8 on the clip's own pixel grid, compressed
    (`io.labels.read_labels` reads them).
``NAME.json``
    What follows; a number that is not known is null, frames count from 0.

    ============ ==========================================================
    program      Program and version that wrote the file.
    source       The clip's file.
    clip_id      SHA-256 of the decoded frames.
    study_id     Pseudonymous study, `view` A4C, A2C or unknown.
    shape        Frames, height and width in pixels.
    fps          Frames a second; `spacing_mm` height and width of a pixel.
    notes        What to know about the clip, such as a rescaled spacing.
    model        Id and name of the model pack, and the engine that ran it.
    given_frames Frames whose labels were given and carried on to the others
                 (`workflow.propagate`); empty for a plain prediction.
    labels       Name of the label file; `schema` says what its values mean.
    key_frames   ``origin`` and ``beats``, each with ``ed`` and ``es``.
    units        Of area, length and volume: cm2, cm, ml, or px2, px, px3.
    area         LV area of each frame; `length` and `volume` alike.
    beats        Of each beat ED and ES frame (``ed``, ``es``), their areas
                 (``eda``, ``esa``) and volumes (``edv``, ``esv``), ``ef``
                 and ``fac`` as fractions.
    ef, fac      Means over the beats, as fractions.
    seconds      Time that the segmentation took.
    ============ ==========================================================
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from napari_echo import __version__
from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.params import PredictParams
from napari_echo.core.prediction import Prediction
from napari_echo.io.labels import write_labels
from napari_echo.io.load import CLIP_SUFFIXES, find_clips, load
from napari_echo.io.reading import reason
from napari_echo.io.writing import new_file
from napari_echo.ml.packs import ModelPack
from napari_echo.ml.predictor import make_predictor
from napari_echo.workflow.describe import describe_clip, describe_measures
from napari_echo.workflow.measure import measure
from napari_echo.workflow.predict import SegmentationModel, predict

# Bytes of an output's name: disks take 255, of which the endings need some.
_LONGEST_NAME = 230


@dataclass(frozen=True)
class FileProgress:
    """How far a run is: clip number `clip` (from 1) of `clips`, frame `done` of `total`."""

    source: Path
    clip: int
    clips: int
    done: int
    total: int


@dataclass(frozen=True)
class PredictedFile:
    """One clip that was segmented, its two output files, and what they say in short."""

    source: Path
    labels_file: Path
    json_file: Path
    n_frames: int
    ef: float | None
    seconds: float


@dataclass(frozen=True)
class PredictSummary:
    """What became of each source: done, or failed with the reason in one sentence."""

    done: tuple[PredictedFile, ...]
    failed: tuple[tuple[Path, str], ...]


def predict_files(
    sources: Iterable[str | Path],
    pack: ModelPack,
    out: Path,
    params: PredictParams | None = None,
    on_progress: Callable[[FileProgress], None] | None = None,
) -> PredictSummary:
    """Segment clips with a model pack and write labels and measures.

    The module's text describes the files. A clip that cannot be read or
    segmented is reported and the others go on. A file of the same name from
    an earlier run is replaced, each at once and as a whole; nothing else in
    the folder is touched.

    Parameters
    ----------
    sources : iterable of path
        Clip files and folders, which are searched to the bottom.
    pack : ModelPack
        The model.
    out : Path
        Folder for the output, made where it is missing.
    params : PredictParams, optional
        Engine and batch.
    on_progress : callable, optional
        Called after each batch.

    Returns
    -------
    PredictSummary

    Raises
    ------
    EchoError
        If a source does not exist, none holds a clip, the pack is damaged or
        `out` cannot be made or written to.
    """
    params = params or PredictParams()
    paths = find_clips(sources)
    predictor = make_predictor(pack, params)
    return predict_paths(paths, predictor, out, params, on_progress)


def predict_paths(
    paths: Sequence[Path],
    predictor: SegmentationModel,
    out: Path,
    params: PredictParams,
    on_progress: Callable[[FileProgress], None] | None = None,
) -> PredictSummary:
    """Segment clip files with a model that is loaded; else as `predict_files`."""
    out = writable_folder(out)
    names = output_names(paths)
    done: list[PredictedFile] = []
    failed: list[tuple[Path, str]] = []
    for number, (path, name) in enumerate(zip(paths, names, strict=True), start=1):

        def report(frames: int, total: int, path: Path = path, number: int = number) -> None:
            if on_progress is not None:
                on_progress(FileProgress(path, number, len(paths), frames, total))

        try:
            clip = load(path)
            prediction = predict(clip, predictor, batch=params.batch, on_progress=report)
            done.append(write_prediction(out, name, path, clip, prediction, params.engine))
        except EchoError as error:
            failed.append((path, str(error)))
        except MemoryError:
            failed.append((path, f"{path.name} does not fit in the memory that is free."))
    return PredictSummary(tuple(done), tuple(failed))


def writable_folder(out: Path) -> Path:
    """Make a folder for output, where it is missing, before minutes of work and not after.

    Raises
    ------
    EchoError
        If it is a file, or cannot be made or written to.
    """
    out = Path(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=out):
            pass
    except FileExistsError as error:
        raise EchoError(f"{out} is a file; give a folder for the output.") from error
    except OSError as error:
        raise EchoError(f"The folder {out} cannot be written to: {reason(error)}.") from error
    return out


def output_names(paths: Sequence[Path]) -> list[str]:
    """Name the output of each source; no two names are the same.

    A name is the file's without its ending. Files that would share one keep
    their endings, and if need be the names of the folders above them. What is
    too long for a disk is cut and ends in a hash of the whole.
    """
    names = [_without_ending(path.name) for path in paths]
    parts = [path.absolute().parts[1:] for path in paths]
    for depth in range(1, max(map(len, parts), default=0) + 2):
        # Some file systems take no notice of case.
        count = Counter(name.casefold() for name in names)
        shared = [i for i, name in enumerate(names) if count[name.casefold()] > 1]
        for i in shared:
            names[i] = "-".join(parts[i][-depth:])
            if depth > len(parts[i]):  # paths that differ in no more than case
                names[i] += f"-{i + 1}"
    return [_short_enough(name) for name in names]


def _short_enough(name: str) -> str:
    encoded = os.fsencode(name)
    if len(encoded) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(encoded).hexdigest()[:12]
    return encoded[: _LONGEST_NAME - 13].decode("utf-8", "ignore") + "-" + digest


def _without_ending(name: str) -> str:
    endings = [ending for ending in CLIP_SUFFIXES if name.lower().endswith(ending)]
    return name[: len(name) - max(map(len, endings), default=0)] or name


def write_prediction(
    out: Path, name: str, source: Path, clip: EchoClip, prediction: Prediction, engine: str | None
) -> PredictedFile:
    """Write a prediction's labels and measures as the module's docstring says.

    Parameters
    ----------
    out : Path
        The output folder.
    name : str
        Name of the two files, without their endings.
    source : Path
        The clip's file.
    clip, prediction
        What was segmented, and the result.
    engine : str or None
        What ran the model, if one ran.

    Raises
    ------
    EchoError
        If the files cannot be written.
    """
    labels_file, json_file = out / f"{name}.labels.tif", out / f"{name}.json"
    segmentation = prediction.segmentation
    measures = measure(clip, segmentation)
    content = {
        "program": f"napari-echo {__version__}",
        "source": str(source),
        **describe_clip(clip),
        "model": {"id": prediction.model_id, "name": prediction.model_name, "engine": engine},
        "given_frames": list(prediction.given),
        "labels": labels_file.name,
        "schema": segmentation.schema.to_dict(),
        **describe_measures(measures),
        "seconds": round(prediction.seconds, 3),
    }
    text = json.dumps(content, indent=1, allow_nan=False)
    write_labels(labels_file, segmentation.labels, clip.spacing_mm, segmentation.schema)
    with new_file(json_file, replace=True) as partial:
        partial.write_text(text + "\n", encoding="utf-8")
    return PredictedFile(source, labels_file, json_file, len(clip), measures.ef, prediction.seconds)
