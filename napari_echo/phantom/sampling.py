"""The ranges that a phantom's parameters are drawn from.

Anatomy follows what is common in adult apical four-chamber views; levels were
set so that grey levels and their contrast across the LV's border spread a
little wider than in real images.
"""

from __future__ import annotations

import numpy as np

from napari_echo.phantom.params import Anatomy, Cycle, Furniture, Look, Scan


def _normal(rng: np.random.Generator, mean: float, spread: float, low: float, high: float) -> float:
    """A normal deviate held inside [low, high]."""
    return float(np.clip(rng.normal(mean, spread), low, high))


def _uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def sample_anatomy(rng: np.random.Generator) -> Anatomy:
    """Draw a heart at end diastole."""
    length = _normal(rng, 80, 10, 55, 104)
    width = float(np.clip(length * rng.normal(0.58, 0.08), 32, 70))
    annulus = _uniform(rng, 0.62, 0.95)
    wall = _normal(rng, 11.0, 1.8, 6.0, 16)
    bend = _normal(rng, 0, 2.2, -6, 6)
    outline = tuple(float(x) for x in rng.normal(0, 0.016, 6))
    la_width = float(np.clip(width * annulus * rng.normal(1.12, 0.16), 24, 64))
    return Anatomy(
        lv_length=length,
        lv_width=width,
        lv_widest=_uniform(rng, 0.45, 0.72),
        lv_apex_power=_uniform(rng, 1.75, 2.7),
        annulus_ratio=annulus,
        annulus_slope=_normal(rng, 0, 4.0, -10, 10),
        axis_bend=bend,
        outline=outline,
        wall=(
            wall * _uniform(rng, 0.85, 1.15),
            wall * _uniform(rng, 0.7, 1.1),
            wall * _uniform(rng, 0.85, 1.2),
        ),
        basal_bulge=max(0.0, float(rng.normal(0, 1.5))),
        la_length=_normal(rng, 46, 11, 22, 75),
        la_width=la_width,
        la_skew=_normal(rng, 0, 5, -12, 12),
        rv_width=_normal(rng, 34, 7, 16, 54),
        rv_length_ratio=_uniform(rng, 0.6, 0.95),
        ra_length=_normal(rng, 40, 8, 24, 60),
        ra_width=_normal(rng, 36, 7, 20, 56),
        papillary=(
            _uniform(rng, 0.35, 0.6),
            _uniform(rng, 12, 24),
            _uniform(rng, 5, 10) if rng.random() < 0.45 else 0.0,
        ),
        moderator_band=_uniform(rng, 0.35, 0.6) if rng.random() < 0.4 else 0.0,
        leaflet_thickness=_uniform(rng, 0.9, 2.2),
        leaflet_tent=_uniform(rng, 0.02, 0.22),
    )


def sample_cycle(rng: np.random.Generator) -> Cycle:
    """Draw a heart beat."""
    rate = _normal(rng, 72, 14, 45, 115)
    # Half of the clips near the healthy range, half spread to heart failure.
    fraction = _normal(rng, 0.58, 0.07, 0.4, 0.75) if rng.random() < 0.5 else rng.uniform(0.15, 0.7)
    akinetic = rng.random() < 0.25
    return Cycle(
        heart_rate=rate,
        rr_jitter=_uniform(rng, 0.0, 0.04) if rng.random() < 0.9 else _uniform(rng, 0.08, 0.18),
        ejection_fraction=float(fraction),
        longitudinal_share=_uniform(rng, 0.12, 0.26),
        atrial_kick=_uniform(rng, 0.12, 0.32),
        akinesia=(
            _uniform(rng, -2.2, 2.2),
            _uniform(rng, 0.4, 0.9),
            _uniform(rng, 0.4, 1.0) if akinetic else 0.0,
        ),
        sway=(_normal(rng, 0, 1.5, -4, 4), _normal(rng, 0, 1.0, -3, 3)),
        breathing=_uniform(rng, 0, 2.5),
        start_phase=_uniform(rng, 0, 1),
        beats=_uniform(rng, 2.6, 3.8),
        fps=float(round(_uniform(rng, 25, 80))),
    )


def sample_scan(rng: np.random.Generator, anatomy: Anatomy) -> Scan:
    """Draw a probe position and settings that show this heart."""
    apex_depth = _normal(rng, 28, 7.5, 13, 48)
    tilt = _normal(rng, 11, 9.5, -14, 38)
    # The depth is set by the sonographer to show the atria, more or less.
    reach = apex_depth + anatomy.lv_length * np.cos(np.radians(tilt))
    depth = float(np.clip(reach + anatomy.la_length * rng.uniform(0.25, 1.5) + 4, 100, 205))
    angle = 75.0 if rng.random() < 0.35 else _normal(rng, 80, 11, 60, 104)
    return Scan(
        angle=angle,
        depth=depth,
        face_radius=0.0 if rng.random() < 0.6 else _uniform(rng, 2, 16),
        apex=(
            _normal(rng, -3 - 0.45 * (tilt - 11), 6.0, -24, 20),
            apex_depth,
        ),
        tilt=tilt,
        mirrored=bool(rng.random() < 0.03),
        fill=1.0 if rng.random() < 0.5 else _uniform(rng, 0.65, 1.0),
        offset=(_uniform(rng, 0.1, 0.9), _normal(rng, 0.5, 0.15, 0, 1)),
        axial_psf=_uniform(rng, 0.32, 0.7),
        lateral_psf=_uniform(rng, 0.55, 1.3),
        near_psf=_uniform(rng, 2.0, 5.0),
    )


def sample_look(rng: np.random.Generator) -> Look:
    """Draw echo levels and display settings."""
    shadows = tuple(
        (
            _uniform(rng, -1, 1),
            _uniform(rng, 0.05, 0.3),
            _uniform(rng, 0, 60),
            _uniform(rng, 4, 18),
        )
        for _ in range(int(rng.choice([0, 0, 1, 1, 2, 3])))
    )
    # A third of the clips are dark and of high contrast: black cavities and flanks.
    dark = rng.random() < 0.3
    return Look(
        tissue_grey=_normal(rng, 100, 22, 55, 150) if dark else _normal(rng, 154, 25, 80, 215),
        dynamic_range=_uniform(rng, 46, 66) if dark else _uniform(rng, 36, 62),
        gamma=_uniform(rng, 0.85, 1.5),
        blood=_uniform(rng, -44, -24) if dark else _uniform(rng, -34, -16),
        deep_veil=_uniform(rng, 0, 16) if rng.random() < 0.7 else 0.0,
        septal_lines=_uniform(rng, 0, 7),
        lateral_loss=_uniform(rng, 3, 18),
        apical_loss=_uniform(rng, 1, 13),
        strands=_uniform(rng, 0, 8),
        thin_wall_loss=_uniform(rng, 0, 15),
        texture=_uniform(rng, 1.5, 6.0) if dark else _uniform(rng, 1.0, 4.5),
        drift=_uniform(rng, 1.0, 6.0),
        pericardium=_uniform(rng, -3, 12),
        pericardial_band=float(np.exp(_uniform(rng, np.log(2.5), np.log(16)))),
        anisotropy=_uniform(rng, 2, 14),
        outside=_uniform(rng, -34, -12) if dark else _uniform(rng, -18, -3),
        far_band=_uniform(rng, 6, 34) if dark else _uniform(rng, 0, 16),
        annulus=(_uniform(rng, 0, 12), _uniform(rng, 3, 9)),
        valve=_uniform(rng, -8, 8),
        trabeculae=_uniform(rng, 0.3, 3.5),
        veil=_uniform(rng, -44, -22) if dark else _uniform(rng, -26, -9),
        haze=_uniform(rng, -16, 2),
        haze_depth=_uniform(rng, 8, 40),
        face_band=_uniform(rng, -12, 8),
        clutter=_uniform(rng, -26, -10),
        noise=_uniform(rng, -50, -26) if dark else _uniform(rng, -36, -14),
        memory=_uniform(rng, 0.04, 0.2),
        attenuation=_uniform(rng, -5, 8),
        gain_ripple=_uniform(rng, 0.5, 3.5),
        edge_loss=_uniform(rng, 0, 26 if dark else 14) if rng.random() < 0.6 else 0.0,
        drop_outs=shadows,
        speckle_contrast=_uniform(rng, 0.35, 0.85) if dark else _uniform(rng, 0.5, 1.0),
        grain=_uniform(rng, 0, 4) if dark else _uniform(rng, 1, 9),
        envelope_smoothing=_uniform(rng, 0.0, 0.7),
        image_blur=_uniform(rng, 0.0, 1.0 if dark else 0.6),
        jpeg_quality=int(rng.integers(40, 95)) if rng.random() < 0.3 else 0,
    )


def sample_furniture(rng: np.random.Generator) -> Furniture:
    """Draw what surrounds the sector; four clips in ten have nothing."""
    any_at_all = rng.random() < 0.6
    text, ecg, ticks, grey_bar, bottom_bar = (
        bool(any_at_all and rng.random() < p) for p in (0.8, 0.6, 0.6, 0.5, 0.3)
    )
    return Furniture(text, ecg, ticks, grey_bar, bottom_bar, int(rng.integers(90, 240)))
