"""A phantom clip: seeded, exact, several beats, drawn as asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_echo.core.errors import EchoError
from napari_echo.phantom.generate import PhantomClip, generate
from napari_echo.phantom.motion import HeartMotion, disc_volume
from napari_echo.phantom.params import Furniture, PhantomParams


def still_params(seed: int) -> PhantomParams:
    """Parameters without sway, breathing and furniture, at a low frame rate."""
    params = PhantomParams.sample(seed)
    cycle = replace(
        params.cycle,
        sway=(0.0, 0.0),
        breathing=0.0,
        fps=30.0,
        beats=2.6,
        rr_jitter=0.02,
        start_phase=0.8,
    )
    none = Furniture(
        text=False, ecg=False, ticks=False, grey_bar=False, bottom_bar=False, level=200
    )
    return replace(params, cycle=cycle, furniture=none)


@pytest.fixture(scope="module")
def phantom() -> PhantomClip:
    return generate(3, size=(128, 128), params=still_params(3))


def test_the_seed_decides_every_pixel() -> None:
    first, again, other = (generate(s, size=(96, 96), frames="key") for s in (5, 5, 6))
    assert first.clip.clip_id == again.clip.clip_id
    np.testing.assert_array_equal(first.truth.labels, again.truth.labels)
    assert first.params == again.params
    assert first.clip.clip_id != other.clip.clip_id


def test_a_frame_is_the_same_whichever_others_are_rendered(phantom: PhantomClip) -> None:
    picked = generate(3, size=(128, 128), params=phantom.params, frames=[20, 4])
    np.testing.assert_array_equal(picked.clip.frames, phantom.clip.frames[[20, 4]])
    np.testing.assert_array_equal(picked.truth.labels, phantom.truth.labels[[20, 4]])
    assert picked.clip.fps is None
    assert phantom.clip.fps == 30.0


def test_key_frames_are_ed_and_es_of_the_first_beat(phantom: PhantomClip) -> None:
    key = generate(3, size=(128, 128), params=phantom.params, frames="key")
    beat = phantom.key_frames.beats[0]
    np.testing.assert_array_equal(key.clip.frames, phantom.clip.frames[[beat.ed, beat.es]])
    assert [(b.ed, b.es) for b in key.key_frames.beats] == [(0, 1)]


def test_a_half_beat_is_the_whole_clip_from_ed_to_es(phantom: PhantomClip) -> None:
    half = generate(3, size=(128, 128), params=phantom.params, frames="half beat")
    beat = phantom.key_frames.beats[0]
    systole = slice(beat.ed, beat.es + 1)
    np.testing.assert_array_equal(half.clip.frames, phantom.clip.frames[systole])
    np.testing.assert_array_equal(half.truth.labels, phantom.truth.labels[systole])
    assert [(b.ed, b.es) for b in half.key_frames.beats] == [(0, beat.es - beat.ed)]
    assert half.clip.fps == phantom.clip.fps
    assert half.ef == phantom.ef


def test_every_frame_is_annotated_with_three_structures(phantom: PhantomClip) -> None:
    assert phantom.truth.annotated.all()
    assert phantom.truth.labels.shape == phantom.clip.frames.shape
    for frame in phantom.truth.labels:
        assert set(np.unique(frame)) == {0, 1, 2, 3}


def test_the_area_curve_has_its_extremes_at_the_key_frames(phantom: PhantomClip) -> None:
    area = phantom.truth.mask(1).sum(axis=(1, 2))
    beats = phantom.key_frames.beats
    assert len(beats) >= 2
    for beat in beats:
        assert area[beat.ed] >= 0.98 * area[beat.ed : beat.es + 1].max()
        assert area[beat.es] <= 1.03 * area[beat.ed : beat.es + 8].min()


def test_masks_are_smooth_in_time(phantom: PhantomClip) -> None:
    area = phantom.truth.mask(1).sum(axis=(1, 2)).astype(float)
    stroke = np.ptp(area)
    # The second difference of a smooth curve at 30 Hz is far below the stroke.
    assert np.abs(np.diff(area, 2)).max() < 0.2 * stroke


def test_ef_comes_from_the_same_outlines_as_the_masks(phantom: PhantomClip) -> None:
    """Discs measured on the masks give the EF that the clip claims."""

    def volume(mask: np.ndarray) -> float:
        # Discs perpendicular to the image's vertical would depend on the tilt:
        # use the mask's own principal axis.
        points = np.argwhere(mask).astype(float)
        centred = points - points.mean(axis=0)
        axis = np.linalg.eigh(np.cov(centred.T))[1][:, -1]
        along = centred @ axis
        counts, edges = np.histogram(along, bins=20)
        thickness = edges[1] - edges[0]
        return float(np.sum((counts / thickness) ** 2) * thickness)

    beat = phantom.key_frames.beats[0]
    edv, esv = (volume(phantom.truth.mask(1)[i]) for i in (beat.ed, beat.es))
    assert (edv - esv) / edv == pytest.approx(phantom.ef, abs=0.05)


@pytest.mark.parametrize("target", [0.15, 0.45, 0.75])
def test_the_heart_reaches_the_requested_ef(target: float) -> None:
    for seed in range(3):
        params = PhantomParams.sample(seed)
        motion = HeartMotion(params.anatomy, replace(params.cycle, ejection_fraction=target))
        edv, esv = (disc_volume(motion.endocardium(g))[0] for g in (0.0, 1.0))
        assert (edv - esv) / edv == pytest.approx(target, abs=0.005)


def test_disc_volume_of_a_half_ellipsoid() -> None:
    t = np.linspace(-np.pi / 2, np.pi / 2, 401)
    outline = np.stack([20 * np.sin(t), 80 - 80 * np.cos(t)], axis=1)
    volume, length = disc_volume(outline)
    assert length == pytest.approx(80)
    assert volume == pytest.approx(2 / 3 * np.pi * 20**2 * 80 / 1000, rel=0.01)


def test_sampled_parameters_keep_their_ranges() -> None:
    drawn = [PhantomParams.sample(seed) for seed in range(300)]
    fractions = np.array([p.cycle.ejection_fraction for p in drawn])
    assert fractions.min() >= 0.15
    assert fractions.max() <= 0.75
    assert np.ptp(fractions) > 0.45
    assert all(25 <= p.cycle.fps <= 80 and p.cycle.beats > 2 for p in drawn)
    assert all(60 <= p.scan.angle <= 104 and 100 <= p.scan.depth <= 205 for p in drawn)
    with_text = np.mean([p.furniture.text for p in drawn])
    assert 0.3 < with_text < 0.7


def test_the_wall_encloses_the_cavity_and_ends_at_the_annulus(phantom: PhantomClip) -> None:
    """Going out from the cavity one meets wall or atrium before background, but at few pixels."""
    labels = phantom.truth.labels[phantom.key_frames.beats[0].ed]
    cavity = labels == 1
    rim = np.zeros_like(cavity)
    for axis in (0, 1):
        for step in (1, -1):
            rim |= np.roll(cavity, step, axis)
    outside = labels[rim & ~cavity]
    assert np.mean(outside == 2) > 0.6
    assert np.mean(outside == 3) > 0.08
    assert np.mean(outside == 0) < 0.05


def test_the_atrium_is_cut_where_the_sector_ends() -> None:
    params = still_params(3)
    shallow = replace(params, scan=replace(params.scan, depth=params.scan.depth - 25))
    whole, cut = (generate(3, size=(128, 128), params=p, frames="key") for p in (params, shallow))

    def area_mm2(phantom: PhantomClip) -> float:
        assert phantom.clip.spacing_mm is not None
        return float(phantom.truth.mask(3)[0].sum() * phantom.clip.spacing_mm[0] ** 2)

    assert area_mm2(cut) < 0.9 * area_mm2(whole)
    assert cut.clip.frames[0][cut.truth.mask(3)[0]].mean() > 0


def test_furniture_is_drawn_beside_sector_and_masks() -> None:
    params = still_params(3)
    full = Furniture(text=True, ecg=True, ticks=True, grey_bar=True, bottom_bar=True, level=220)
    look = replace(params.look, jpeg_quality=0)
    size = (160, 200)
    plain = generate(3, size=size, params=replace(params, look=look), frames=[0, 9])
    drawn = generate(3, size=size, params=replace(params, look=look, furniture=full), frames=[0, 9])
    changed = plain.clip.frames != drawn.clip.frames
    assert changed.any(axis=(1, 2)).all()
    assert not changed[drawn.truth.labels > 0].any()
    # Where the plain image shows echo it is untouched.
    assert not changed[plain.clip.frames > 0].any()
    # The ECG runs on: the two frames' drawings differ.
    assert (changed[0] != changed[1]).any()


@pytest.mark.parametrize("size", [(112, 112), (240, 320)])
def test_size_and_spacing(size: tuple[int, int]) -> None:
    made = generate(8, size=size, frames="key")
    assert made.clip.frame_shape == size
    assert made.clip.spacing_mm is not None
    height_mm = size[0] * made.clip.spacing_mm[0]
    assert height_mm >= made.params.scan.depth
    assert made.clip.view == "A4C"


def test_mirrored_clips_have_mirrored_masks() -> None:
    params = still_params(3)
    scan = replace(params.scan, offset=(0.5, 0.5))
    straight = generate(3, size=(128, 128), params=replace(params, scan=scan), frames="key")
    flipped = generate(
        3, size=(128, 128), params=replace(params, scan=replace(scan, mirrored=True)), frames="key"
    )
    same = straight.truth.labels[:, :, ::-1] == flipped.truth.labels
    assert same.mean() > 0.995


def test_what_cannot_be_made_is_refused() -> None:
    with pytest.raises(EchoError, match="negative"):
        generate(-1)
    with pytest.raises(EchoError, match="32 x 32"):
        generate(0, size=(16, 16))
    with pytest.raises(EchoError, match="cannot render"):
        generate(0, size=(64, 64), frames=[100_000])
