"""Label schemas and segmentations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError

Origin = Literal["ground truth", "prediction", "correction"]

LV = 1
"""Index of the left-ventricular cavity in every schema of this project."""

IGNORE = 255
"""Label of pixels without a label; training skips them."""


@dataclass(frozen=True)
class Structure:
    """One labelled structure: its index, name and colour (``#rrggbb``)."""

    index: int
    name: str
    color: str


@dataclass(frozen=True)
class LabelSchema:
    """The structures that the values of a label array stand for."""

    name: str
    structures: tuple[Structure, ...]

    @property
    def n_classes(self) -> int:
        """Number of classes, background included."""
        return 1 + max(s.index for s in self.structures)

    def name_of(self, index: int) -> str | None:
        """Name of the structure with an index; None where there is none."""
        return next((s.name for s in self.structures if s.index == index), None)

    def to_dict(self) -> dict[str, object]:
        """The schema as JSON-ready data; `from_dict` reads it back."""
        return {
            "name": self.name,
            "structures": [
                {"index": s.index, "name": s.name, "color": s.color} for s in self.structures
            ],
        }

    @classmethod
    def from_dict(cls, data: dict[str, object]) -> LabelSchema:
        """Read what `to_dict` wrote.

        Raises
        ------
        EchoError
            If a field is missing or of the wrong kind.
        """
        try:
            structures = data["structures"]
            assert isinstance(structures, list)
            return cls(
                str(data["name"]),
                tuple(
                    Structure(int(s["index"]), str(s["name"]), str(s["color"])) for s in structures
                ),
            )
        except (KeyError, TypeError, ValueError, AssertionError) as error:
            raise EchoError(f"This is not a label schema: {data!r}.") from error


_LV_CAVITY = Structure(LV, "LV cavity", "#e69f00")
# Okabe-Ito colours: told apart by colour-blind readers.
CAMUS_SCHEMA = LabelSchema(
    "camus",
    (
        _LV_CAVITY,
        Structure(2, "myocardium", "#009e73"),
        Structure(3, "left atrium", "#56b4e9"),
    ),
)
LV_SCHEMA = LabelSchema("lv", (_LV_CAVITY,))


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Labels of a clip's frames.

    Parameters
    ----------
    labels : ndarray of uint8, shape (T, H, W)
        Index of the structure at each pixel, 0 for background, on the clip's
        own grid. Frames that are not annotated are 0. Made read-only.
    annotated : ndarray of bool, shape (T,)
        Which frames carry a label; ground truth is sparse.
    origin : {"ground truth", "prediction", "correction"}
        Where the labels came from.
    schema : LabelSchema
        What the indices mean.
    """

    labels: NDArray[np.uint8]
    annotated: NDArray[np.bool_]
    origin: Origin
    schema: LabelSchema = CAMUS_SCHEMA

    def __post_init__(self) -> None:
        if self.labels.ndim != 3 or self.labels.dtype != np.uint8:
            raise EchoError(
                "Labels need the shape (T, H, W) and the type uint8, "
                f"not {self.labels.shape} {self.labels.dtype}."
            )
        if self.annotated.shape != self.labels.shape[:1] or self.annotated.dtype != np.bool_:
            raise EchoError("`annotated` needs one bool for each frame of the labels.")
        self.labels.flags.writeable = False
        self.annotated.flags.writeable = False

    @property
    def annotated_frames(self) -> tuple[int, ...]:
        """Indices of the frames that carry a label, ascending."""
        return tuple(int(i) for i in np.flatnonzero(self.annotated))

    def mask(self, structure: int = LV) -> NDArray[np.bool_]:
        """The pixels of one structure, bool (T, H, W)."""
        return np.asarray(self.labels == structure)
