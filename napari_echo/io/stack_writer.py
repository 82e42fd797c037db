"""Write labelled clips as stacks that any image program opens: NIfTI or TIFF.

::

    DIR/NAME.nii.gz          the frames, x before y before time, as CAMUS has them
    DIR/NAME.labels.nii.gz   their labels on the same grid; 255 where there is no label
    DIR/NAME.json            clip, study, split, labelled frames, ED and ES, what the labels mean

As TIFF the first two are ``NAME.tif`` and ``NAME.labels.tif``, in ImageJ's form.
A frame without labels is 255 throughout, so that nobody takes it for background.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.labels import IGNORE
from napari_echo.io.json_fields import key_frames_to_dict
from napari_echo.io.labelled import LabelledClip, Outcome, Written, clip_name
from napari_echo.io.writing import FileNames

Kind = Literal["nifti", "tiff"]

ENDINGS: dict[str, str] = {"nifti": ".nii.gz", "tiff": ".tif"}
"""Ending of the files of each kind."""


def fill_stacks(folder: Path, clips: Iterable[LabelledClip], kind: Kind) -> Iterator[Outcome]:
    """Write labelled clips into an empty folder, one as each is asked for.

    Parameters
    ----------
    folder : Path
        Empty.
    clips : iterable of LabelledClip
        Of any schemas.
    kind : {"nifti", "tiff"}
        What is written.

    Yields
    ------
    Written
        For each clip.
    """
    names = FileNames()
    ending = ENDINGS[kind]
    write = _write_nifti if kind == "nifti" else _write_tiff
    for item in clips:
        name = names.take(clip_name(item.clip))
        labels = item.truth.labels.copy()
        labels[~item.truth.annotated] = IGNORE
        files = (f"{name}{ending}", f"{name}.labels{ending}", f"{name}.json")
        write(folder / files[0], item.clip.frames, item)
        write(folder / files[1], labels, item)
        text = json.dumps(_about(item), indent=1)
        (folder / files[2]).write_text(text, encoding="utf-8")
        yield Written(name, item.truth.annotated_frames, files)


def _about(item: LabelledClip) -> dict[str, Any]:
    return {
        "clip_id": item.clip.clip_id,
        "study_id": item.clip.study_id,
        "split": item.split,
        "view": item.clip.view,
        "fps": item.clip.fps,
        "spacing_mm": item.clip.spacing_mm,
        "labelled_frames": item.truth.annotated_frames,
        "key_frames": key_frames_to_dict(item.key_frames),
        "ef": item.ef,
        "schema": item.truth.schema.to_dict(),
    }


def _write_nifti(path: Path, values: NDArray[np.uint8], item: LabelledClip) -> None:
    import nibabel

    dy, dx = item.clip.spacing_mm or (1.0, 1.0)
    # The sign is that of CAMUS, whose axes run to the left and to the back.
    affine = np.diag([-dx, -dy, 1.0, 1.0])
    image: Any = nibabel.Nifti1Image(values.T[:, :, np.newaxis], affine)  # type: ignore[no-untyped-call]
    step = 1 / item.clip.fps if item.clip.fps else 1.0
    image.header.set_zooms((dx, dy, 1.0, step))
    image.header.set_xyzt_units(
        "mm" if item.clip.spacing_mm else "unknown", "sec" if item.clip.fps else "unknown"
    )
    nibabel.save(image, path)


def _write_tiff(path: Path, values: NDArray[np.uint8], item: LabelledClip) -> None:
    import tifffile

    metadata: dict[str, Any] = {"axes": "TYX"}
    resolution = None
    if item.clip.fps:
        metadata |= {"finterval": 1 / item.clip.fps, "fps": item.clip.fps}
    if item.clip.spacing_mm:
        dy, dx = item.clip.spacing_mm
        metadata["unit"] = "mm"
        resolution = (1 / dx, 1 / dy)
    # Fewer readers know compressed ImageJ stacks, but all of those that read TIFF know deflate.
    tifffile.imwrite(
        path,
        values,
        imagej=True,
        resolution=resolution,
        metadata=metadata,
        compression="zlib",
        photometric="minisblack",
    )
