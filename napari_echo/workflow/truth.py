"""Load the ground truth of a clip that is open."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.labels import CAMUS_SCHEMA, IGNORE, Segmentation
from napari_echo.io.clipset_clips import find_entry, is_in_clipset, read_truth

TRUTH_SUFFIXES = (".labels.tif", ".nii", ".nii.gz")


def load_truth(path: Path, clip: EchoClip) -> Segmentation:
    """Load ground truth for a clip.

    Parameters
    ----------
    path : Path
        A ``.labels.tif`` of this project, a NIfTI file of masks with the
        labels of CAMUS, or the labels of a clip of a clip data set.
    clip : EchoClip
        The clip that it belongs to.

    Returns
    -------
    Segmentation
        Frames without a single label count as not annotated.

    Raises
    ------
    EchoError
        If the file cannot be read, is of another size than the clip, or
        holds labels that its schema does not know.
    """
    if is_in_clipset(path):
        truth = read_truth(*find_entry(path))
        if truth is None or truth.labels.shape != clip.frames.shape:
            raise EchoError(f"{path.name} holds no ground truth of {clip.name}.")
        return truth
    if path.name.lower().endswith((".nii", ".nii.gz")):
        from napari_echo.io.nifti import read_nifti

        values, schema = read_nifti(path).values, CAMUS_SCHEMA
    else:
        from napari_echo.io.labels import read_labels

        found = read_labels(path)
        values, schema = found.labels, found.schema
    if values.shape != clip.frames.shape:
        raise EchoError(
            f"{path.name} has the shape {values.shape} and {clip.name} {clip.frames.shape}: "
            "ground truth needs a label for every pixel of its own clip."
        )
    known = {0, IGNORE, *(s.index for s in schema.structures)}
    strange = sorted(set(np.unique(values).tolist()) - known)
    if strange:
        raise EchoError(
            f"{path.name} holds the values {strange[:5]}, which are no labels of the schema "
            f"'{schema.name}'."
        )
    labels = values.astype(np.uint8)
    annotated = ((labels != 0) & (labels != IGNORE)).any(axis=(1, 2))
    if not annotated.any():
        raise EchoError(f"{path.name} holds no label at all.")
    return Segmentation(labels, annotated, "ground truth", schema)


def find_truth(clip: EchoClip) -> Path | None:
    """Find the mask that CAMUS keeps beside an image, ``NAME_gt.nii.gz``, or a clip's labels."""
    if clip.source is None:
        return None
    if is_in_clipset(clip.source):
        clips, entry = find_entry(clip.source)
        return clips.root / entry.labels_file if entry.labelled_frames else None
    if ".nii" not in clip.source.name:
        return None
    path = clip.source.with_name(clip.source.name.replace(".nii", "_gt.nii"))
    return path if path.is_file() else None
