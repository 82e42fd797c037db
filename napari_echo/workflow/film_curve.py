"""Paint the LV's area over a clip as a strip: its curve, ED and ES, EF and the legend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_echo.metrics.volume import LVMeasures
from napari_echo.workflow import overlay

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

    from napari_echo.workflow.film import Findings

BACK, TEXT = "#141414", "#f2f2f2"
ED, ES = "#56b4e9", "#d55e00"
_SOFT = "#b4b4b4"
_HEIGHT = 150  # of the curve, its numbers and the legend
_TOP, _BOTTOM = 38, _HEIGHT - 38  # of the curve


class CurveStrip:
    """Paints the strip of one clip.

    Parameters
    ----------
    findings : Findings
        What to paint.
    """

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self._strips: dict[int, Image] = {}

    def paint(self, width: int, cursor: int | None = None) -> Image:
        """The LV's area over the clip, ED and ES, EF and the legend; RGB."""
        from PIL import ImageDraw

        strip = self._curves(width).copy()
        if cursor is not None:
            x = self._x(cursor, width)
            ImageDraw.Draw(strip).line((x, _TOP, x, _BOTTOM), TEXT, 1)
        return strip

    def _curves(self, width: int) -> Image:
        if width not in self._strips:
            self._strips[width] = self._draw_curves(width)
        return self._strips[width]

    def _draw_curves(self, width: int) -> Image:
        from PIL import Image, ImageDraw

        found, font = self.findings, overlay.font(12)
        strip = Image.new("RGB", (width, _HEIGHT), BACK)
        draw = ImageDraw.Draw(strip)
        curves = [(found.measures.area, overlay.PREDICTED, False)]
        if found.true_measures is not None:
            curves.append((found.true_measures.area, overlay.TRUTH, True))
        highest = max((np.nanmax(c) for c, _, _ in curves if np.isfinite(c).any()), default=1.0)
        draw.line((0, _BOTTOM, width, _BOTTOM), "#4a4a4a")
        most = f"{highest:,.0f}" if highest >= 100 else f"{highest:.3g}"
        draw.text((2, 20), f"LV area, 0 to {most} {_unit(found.measures)}", _SOFT, font)
        for beat in found.measures.key_frames.beats:
            for frame, name, color in ((beat.ed, "ED", ED), (beat.es, "ES", ES)):
                x = self._x(frame, width)
                draw.line((x, _TOP, x, _BOTTOM), color)
                draw.text((x, _BOTTOM + 2), name, color, font, anchor="ma")
        draw.text((2, 0), _short(self._headline(), width, font), TEXT, font)
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
        y = _BOTTOM - (_BOTTOM - _TOP - 4) * curve
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
                parts.append(f"EF {name} {100 * ef:.0f}%")
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
        x, y = 2, _HEIGHT - 16
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


def _unit(measures: LVMeasures) -> str:
    return {"cm2": "cm²", "px2": "px"}[measures.unit_area]


def _short(text: str, width: int, font: object) -> str:
    """Cut a text that is too long for its line."""
    from PIL.ImageFont import FreeTypeFont

    assert isinstance(font, FreeTypeFont)
    while len(text) > 1 and font.getlength(text) > width:
        text = text[:-2] + "…"
    return text
