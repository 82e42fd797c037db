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
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
from napari.layers import Points
from napari.utils._test_utils import read_only_mouse_event
from napari.utils.interactions import (
    mouse_move_callbacks,
    mouse_press_callbacks,
    mouse_release_callbacks,
)
from numpy.typing import NDArray
from qtpy.QtCore import QObject, QSettings, QTimer
from qtpy.QtWidgets import QApplication

from napari_echo.core.contour import open_outline
from napari_echo.core.labels import LV
from napari_echo.gui.app import open_viewer
from napari_echo.io.store import LabelStore
from napari_echo.metrics.overlap import dice
from napari_echo.ml.packs import find_pack
from napari_echo.workflow.journal import VARIABLE
from napari_echo.workflow.session import Session

WINDOW = (1280, 800)
PATIENCE_S = 120.0
ENOUGH, MOST_DRAGS = 0.94, 8
# Large enough for 200 of them to be far more than decoded clips may take.
OPENED_SHAPE = (20, 480, 640)
# Seconds of the keystroke-level model: a key, to point, a button pressed or let go, to move the
# hand between keyboard and mouse, to make up one's mind.
KEY, POINT, BUTTON, HOME, MIND = 0.28, 1.10, 0.10, 0.40, 1.35
WHAT = ("next", "block", "interactions", "memory")


class Station:
    """The window, and what a reader does to it."""

    def __init__(self, folder: Path, *models: str) -> None:
        packs = [find_pack(model) for model in models]
        session = Session(packs=packs, store=LabelStore(folder), reader="script")
        self.viewer, self.review = open_viewer(session)
        self.viewer.window.resize(*WINDOW)
        self.session = session
        self.drawn = 0
        self.interactions = 0
        self.hand_seconds = 0.0
        self._at_mouse = False
        self.refused: list[str] = []
        self.review.verbs.refused.connect(self.refused.append)
        canvas = self.viewer.window._qt_viewer.canvas
        canvas._scene_canvas.events.draw.connect(self._count)
        self.keys = canvas._key_map_handler
        self.wait(1.0)

    def _count(self, _event: object) -> None:
        self.drawn += 1

    def wait(self, seconds: float) -> None:
        """Let the window go on."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            QApplication.processEvents()
            time.sleep(0.001)

    def until(self, what: Callable[[], bool]) -> None:
        """Let the window go on until something is so."""
        end = time.perf_counter() + PATIENCE_S
        while not what():
            QApplication.processEvents()
            if time.perf_counter() > end:
                raise SystemExit(f"Stopped: nothing came. {' '.join(self.refused)}")

    def until_drawn(self, what: Callable[[], bool]) -> None:
        """Let the window go on until something is so, and was drawn."""
        before = self.drawn

        def so() -> bool:
            nonlocal before
            if what():
                return True
            before = self.drawn  # what makes it so may draw it, too, before it returns
            return False

        self.until(so)
        self.until(lambda: self.drawn > before)

    def idle(self) -> None:
        """Wait until no job runs."""
        review = self.review
        runners = (
            review.jobs,
            review.background,
            review.studying.ahead,
            review.predicting_ahead.runner,
            review.measuring.runner,
        )
        self.wait(0.1)
        self.until(lambda: not any(runner.busy for runner in runners))
        self.wait(0.1)

    def press(self, key: str) -> None:
        """Press a key on the canvas."""
        self.interactions += 1
        self._move_hand(to_mouse=False)
        self.hand_seconds += KEY * len(key.split("-"))
        self.keys.press_key(key)

    def look(self) -> None:
        """Make up one's mind, which the keystroke-level model has at least."""
        self.hand_seconds += MIND

    def _move_hand(self, *, to_mouse: bool) -> None:
        self.hand_seconds += HOME * (to_mouse is not self._at_mouse)
        self._at_mouse = to_mouse

    def open(self, path: Path) -> None:
        """Open a folder or a data set."""
        before = self.session.clip
        self.review.studying.open_paths([path])
        self.until_drawn(lambda: self.session.clip is not before)
        self.idle()

    def next(self, key: str = "N") -> float:
        """Go to the next clip; seconds until its first frame is drawn."""
        before, start = self.session.clip, time.perf_counter()
        self.press(key)
        self.until_drawn(lambda: self.session.clip is not before)
        return time.perf_counter() - start

    def drag(self, layer: Points, index: int, to: NDArray[np.float64]) -> None:
        """Drag a control point to a place (y, x)."""
        self.interactions += 1
        self.look()
        self._move_hand(to_mouse=True)
        self.hand_seconds += 2 * (POINT + BUTTON)
        start = layer.data[index].copy()
        end = np.array([start[0], *to])
        steps = [("mouse_press", start, mouse_press_callbacks)]
        for share in (0.5, 1.0):
            steps.append(("mouse_move", start + share * (end - start), mouse_move_callbacks))
        steps.append(("mouse_release", end, mouse_release_callbacks))
        for kind, at, call in steps:
            event = read_only_mouse_event(
                type=kind,
                is_dragging=kind == "mouse_move",
                position=tuple(at * layer.scale),
                dims_displayed=[1, 2],
                modifiers=[],
            )
            call(layer, event)
            QApplication.processEvents()


def isolate(folder: Path) -> None:
    """Keep settings, cache and journal out of the user's folders."""
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(folder))
    os.environ |= {
        "NAPARI_CONFIG": str(folder / "napari.yaml"),
        "NAPARI_ECHO_CACHE": str(folder / "cache"),
        VARIABLE: str(folder / "journal"),
    }


class Watch(QObject):
    """Notes how long the window stands still, by the clock and by its own work."""

    def __init__(self) -> None:
        super().__init__()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._tick)
        self._last = (time.perf_counter(), time.thread_time())
        self.longest, self.longest_work = 0.0, 0.0
        self._timer.start(0)

    def _tick(self) -> None:
        now = (time.perf_counter(), time.thread_time())
        self.longest = max(self.longest, now[0] - self._last[0])
        self.longest_work = max(self.longest_work, now[1] - self._last[1])
        self._last = now

    def stop(self) -> tuple[float, float]:
        """Stop; the longest time between two turns of the event loop, and of its own work in it."""
        self._timer.stop()
        return self.longest, self.longest_work


def make_beats(folder: Path, n: int) -> Path:
    """Make phantom beats, every frame with its mask."""
    out = folder / "beats"
    phantom = ("phantom", "--layout", "beats", "-n", str(n), "--seed", "77", "-o", str(out))
    subprocess.run([sys.executable, "-m", "napari_echo.cli.main", *phantom], check=True)
    return out


def measure_next(station: Station, beats: Path, n: int) -> list[str]:
    """Measure from Next to the first frame and to the first prediction."""
    station.open(beats)
    station.press("W")
    station.until(lambda: station.session.prediction is not None)
    frames, predictions, predictors = [], [], []
    for _ in range(n - 1):
        station.idle()  # as while a reader looks
        start = time.perf_counter()
        frames.append(station.next())
        station.until_drawn(lambda: station.session.prediction is not None)
        predictions.append(time.perf_counter() - start)
        predictors.append(station.session.prediction.seconds)  # type: ignore[union-attr]
    shape = station.session.require_clip().frames.shape
    return [
        f"Next to the first frame (with its truth): median {_ms(frames)}, slowest "
        f"{max(frames):.3f} s",
        f"Next to the prediction of all {shape[0]} frames of {shape[1]} x {shape[2]}, run ahead "
        f"while the clip before is looked at: median {_ms(predictions)}, slowest "
        f"{max(predictions):.3f} s; the model takes {np.median(predictors):.2f} s",
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
        station.until_drawn(lambda: station.session.prediction is not None)
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
