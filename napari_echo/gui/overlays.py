"""What is drawn over a clip: which overlays there are, which are on, and one picture a frame.

Every layer costs napari 6 to 8 ms a frame, whatever it shows; five of them
take more than the clip itself. So truth, prediction, difference, hardness and
hard pixels are drawn into one picture of colour codes, a frame at a time when
it is shown, and napari has one layer of labels for all of them. That layer is
as large as what is drawn on it (`drawn_area`), as software OpenGL takes its
time by the pixel. No Qt here.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from napari_echo.core.labels import IGNORE, LV, Structure
from napari_echo.gui.drawn_area import Area, area_of, padded, together, whole

Overlay = Literal["truth", "prediction", "difference", "hardness", "hard pixels"]
OVERLAYS: tuple[Overlay, ...] = get_args(Overlay)
FALSE_POSITIVE, FALSE_NEGATIVE = "#d55e00", "#56b4e9"
"""Okabe-Ito vermilion and sky blue: in one that the other lacks, to a colour-blind reader too."""
TRUTH, HALO, HARD = "#ffffff", "#000000", "#cc79a7"
FILL_OPACITY, DIFFERENCE_OPACITY, HALO_OPACITY, HEAT_OPACITY = 0.35, 0.75, 0.6, 0.8
FINE, CANVAS = 400, 540
"""Least height of the overlays' grid, and side of a small canvas, in pixels: on a clip that is
larger than the canvas, lines must be thicker, or they would be dashed."""
CACHE_BYTES = 256 * 2**20
_CODES, _MOST_LEVELS = 256, 32
FAINTEST = 0.05
"""Hardness below which nothing is drawn: it would tint the clip by less than the eye can tell."""
_KNOWN = np.arange(_CODES, dtype=np.uint8)
_KNOWN[IGNORE] = 0

Image = NDArray[np.uint8]
Color = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Sources:
    """What there is to draw of a clip; None is what there is not.

    Parameters
    ----------
    shape : tuple of int
        Frames, height and width of the clip.
    structures : tuple of Structure
        What the prediction's labels mean.
    truth, prediction : ndarray of uint8, shape (T, H, W), or None
        Labels. `truth` is empty on frames that are not annotated.
    annotated : ndarray of bool, shape (T,), or None
        The frames that have truth: others have no difference.
    compared : ndarray of uint8, shape (T, H, W), or None
        The labels that truth is compared with.
    hardness : ndarray of float32, shape (T, H, W), or None
        From 0 to 1.
    hard : ndarray of bool, shape (T, H, W), or None
        The hard pixels.
    painted : frozenset of str
        The overlays whose labels are being painted on: they may reach anywhere.
    """

    shape: tuple[int, int, int]
    structures: tuple[Structure, ...] = ()
    truth: NDArray[np.uint8] | None = None
    prediction: NDArray[np.uint8] | None = None
    annotated: NDArray[np.bool_] | None = None
    compared: NDArray[np.uint8] | None = None
    hardness: NDArray[np.float32] | None = None
    hard: NDArray[np.bool_] | None = None
    painted: frozenset[Overlay] = frozenset()

    def area(self, shown: frozenset[Overlay]) -> Area:
        """The part of the frames outside of which nothing is drawn on any of them."""
        if self.painted & shown:
            return whole(self.shape)
        truth, compared = self.truth, self.compared
        drawn = {
            "truth": (truth,),
            "prediction": (self.prediction,),
            "difference": (truth, compared),
            "hard pixels": (self.hard,),
        }
        found = [
            area_of(a) for name in drawn if name in shown for a in drawn[name] if a is not None
        ]
        if "hardness" in shown and self.hardness is not None:
            found.append(area_of(self.hardness, FAINTEST))
        return together(found)

    @property
    def available(self) -> frozenset[Overlay]:
        """The overlays that can be drawn."""
        there = {
            "truth": self.truth is not None,
            "prediction": self.prediction is not None,
            "difference": self.truth is not None and self.compared is not None,
            "hardness": self.hardness is not None,
            "hard pixels": self.hard is not None,
        }
        return frozenset(name for name in OVERLAYS if there[name])


class OverlayFrames:
    """A clip's overlays as an array that is made when it is looked at, a frame at a time.

    A pixel holds the code of its colour (`palette`). From the bottom up:
    hardness, prediction, difference in the place of the prediction, the hard
    pixels' outline and truth's contour.

    Attributes
    ----------
    area : tuple of slice
        The rows and columns of the clip that the frames hold.
    factor : int
        Pixels to a pixel of the clip, along either side.

    Parameters
    ----------
    sources : Sources
        What there is to draw.
    shown : frozenset of str
        What of it is drawn.
    """

    dtype = np.dtype(np.uint8)
    ndim = 3

    def __init__(self, sources: Sources, shown: frozenset[Overlay]) -> None:
        self.sources = sources
        self.shown = shown & sources.available
        frames, height, width = sources.shape
        # A line on a coarse clip would be as thick as its pixels.
        self.factor = max(1, round(FINE / height))
        self._width = -(-max(height, width) * self.factor // CANVAS)
        # A line along the border of the area would be taken for one that is cut off there.
        reach = -(-(self._width + 2) // self.factor)
        self.area = padded(sources.area(self.shown), reach, sources.shape)
        rows, columns = (side.stop - side.start for side in self.area)
        self.shape = (frames, rows * self.factor, columns * self.factor)
        self.size = int(np.prod(self.shape))
        self._made: OrderedDict[int, Image] = OrderedDict()
        self._plan()

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        """Return a frame, or a part of the frames, as numpy does."""
        first, *rest = key if isinstance(key, tuple) else (key,)
        if isinstance(first, int | np.integer):
            return self.frame(int(first))[tuple(rest)]
        wanted = np.arange(len(self))[first]
        return np.stack([self.frame(i) for i in wanted])[(slice(None), *rest)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return all frames."""
        return np.asarray(self[:], dtype)

    @property
    def offset(self) -> tuple[int, int]:
        """First row and column of the clip that the frames hold."""
        return self.area[0].start, self.area[1].start

    def forget(self) -> None:
        """Draw frames anew: the labels that are compared were changed in place."""
        self._made.clear()

    def frame(self, index: int) -> Image:
        """Return the codes of a frame, uint8 of the shape ``self.shape[1:]``."""
        index = range(len(self))[index]
        made = self._made.get(index)
        if made is None:
            made = self._made[index] = self._draw(index)
            while len(self._made) * made.nbytes > CACHE_BYTES:
                self._made.popitem(last=False)
        else:
            self._made.move_to_end(index)
        return made

    # Codes --------------------------------------------------------------------

    def _plan(self) -> None:
        """Share the 256 codes out: fills times levels of hardness, then lines."""
        indices = [s.index for s in self.sources.structures]
        self._fills = np.zeros(_CODES, np.uint8)
        self._fills[indices] = np.arange(1, len(indices) + 1)
        self._positive, self._negative = len(indices) + 1, len(indices) + 2
        fills = len(indices) + 3
        self._levels = min(_MOST_LEVELS, (_CODES - 3) // fills)
        self._hard, self._truth, self._halo = (fills * self._levels + i for i in range(3))

    def palette(self) -> dict[int, Color]:
        """Return the colour of every code, red, green, blue and opacity in 0-1."""
        from napari.utils.colormaps import ensure_colormap

        fills: list[Color] = [(0.0, 0.0, 0.0, 0.0)]
        fills += [_rgba(s.color, FILL_OPACITY) for s in self.sources.structures]
        fills += [_rgba(c, DIFFERENCE_OPACITY) for c in (FALSE_POSITIVE, FALSE_NEGATIVE)]
        hardness = np.linspace(0, 1, self._levels)
        colors: dict[int, Color] = {}
        for level, (red, green, blue, _) in enumerate(ensure_colormap("inferno").map(hardness)):
            # As bright as it is hard, so that easy pixels stay as the clip has them.
            opacity = HEAT_OPACITY * min(1.0, 2 * float(hardness[level]))
            heat = (float(red), float(green), float(blue), opacity)
            for place, fill in enumerate(fills):
                colors[place * self._levels + level] = _over(fill, heat)
        colors[self._hard] = _rgba(HARD, 1.0)
        colors[self._truth] = _rgba(TRUTH, 1.0)
        colors[self._halo] = _rgba(HALO, HALO_OPACITY)
        return colors

    # Drawing --------------------------------------------------------------------

    def _draw(self, index: int) -> Image:
        import cv2

        sources, shown = self.sources, self.shown

        def part(frames: NDArray[Any] | None) -> NDArray[Any] | None:
            return None if frames is None else frames[index][self.area]

        truth, compared, prediction = map(
            part, (sources.truth, sources.compared, sources.prediction)
        )
        hardness, hard = part(sources.hardness), part(sources.hard)
        annotated = sources.annotated is None or bool(sources.annotated[index])
        rows, columns = (side.stop - side.start for side in self.area)
        codes: Image = np.zeros((rows, columns), np.uint8)
        if "prediction" in shown and prediction is not None:
            codes = np.asarray(cv2.LUT(prediction, self._fills), np.uint8)
        if "difference" in shown and annotated and truth is not None and compared is not None:
            lv, true_lv = compared == LV, truth == LV
            np.copyto(codes, self._positive, where=lv & ~true_lv & (truth != IGNORE))
            np.copyto(codes, self._negative, where=true_lv & ~lv)
        codes *= np.uint8(self._levels)
        if "hardness" in shown and hardness is not None:
            level = cv2.convertScaleAbs(hardness, alpha=self._levels - 1)
            level[hardness < FAINTEST] = 0
            codes += np.minimum(level, np.uint8(self._levels - 1))
        codes = self._enlarge(codes)
        if "hard pixels" in shown and hard is not None:
            np.copyto(codes, self._hard, where=_edge(self._enlarge(hard), self._width))
        if "truth" in shown and truth is not None:
            known = np.asarray(cv2.LUT(truth, _KNOWN), np.uint8)
            line = _edge(self._enlarge(known), self._width)
            around = cv2.dilate(line.view(np.uint8), _square(1)).view(np.bool_)
            np.copyto(codes, self._halo, where=around)
            np.copyto(codes, self._truth, where=line)
        return codes

    def _enlarge(self, image: NDArray[Any]) -> Image:
        small = image.view(np.uint8)
        if self.factor == 1:
            return small
        return small.repeat(self.factor, axis=0).repeat(self.factor, axis=1)


def _edge(labels: Image, width: int) -> NDArray[np.bool_]:
    """Find the pixels of structures along their border, on one side of it; bool (H, W)."""
    import cv2

    least = cv2.erode(labels, _square(width), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(least != labels)


def _square(reach: int) -> Image:
    return np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)


def _rgba(color: str, opacity: float) -> Color:
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue, opacity


def _over(top: Color, bottom: Color) -> Color:
    """Lay a colour over another (Porter and Duff's "over", colours not premultiplied)."""
    below = bottom[3] * (1 - top[3])
    opacity = top[3] + below
    if not opacity:
        return 0.0, 0.0, 0.0, 0.0
    red, green, blue = (
        (t * top[3] + b * below) / opacity for t, b in zip(top[:3], bottom[:3], strict=True)
    )
    return red, green, blue, opacity
