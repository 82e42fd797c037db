"""Generate phantom clips: a moving heart, its echo and its exact masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA, Segmentation
from napari_echo.phantom.beam import Beamformer
from napari_echo.phantom.chambers import build_chambers
from napari_echo.phantom.cycle import CycleClock
from napari_echo.phantom.furniture import Furnisher
from napari_echo.phantom.geometry import SectorGeometry
from napari_echo.phantom.imaging import Image, blur, enlarge, sample
from napari_echo.phantom.motion import HeartMotion, disc_volume
from napari_echo.phantom.params import PhantomParams
from napari_echo.phantom.tissue import build_tissue, to_raster
from napari_echo.phantom.valves import draw_leaflets, leaflets

_FLOAT = NDArray[np.float64]

Part = Literal["key", "half beat", "beat"]
"""What is rendered of a clip, where that is not the whole."""

DEFAULT_SIZE = (256, 256)
# The motion is smooth: it is computed on every third sample and interpolated.
_MOTION_STEP = 3


@dataclass(frozen=True, eq=False)
class PhantomClip:
    """A phantom clip and all that is known about it.

    Attributes
    ----------
    clip : EchoClip
        The frames; `fps` is None where they do not follow each other.
    truth : Segmentation
        Exact labels of every frame: 1 LV cavity (papillary muscles and
        trabeculae included, ended by the annulus line), 2 myocardium of the
        LV, 3 left atrium (as far as the sector shows it).
    key_frames : KeyFrames
        ED and ES of every beat whose two frames are in the clip.
    params : PhantomParams
        What it was made from.
    ef : float
        Single-plane ejection fraction by 20 discs of the outlines from
        which the masks were filled, mean over the beats; the requested one
        where the clip holds no whole systole.
    """

    clip: EchoClip
    truth: Segmentation
    key_frames: KeyFrames
    params: PhantomParams
    ef: float


def generate(
    seed: int,
    *,
    size: tuple[int, int] | None = None,
    params: PhantomParams | None = None,
    frames: Sequence[int] | Part | None = None,
) -> PhantomClip:
    """Generate a phantom clip.

    Parameters
    ----------
    seed : int
        Not negative. Draws speckle and, without `params`, everything else.
    size : (int, int), optional
        Height and width of the image, 256 x 256 when left out.
    params : PhantomParams, optional
        What to make; `PhantomParams.sample(seed)` when left out.
    frames : sequence of int, "key", "half beat" or "beat", optional
        Render only these frames of the clip, in this order; "key" is ED and
        ES of the first beat, "half beat" every frame from its ED to its ES,
        "beat" every frame from its ED to the next.
        A frame does not depend on which others are rendered.

    Returns
    -------
    PhantomClip

    Raises
    ------
    EchoError
        If the seed is negative, the size is too small or a frame does not exist.
    """
    if seed < 0:
        raise EchoError(f"A phantom's seed must not be negative, but {seed} is.")
    height, width = size or DEFAULT_SIZE
    if min(height, width) < 32:
        raise EchoError(f"A phantom needs at least 32 x 32 pixels, not {height} x {width}.")
    params = params or PhantomParams.sample(seed)
    scene = _Scene(seed, params, (height, width))
    beats = scene.clock.beats_in_clip()
    n_frames = len(scene.clock.times)
    if frames is None:
        picked = list(range(n_frames))
    elif isinstance(frames, str):
        ed, es = beats[0] if beats else (0, 0)
        next_ed = beats[1][0] if len(beats) > 1 else n_frames - 1
        last = next_ed if frames == "beat" else es
        picked = sorted({ed, es}) if frames == "key" else list(range(ed, last + 1))
    else:
        picked = [int(i) for i in frames]
    if not picked or not all(0 <= i < n_frames for i in picked):
        raise EchoError(
            f"Phantom {seed} has the frames 0 to {n_frames - 1}; cannot render {picked}."
        )

    in_a_row = len(picked) > 1 and picked == list(range(picked[0], picked[-1] + 1))
    rendered = [scene.frame(i) for i in picked]
    images, labels = (np.stack(part) for part in zip(*rendered, strict=True))
    place = {frame: position for position, frame in enumerate(picked)}
    key = KeyFrames(
        tuple(Beat(place[ed], place[es]) for ed, es in beats if ed in place and es in place),
        "traced",
    )
    clip = EchoClip.from_frames(
        images,
        fps=params.cycle.fps if in_a_row else None,
        spacing_mm=(scene.geometry.spacing, scene.geometry.spacing),
        view="A4C",
        study_id=f"phantom-{seed:06d}",
    )
    truth = Segmentation(labels, np.ones(len(picked), dtype=np.bool_), "ground truth", CAMUS_SCHEMA)
    fractions = [scene.ejection_fraction(ed, es) for ed, es in beats]
    ef = float(np.mean(fractions)) if fractions else params.cycle.ejection_fraction
    return PhantomClip(clip, truth, key, params, ef)


class _Scene:
    """One phantom heart under one probe; renders any frame."""

    def __init__(self, seed: int, params: PhantomParams, size: tuple[int, int]) -> None:
        streams = [np.random.default_rng([seed, k]) for k in (1, 2, 3)]
        self._params = params
        self.geometry = SectorGeometry(params.scan, size)
        self.clock = CycleClock(params.cycle, streams[0])
        self._motion = HeartMotion(params.anatomy, params.cycle)
        self._chambers = build_chambers(params.anatomy, self._motion)
        self._tissue = build_tissue(params, self._motion.shape, self._chambers, streams[1])
        self._beam = Beamformer(self.geometry, params.look, streams[2], seed)
        self._furnisher = Furnisher(params, self.geometry, self.clock, seed)
        self._plane = self.geometry.polar_grid(_MOTION_STEP)

    def _pose(self, index: int) -> tuple[float, float, tuple[float, float]]:
        """Time, contraction and displacement of the heart of a frame."""
        time = float(self.clock.times[index])
        g = self._motion.contraction(self.clock.contraction(time))
        cycle = self._params.cycle
        breath = cycle.breathing * np.sin(2 * np.pi * time / 4.1)
        shift = (cycle.sway[0] * g + 0.5 * float(breath), cycle.sway[1] * g + float(breath))
        return time, g, shift

    def frame(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Grey levels and labels of one frame, each (H, W)."""
        time, g, shift = self._pose(index)
        labels = self._labels(g, shift)
        image = self.geometry.scan_convert(self._polar_image(time, g, shift))
        look = self._params.look
        if look.image_blur > 0.25:
            image = blur(image, look.image_blur)
        pixels = np.clip(np.round(image), 0, 255).astype(np.uint8)
        self._furnisher.draw(pixels, time, allowed=labels == 0)
        if look.jpeg_quality:
            _, packed = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, look.jpeg_quality])
            pixels = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)
        return pixels, labels

    def ejection_fraction(self, ed: int, es: int) -> float:
        """(EDV - ESV) / EDV of the outlines of two frames."""
        edv, esv = (disc_volume(self._motion.endocardium(self._pose(i)[1]))[0] for i in (ed, es))
        return (edv - esv) / edv

    def _polar_image(self, time: float, g: float, shift: tuple[float, float]) -> Image:
        """Grey levels along the beams."""
        params, geometry = self._params, self.geometry
        u, v = geometry.to_heart(*self._plane, shift)
        column, row = to_raster(*self._motion.to_material(u, v, g))
        shape = geometry.polar_shape
        echo = sample(self._tissue, enlarge(column, shape), enlarge(row, shape))
        tricuspid = self._chambers.right_ventricle[[-1, 0]]
        opening = self.clock.mitral_opening(time)
        curves = leaflets(self._motion, tricuspid, g, opening)
        bright = draw_leaflets(curves, geometry, shift, params.anatomy, params.look)
        return self._beam.render(echo[..., :2], echo[..., 2], bright, time)

    def _labels(self, g: float, shift: tuple[float, float]) -> NDArray[np.uint8]:
        """Exact labels, (H, W)."""
        motion, geometry = self._motion, self.geometry
        endo, epi = motion.endocardium(g), motion.epicardium(g)
        atrium = motion.from_material(self._chambers.left_atrium, g)
        atrium[0], atrium[-1] = endo[0], endo[-1]
        labels = np.zeros(geometry.size, np.uint8)
        labels[geometry.fill(geometry.to_pixels(atrium, shift)) & geometry.sector] = 3
        wall = np.concatenate([epi, endo[::-1]])
        labels[geometry.fill(geometry.to_pixels(wall, shift))] = 2
        labels[geometry.fill(geometry.to_pixels(endo, shift))] = 1
        return labels
