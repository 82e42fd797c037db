"""Paint what a model says of a clip: each frame, and the curve of the whole below it.

On the left the prediction as a translucent fill and the truth as a white
contour; on the right, where the clip has truth, the error of the LV. Below,
the LV's area in every frame with ED, ES and EF.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_echo.core.clip import EchoClip
from napari_echo.core.labels import IGNORE, LV, Segmentation
from napari_echo.metrics.overlap import dice
from napari_echo.metrics.volume import LVMeasures
from napari_echo.workflow import overlay
from napari_echo.workflow.film_curve import BACK, ED, ES, TEXT, CurveStrip

if TYPE_CHECKING:
    from PIL.Image import Image

_GAP = 8


@dataclass(frozen=True, eq=False)
class Findings:
    """What is painted.

    Parameters
    ----------
    clip : EchoClip
        The frames.
    predicted : Segmentation
        Of every frame.
    measures : LVMeasures
        Of the prediction, at the ED and ES that are marked.
    model_name : str
        For people.
    truth : Segmentation or None
        Where it is known.
    true_measures : LVMeasures or None
        Of the truth.
    stated_ef : float or None
        EF as the data set states it, 0 to 1.
    """

    clip: EchoClip
    predicted: Segmentation
    measures: LVMeasures
    model_name: str
    truth: Segmentation | None = None
    true_measures: LVMeasures | None = None
    stated_ef: float | None = None


class Painter:
    """Paints frames of one clip.

    Parameters
    ----------
    findings : Findings
        What to paint.
    side : int
        Longer side of a frame's picture in pixels.
    """

    def __init__(self, findings: Findings, side: int = 480) -> None:
        self.findings = findings
        self._side = side
        self._size = max(11, side // 30)
        clip = findings.clip
        scale = side / max(clip.frame_shape)
        self._height, self._width = (max(1, round(n * scale)) for n in clip.frame_shape)
        self._panels = 1 if findings.truth is None else 2
        self._line = round(1.7 * self._size)
        self.curve = CurveStrip(findings)

    def frame(self, index: int) -> Image:
        """A frame with its heading, the curve and the legend; RGB, of even width and height."""
        from PIL import Image

        tile = self.tile(index)
        width = max(tile.width, 560) + 2 * _GAP
        canvas = Image.new("RGB", (width + width % 2, 0), BACK)
        strip = self.curve.paint(canvas.width - 2 * _GAP, index)
        height = tile.height + strip.height + 3 * _GAP
        canvas = canvas.resize((canvas.width, height + height % 2))
        canvas.paste(BACK, (0, 0, *canvas.size))
        canvas.paste(tile, ((canvas.width - tile.width) // 2, _GAP))
        canvas.paste(strip, (_GAP, tile.height + 2 * _GAP))
        return canvas

    def tile(self, index: int) -> Image:
        """A frame with its heading, without the curve; RGB."""
        from PIL import Image, ImageDraw

        found, width = self.findings, self._panels * self._width + (self._panels - 1) * _GAP
        tile = Image.new("RGB", (width, self._line + self._height), BACK)
        tile.paste(Image.fromarray(self._prediction(index)), (0, self._line))
        draw = ImageDraw.Draw(tile)
        phase = self._phase(index)
        heading = f"frame {index}/{len(found.clip) - 1}" + (f"   {phase}" if phase else "")
        draw.text((2, 1), heading, TEXT, overlay.font(self._size))
        if found.truth is not None:
            left = self._width + _GAP
            error, words = self._error(index, found.truth)
            tile.paste(Image.fromarray(error), (left, self._line))
            draw.text((left + 2, 1), words, TEXT, overlay.font(self._size))
        if phase:
            color = ED if phase == "ED" else ES
            box = (0, self._line, self._width - 1, self._line + self._height - 1)
            draw.rectangle(box, outline=color, width=max(2, self._side // 160))
        return tile

    def key_frames(self) -> tuple[int, ...]:
        """The marked ED and ES frames."""
        return self.findings.measures.key_frames.frames()

    def _prediction(self, index: int) -> overlay.RGB:
        found = self.findings
        image = overlay.fit(found.clip.frames[index], self._side)
        labels = found.predicted.labels[index]
        for structure in found.predicted.schema.structures:
            overlay.fill(image, labels == structure.index, structure.color, 0.35)
        if found.truth is not None and found.truth.annotated[index]:
            known = {structure.index for structure in found.predicted.schema.structures}
            for structure in found.truth.schema.structures:
                if structure.index in known:
                    mask = found.truth.labels[index] == structure.index
                    overlay.outline(image, mask, overlay.TRUTH)
        return image

    def _error(self, index: int, truth: Segmentation) -> tuple[overlay.RGB, str]:
        image = overlay.fit(self.findings.clip.frames[index], self._side)
        if not truth.annotated[index]:
            return image, "no truth in this frame"
        counted = truth.labels[index] != IGNORE
        predicted = (self.findings.predicted.labels[index] == LV) & counted
        true = truth.labels[index] == LV
        overlay.draw_errors(image, predicted, true)
        value = dice(predicted, true)
        return image, "no LV cavity" if np.isnan(value) else f"LV cavity, Dice {value:.3f}"

    def _phase(self, index: int) -> str:
        beats = self.findings.measures.key_frames.beats
        if index in {beat.ed for beat in beats}:
            return "ED"
        return "ES" if index in {beat.es for beat in beats} else ""


def contact_sheet(painter: Painter, frames: Sequence[int], columns: int = 3) -> Image:
    """Frames side by side, with the curve below them once; RGB."""
    from PIL import Image

    tiles = [painter.tile(frame) for frame in frames]
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    step_x, step_y = tiles[0].width + _GAP, tiles[0].height + _GAP
    width = max(columns * step_x + _GAP, 640)
    strip = painter.curve.paint(width - 2 * _GAP)
    sheet = Image.new("RGB", (width, rows * step_y + strip.height + 2 * _GAP), BACK)
    for place, tile in enumerate(tiles):
        row, column = divmod(place, columns)
        sheet.paste(tile, (_GAP + column * step_x, _GAP + row * step_y))
    sheet.paste(strip, (_GAP, rows * step_y + _GAP))
    return sheet


def sheet_frames(n: int, key: Sequence[int], most: int) -> list[int]:
    """At most `most` frames of `n`, evenly spread, the key frames among them."""
    if n <= most:
        return list(range(n))
    kept = sorted(set(key))[: most // 2]
    spread = np.linspace(0, n - 1, most - len(kept)).round().astype(int).tolist()
    return sorted({*kept, *spread})
