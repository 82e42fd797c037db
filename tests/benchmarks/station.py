"""The window as a benchmark uses it: keys are pressed, points dragged, pictures timed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
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

from napari_echo.gui.app import open_viewer
from napari_echo.io.store import LabelStore
from napari_echo.ml.packs import find_pack
from napari_echo.workflow.journal import VARIABLE
from napari_echo.workflow.session import Session

WINDOW = (1280, 800)
PATIENCE_S = 120.0
# Seconds of the keystroke-level model: a key, to point, a button pressed or let go, to move the
# hand between keyboard and mouse, to make up one's mind.
KEY, POINT, BUTTON, HOME, MIND = 0.28, 1.10, 0.10, 0.40, 1.35


class Window:
    """A window of napari, and when what it shows is on the screen."""

    def __init__(self, viewer: napari.Viewer) -> None:
        self.viewer = viewer
        viewer.window.resize(*WINDOW)
        self._drawn = self._shown = 0
        self._shown_at = 0.0
        self.refused: list[str] = []
        scene = viewer.window._qt_viewer.canvas._scene_canvas
        scene.events.draw.connect(self._on_drawn)
        # The canvas is drawn before Qt composes the window with it.
        scene.native.frameSwapped.connect(self._on_swapped)
        self.wait(1.0)

    @property
    def canvas(self) -> tuple[int, int]:
        """Height and width of the canvas in pixels."""
        height, width = self.viewer.window._qt_viewer.canvas.size
        return int(height), int(width)

    def _on_drawn(self, _event: object) -> None:
        self._drawn += 1

    def _on_swapped(self) -> None:
        self._shown, self._shown_at = self._drawn, time.perf_counter()

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
            # A window that waits leaves the processor to what it waits for.
            time.sleep(0.0005)
            if time.perf_counter() > end:
                raise SystemExit(f"Stopped: nothing came. {' '.join(self.refused)}")

    def until_shown(self, what: Callable[[], bool] = lambda: True) -> float:
        """Let the window go on until something is so, and on the screen; when it was."""
        before = self._drawn

        def so() -> bool:
            nonlocal before
            if what():
                return True
            before = self._drawn  # what makes it so may draw it, too, before it returns
            return False

        self.until(so)
        self.until(lambda: self._shown > before)
        return self._shown_at


class Alone(Window):
    """Napari without the review: an image and a labels layer, on a canvas as large as another."""

    def __init__(self, other: Window) -> None:
        super().__init__(napari.Viewer(title="alone"))
        (height, width), (wanted_h, wanted_w) = self.canvas, other.canvas
        self.viewer.window.resize(WINDOW[0] + wanted_w - width, WINDOW[1] + wanted_h - height)
        self.wait(1.0)
        if self.canvas != other.canvas:
            raise SystemExit(f"Stopped: canvases of {self.canvas} and {other.canvas} pixels.")
        nothing = np.zeros((2, 8, 8), np.uint8)
        self.image = self.viewer.add_image(nothing)
        self.labels = self.viewer.add_labels(nothing)
        self.wait(1.0)

    def show(
        self, frames: NDArray[np.uint8], labels: NDArray[np.uint8], scale: tuple[float, ...]
    ) -> float:
        """Give both layers other data; seconds until its first frame is on the screen."""
        start = time.perf_counter()
        for layer, data in ((self.image, frames), (self.labels, labels)):
            layer.data, layer.scale = data, scale
        self.viewer.dims.set_current_step(0, 0)
        self.viewer.reset_view()
        return self.until_shown() - start


class Station(Window):
    """The window of the review, and what a reader does to it."""

    def __init__(self, folder: Path, *models: str) -> None:
        packs = [find_pack(model) for model in models]
        session = Session(packs=packs, store=LabelStore(folder), reader="script")
        viewer, self.review = open_viewer(session)
        self.session = session
        self.interactions = 0
        self.hand_seconds = 0.0
        self._at_mouse = False
        super().__init__(viewer)
        self.review.verbs.refused.connect(self.refused.append)
        self.keys = viewer.window._qt_viewer.canvas._key_map_handler

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
        self.until_shown(lambda: self.session.clip is not before)
        self.idle()

    def next(self, key: str = "N") -> float:
        """Go to the next clip; seconds until its first frame is on the screen."""
        before, start = self.session.clip, time.perf_counter()
        self.press(key)
        return self.until_shown(lambda: self.session.clip is not before) - start

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
