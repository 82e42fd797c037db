"""Speckle: it moves with the tissue, not with the blood, and widens with depth."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from napari_echo.phantom.cycle import CycleClock
from napari_echo.phantom.generate import PhantomClip, generate
from napari_echo.phantom.geometry import SectorGeometry
from napari_echo.phantom.motion import HeartMotion
from napari_echo.phantom.params import PhantomParams

SIZE = (224, 224)


def clean_params(seed: int) -> PhantomParams:
    """A heart in the middle of the image, seen without noise, haze and losses."""
    params = PhantomParams.sample(seed)
    look = replace(
        params.look,
        veil=-60.0, noise=-70.0, haze=-60.0, face_band=-60.0, clutter=-50.0, grain=0.0,
        gain_ripple=0.0, edge_loss=0.0, attenuation=0.0, drop_outs=(), jpeg_quality=0,
        image_blur=0.0, envelope_smoothing=0.0, speckle_contrast=1.0, memory=0.04,
        lateral_loss=0.0, apical_loss=0.0, blood=-20.0, tissue_grey=150.0, dynamic_range=60.0,
        gamma=1.0, deep_veil=0.0, trabeculae=0.0, valve=-40.0,
    )  # fmt: skip
    anatomy = replace(params.anatomy, papillary=(0.5, 15.0, 0.0))
    cycle = replace(
        params.cycle,
        sway=(0.0, 0.0), breathing=0.0, fps=40.0, heart_rate=60.0, rr_jitter=0.0,
        start_phase=0.9, ejection_fraction=0.6, akinesia=(0.0, 0.5, 0.0),
    )  # fmt: skip
    scan = replace(params.scan, fill=1.0, face_radius=0.0, mirrored=False, depth=150.0)
    return replace(params, anatomy=anatomy, look=look, cycle=cycle, scan=scan)


@pytest.fixture(scope="module")
def systole() -> PhantomClip:
    """The first 40 frames of a clip that starts just before an R peak."""
    return generate(11, size=SIZE, params=clean_params(11), frames=range(40))


def high_pass(image: np.ndarray) -> np.ndarray:
    image = image.astype(np.float32)
    return np.asarray(image - cv2.GaussianBlur(image, (0, 0), 6.0))


def pixels_of(phantom: PhantomClip, points: np.ndarray, frame: int) -> np.ndarray:
    """Where material points (N, 2) lie in the image of a frame."""
    params = phantom.params
    motion = HeartMotion(params.anatomy, params.cycle)
    clock = CycleClock(params.cycle, np.random.default_rng(0))
    g = motion.contraction(clock.contraction(float(clock.times[frame])))
    geometry = SectorGeometry(params.scan, SIZE)
    return geometry.to_pixels(motion.from_material(points, g), (0.0, 0.0))


def read(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    x, y = points.astype(np.float32).T
    return cv2.remap(image, x[None], y[None], cv2.INTER_LINEAR)[0]


def test_speckle_moves_with_the_tissue(systole: PhantomClip) -> None:
    ed = systole.key_frames.beats[0].ed
    here, there = ed + 6, ed + 9
    v, u = np.mgrid[-20:110:0.7, -50:50:0.7]
    points = np.stack([u.ravel(), v.ravel()], axis=1)
    now, later = (high_pass(systole.clip.frames[i]) for i in (here, there))
    at, moved_to = (pixels_of(systole, points, i) for i in (here, there))
    core = cv2.erode(systole.truth.mask(1)[here].astype(np.uint8), np.ones((11, 11), np.uint8))
    seen = read(systole.clip.frames[here], at) > 0
    wall = seen & (read(systole.truth.mask(2)[here].astype(np.uint8), at) > 0)
    blood = seen & (read(core, at) > 0)
    assert wall.sum() > 1000
    assert blood.sum() > 500
    moves = np.hypot(*(moved_to - at)[wall].T)
    assert moves.mean() > 1.5

    def similarity(first: np.ndarray, second: np.ndarray, where: np.ndarray) -> float:
        return float(np.corrcoef(read(now, first)[where], read(later, second)[where])[0, 1])

    followed = similarity(at, moved_to, wall)
    assert followed > 0.6
    assert followed > similarity(at, at, wall) + 0.2
    assert followed > similarity(at, moved_to, blood) + 0.3
    assert followed > similarity(at, at, blood) + 0.3


def test_the_beam_widens_with_depth() -> None:
    params = clean_params(11)
    look = replace(params.look, noise=0.0, blood=-60.0, outside=-40.0, far_band=0.0)
    scan = replace(params.scan, lateral_psf=0.8, near_psf=2.0, depth=180.0)
    phantom = generate(
        11, size=(360, 360), params=replace(params, look=look, scan=scan), frames=[0, 1]
    )
    image = high_pass(phantom.clip.frames[0])

    def width(top: int) -> float:
        """Columns over which the speckle around the central beam stays alike."""
        band = image[top : top + 40, 150:210]
        correlation = [
            float(np.corrcoef(band[:, :-k].ravel(), band[:, k:].ravel())[0, 1]) for k in range(1, 8)
        ]
        return float(np.sum(np.clip(correlation, 0, 1)))

    assert width(290) > 1.3 * width(120)


def test_the_cavity_is_darker_than_the_wall(systole: PhantomClip) -> None:
    frame = systole.clip.frames[0]
    cavity = frame[systole.truth.mask(1)[0]].mean()
    wall = frame[systole.truth.mask(2)[0] & (frame > 0)].mean()
    assert wall > cavity + 20
