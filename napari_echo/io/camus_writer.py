"""Write labelled clips in the layout of CAMUS."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import CAMUS_SCHEMA, LV_SCHEMA
from napari_echo.io.camus_layout import VIEW_OF_CODE, Info, write_info, write_splits
from napari_echo.io.labelled import (
    LabelledClip,
    Outcome,
    Skipped,
    Written,
    log_skipped,
    report_skipped,
)
from napari_echo.io.writing import new_folder

_CODE_OF_VIEW = {view: code for code, view in VIEW_OF_CODE.items()}


def write_camus(
    root: Path,
    clips: Iterable[LabelledClip],
    *,
    on_skip: Callable[[Skipped], None] = log_skipped,
) -> Path:
    """Write labelled clips as a new CAMUS folder: the whole of it or nothing.

    Of each clip the first beat whose ED and ES are annotated is written: the
    stills, and the half sequence from one to the other if all frames between
    are annotated. The clips of one study are views of one patient, who keeps
    the study's name if that is CAMUS's (``patient0001``) and is numbered
    otherwise.

    Parameters
    ----------
    root : Path
        Folder to make; it must not exist.
    clips : iterable of LabelledClip
        With `CAMUS_SCHEMA` or `LV_SCHEMA`, of the views A4C and A2C.
    on_skip : callable
        Called with each clip that the layout cannot hold.

    Returns
    -------
    Path
        `root`.

    Raises
    ------
    EchoError
        If `root` exists or cannot be written, or no clip can be written.
    """
    root = Path(root)
    with new_folder(root) as partial:
        if not list(report_skipped(fill_camus(partial, clips), on_skip)):
            raise EchoError(f"No clip can be written as CAMUS, so {root} was not made.")
    return root


def fill_camus(folder: Path, clips: Iterable[LabelledClip]) -> Iterator[Outcome]:
    """Write labelled clips into an empty folder, one as each is asked for; see `write_camus`."""
    split_of: dict[str, str] = {}
    patient_of: dict[str, str] = {}
    for item in clips:
        reason = _why_not(item)
        patient = patient_of.get(item.clip.study_id) or _patient(
            item.clip.study_id, set(patient_of.values())
        )
        home = folder / "database_nifti" / patient
        code = _CODE_OF_VIEW.get(item.clip.view, "")
        if reason is None and (home / f"Info_{code}.cfg").exists():
            reason = f"Its study has another clip of the view {code} already."
        if reason is not None:
            yield Skipped(item.clip.name, reason)
            continue
        home.mkdir(parents=True, exist_ok=True)
        frames = _write_view(home / f"{patient}_{code}", home / f"Info_{code}.cfg", item)
        patient_of[item.clip.study_id] = patient
        split_of[patient] = item.split
        made = sorted([*home.glob(f"{patient}_{code}_*"), home / f"Info_{code}.cfg"])
        files = tuple(path.relative_to(folder).as_posix() for path in made)
        yield Written(f"{patient} {code}", frames, files)
    if split_of:
        write_splits(folder, split_of)


def _why_not(item: LabelledClip) -> str | None:
    if item.clip.view not in _CODE_OF_VIEW:
        return f"CAMUS has no view {item.clip.view!r}, only A4C and A2C."
    if item.truth.schema not in (CAMUS_SCHEMA, LV_SCHEMA):
        return f"CAMUS cannot hold labels of the schema {item.truth.schema.name!r}."
    if int(item.truth.labels.max()) > CAMUS_SCHEMA.n_classes - 1:
        return f"It has the label {int(item.truth.labels.max())}, which CAMUS has not."
    if item.annotated_beat() is None:
        return "It has no beat whose ED and ES are annotated."
    return None


def _patient(study_id: str, taken: set[str]) -> str:
    if re.fullmatch(r"patient\d{4}", study_id) and study_id not in taken:
        return study_id
    number = 1
    while f"patient{number:04d}" in taken:
        number += 1
    return f"patient{number:04d}"


def _write_view(stem: Path, info_path: Path, item: LabelledClip) -> tuple[int, ...]:
    """Write stills and, where it is labelled throughout, the half sequence; the frames of both."""
    beat = item.annotated_beat()
    assert beat is not None  # `_why_not` was asked
    frames, labels = item.clip.frames, item.truth.labels
    for phase, frame in (("ED", beat.ed), ("ES", beat.es)):
        _write_pair(stem, phase, frames[frame], labels[frame], item.clip.spacing_mm)
    info = Info(fps=item.clip.fps, ef=item.ef)
    written = first, last = tuple(sorted((beat.ed, beat.es)))
    if item.truth.annotated[first : last + 1].all():
        run = slice(first, last + 1)
        _write_pair(stem, "half_sequence", frames[run], labels[run], item.clip.spacing_mm)
        info = Info(beat.ed - first, beat.es - first, last - first + 1, info.fps, info.ef)
        written = tuple(range(first, last + 1))
    write_info(info_path, info)
    return written


def _write_pair(
    stem: Path,
    what: str,
    frames: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    spacing_mm: tuple[float, float] | None,
) -> None:
    _write_nifti(stem.with_name(f"{stem.name}_{what}.nii.gz"), frames, spacing_mm)
    _write_nifti(stem.with_name(f"{stem.name}_{what}_gt.nii.gz"), labels, spacing_mm)


def _write_nifti(
    path: Path, values: NDArray[np.uint8], spacing_mm: tuple[float, float] | None
) -> None:
    """Write (H, W) or (T, H, W) as CAMUS does: x before y before time."""
    import nibabel

    dy, dx = spacing_mm or (1.0, 1.0)
    # The sign is that of the release, whose axes run to the left and to the back.
    affine = np.diag([-dx, -dy, 1.0, 1.0])
    image: Any = nibabel.Nifti1Image(values.T, affine)  # type: ignore[no-untyped-call]
    if spacing_mm is not None:
        image.header.set_xyzt_units("mm")
    nibabel.save(image, path)
