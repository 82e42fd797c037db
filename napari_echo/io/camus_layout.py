"""Names, lists and `Info` files of the CAMUS data set's layout.

::

    ROOT/database_nifti/patientXXXX/patientXXXX_{2CH,4CH}_{ED,ES}[_gt].nii.gz
    ROOT/database_nifti/patientXXXX/patientXXXX_{2CH,4CH}_half_sequence[_gt].nii.gz
    ROOT/database_nifti/patientXXXX/Info_{2CH,4CH}.cfg
    ROOT/database_split/subgroup_{training,validation,testing}.txt
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SPLIT_OF_SUBSET = {"training": "train", "validation": "val", "testing": "test"}
"""This project's name of each official subset."""

VIEW_OF_CODE = {"4CH": "A4C", "2CH": "A2C"}
"""View of each of CAMUS's codes."""

NAME = re.compile(
    r"(?P<patient>patient\d+)_(?P<view>2CH|4CH)_(?P<what>ED|ES|half_sequence)"
    r"(?P<gt>_gt)?\.nii(\.gz)?$"
)
"""Name of an image or a mask."""


@dataclass(frozen=True)
class Info:
    """What an `Info` file says of a half sequence.

    Parameters
    ----------
    ed, es : int or None
        Frames of the half sequence, counted from 0 (the file counts from 1).
    n_frames : int or None
        Its length.
    fps : float or None
        Frames a second.
    ef : float or None
        Ejection fraction, 0 to 1 (the file gives percent).
    """

    ed: int | None = None
    es: int | None = None
    n_frames: int | None = None
    fps: float | None = None
    ef: float | None = None


def is_camus_name(path: Path) -> bool:
    """Whether a file is named as CAMUS names its images and masks."""
    return NAME.match(path.name) is not None


def view_stem(path: Path) -> Path | None:
    """How the paths of a view's stills and half sequence begin; None for other files."""
    match = NAME.match(path.name)
    return None if match is None else path.with_name(f"{match['patient']}_{match['view']}")


def es_still(path: Path) -> Path | None:
    """The ES still beside an ED still, with which it makes a clip; None where there is none."""
    match = NAME.match(path.name)
    if match is None or match["what"] != "ED" or match["gt"]:
        return None
    still = path.with_name(path.name.replace("_ED.nii", "_ES.nii"))
    return still if still.is_file() else None


def read_info(path: Path) -> Info:
    """Read an `Info` file; what is missing or unreadable in it is None."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return Info()
    fields = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        fields[key.strip()] = value.strip()

    def number(key: str) -> float | None:
        try:
            value = float(fields[key])
        except (KeyError, ValueError):
            return None
        return value if math.isfinite(value) and value > 0 else None

    ed, es, n_frames, ef = number("ED"), number("ES"), number("NbFrame"), number("EF")
    return Info(
        ed=None if ed is None else int(ed) - 1,
        es=None if es is None else int(es) - 1,
        n_frames=None if n_frames is None else int(n_frames),
        fps=number("FrameRate"),
        ef=None if ef is None else ef / 100,
    )


def write_info(path: Path, info: Info) -> None:
    """Write an `Info` file of what is known; the official fields for the patient are left out."""
    fields = {
        "ED": None if info.ed is None else info.ed + 1,
        "ES": None if info.es is None else info.es + 1,
        "NbFrame": info.n_frames,
        "EF": None if info.ef is None else round(info.ef * 100, 2),
        "FrameRate": None if info.fps is None else round(info.fps, 4),
    }
    lines = [f"{key}: {value}\n" for key, value in fields.items() if value is not None]
    path.write_text("".join(lines), encoding="utf-8")


def read_splits(root: Path) -> dict[str, str]:
    """Read the official split: each patient's ``"train"``, ``"val"`` or ``"test"``."""
    split_of: dict[str, str] = {}
    for subset, split in SPLIT_OF_SUBSET.items():
        path = root / "database_split" / f"subgroup_{subset}.txt"
        if path.is_file():
            split_of.update(dict.fromkeys(path.read_text(encoding="utf-8").split(), split))
    return split_of


def write_splits(root: Path, split_of: Mapping[str, str]) -> None:
    """Write the lists of the subsets that have a patient."""
    (root / "database_split").mkdir()
    for subset, split in SPLIT_OF_SUBSET.items():
        patients = sorted(patient for patient, given in split_of.items() if given == split)
        if patients:
            path = root / "database_split" / f"subgroup_{subset}.txt"
            path.write_text("".join(f"{patient}\n" for patient in patients), encoding="utf-8")
