"""What the views side by side show: which cells there are, and the picture of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from napari.layers import Image, Labels, Layer

from napari_echo.core.clip import EchoClip
from napari_echo.gui.adding import leave_out_tools
from napari_echo.gui.layer_data import grid
from napari_echo.gui.model_colors import CORRECTION, color_of
from napari_echo.gui.overlays import Color, Overlay, OverlayFrames
from napari_echo.gui.showing import Showing
from napari_echo.workflow.predictions import MOST
from napari_echo.workflow.session import Session

TAG = "napari_echo_grid"
TRUTH, CORRECTED = "truth", "correction"
STRIDE = 2
"""Layers of a cell: the clip, and what lies over it."""
Part = Literal["image", "overlay"]
Contents = Literal["models", "references"]
_FONT, _LETTER = 9, 9.0
"""Points of a title, and about how many pixels wide its letters are."""


@dataclass(frozen=True)
class Cell:
    """What a cell shows beside the clip.

    Parameters
    ----------
    what : str
        Id of the model, "truth" or "correction".
    title, color : str
        Its title and the title's colour.
    """

    what: str
    title: str
    color: str


class CellFrames(OverlayFrames):
    """The overlays of a cell; the outline in the place of the hard pixels is the correction's."""

    def palette(self) -> dict[int, Color]:
        """Return the colour of every code, red, green, blue and opacity in 0-1."""
        red, green, blue = (int(CORRECTION[i : i + 2], 16) / 255 for i in (1, 3, 5))
        return super().palette() | {self._hard: (red, green, blue, 1.0)}


def plan(session: Session, contents: Contents) -> tuple[Cell, ...]:
    """Find what can be shown: models, or the model on show with truth and correction."""
    shown, corrected = session.prediction, session.corrections.draft is not None
    if contents == "models":
        predictions = list(session.predictions.values())[: MOST - corrected]
    else:
        predictions = [shown] if shown is not None else []
    found = [
        Cell(p.model_id, p.model_name, color_of(session.slot(p.model_id))) for p in predictions
    ]
    if contents == "references" and session.truth is not None:
        found.append(Cell(TRUTH, "Ground truth", "#ffffff"))
    if corrected:
        found.append(Cell(CORRECTED, "Corrected", CORRECTION))
    return tuple(found)


def cell_frames(cell: Cell, session: Session, showing: Showing) -> CellFrames | None:
    """Draw a cell's overlay: a model's labels or the truth, and the outline of the correction.

    Truth and difference are drawn over a model where the reader has them on.
    """
    sources = showing.sources()
    if sources is None:
        return None
    draft = session.corrections.draft
    # An edge is found where structures meet, in labels as in a mask.
    outline = draft.labels.view(np.bool_) if draft is not None else None
    painted: frozenset[Overlay] = frozenset({"hard pixels"} if outline is not None else ())
    sources = replace(sources, hardness=None, hard=outline, painted=painted)
    wanted: set[Overlay] = {"hard pixels", "truth"}
    if cell.what == TRUTH:
        sources = replace(sources, prediction=None, compared=None)
    else:
        found = session.predictions[cell.what].segmentation
        sources = replace(
            sources,
            structures=found.schema.structures,
            prediction=found.labels,
            compared=found.labels,
        )
        wanted = {"hard pixels", "prediction", *(showing.shown & {"truth", "difference"})}
    return CellFrames(sources, frozenset(wanted))


def titles(cells: Sequence[Cell], session: Session, width: float) -> list[str]:
    """Title every cell, with the model's EF where that fits the width (pixels) of all."""
    room = int(width / _LETTER) - 2
    names = [cell.title for cell in cells]
    measured = [session.model_measures.get(cell.what) for cell in cells]
    # The EF of a clip of several beats is their mean, and not that of the beat on show.
    beats = max((len(m.beats) for m in measured if m is not None), default=1)
    for words in ("   mean EF", "  EF") if beats > 1 else ("   EF",):
        with_ef = [
            f"{name}{words} {100 * m.ef:.0f}%" if m is not None and m.ef is not None else name
            for name, m in zip(names, measured, strict=True)
        ]
        if all(len(title) <= room for title in with_ef):
            return with_ef
    return [name if len(name) <= room else f"{name[: max(room - 1, 8)]}…" for name in names]


def name_of(place: int) -> str:
    """Name a cell in the list of layers while nothing is shown in it."""
    return f"Cell {place + 1}"


def make_layer(clip: EchoClip, place: int, part: Part) -> Layer:
    """Make a layer of a cell, hidden; its tag tells it from the review's own."""
    tag = {TAG: f"grid {part} {place + 1}"}
    if part == "image":
        image = Image(
            clip.frames,
            name=name_of(place),
            interpolation2d="linear",
            visible=False,
            metadata=tag,
            **grid(clip),
        )
        title = image.name_overlay
        title.position, title.font_size = "bottom_left", _FONT
        # Napari's canvas is white in its light theme, and a clip is bright in places.
        title.box, title.box_color = True, "#000000"
        title.visible = True
        return image
    labels = Labels(
        np.zeros(clip.frames.shape, np.uint8),
        name=f"{name_of(place)}: overlay",
        opacity=1.0,
        visible=False,
        metadata=tag,
        **grid(clip),
    )
    labels.editable = False
    leave_out_tools(labels)
    return labels


def best_shape(number: int, clip: EchoClip, canvas: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns that show the clip largest on a canvas (height, width)."""
    dy, dx = clip.spacing_mm or (1.0, 1.0)
    height, width = clip.frame_shape[0] * dy, clip.frame_shape[1] * dx

    def zoom(rows: int) -> float:
        columns = -(-number // rows)
        return min(canvas[0] / rows / height, canvas[1] / columns / width)

    # In one row they are easier to compare, which is worth a little of their size.
    best = max(map(zoom, range(1, number + 1)))
    rows = next(n for n in range(1, number + 1) if zoom(n) >= 0.85 * best)
    return rows, -(-number // rows)
