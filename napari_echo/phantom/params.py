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
    leaflet_tent: float
    """Height of the closed mitral valve over its annulus, in annulus widths."""


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
    thin_wall_loss: float
    """How much fainter than the septum the atrial walls and the right ventricle's are."""
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
    memory: float
    """Seconds after which noise and the echo of blood have changed wholly: the
    scanner's persistence."""
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
        from napari_echo.phantom import sampling

        rng = np.random.default_rng([seed, 0])
        anatomy = sampling.sample_anatomy(rng)
        cycle = sampling.sample_cycle(rng)
        scan = sampling.sample_scan(rng, anatomy)
        look = sampling.sample_look(rng)
        return cls(anatomy, cycle, scan, look, sampling.sample_furniture(rng))
