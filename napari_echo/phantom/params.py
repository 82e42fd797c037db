"""What a phantom clip is made of: every number that its seed draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Anatomy:
    """The heart at end diastole, in mm in the frame of the LV's long axis.

    The frame's origin is the endocardial apex; v runs along the long axis to
    the mitral annulus, u runs to the lateral wall.
    """

    lv_length: float
    """Long axis, from the apex to the annulus plane."""
    lv_width: float
    """Largest inner width."""
    lv_widest: float
    """Where along the long axis it is widest, 0 apex to 1 base."""
    lv_apex_power: float
    """Exponent of the apical cap: 2 is an ellipse, more is blunter."""
    annulus_ratio: float
    """Width of the mitral annulus over the largest width."""
    annulus_slope: float
    """How much deeper the lateral hinge lies than the septal one."""
    axis_bend: float
    """Sideways bow of the long axis."""
    outline: tuple[float, ...]
    """Six Fourier coefficients of a small irregularity of the endocardium."""
    wall: tuple[float, float, float]
    """Thickness of the septum, of the apex and of the lateral wall."""
    basal_bulge: float
    """Extra thickness of the basal septum."""
    la_length: float
    la_width: float
    la_skew: float
    rv_width: float
    """Basal width of the right ventricle."""
    rv_length_ratio: float
    ra_length: float
    ra_width: float
    papillary: tuple[float, float, float]
    """Position along the lateral wall (0 apex to 1 base), length and width;
    a width of 0 is a plane that misses the muscle."""
    moderator_band: float
    """Position of the band along the right ventricle; 0 where it is unseen."""
    leaflet_thickness: float


@dataclass(frozen=True)
class Cycle:
    """The heart beat."""

    heart_rate: float
    """Beats a minute."""
    rr_jitter: float
    """Standard deviation of the RR interval over its mean."""
    ejection_fraction: float
    """Single-plane ejection fraction by the method of discs."""
    longitudinal_share: float
    """Shortening of the long axis over the ejection fraction."""
    atrial_kick: float
    """Share of the stroke volume that enters with the atrial contraction."""
    akinesia: tuple[float, float, float]
    """Centre and half width (radians around the LV, 0 apex, negative septal)
    of a segment that moves less, and how much less, 0 to 1."""
    sway: tuple[float, float]
    """Motion of the whole heart over a beat, lateral and axial, mm."""
    breathing: float
    """Amplitude of the slow drift, mm."""
    start_phase: float
    """Where in a beat the clip starts, 0 to 1 (0 is the R peak)."""
    beats: float
    """Length of the clip in beats."""
    fps: float


@dataclass(frozen=True)
class Scan:
    """The probe, its position and the image grid."""

    angle: float
    """Opening angle of the sector, degrees."""
    depth: float
    """From the probe's face to the bottom of the sector, mm."""
    face_radius: float
    """Radius of the probe's face, mm; 0 where all beams meet at a point."""
    apex: tuple[float, float]
    """Position of the LV apex under the probe's face, lateral and deep, mm."""
    tilt: float
    """Angle of the LV's long axis to the central beam, degrees; positive
    where the base lies to the right of the apex."""
    mirrored: bool
    """Left and right exchanged."""
    fill: float
    """Share of the image that the sector spans."""
    offset: tuple[float, float]
    """Position of the sector in what is left, down and across, 0 to 1."""
    axial_psf: float
    """Standard deviation of the pulse, mm."""
    lateral_psf: float
    """Standard deviation of a beam's width, degrees: its width in mm grows with depth."""
    near_psf: float
    """How many times wider (in degrees) the beam is at the face."""


@dataclass(frozen=True)
class Look:
    """Echo levels in dB (0 is the septum) and how they become grey levels."""

    tissue_grey: float
    """Grey level of 0 dB."""
    dynamic_range: float
    """dB from black to white."""
    gamma: float
    """Exponent of the grey map after log compression."""
    blood: float
    deep_veil: float
    """How much more than in the LV the blood of the atria seems to scatter."""
    septal_lines: float
    """How much brighter the two faces of the septum are than its middle."""
    lateral_loss: float
    """How much fainter the lateral wall is than the septum at the endocardium."""
    apical_loss: float
    strands: float
    """Bright strands along the walls."""
    texture: float
    """Standard deviation of the echogenicity over about 10 mm."""
    drift: float
    """Standard deviation of the echogenicity beside the heart over about 40 mm."""
    pericardium: float
    """Level of the pericardium where it faces the beam, and of the band behind it."""
    pericardial_band: float
    """Depth over which the band behind the pericardium fades, mm."""
    anisotropy: float
    """Loss of a surface that runs along the beam."""
    outside: float
    """Tissue beside the heart."""
    far_band: float
    """What lies behind the atria, above the tissue beside the heart."""
    annulus: tuple[float, float]
    """Level of the bright spots at the hinges of the valves and their radius, mm."""
    valve: float
    trabeculae: float
    """Width in mm of the trabeculated layer inside the endocardium."""
    veil: float
    """Diffuse power that lies over the whole sector and hides faint echoes."""
    haze: float
    """Near-field haze at the face."""
    haze_depth: float
    """Depth over which the haze falls by 8.7 dB, mm."""
    face_band: float
    """Bright arcs of the chest wall under the face."""
    clutter: float
    """Side-lobe clutter relative to the tissue that it comes from."""
    noise: float
    """Electronic noise at the bottom of the sector."""
    attenuation: float
    """Uncompensated loss from the face to the bottom of the sector."""
    gain_ripple: float
    """Standard deviation of smooth gain errors over the sector."""
    edge_loss: float
    """Loss at the sector's edges."""
    drop_outs: tuple[tuple[float, float, float, float], ...]
    """Shadows: angle (share of the half angle), half width, onset depth (mm), loss (dB)."""
    speckle_contrast: float
    """Share of the speckle's contrast that the scanner's speckle reduction leaves."""
    grain: float
    """Standard deviation in grey levels of fine noise in the displayed image."""
    envelope_smoothing: float
    """Standard deviation in samples of the smoothing before log compression."""
    image_blur: float
    """Standard deviation in pixels of the blur of the scan-converted image."""
    jpeg_quality: int
    """Quality of a lossy compression; 0 for none."""


@dataclass(frozen=True)
class Furniture:
    """What the scanner draws around the sector."""

    text: bool
    ecg: bool
    ticks: bool
    grey_bar: bool
    bottom_bar: bool
    level: int
    """Grey level of the drawings."""


@dataclass(frozen=True)
class PhantomParams:
    """All parameters of one phantom clip.

    Use `sample` and change single groups with `dataclasses.replace`.
    """

    anatomy: Anatomy
    cycle: Cycle
    scan: Scan
    look: Look
    furniture: Furniture

    @classmethod
    def sample(cls, seed: int) -> PhantomParams:
        """Draw parameters.

        Parameters
        ----------
        seed : int
            Not negative. The same seed gives the same parameters.

        Returns
        -------
        PhantomParams
            Ranges follow adult apical four-chamber views: LV length 55-105
            mm, width 32-68 mm, EF 0.15-0.75, depth 100-200 mm, sector 60-100
            degrees.
        """
        rng = np.random.default_rng([seed, 0])
        anatomy = _sample_anatomy(rng)
        cycle = _sample_cycle(rng)
        scan = _sample_scan(rng, anatomy)
        return cls(anatomy, cycle, scan, _sample_look(rng), _sample_furniture(rng))


def _normal(rng: np.random.Generator, mean: float, spread: float, low: float, high: float) -> float:
    """A normal deviate held inside [low, high]."""
    return float(np.clip(rng.normal(mean, spread), low, high))


def _uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def _sample_anatomy(rng: np.random.Generator) -> Anatomy:
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
    )


def _sample_cycle(rng: np.random.Generator) -> Cycle:
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
        beats=_uniform(rng, 2.1, 3.6),
        fps=float(round(_uniform(rng, 25, 80))),
    )


def _sample_scan(rng: np.random.Generator, anatomy: Anatomy) -> Scan:
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


def _sample_look(rng: np.random.Generator) -> Look:
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
        tissue_grey=_normal(rng, 100, 22, 55, 150) if dark else _normal(rng, 146, 25, 75, 205),
        dynamic_range=_uniform(rng, 46, 66) if dark else _uniform(rng, 36, 62),
        gamma=_uniform(rng, 0.85, 1.5),
        blood=_uniform(rng, -44, -24) if dark else _uniform(rng, -34, -16),
        deep_veil=_uniform(rng, 0, 12) if rng.random() < 0.6 else 0.0,
        septal_lines=_uniform(rng, 0, 7),
        lateral_loss=_uniform(rng, 3, 18),
        apical_loss=_uniform(rng, 1, 13),
        strands=_uniform(rng, 0, 8),
        texture=_uniform(rng, 1.0, 4.0),
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
        attenuation=_uniform(rng, -5, 8),
        gain_ripple=_uniform(rng, 0.5, 3.5),
        edge_loss=_uniform(rng, 0, 26 if dark else 14) if rng.random() < 0.6 else 0.0,
        drop_outs=shadows,
        speckle_contrast=_uniform(rng, 0.55, 1.0),
        grain=_uniform(rng, 0, 4) if dark else _uniform(rng, 1, 9),
        envelope_smoothing=_uniform(rng, 0.0, 0.7),
        image_blur=_uniform(rng, 0.0, 0.6),
        jpeg_quality=int(rng.integers(40, 95)) if rng.random() < 0.3 else 0,
    )


def _sample_furniture(rng: np.random.Generator) -> Furniture:
    any_at_all = rng.random() < 0.6
    text, ecg, ticks, grey_bar, bottom_bar = (
        bool(any_at_all and rng.random() < p) for p in (0.8, 0.6, 0.6, 0.5, 0.3)
    )
    return Furniture(text, ecg, ticks, grey_bar, bottom_bar, int(rng.integers(90, 240)))
