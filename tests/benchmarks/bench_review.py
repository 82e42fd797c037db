"""Measure the review station as a reader meets it: keys are pressed, points are dragged.

    xvfb-run -a python tests/benchmarks/bench_review.py [next] [block] [interactions] [memory]

makes phantom beats in a temporary folder and prints: from Next to the first
frame and to the first prediction, the longest time that the window stands
still while a model runs, the memory after opening clips in a row, and how
many interactions a corrected ED/ES pair takes a scripted reader, who sees the
exact masks and drags the model's contour until it overlaps them well enough.
How long a practised person's hands would take for them is estimated by the
keystroke-level model (Card, Moran and Newell, Comm. ACM 23(7), 1980, 396-410).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray
from station import MIND, Alone, Station, Watch, isolate, make_beats

from napari_echo.core.contour import open_outline
from napari_echo.core.labels import LV
from napari_echo.metrics.overlap import dice

ENOUGH, MOST_DRAGS = 0.94, 8
# Large enough for 200 of them to be far more than decoded clips may take.
OPENED_SHAPE = (20, 480, 640)
WHAT = ("next", "block", "interactions", "memory")


def measure_next(station: Station, beats: Path, n: int) -> list[str]:
    """Measure from Next to the first frame and to the first prediction."""
    station.open(beats)
    station.press("W")
    station.until(lambda: station.session.prediction is not None)
    napari = Alone(station)
    frames, predictions, predictors, alone, lengths = [], [], [], [], []
    for _ in range(n - 1):
        station.idle()  # as while a reader looks
        start = time.perf_counter()
        frames.append(station.next())
        shown = station.until_shown(lambda: station.session.prediction is not None)
        predictions.append(shown - start)
        session = station.session
        clip, truth = session.require_clip(), session.truth
        assert truth is not None
        predictors.append(session.prediction.seconds)  # type: ignore[union-attr]
        lengths.append(len(clip))
        station.idle()
        alone.append(napari.show(clip.frames, truth.labels, (1.0, *(clip.spacing_mm or (1, 1)))))
    napari.viewer.close()
    return [
        f"Next to the first frame (with its truth): median {_ms(frames)}, slowest "
        f"{1000 * max(frames):.0f} ms; napari alone shows another image and other labels in "
        f"{_ms(alone)}, so it takes {np.median(frames) / np.median(alone):.2f} times as long",
        f"Next to the prediction of all {np.median(lengths):.0f} frames, run ahead "
        f"while the clip before is looked at: median {_ms(predictions)}, slowest "
        f"{1000 * max(predictions):.0f} ms; the model takes {np.median(predictors):.2f} s",
    ]


def measure_block(station: Station, beats: Path) -> str:
    """Measure how long the window stands still while a model runs."""
    station.review.predicting_ahead.set_wanted(False)
    station.open(beats)
    station.press("W")  # the model is made ready once
    station.until(lambda: station.session.prediction is not None)
    blocks = []
    for _ in range(3):
        station.idle()
        station.next()
        station.idle()
        watch = Watch()
        station.press("W")
        station.until_shown(lambda: station.session.prediction is not None)
        station.idle()
        blocks.append(watch.stop())
    station.review.predicting_ahead.set_wanted(True)
    longest, work = np.median(blocks, axis=0)
    return (
        f"Longest block of the main thread from W until all is measured: {1000 * longest:.0f} ms "
        f"by the clock, {1000 * work:.0f} ms of its own work (median of {len(blocks)} runs)"
    )


def measure_memory(station: Station, folder: Path, n: int) -> str:
    """Measure the memory after opening clips in a row."""
    clips = folder / "opened"
    clips.mkdir()
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, OPENED_SHAPE, dtype=np.uint8)
    for index in range(n):
        np.save(clips / f"{index:04}.npy", np.roll(noise, index, axis=2))
    station.open(clips)
    process, found = psutil.Process(), {}
    for index in range(1, n):
        station.next()
        if (index + 1) % (n // 4) == 0:
            station.idle()
            found[index + 1] = process.memory_info().rss / 2**20
    told = ", ".join(f"{mib:.0f} MiB after {count}" for count, mib in found.items())
    return f"Memory while clips are opened in a row: {told}"


def measure_interactions(station: Station, folder: Path, n: int) -> list[str]:
    """Count what a scripted reader does until every pair is accepted or corrected."""
    station.open(folder)
    counts, hands, seconds, before, after = [], [], [], [], []
    for index in range(n):
        start = time.perf_counter()
        station.interactions, station.hand_seconds = 0, 0.0
        if index == 0:  # the others are run ahead
            station.press("W")
        station.until(lambda: station.session.prediction is not None)
        station.idle()
        session = station.session
        truth, prediction = session.truth, session.prediction
        assert truth is not None
        assert prediction is not None
        for key in ("J", "K"):
            station.press(key)
            station.wait(0.05)
            station.look()
            frame = station.review.layers.frame
            found, wanted = correct(station, frame, truth.labels[frame] == LV)
            before.append(dice(prediction.segmentation.labels[frame] == LV, wanted))
            after.append(dice(found, wanted))
        station.look()
        if index < n - 1:
            station.next("Shift-Y")
        else:
            station.press("Shift-Y")
        counts.append(station.interactions)
        hands.append(station.hand_seconds)
        seconds.append(time.perf_counter() - start)
        station.idle()
    revisions = station.session.corrections.store.rows()  # type: ignore[union-attr]
    if len(revisions) != n:
        raise SystemExit(f"{n} pairs were reviewed, but {len(revisions)} committed.")
    return [
        f"Interactions of {n} corrected pairs: median {np.median(counts):.0f}, mean "
        f"{np.mean(counts):.1f}, most {max(counts)} (keys and drags, Shift-Y among them)",
        f"LV Dice of ED and ES with the exact masks: {np.mean(before):.3f} before, "
        f"{np.mean(after):.3f} after; a drag follows another below {ENOUGH}",
        f"Time of a pair: the computer's, median {np.median(seconds):.1f} s; a person's hands and "
        f"{MIND} s to decide at ED, at ES, on each drag and on the verdict, by the keystroke-level "
        f"model, median {np.median(hands):.1f} s, most {max(hands):.1f} s",
    ]


def correct(station: Station, frame: int, wanted: NDArray[np.bool_]) -> tuple[NDArray, NDArray]:
    """Drag the worst point to where it belongs until the contour is good enough."""
    corrections = station.session.corrections
    prediction = station.session.prediction
    assert prediction is not None

    def now() -> NDArray[np.bool_]:
        draft = corrections.draft
        labels = prediction.segmentation.labels if draft is None else draft.labels
        return np.asarray(labels[frame] == LV)

    target = open_outline(wanted)
    if target is None or dice(now(), wanted) >= ENOUGH:
        return now(), wanted
    station.press("Shift-D")
    station.wait(0.05)
    points = station.review.contour_tool.points
    for _ in range(MOST_DRAGS if points is not None else 0):
        away = np.linalg.norm(points.data[:, None, 1:] - target[None], axis=2)
        index = int(away.min(axis=1).argmax())
        ends = {0: target[0], len(points.data) - 1: target[-1]}
        station.drag(points, index, ends.get(index, target[away[index].argmin()]))
        if dice(now(), wanted) >= ENOUGH:
            break
    station.press("Escape")
    return now(), wanted


def _ms(seconds: list[float]) -> str:
    return f"{1000 * np.median(seconds):.0f} ms"


def main() -> None:
    """Measure, and print one line a number."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", default=WHAT, metavar="WHAT", help=", ".join(WHAT))
    parser.add_argument("--clips", type=int, default=12, help="phantom beats that are reviewed")
    parser.add_argument("--opened", type=int, default=200, help="clips that are opened in a row")
    parser.add_argument("--model", default="pidnet-s-camus")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        isolate(folder)
        n = arguments.clips
        beats = make_beats(folder, n) if {*arguments.what} != {"memory"} else folder
        station = Station(folder / "labels", arguments.model)
        measures = {
            "next": lambda: measure_next(station, beats, n),
            "block": lambda: [measure_block(station, beats)],
            "interactions": lambda: measure_interactions(station, beats, n),
            "memory": lambda: [measure_memory(station, folder, arguments.opened)],
        }
        for what in arguments.what:
            for line in measures[what]():
                print(f"- {line}.", flush=True)
        station.viewer.close()


if __name__ == "__main__":
    main()
