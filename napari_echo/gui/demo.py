"""The demo: the main job on a real cine and on a phantom, through the plugin's own widgets."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray
from qtpy.QtCore import QEventLoop, QTimer

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LV
from napari_echo.core.params import Criterion
from napari_echo.gui.app import PLUGIN, open_viewer
from napari_echo.gui.exporting import ExportChoice
from napari_echo.gui.measuring import MEASURING
from napari_echo.gui.review import EchoReview
from napari_echo.gui.verbs import MARKING, PREDICTING
from napari_echo.io.store import LabelStore
from napari_echo.workflow.describe import describe_clip, describe_measures
from napari_echo.workflow.journal import JournalFolder
from napari_echo.workflow.session import Session

SUMMARY, LABELS, LABELLED_SET = "summary.json", "labels", "labelled-set"
JOURNAL = "journal"
MARK = ".napari-echo-demo"
PATIENCE_S = 300.0
POLL_MS = 20
READER, BRUSH = "demo", 3


def run_demo(out: Path, headless: bool) -> None:
    """Segment a real cine and a phantom, correct a frame, export it.

    Every step goes through the widgets that a reader uses: sample data is
    opened from napari's menu, buttons are pressed, the frame is painted on
    the correction layer.

    Parameters
    ----------
    out : Path
        Folder to write `review.png`, `review_phantom.png`, `summary.json`,
        the label store `labels` and the exported `labelled-set` to. What an
        earlier demo wrote there is replaced.
    headless : bool
        Close the window when done; without it napari stays open on the real
        cine until it is closed by hand.

    Raises
    ------
    EchoError
        If the folder holds something of another origin, or a step fails.
    """
    _prepare(out)
    # What a reader chose, or edited and did not commit, is not the demo's.
    session = Session(store=LabelStore(out / LABELS), reader=READER)
    session.corrections.journals = JournalFolder(out / JOURNAL)
    viewer, review = open_viewer(session)
    demo = _Demo(viewer, review)
    try:
        summary = {"real cine": demo.review_real_cine(out), "phantom": demo.review_phantom(out)}
        text = json.dumps(summary, indent=2, allow_nan=False)
        (out / SUMMARY).write_text(text + "\n", encoding="utf-8")
        if not headless:
            demo.open_sample("real_cine")
            demo.predict_and_mark({}, "entropy")
            napari.run()
    finally:
        # The window of a display may be gone by now.
        if headless:
            viewer.close()


def _prepare(out: Path) -> None:
    """Make room in the folder, touching only what a demo wrote."""
    taken = [name for name in (LABELS, LABELLED_SET, JOURNAL) if (out / name).exists()]
    if taken and not (out / MARK).is_file():
        raise EchoError(
            f"{out / taken[0]} was not written by a demo, so it is not replaced: "
            "choose another folder."
        )
    for name in taken:
        shutil.rmtree(out / name)
    # A store that was known, and is not there, is one whose disk was taken away.
    (out / LABELS).mkdir(parents=True, exist_ok=True)
    (out / MARK).write_text("The next demo replaces what is in this folder.\n", encoding="utf-8")


class _Demo:
    """Drives one review as a reader would."""

    def __init__(self, viewer: napari.Viewer, review: EchoReview) -> None:
        self.viewer = viewer
        self.review = review
        self.session = review.session
        self._refusals: list[str] = []
        review.verbs.refused.connect(self._refusals.append)

    # Waiting --------------------------------------------------------------------

    def wait(self, until: Callable[[], bool], what: str) -> None:
        """Run the window's event loop until something is so and no job runs."""
        deadline = time.monotonic() + PATIENCE_S
        review = self.review
        while review.jobs.busy or not review.measuring.is_up_to_date or not until():
            if self._refusals:
                raise EchoError(f"The demo stopped at {what}: {self._refusals[0]}")
            if time.monotonic() > deadline:
                raise EchoError(f"The demo stopped: {what} took over {PATIENCE_S:.0f} s.")
            self._rest(POLL_MS)

    def press(self, button: Any) -> None:
        """Press a button and wait for what it does."""
        if not button.isEnabled():
            raise EchoError(f"The demo cannot press '{button.text()}': {button.toolTip()}")
        button.click()
        self.wait(lambda: True, f"'{button.text()}'")

    def _rest(self, ms: int) -> None:
        loop = QEventLoop()
        QTimer.singleShot(ms, loop.quit)
        loop.exec()

    # Steps ----------------------------------------------------------------------

    def open_sample(self, key: str) -> float:
        """Open sample data as napari's File menu does; return the seconds it took."""
        before, start = self.session.clip, time.perf_counter()
        self.viewer.open_sample(PLUGIN, key)
        self.wait(lambda: self.session.clip is not before, f"opening {key}")
        return time.perf_counter() - start

    def review_real_cine(self, out: Path) -> dict[str, Any]:
        """Load, predict, mark, correct and export the real cine."""
        review = self.review
        seconds = {"load": self.open_sample("real_cine")}
        self.predict_and_mark(seconds, "entropy")
        start = time.perf_counter()
        self.press(review.measures_panel.jump["ED"])
        self.press(review.correct_panel.action)
        frame = review.layers.frame
        painted = self._fill_hollow(frame)
        if not painted:
            self.press(review.correct_panel.accept)
        review.correct_panel.reader.setText(READER)
        review.correct_panel.comment.setText("The cavity ends at the wall, not at the muscle.")
        self.press(review.correct_panel.commit)
        seconds["correct"] = time.perf_counter() - start
        start = time.perf_counter()
        review.export_panel.exchange.export(ExportChoice(out / LABELLED_SET))
        self.wait(lambda: self.session.corrections.export_path is not None, "the export")
        seconds["export"] = time.perf_counter() - start
        self.press(review.correct_panel.discard)
        self._picture(out / "review.png")
        summary = self._summary(seconds)
        summary["corrected"] = {"frame": frame, "pixels": painted, "reader": READER}
        return summary

    def review_phantom(self, out: Path) -> dict[str, Any]:
        """Load, predict and mark the phantom, by its error against the truth."""
        seconds = {"load": self.open_sample("phantom")}
        self.predict_and_mark(seconds, "error")
        self.press(self.review.measures_panel.jump["ES"])
        self._picture(out / "review_phantom.png")
        return self._summary(seconds)

    def predict_and_mark(self, seconds: dict[str, float], criterion: Criterion) -> None:
        """Run the model and mark what is hard; add the seconds that each step took."""
        review = self.review
        self.press(review.model_panel.action)
        review.marks_panel.criterion.setCurrentText(criterion)
        self.press(review.marks_panel.action)
        prediction, spent = self.session.prediction, review.jobs.seconds
        if prediction is None or not self.session.measures["prediction"].beats:
            raise EchoError("The demo stopped: the model found no beat in the clip.")
        seconds["predict"] = prediction.seconds
        # The job loads the model besides.
        seconds["load model"] = spent[PREDICTING] - prediction.seconds
        seconds["mark"] = spent[MARKING]

    def _fill_hollow(self, frame: int) -> int:
        """Paint the largest hollow of the LV's outline, as over a papillary muscle."""
        layer = self.review.layers.find("correction")
        if not isinstance(layer, Labels):
            raise EchoError("The demo stopped: there is no correction layer.")
        hollow = largest_hollow(np.asarray(layer.data[frame]) == LV)
        self.review.editing.paint(LV)
        before = int(np.count_nonzero(layer.data[frame] == LV))
        layer.brush_size = BRUSH
        for y, x in np.argwhere(hollow):
            layer.paint((frame, y, x), layer.selected_label, refresh=False)
        layer.refresh()
        return int(np.count_nonzero(layer.data[frame] == LV)) - before

    # Results --------------------------------------------------------------------

    def _picture(self, path: Path) -> None:
        self._rest(300)
        self.viewer.window.screenshot(str(path), flash=False, canvas_only=False)

    def _summary(self, seconds: dict[str, float]) -> dict[str, Any]:
        session = self.session
        clip, prediction, hard = session.require_clip(), session.prediction, session.hard_pixels
        if prediction is None or hard is None:
            raise EchoError("The demo stopped: there is nothing to sum up.")
        summary: dict[str, Any] = {
            "clip": describe_clip(clip),
            "model": {"id": prediction.model_id, "name": prediction.model_name},
            "prediction": describe_measures(session.measures["prediction"]),
            "hard_pixels": {
                **session.hardness_params.model_dump(),
                "share_found": hard.share,
            },
        }
        for source in ("truth", "correction"):
            if source in session.measures:
                summary[source] = describe_measures(session.measures[source])
        if session.report is not None and session.key_frames is not None:
            summary["lv_dice"] = {
                "ed": session.report.dice_at_ed(session.key_frames),
                "es": session.report.dice_at_es(session.key_frames),
                "all_frames": session.report.mean_dice(),
            }
        measuring = self.review.measuring.runner.seconds
        if MEASURING in measuring:
            seconds = {**seconds, "measure": measuring[MEASURING]}
        summary["seconds"] = {step: round(spent, 3) for step, spent in seconds.items()}
        return summary


def largest_hollow(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Find the largest piece of a mask's convex hull that the mask leaves out.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W)
        A structure.

    Returns
    -------
    ndarray of bool, shape (H, W)
        Empty where the mask is convex or empty.
    """
    import cv2

    if not mask.any():
        return np.zeros_like(mask)
    points = cv2.findNonZero(mask.astype(np.uint8))
    hull = cv2.fillConvexPoly(np.zeros(mask.shape, np.uint8), cv2.convexHull(points), 1)
    n, pieces, stats, _ = cv2.connectedComponentsWithStats(hull * ~mask, connectivity=4)
    if n < 2:
        return np.zeros_like(mask)
    return np.asarray(pieces == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])))
