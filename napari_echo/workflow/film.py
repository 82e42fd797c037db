"""Paint what a model says of a clip: each frame, and the curve of the whole below it.

On the left the prediction as a translucent fill and the truth as a white
contour; on the right, where the clip has truth, the error of the LV. Below,
the LV's area in every frame with ED, ES and EF.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.labels import IGNORE, LV, Segmentation
from napari_echo.metrics.overlap import dice
from napari_echo.metrics.volume import LVMeasures
from napari_echo.workflow import overlay

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

_BACK, _TEXT, _SOFT = "#141414", "#f2f2f2", "#b4b4b4"
_ED, _ES = "#56b4e9", "#d55e00"
_GAP = 8
_STRIP = 150  # height of the curve, its numbers and the legend


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
        self._strips: dict[int, Image] = {}

    def frame(self, index: int) -> Image:
        """A frame with its heading, the curve and the legend; RGB, of even width and height."""
        from PIL import Image

        tile = self.tile(index)
        width = max(tile.width, 560) + 2 * _GAP
        canvas = Image.new("RGB", (width + width % 2, 0), _BACK)
        strip = self.strip(canvas.width - 2 * _GAP, index)
        height = tile.height + strip.height + 3 * _GAP
        canvas = canvas.resize((canvas.width, height + height % 2))
        canvas.paste(_BACK, (0, 0, *canvas.size))
        canvas.paste(tile, ((canvas.width - tile.width) // 2, _GAP))
        canvas.paste(strip, (_GAP, tile.height + 2 * _GAP))
        return canvas

    def tile(self, index: int) -> Image:
        """A frame with its heading, without the curve; RGB."""
        from PIL import Image, ImageDraw

        found, width = self.findings, self._panels * self._width + (self._panels - 1) * _GAP
        tile = Image.new("RGB", (width, self._line + self._height), _BACK)
        tile.paste(Image.fromarray(self._prediction(index)), (0, self._line))
        draw = ImageDraw.Draw(tile)
        phase = self._phase(index)
        heading = f"frame {index}/{len(found.clip) - 1}" + (f"   {phase}" if phase else "")
        draw.text((2, 1), heading, _TEXT, overlay.font(self._size))
        if found.truth is not None:
            left = self._width + _GAP
            error, words = self._error(index, found.truth)
            tile.paste(Image.fromarray(error), (left, self._line))
            draw.text((left + 2, 1), words, _TEXT, overlay.font(self._size))
        if phase:
            color = _ED if phase == "ED" else _ES
            box = (0, self._line, self._width - 1, self._line + self._height - 1)
            draw.rectangle(box, outline=color, width=max(2, self._side // 160))
        return tile

    def strip(self, width: int, cursor: int | None = None) -> Image:
        """The LV's area over the clip, ED and ES, EF and the legend; RGB."""
        from PIL import ImageDraw

        strip = self._curves(width).copy()
        if cursor is not None:
            x = self._x(cursor, width)
            ImageDraw.Draw(strip).line((x, _top(), x, _bottom()), _TEXT, 1)
        return strip

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

    def _curves(self, width: int) -> Image:
        if width not in self._strips:
            self._strips[width] = self._draw_curves(width)
        return self._strips[width]

    def _draw_curves(self, width: int) -> Image:
        from PIL import Image, ImageDraw

        found, font = self.findings, overlay.font(12)
        strip = Image.new("RGB", (width, _STRIP), _BACK)
        draw = ImageDraw.Draw(strip)
        curves = [(found.measures.area, overlay.PREDICTED, False)]
        if found.true_measures is not None:
            curves.append((found.true_measures.area, overlay.TRUTH, True))
        highest = max((np.nanmax(c) for c, _, _ in curves if np.isfinite(c).any()), default=1.0)
        draw.line((0, _bottom(), width, _bottom()), "#4a4a4a")
        most = f"{highest:,.0f}" if highest >= 100 else f"{highest:.3g}"
        draw.text((2, 20), f"LV area, 0 to {most} {_unit(found.measures)}", _SOFT, font)
        for beat in found.measures.key_frames.beats:
            for frame, name, color in ((beat.ed, "ED", _ED), (beat.es, "ES", _ES)):
                x = self._x(frame, width)
                draw.line((x, _top(), x, _bottom()), color)
                draw.text((x, _bottom() + 2), name, color, font, anchor="ma")
        draw.text((2, 0), _short(self._headline(), width, font), _TEXT, font)
        self._draw_legend(draw, width)
        pixels = np.array(strip)
        for curve, color, dotted in curves:
            self._draw_curve(pixels, curve / highest, color, dotted)
        return Image.fromarray(pixels)

    def _draw_curve(
        self, pixels: overlay.RGB, curve: NDArray[np.float64], color: str, dotted: bool
    ) -> None:
        """Draw a curve of values from 0 to 1; of truth, which may be sparse, its points too."""
        width, paint = pixels.shape[1], overlay.rgb(color)
        x = np.array([self._x(i, width) for i in range(len(curve))])
        y = _bottom() - (_bottom() - _top() - 4) * curve
        # OpenCV draws in fractions of a pixel, here sixteenths.
        points = np.round(16 * np.stack([x, np.nan_to_num(y)], axis=1)).astype(np.int32)
        seen = np.isfinite(y)
        for i in np.flatnonzero(seen[:-1] & seen[1:]):
            cv2.line(pixels, points[i].tolist(), points[i + 1].tolist(), paint,
                     1 if dotted else 2, cv2.LINE_AA, 4)  # fmt: skip
        if dotted or len(curve) < 3:
            for i in np.flatnonzero(seen):
                cv2.circle(pixels, points[i].tolist(), 40, paint, -1, cv2.LINE_AA, 4)

    def _headline(self) -> str:
        found = self.findings
        parts = [f"{found.clip.name}, {found.model_name}"]
        for name, ef in (
            ("predicted", found.measures.ef),
            ("of the true masks", found.true_measures.ef if found.true_measures else None),
            ("stated", found.stated_ef),
        ):
            if ef is not None:
                parts.append(f"EF {name} {100 * ef:.0f} %")
        origin = found.measures.key_frames.origin
        parts.append(f"ED and ES {origin}" if found.measures.key_frames.beats else "no beat found")
        return "   ".join(parts)

    def _draw_legend(self, draw: ImageDraw, width: int) -> None:
        found, font = self.findings, overlay.font(12)
        entries = [("prediction:", "", "")]
        entries += [(s.name, s.color, "fill") for s in found.predicted.schema.structures]
        if found.truth is not None:
            entries += [
                ("truth", overlay.TRUTH, "line"),
                ("error of the LV:", "", ""),
                ("beyond the truth", overlay.BEYOND, "fill"),
                ("missed", overlay.MISSED, "fill"),
            ]
        x, y = 2, _STRIP - 16
        for name, color, kind in entries:
            mark = 24 if kind else 0
            if x + mark + draw.textlength(name, font) > width:
                break
            if kind:
                height = (6, 8) if kind == "line" else (1, 13)
                draw.rectangle((x, y + height[0], x + 18, y + height[1]), color)
            draw.text((x + mark, y), name, _SOFT, font)
            x += mark + round(draw.textlength(name, font)) + (16 if kind else 8)

    def _x(self, frame: int, width: int) -> int:
        last = max(1, len(self.findings.clip) - 1)
        return 10 + round((width - 20) * frame / last)


def contact_sheet(painter: Painter, frames: Sequence[int], columns: int = 3) -> Image:
    """Frames side by side, with the curve below them once; RGB."""
    from PIL import Image

    tiles = [painter.tile(frame) for frame in frames]
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    step_x, step_y = tiles[0].width + _GAP, tiles[0].height + _GAP
    width = max(columns * step_x + _GAP, 640)
    strip = painter.strip(width - 2 * _GAP)
    sheet = Image.new("RGB", (width, rows * step_y + strip.height + 2 * _GAP), _BACK)
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


def _top() -> int:
    return 38


def _bottom() -> int:
    return _STRIP - 38


def _unit(measures: LVMeasures) -> str:
    return {"cm2": "cm²", "px2": "px"}[measures.unit_area]


def _short(text: str, width: int, font: object) -> str:
    """Cut a text that is too long for its line."""
    from PIL.ImageFont import FreeTypeFont

    assert isinstance(font, FreeTypeFont)
    while len(text) > 1 and font.getlength(text) > width:
        text = text[:-2] + "…"
    return text
