"""Measure frame steps with all overlays on against napari showing the image alone.

    xvfb-run -a python tests/benchmarks/bench_frames.py [--seconds 6] [--plain] [SIZE ...]

prints a table of ratios, one row a size (112x112, 600x800, 768x1024 by
default), and the longest time that the window stood still when a clip with
everything to draw arrived. The review is measured in the window of `napari-echo
open`, or with --plain as a dock of napari's own. Both windows have canvases of the same size, and
their measurements alternate, so that what else the computer does falls on
both; the block is of the main thread's own work, other times are of the process's, software
OpenGL's threads included, which a busy computer changes little.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import napari
import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QApplication, QWidget
from station import WINDOW, Watch, isolate

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import Segmentation
from napari_echo.core.params import HardnessParams
from napari_echo.core.prediction import Prediction
from napari_echo.gui.arranging import arrange
from napari_echo.gui.overlays import OVERLAYS
from napari_echo.gui.review import EchoReview
from napari_echo.io.store import LabelStore
from napari_echo.phantom.generate import generate
from napari_echo.workflow.mark import mark
from napari_echo.workflow.session import Session

SIZES = ("112x112", "600x800", "768x1024")
FRAMES, DISTINCT, PHANTOM = 60, 8, (300, 400)
# Short ones: the speed of a shared computer changes within a second.
ROUNDS = 16


@dataclass(frozen=True, eq=False)
class Study:
    """A clip with everything that can be drawn over it."""

    clip: EchoClip
    truth: Segmentation
    prediction: Prediction
    key_frames: KeyFrames


def make_study(size: tuple[int, int], frames: int = FRAMES, seed: int = 7) -> Study:
    """Make a phantom of a size, and a prediction that is somewhat beside it."""
    height, width = size
    made = generate(seed, size=PHANTOM, frames=range(DISTINCT))
    # To and fro, so that it beats.
    places = [min(i % (2 * DISTINCT - 2), -i % (2 * DISTINCT - 2)) for i in range(frames)]
    images = np.stack([cv2.resize(made.clip.frames[i], (width, height)) for i in places])
    labels = np.stack(
        [
            cv2.resize(made.truth.labels[i], (width, height), interpolation=cv2.INTER_NEAREST)
            for i in places
        ]
    )
    annotated = np.ones(frames, np.bool_)
    clip = EchoClip.from_frames(
        images, fps=50.0, spacing_mm=(150 / height, 200 / width), study_id=f"{height}x{width}"
    )
    beside = np.roll(labels, max(2, width // 50), axis=2)
    probabilities = np.empty((frames, 4, height, width), np.float16)
    for frame, structure in np.ndindex(frames, 4):
        sharp = (beside[frame] == structure).astype(np.float32)
        probabilities[frame, structure] = cv2.GaussianBlur(sharp, (0, 0), height / 60)
    predicted = Segmentation(probabilities.argmax(1).astype(np.uint8), annotated, "prediction")
    prediction = Prediction(predicted, probabilities, clip.clip_id, "bench", "bench", 1.0)
    truth = Segmentation(labels, annotated.copy(), "ground truth")
    return Study(clip, truth, prediction, KeyFrames((Beat(0, DISTINCT - 1),), "traced"))


def wait(seconds: float) -> None:
    """Let the window go on."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        QApplication.processEvents()


def step_times(
    viewer: napari.Viewer, seconds: float, clock: Callable[[], float] = time.process_time
) -> NDArray[np.float64]:
    """Step through the frames; seconds of every step, until its picture is drawn."""
    scene = viewer.window._qt_viewer.canvas._scene_canvas
    drawn = 0

    def count(_event: object) -> None:
        nonlocal drawn
        drawn += 1

    scene.events.draw.connect(count)
    times: list[float] = []
    frames = int(viewer.dims.nsteps[0])
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        before, start = drawn, clock()
        viewer.dims.set_current_step(0, (viewer.dims.current_step[0] + 1) % frames)
        while drawn == before:
            QApplication.processEvents()
        QApplication.processEvents()
        times.append(clock() - start)
    scene.events.draw.disconnect(count)
    return np.asarray(times)


def wait_for_jobs(review: EchoReview, longest: float = 60.0) -> None:
    """Let what is measured beside the reader's work come to its end."""
    runners = (review.jobs, review.background, review.measuring.runner, review.comparing.runner)
    end = time.perf_counter() + longest
    wait(0.5)
    while any(runner.busy for runner in runners) and time.perf_counter() < end:
        wait(0.2)


def open_alone(study: Study) -> napari.Viewer:
    """Open a clip in napari without the review."""
    viewer = napari.Viewer(title="alone")
    viewer.window.resize(*WINDOW)
    viewer.add_image(study.clip.frames, interpolation2d="linear")
    wait(0.5)
    return viewer


def open_review(folder: Path, *, plain: bool = True) -> tuple[napari.Viewer, EchoReview]:
    """Open the review with an empty label store, in napari or in the window of its own."""
    viewer = napari.Viewer(title="review")
    viewer.window.resize(*WINDOW)
    review = EchoReview(viewer, Session(packs=(), store=LabelStore(folder / "labels")))
    viewer.window.add_dock_widget(review, name="Echo review", area="right")
    if not plain:
        arrange(viewer, review)
    wait(1.0)
    return viewer, review


def show_everything(review: EchoReview, study: Study) -> None:
    """Open a study in the review, with all overlays on."""
    session = review.session
    session.open_clip(study.clip, truth=study.truth, key_frames=study.key_frames)
    session.set_prediction(study.prediction)
    params = HardnessParams()
    session.set_marks(*mark(study.prediction, study.truth, params), params)
    for name in OVERLAYS:
        if not review.layers.showing.is_on(name):
            review.layers.showing.toggle(name)


def match_canvas(alone: napari.Viewer, other: napari.Viewer) -> None:
    """Make napari's canvas as large as the review's, by empty docks at its sides."""
    beside, below = QWidget(), QWidget()
    for empty, area in ((beside, "right"), (below, "bottom")):
        alone.window.add_dock_widget(empty, name=f"empty {area}", area=area)
    width, height = 40, 40
    for _ in range(3):  # a dock takes a little more room than what is in it
        beside.setFixedWidth(width)
        below.setFixedHeight(height)
        wait(0.5)
        size, wanted = (v.window._qt_viewer.canvas.size for v in (alone, other))
        width, height = width + size[1] - wanted[1], height + size[0] - wanted[0]
    alone.reset_view()
    wait(0.5)


def measure(size: str, seconds: float, folder: Path, *, plain: bool) -> list[str]:
    """Measure one size; a row of the table."""
    height, width = map(int, size.split("x"))
    study = make_study((height, width))
    viewer, review = open_review(folder, plain=plain)
    # Layers are made once, and then kept: the clip that counts is the second.
    show_everything(review, make_study((height, width), frames=DISTINCT, seed=8))
    wait_for_jobs(review)
    hard = mark(study.prediction, study.truth, HardnessParams())
    watch = Watch()
    session = review.session
    session.open_clip(study.clip, truth=study.truth, key_frames=study.key_frames)
    QApplication.processEvents()
    session.set_prediction(study.prediction)
    QApplication.processEvents()
    session.set_marks(*hard, HardnessParams())
    wait(1.5)
    _, block = watch.stop()  # of the window's own work
    wait_for_jobs(review)
    alone = open_alone(study)
    match_canvas(alone, viewer)
    times: dict[str, list[NDArray[np.float64]]] = {"alone": [], "off": [], "on": []}
    # The first round draws every frame once; what it takes is told apart.
    first = step_times(viewer, seconds)
    for _ in range(ROUNDS):
        for what in times:
            if what != "alone" and review.layers.showing.all_off != (what == "off"):
                review.layers.showing.toggle_all()
                wait(0.2)
            shown = alone if what == "alone" else viewer
            times[what].append(step_times(shown, seconds / ROUNDS))
    canvases = [v.window._qt_viewer.canvas.size for v in (alone, viewer)]
    alone.close()
    viewer.close()
    wait(0.2)
    typical = {what: float(np.median(np.concatenate(found))) for what, found in times.items()}
    base = typical["alone"]
    return [
        size,
        f"{1000 * base:.1f}",
        f"{1000 * typical['on']:.1f}",
        f"{base / typical['on']:.2f}",
        f"{base / typical['off']:.2f}",
        f"{base / float(np.median(first)):.2f}",
        f"{1000 * block:.0f}",
        "x".join(map(str, canvases[1])) + ("" if canvases[0] == canvases[1] else f" {canvases[0]}"),
    ]


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", default=SIZES, metavar="SIZE")
    parser.add_argument("--seconds", type=float, default=6.0, help="of every measurement")
    parser.add_argument("--plain", action="store_true", help="as a dock of napari's own")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        isolate(Path(folder))
        print(
            "| clip | alone, ms | all on, ms | all on | all off | first time | block, ms | canvas |"
        )
        print("|---|---|---|---|---|---|---|---|")
        for size in arguments.sizes:
            row = measure(size, arguments.seconds, Path(folder), plain=arguments.plain)
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
