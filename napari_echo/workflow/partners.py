"""The other view of a study: what was measured of it in this session, for volumes of two planes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_echo.core.clip import EchoClip
from napari_echo.metrics.biplane import Plane, first_plane
from napari_echo.metrics.volume import LVMeasures

if TYPE_CHECKING:
    from napari_echo.workflow.session import Source

_OTHER = {"A4C": "A2C", "A2C": "A4C"}


@dataclass(frozen=True, eq=False)
class Partner:
    """A clip of the same study in the other view: its first measured beat, by whose labels."""

    name: str
    view: str
    planes: Mapping[Source, Plane]


class Partners:
    """Remembers the planes of the clips of this session; the last one measured of a view counts."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Partner] = {}

    def remember(self, clip: EchoClip, measures: Mapping[Source, LVMeasures]) -> None:
        """Take what was measured of a clip; of other views than A4C and A2C nothing is kept."""
        planes = {source: first_plane(m) for source, m in measures.items()}
        kept = {source: plane for source, plane in planes.items() if plane is not None}
        if clip.view in _OTHER and kept:
            self._known[clip.study_id, clip.view] = Partner(clip.name, clip.view, kept)

    def of(self, clip: EchoClip) -> Partner | None:
        """Find the partner of a clip; None where none was measured yet."""
        return self._known.get((clip.study_id, _OTHER.get(clip.view, "")))
