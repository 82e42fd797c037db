"""How often the temporal checks find something, in exact masks and in a model's predictions.

``python tests/benchmarks/bench_temporal_checks.py --clips 24 --seed 91000000 --model NAME`` draws
whole phantom clips, which have two to three beats, measures their exact masks (whatever is found
there is a false alarm) and, with a model, its predictions, and prints for each check the clips
with a finding and the largest value of a clip: median, 90th percentile and maximum, in percent.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable

import numpy as np

from napari_echo.metrics.temporal_checks import CHECKS, findings, values
from napari_echo.metrics.volume import LVMeasures
from napari_echo.phantom.generate import generate
from napari_echo.workflow.measure import measure

Measured = tuple[LVMeasures, float | None]


def table(title: str, measured: Iterable[Measured]) -> None:
    """Print one line a check."""
    clips = list(measured)
    found = [findings(m, fps) for m, fps in clips]
    frames = sum(len(m.area) for m, _ in clips)
    print(
        f"{title}: {len(clips)} clips, {frames} frames; {sum(map(bool, found))} clips with "
        f"findings, {sum(map(len, found))} findings"
    )
    for check in CHECKS:
        largest = [
            max(own)
            for m, _ in clips
            if (own := [value for name, _, value in values(m) if name == check])
        ]
        with_it = sum(any(f.check == check for f in of_clip) for of_clip in found)
        median, high = np.percentile(largest, (50, 90))
        print(
            f"  {check:14} {with_it:3} clips   median {median:5.1f}   p90 {high:5.1f}   "
            f"max {max(largest):5.1f}"
        )


def main() -> None:
    """Draw, predict, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--seed", type=int, default=91_000_000)
    parser.add_argument("--model", help="name of a shipped model")
    arguments = parser.parse_args()
    predictor = None
    if arguments.model:
        from napari_echo.core.params import PredictParams
        from napari_echo.ml.packs import shipped_packs
        from napari_echo.ml.predictor import make_predictor
        from napari_echo.workflow.predict import predict

        pack = next(p for p in shipped_packs() if p.name == arguments.model)
        predictor = make_predictor(pack, PredictParams())
    exact: list[Measured] = []
    predicted: list[Measured] = []
    for seed in range(arguments.seed, arguments.seed + arguments.clips):
        phantom = generate(seed)
        clip = phantom.clip
        exact.append((measure(clip, phantom.truth, phantom.key_frames), clip.fps))
        if predictor is not None:
            prediction = predict(clip, predictor)
            predicted.append((measure(clip, prediction.segmentation), clip.fps))
    table("exact masks", exact)
    if predicted:
        table(f"predictions of {arguments.model}", predicted)


if __name__ == "__main__":
    main()
