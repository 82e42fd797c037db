"""Labels as other programs and data sets give them, before it is known what clip they belong to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA, LV_SCHEMA, LabelSchema, Structure

# Okabe-Ito colours, for structures that come without one.
_COLORS = ("#e69f00", "#009e73", "#56b4e9", "#cc79a7", "#d55e00", "#0072b2", "#f0e442")


@dataclass(frozen=True, eq=False)
class ForeignLabels:
    """Labelled frames of one clip.

    Parameters
    ----------
    name : str
        What they are called in messages.
    labels : ndarray of uint8, shape (N, H, W)
        Labels of N frames.
    schema : LabelSchema
        What they mean.
    frames : tuple of int or None
        Which frames of the clip; None where only the pixels can tell.
    pixels : ndarray of uint8, shape (N, H, W), or None
        The labelled frames themselves, where the format keeps them unchanged.
    key_frames : KeyFrames or None
        ED and ES; counted in the clip, or among the labels where `frames` is None.
    clip_id, study_id, source_uid : str
        What is known of the clip: its id, its study, and the SOP instance of
        the DICOM file; "" where it is not known.
    n_frames : int or None
        Length of the clip.
    redraw : callable or None
        Draws the labels on another grid (H, W), where they are outlines.
    """

    name: str
    labels: NDArray[np.uint8]
    schema: LabelSchema
    frames: tuple[int, ...] | None = None
    pixels: NDArray[np.uint8] | None = None
    key_frames: KeyFrames | None = None
    clip_id: str = ""
    study_id: str = ""
    source_uid: str = ""
    n_frames: int | None = None
    redraw: Callable[[tuple[int, int]], NDArray[np.uint8]] | None = None


def schema_of(names: dict[int, str], source: str) -> tuple[LabelSchema, dict[int, int]]:
    """Find the schema that structures of these names belong to.

    Parameters
    ----------
    names : dict of int to str
        Names of the structures by their numbers elsewhere.
    source : str
        What a schema of other names is called.

    Returns
    -------
    schema : LabelSchema
        One of this project's where it has all the names, else a new one.
    index_of : dict of int to int
        The schema's index of each number.

    Raises
    ------
    EchoError
        If there are no structures, or more than labels can tell.
    """
    if not names:
        raise EchoError(f"{source} names no structure, so its labels have no meaning.")
    wanted = {number: _plain(name) for number, name in names.items()}
    for schema in (LV_SCHEMA, CAMUS_SCHEMA):
        known = {_plain(s.name): s.index for s in schema.structures}
        if all(name in known for name in wanted.values()):
            return schema, {number: known[name] for number, name in wanted.items()}
    if len(names) > 254:
        raise EchoError(f"{source} has {len(names)} structures; labels tell 254 apart.")
    index_of = {number: i for i, number in enumerate(sorted(names), start=1)}
    structures = tuple(
        Structure(index_of[number], names[number], _COLORS[i % len(_COLORS)])
        for i, number in enumerate(sorted(names))
    )
    return LabelSchema(source, structures), index_of


def _plain(name: str) -> str:
    """A name without case, underscores and the synonyms in use for the LV cavity."""
    plain = " ".join(name.lower().replace("_", " ").replace("-", " ").split())
    synonyms = {"lv": "lv cavity", "left ventricle": "lv cavity", "la": "left atrium"}
    return synonyms.get(plain, plain)
