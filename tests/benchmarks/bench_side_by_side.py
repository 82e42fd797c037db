"""Measure switching to views side by side and back, and how frames run in them.

    xvfb-run -a python tests/benchmarks/bench_side_by_side.py [--cells 3] [--size 384x512]

prints how long it takes from Shift-W until the cells are drawn, the first time
and again, how long to one view again, the longest time that the window stands
still, also before, while cells are made ready, and the frame steps a second in
the cells against one view. Each is given by the clock and, in brackets, by the
processor time that was spent, which a busy computer changes less. The clip is
a phantom; what each model says of it is its truth, moved a little more from
model to model.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from bench_frames import make_study, open_review, step_times, wait, wait_for_jobs
from qtpy.QtWidgets import QApplication
from station import Watch, isolate

from napari_echo.core.prediction import Prediction
from napari_echo.gui.review import EchoReview
from napari_echo.workflow.predictions import MOST

PATIENCE_S, SETTLE_S = 120.0, 3.0
"""How long a thing may take, and a reader looks before the first switch."""
ROUNDS = 4
Times = tuple[tuple[float, float], tuple[float, float]]


def moved(prediction: Prediction, model: int) -> Prediction:
    """Say what another model says: the same, some pixels beside it."""
    found = prediction.segmentation
    labels = np.roll(found.labels, 3 * model, axis=1)
    return replace(
        prediction,
        segmentation=replace(found, labels=labels),
        model_id=str(model) * 64,
        model_name=f"model-{model + 1}",
    )


def toggle(review: EchoReview) -> Times:
    """Switch; times until it is drawn, and of the longest block of the window in it."""
    canvas = review.viewer.window._qt_viewer.canvas
    drawn = 0

    def count(_event: object) -> None:
        nonlocal drawn
        drawn += 1

    canvas._scene_canvas.events.draw.connect(count)
    grid = review.comparing.grid
    wanted = () if grid.is_on else grid.plan()
    watch, start, spent = Watch(), time.perf_counter(), time.process_time()
    canvas._key_map_handler.press_key("Shift-W")
    before = drawn
    while drawn == before:
        QApplication.processEvents()
        if grid.cells != wanted or grid.settling:
            before = drawn
        if time.perf_counter() > start + PATIENCE_S:
            raise SystemExit("Stopped: nothing was drawn.")
    took = (time.perf_counter() - start, time.process_time() - spent)
    wait(1.0)  # what comes after may be a block, too
    canvas._scene_canvas.events.draw.disconnect(count)
    return took, watch.stop()


def measure(review: EchoReview, size: tuple[int, int], cells: int, seconds: float) -> list[str]:
    """Measure; a sentence a number."""
    study = make_study(size)
    session = review.session
    session.open_clip(study.clip, truth=study.truth, key_frames=study.key_frames)
    wait_for_jobs(review)
    wait(SETTLE_S)
    watch = Watch()
    for model in range(cells):
        session.add_prediction(moved(study.prediction, model))
    wait_for_jobs(review)
    wait(SETTLE_S)
    ahead = watch.stop()
    first = toggle(review)
    rounds = [toggle(review) for _ in range(2 * ROUNDS + 1)]
    off, on = (np.median(rounds[i::2], axis=0) for i in (0, 1))
    steps = []
    for _ in range(2):  # one view, and then the cells
        times = step_times(review.viewer, seconds, time.perf_counter)
        spent = step_times(review.viewer, seconds)
        steps.append((np.median(times), np.median(spent)))
        toggle(review)
    one, side = steps
    found = [f"Longest block while predictions arrive and a reader looks: {_ms(ahead)}"]
    for name, (took, block) in (("on, first", first), ("on, again", on), ("off", off)):
        found.append(f"Switched {name}: drawn after {_ms(took)}, longest block {_ms(block)}")
    found.append(
        f"A frame step: {_ms(side)} in {cells} cells, {_ms(one)} in one view: "
        f"{one[0] / side[0]:.2f} ({one[1] / side[1]:.2f}) of its frame steps a second"
    )
    return found


def _ms(times: tuple[float, float]) -> str:
    return f"{1000 * times[0]:.0f} ms ({1000 * times[1]:.0f})"


def main() -> None:
    """Measure, and print one line a number."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=3, choices=range(2, MOST + 1))
    parser.add_argument("--size", default="384x512")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long frames run")
    arguments = parser.parse_args()
    height, width = map(int, arguments.size.split("x"))
    with tempfile.TemporaryDirectory() as name:
        isolate(Path(name))
        viewer, review = open_review(Path(name))
        for line in measure(review, (height, width), arguments.cells, arguments.seconds):
            print(f"- {line}.", flush=True)
        viewer.close()


if __name__ == "__main__":
    main()
