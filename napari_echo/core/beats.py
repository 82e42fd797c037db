"""Find end diastole and end systole in the LV's area curve."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_echo.core.keyframes import Beat, KeyFrames

_Curve = NDArray[np.float64]

# Limits of a human heart rate, in beats a minute.
_SLOWEST, _FASTEST = 30.0, 240.0
# An extremum stands out by this share of the curve's amplitude; the rise and
# fall of atrial contraction stay below it.
_PROMINENCE = 0.3
# A clip that starts or ends amid systole has an extremum at its edge that is
# no key frame: it stays this share of the amplitude short of the others.
_EDGE_SHORTFALL = 0.08
# A frame that leaps this share of the amplitude away from its neighbours, and
# back, is a failed segmentation and no motion.
_LEAP = 0.3


def detect_key_frames(
    area: ArrayLike, fps: float | None = None, *, least_change: float = 0.06
) -> KeyFrames:
    """Find end diastole and end systole from the LV's area curve.

    ED is a maximum of the area and ES a minimum. Single frames that leap are
    replaced by the median of their neighbours, the curve is smoothed with a
    Savitzky-Golay filter over a quarter of the beat (its length comes from
    the autocorrelation), and the extrema are those that stand out by 0.3 of
    the curve's amplitude. The first and the last frame count as extrema where
    they reach the level of the others, so that a clip of half a beat has its
    key frames at its ends. Each ED is paired with the ES that follows; a clip
    that shows only an ES before an ED has that pair as its one beat.

    Parameters
    ----------
    area : array_like of float, shape (T,)
        LV area of each frame in any unit; frames that are 0 or not a number
        have no LV and are bridged.
    fps : float or None
        Frames a second. Where known, beats are held to 30 to 240 a minute.
    least_change : float
        A curve that changes by less than this share of its maximum, or by
        less than its noise can explain, shows no beat.

    Returns
    -------
    KeyFrames
        With origin ``"detected"``; without beats where the clip is still,
        has fewer than two frames, or has no LV in more than half of them.
    """
    none = KeyFrames((), "detected")
    curve = _bridge_gaps(np.asarray(area, dtype=np.float64))
    if curve is None:
        return none
    noise = _noise(curve)
    curve = _without_leaps(curve, 3)
    period = _period(curve, fps)
    if period >= 16:  # a run of five is then too short to hold a real peak
        curve = _without_leaps(curve, 5)
    smooth, light = _smooth(curve, round(period / 4)), _smooth(curve, round(period / 8))
    amplitude = float(np.ptp(smooth))
    if amplitude < max(least_change * float(smooth.max()), 6 * noise):
        return none
    apart = 0.4 * period if fps is None else max(0.4 * period, fps * 60 / _FASTEST)
    diastoles = _peaks(smooth, amplitude, apart)
    systoles = _peaks(-smooth, amplitude, apart)
    reach = max(1, round(period / 16))
    beats = [
        Beat(_highest_near(light, ed, reach), _highest_near(-light, es, reach))
        for ed, es in _pairs(diastoles, systoles)
    ]
    return KeyFrames(tuple(b for b in beats if b.ed != b.es), "detected")


def _bridge_gaps(area: _Curve) -> _Curve | None:
    """Interpolate the frames without an LV; None if too few have one."""
    if area.ndim != 1:
        raise ValueError(f"an area curve has one dimension, not {area.ndim}")
    seen = np.isfinite(area) & (area > 0)
    if seen.sum() < 2 or seen.mean() < 0.5:
        return None
    frames = np.arange(len(area))
    return np.interp(frames, frames[seen], area[seen])


def _without_leaps(curve: _Curve, width: int) -> _Curve:
    """Replace frames far from the median of `width` frames around them."""
    from scipy.ndimage import median_filter

    if len(curve) < 8:  # in so few frames a beat itself leaps
        return curve
    limit = _LEAP * float(np.subtract(*np.percentile(curve, (95, 5))))
    median = median_filter(curve, width, mode="nearest")
    calm = np.where(np.abs(curve - median) > limit, median, curve)
    # The median of a window at the edge hardly sees its first frame's leap.
    for edge, inner, next_inner in ((0, 1, 2), (-1, -2, -3)):
        expected = 2 * calm[inner] - calm[next_inner]
        if min(abs(calm[edge] - expected), abs(calm[edge] - calm[inner])) > limit:
            calm[edge] = calm[inner]
    return calm


def _noise(curve: _Curve) -> float:
    """Estimate the standard deviation of the frame-to-frame noise by second differences.

    White noise ranges over about five of them in a clip of a hundred frames.
    """
    if len(curve) < 3:
        return 0.0
    return 1.4826 * float(np.median(np.abs(np.diff(curve, 2)))) / math.sqrt(6)


def _period(curve: _Curve, fps: float | None) -> float:
    """Estimate a beat's length in frames: the first strong peak of the autocorrelation.

    A clip of fewer than about one and a half beats shows none; its own length
    stands in, cut to the slowest heart's beat.
    """
    from scipy.signal import correlate, detrend, find_peaks

    n = len(curve)
    shortest = 4.0 if fps is None else fps * 60 / _FASTEST
    longest = float(n) if fps is None else min(float(n), fps * 60 / _SLOWEST)
    centred = detrend(curve)
    overlap = np.arange(n, 0, -1)
    correlation = correlate(centred, centred, mode="full")[n - 1 :] / overlap
    correlation[int(0.75 * n) + 1 :] = -np.inf  # too little overlap to tell
    peaks, _ = find_peaks(correlation)
    peaks = peaks[(peaks >= shortest) & (peaks <= longest)]
    if len(peaks) == 0 or correlation[peaks].max() < 0.3 * correlation[0]:
        return max(longest, shortest)
    strong = correlation[peaks] >= 0.8 * correlation[peaks].max()
    return float(peaks[strong][0])


def _smooth(curve: _Curve, width: int) -> _Curve:
    """Smooth by Savitzky-Golay of order 2 over `width` frames, if that is at least 5."""
    from scipy.signal import savgol_filter

    width = min(width, len(curve))
    width -= 1 - width % 2
    if width < 5:
        return curve
    smooth: _Curve = savgol_filter(curve, width, 2, mode="interp")
    return smooth


def _peaks(curve: _Curve, amplitude: float, apart: float) -> list[int]:
    """Find the maxima that stand out and lie at least `apart` frames from each other."""
    from scipy.signal import find_peaks

    margin = len(curve) - 1
    # Mirrored at both ends, a maximum at the edge becomes one inside.
    found, _ = find_peaks(np.pad(curve, margin, mode="reflect"), prominence=_PROMINENCE * amplitude)
    frames = np.array([f - margin for f in found if 0 <= f - margin <= margin], dtype=int)
    inside = frames[(frames > 0) & (frames < margin)]
    level = np.median(curve[inside]) if len(inside) else curve[frames].max(initial=-np.inf)
    frames = frames[
        np.isin(frames, inside) | (curve[frames] >= level - _EDGE_SHORTFALL * amplitude)
    ]
    kept: list[int] = []
    for frame in sorted(frames.tolist(), key=lambda f: -curve[f]):
        if all(abs(frame - other) >= apart for other in kept):
            kept.append(frame)
    return sorted(kept)


def _pairs(diastoles: list[int], systoles: list[int]) -> list[tuple[int, int]]:
    """Pair each ED with the ES before the next ED; else an ES with the ED after it."""
    pairs = []
    for ed, next_ed in zip(diastoles, [*diastoles[1:], None], strict=True):
        following = [es for es in systoles if es > ed and (next_ed is None or es < next_ed)]
        if following:
            pairs.append((ed, following[0]))
    if not pairs and diastoles and systoles:
        pairs.append((diastoles[0], systoles[-1]))
    return pairs


def _highest_near(curve: _Curve, frame: int, reach: int) -> int:
    """Find the maximum at most `reach` frames away."""
    first = max(0, frame - reach)
    return first + int(np.argmax(curve[first : frame + reach + 1]))
