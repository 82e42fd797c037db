"""The CAMUS data set (Leclerc et al. 2019): its official NIfTI release.

The layout is told in `napari_echo.io.camus_layout`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA, LV, Segmentation
from napari_echo.io.camus_images import joined
from napari_echo.io.camus_layout import (
    SPLIT_OF_SUBSET,
    VIEW_OF_CODE,
    read_info,
    read_splits,
)
from napari_echo.io.camus_writer import write_camus
from napari_echo.io.foreign import ForeignLabels
from napari_echo.io.labelled import UNASSIGNED, LabelledClip, Skipped, log_skipped
from napari_echo.io.nifti import NiftiImage, read_nifti
from napari_echo.io.reading import to_grey
from napari_echo.io.sources import ClipSource, read_sources

__all__ = [
    "Subset",
    "list_camus",
    "list_reviewed",
    "pair_source",
    "read_camus",
    "read_camus_labels",
    "write_camus",
]

Subset = Literal["training", "validation", "testing"]

VIEWS = ("4CH", "2CH")
"""The views, by CAMUS's codes."""


def list_camus(
    root: Path, *, sequences: bool = False, views: Sequence[str] = VIEWS
) -> list[ClipSource]:
    """List CAMUS patient by patient, view by view.

    Parameters
    ----------
    root : Path
        The folder that holds ``database_nifti``.
    sequences : bool
        List the half sequences, labelled in every frame, in place of the
        stills. A half sequence is read as it was recorded, from ED to ES or
        from ES to ED; the stills make a clip of two frames, ED first.
    views : sequence of {"4CH", "2CH", "A4C", "A2C"}
        Views to list, where the patient has them.

    Returns
    -------
    list of ClipSource
        The patient is the study; those of the official split's lists who are
        not in the folder are among them. They read clips with `CAMUS_SCHEMA`
        and the EF that the `Info` file states, if it is there.

    Raises
    ------
    EchoError
        If `root` is no CAMUS folder or a view is unknown.
    """
    root = Path(root)
    database = root / "database_nifti"
    if not database.is_dir():
        raise EchoError(f"{root} is not a CAMUS folder: it has no folder database_nifti.")
    unknown = [view for view in views if view not in (*VIEW_OF_CODE, *VIEW_OF_CODE.values())]
    if unknown:
        raise EchoError(f"CAMUS has no view '{unknown[0]}', only A4C (4CH) and A2C (2CH).")
    codes = [c for c in VIEW_OF_CODE if c in views or VIEW_OF_CODE[c] in views]
    split_of = read_splits(root)
    patients = {p.name for p in database.glob("patient*") if p.is_dir()} | set(split_of)
    return [
        source
        for patient in sorted(patients)
        for source in _list_patient(
            database / patient, split_of.get(patient, UNASSIGNED), sequences, codes
        )
    ]


def list_reviewed(root: Path) -> list[ClipSource]:
    """List the clips that a review makes of CAMUS: of a view its half sequence, else its stills.

    Parameters
    ----------
    root : Path
        As for `list_camus`.

    Raises
    ------
    EchoError
        If `root` is no CAMUS folder.
    """
    sequences = [s for s in list_camus(root, sequences=True) if not s.problem]
    named = {source.name for source in sequences}
    stills = [s for s in list_camus(root) if s.name not in named]
    return sorted([*sequences, *stills], key=lambda source: source.name)


def read_camus(
    root: Path,
    subset: Subset | None = None,
    *,
    sequences: bool = False,
    views: Sequence[str] = VIEWS,
    on_skip: Callable[[Skipped], None] = log_skipped,
) -> Iterator[LabelledClip]:
    """Read CAMUS patient by patient, view by view.

    Parameters
    ----------
    root, sequences, views
        As for `list_camus`, which also says what is read.
    subset : {"training", "validation", "testing"} or None
        Which patients of the official split; all that are there without it.
    on_skip : callable
        Called with each patient or view that cannot be read.

    Raises
    ------
    EchoError
        If `root` is no CAMUS folder, lacks the subset's list, or a view is unknown.
    """
    sources = list_camus(root, sequences=sequences, views=views)
    if subset is not None:
        split = SPLIT_OF_SUBSET.get(subset)
        if split is None:
            raise EchoError(f"CAMUS has no subset {subset!r}; use training, validation or testing.")
        sources = [source for source in sources if source.split == split]
        if not sources:
            raise EchoError(f"{root} has no list database_split/subgroup_{subset}.txt.")
    return read_sources(sources, on_skip)


def read_camus_labels(root: Path, on_skip: Callable[[Skipped], None]) -> Iterator[ForeignLabels]:
    """Read the labelled frames of the clips that a review makes of CAMUS (`list_reviewed`).

    Parameters
    ----------
    root : Path
        As for `list_camus`.
    on_skip : callable
        Called with each view that cannot be read.

    Raises
    ------
    EchoError
        If `root` is no CAMUS folder.
    """
    for source in list_reviewed(root):
        for item in read_sources([source], on_skip):
            yield ForeignLabels(
                source.name,
                item.truth.labels,
                item.truth.schema,
                pixels=item.clip.frames,
                key_frames=item.key_frames,
            )


def _list_patient(
    folder: Path, split: str, sequences: bool, codes: Sequence[str]
) -> Iterator[ClipSource]:
    patient = folder.name
    what = ("half_sequence",) if sequences else ("ED", "ES")
    present = [c for c in codes if (folder / f"{patient}_{c}_{what[0]}.nii.gz").is_file()]
    if not present:
        missing = "half sequence" if sequences else "ED still"
        problem = f"It has no {missing} of the views {', '.join(codes)}."
        yield ClipSource(patient, patient, split, problem=problem)
    for code in present:
        yield _source(folder / f"{patient}_{code}", split, what)


def pair_source(path: Path) -> ClipSource:
    """List an ED still with the ES still beside it, as `list_camus` does; of no split."""
    return _source(path.with_name(path.name.partition("_ED.")[0]), UNASSIGNED, ("ED", "ES"))


def _source(stem: Path, split: str, what: Sequence[str]) -> ClipSource:
    patient, _, code = stem.name.rpartition("_")
    files = [stem.with_name(f"{stem.name}_{w}{gt}.nii.gz") for w in what for gt in ("", "_gt")]
    read = partial(_read_stills if len(what) > 1 else _read_sequence, stem, split)
    return ClipSource(f"{patient} {code}", patient, split, (*files, _info_path(stem)), read)


def _read_stills(stem: Path, split: str) -> LabelledClip:
    paths = [stem.with_name(f"{stem.name}_{phase}.nii.gz") for phase in ("ED", "ES")]
    pairs = [_read_pair(path) for path in paths]
    frames = joined(paths, [image for image, _ in pairs])
    labels = np.concatenate([labels for _, labels in pairs])
    info = read_info(_info_path(stem))
    return _labelled(
        stem, frames, labels, Beat(0, 1), split, pairs[0][0].spacing_mm, None, info.ef, paths[0]
    )


def _read_sequence(stem: Path, split: str) -> LabelledClip:
    path = stem.with_name(f"{stem.name}_half_sequence.nii.gz")
    image, labels = _read_pair(path)
    frames, _ = to_grey(path, image.values)
    info = read_info(_info_path(stem))
    ed, es = info.ed, info.es
    if ed is None or es is None:
        # A half sequence runs between ED and ES, either way round.
        area = (labels == LV).sum(axis=(1, 2))
        ed, es = (0, len(labels) - 1) if area[0] >= area[-1] else (len(labels) - 1, 0)
    return _labelled(
        stem, frames, labels, Beat(ed, es), split, image.spacing_mm, info.fps, info.ef, path
    )


def _labelled(
    stem: Path,
    frames: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    beat: Beat,
    split: str,
    spacing_mm: tuple[float, float] | None,
    fps: float | None,
    ef: float | None,
    source: Path,
) -> LabelledClip:
    patient, _, view = stem.name.rpartition("_")
    clip = EchoClip.from_frames(
        frames,
        fps=fps,
        spacing_mm=spacing_mm,
        view=VIEW_OF_CODE[view],
        study_id=patient,
        source=source,
    )
    truth = Segmentation(labels, np.ones(len(labels), bool), "ground truth", CAMUS_SCHEMA)
    return LabelledClip(clip, truth, KeyFrames((beat,), "traced"), split, ef)


def _read_pair(path: Path) -> tuple[NiftiImage, NDArray[np.uint8]]:
    image = read_nifti(path)
    gt_path = path.with_name(path.name.replace(".nii", "_gt.nii"))
    values = read_nifti(gt_path).values
    if values.shape != image.values.shape[:3]:
        raise EchoError(
            f"{gt_path.name} has the shape {values.shape}, its image {image.values.shape}."
        )
    strange = set(np.unique(values).tolist()) - {0, *(s.index for s in CAMUS_SCHEMA.structures)}
    if strange:
        raise EchoError(f"{gt_path.name} has the labels {sorted(strange)}, which CAMUS has not.")
    return image, values.astype(np.uint8)


def _info_path(stem: Path) -> Path:
    return stem.with_name(f"Info_{stem.name.rpartition('_')[2]}.cfg")
