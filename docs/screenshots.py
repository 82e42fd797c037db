"""Take the pictures of docs/review.md anew: phantoms, the shipped models, keys that are pressed.

    xvfb-run -a python docs/screenshots.py [NAME ...]

writes docs/pictures/NAME.png, or all of them. Settings, cache, journal and
labels lie in a temporary folder; all but the times that a job took comes out
the same every time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA, LV, Segmentation
from napari_echo.core.revision import Base, Revision
from napari_echo.gui.panels.export_dialog import ExportDialog
from napari_echo.io.store import LabelStore
from napari_echo.workflow.correct import correct

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "benchmarks"))
from few_colors import few_colors  # noqa: E402
from station import Station, isolate, make_beats  # noqa: E402

PICTURES = HERE / "pictures"
MODELS = ("pidnet-s-camus", "pidnet-s-phantom", "pidnet-s_gpm")
CLIPS, READ = 12, 9
PATIENCE_S = 300.0
# Places in the list of clips, none of which gets a verdict.
FOR_OVERLAYS, FOR_MODELS, FOR_CORRECTING = 4, 4, 6
READERS = ("Ann", "Ben")
Shot = Callable[["Photographer"], None]
SHOTS: dict[str, Shot] = {}


def shot(take: Shot) -> Shot:
    """Register a picture under the name of the function that takes it."""
    SHOTS[take.__name__] = take
    return take


class Photographer(Station):
    """A reader at the station, with a camera."""

    def __init__(self, folder: Path, beats: Path) -> None:
        super().__init__(folder / "labels", *MODELS)
        self.folder, self.beats = folder, beats
        self.session.reader = READERS[0]
        self.review.correct_panel.reader.setText(READERS[0])
        self.review.editing.reader = READERS[0]
        self.name = ""

    def until(self, what: Callable[[], bool]) -> None:
        """Let the window go on until something is so, and leave the jobs the processor."""
        end = time.monotonic() + PATIENCE_S
        while not what():
            self.wait(0.01)
            time.sleep(0.02)
            if time.monotonic() > end:
                raise SystemExit(f"Stopped at {self.name}: nothing came. {' '.join(self.refused)}")

    def picture(self, widget: QWidget | None = None) -> None:
        """Take a picture of the window, or of a dialog."""
        self.idle()
        self.wait(0.8)  # what settles: curves, tool tips, sections that open
        if widget is None:
            pixels = self.viewer.window.screenshot(flash=False, canvas_only=False)
            image = Image.fromarray(np.asarray(pixels)[..., :3])
        else:
            path = self.folder / "dialog.png"
            widget.grab().save(str(path))
            image = Image.open(path).convert("RGB")
        image = few_colors(image)
        path = PICTURES / f"{self.name}.png"
        image.save(path, optimize=True)
        print(f"{path.relative_to(HERE.parent)}: {path.stat().st_size // 1024} kB", flush=True)
        if self.refused:
            raise SystemExit(f"Stopped at {self.name}: {' '.join(self.refused)}")

    def tab(self, name: str) -> None:
        """Bring a tab below the canvas to the front."""
        self.review.bottom.show(name)
        self.wait(0.2)

    def tick(self, *models: str) -> None:
        """Tick models to run, and these alone; the first is chosen."""
        packs = {pack.name: pack for pack in self.session.packs}
        for name in models:
            self.review.comparing.tick(packs[name], True)
        for name in packs.keys() - set(models):
            self.review.comparing.tick(packs[name], False)
        self.review.comparing.choose(packs[models[0]])

    def predict(self, *models: str) -> None:
        """Run models on the open clip."""
        self.tick(*models)
        self.press("W")
        self.until(lambda: len(self.session.predictions) == len(models))
        self.idle()

    def at(self, number: int) -> None:
        """Open a clip of the list, as it is stored."""
        item = self.session.studies.items[number]
        self.review.studying.open(item.key)
        self.until(lambda: self.session.studies.current is item)
        self.idle()


# The pictures, in the order of docs/review.md ---------------------------------------


@shot
def studies(at: Photographer) -> None:
    """A scan has ranked the clips; a few are judged."""
    review = at.review
    at.tick("pidnet-s-camus")
    at.tab("Studies")
    review.studies_panel.scan.click()
    at.until(lambda: review.scanning.told != "")
    at.predict("pidnet-s-camus")
    verdicts = (("Shift-Y", ""), ("Shift-S", "apex cut off"), ("Shift-X", "foreshortened"))
    for key, comment in verdicts:
        review.correct_panel.comment.setText(comment)
        at.next(key)
        at.idle()
        at.predict("pidnet-s-camus")
    panel = review.studies_panel
    panel.set_queue("hardness")
    at.wait(0.5)
    panel.table.verticalScrollBar().setValue(0)
    at.picture()
    panel.set_queue("list")


@shot
def curves(at: Photographer) -> None:
    """Prediction over truth, and the curves of both."""
    at.at(FOR_OVERLAYS)
    at.tab("Echo curves")
    at.predict("pidnet-s-phantom")
    at.press("K")
    at.picture()


@shot
def light(at: Photographer) -> None:
    """The same in napari's light theme."""
    at.viewer.theme = "light"
    curves(at)
    at.viewer.theme = "dark"


@shot
def difference_and_checks(at: Photographer) -> None:
    """Where the prediction is not the truth, at a frame that no beating heart explains."""
    at.at(FOR_OVERLAYS)
    at.predict("pidnet-s_gpm")
    at.tab("Checks")
    for key in ("Q", "U"):
        at.press(key)
    at.wait(0.3)
    at.review.checks_panel.table.selectRow(0)
    at.picture()
    for key in ("U", "Q"):
        at.press(key)


@shot
def hardness_and_dataset(at: Photographer) -> None:
    """The heat map and the hard pixels' outline; the Dice of every listed clip."""
    at.tick("pidnet-s-camus")
    scanning = at.review.scanning
    if scanning.left_to_scan():
        scanning.scan()
    at.until(lambda: not scanning.scanner.busy)
    at.at(FOR_OVERLAYS)
    at.predict("pidnet-s-camus")
    at.review.marks_panel.action.click()
    at.until(lambda: at.session.hard_pixels is not None)
    at.tab("Data set")
    at.press("K")
    for key in ("Q", "H"):
        at.press(key)
    at.picture()
    for key in ("H", "Q"):
        at.press(key)


@shot
def side_by_side(at: Photographer) -> None:
    """Three models in three cells, and what each measures."""
    at.at(FOR_MODELS)
    at.predict(*MODELS)
    at.tab("Models")
    at.press("K")
    at.press("Shift-W")
    grid = at.review.comparing.grid
    at.until(lambda: len(grid.cells) == len(MODELS) and not grid.settling)
    at.picture()
    at.press("Shift-W")
    at.tick("pidnet-s-camus")


@shot
def contour(at: Photographer) -> None:
    """A contour that is dragged by its control points."""
    at.at(FOR_CORRECTING)
    at.tab("Echo curves")
    at.predict("pidnet-s-phantom")
    _correct(at, "ES")
    at.picture()
    at.press("Escape")
    _discard(at)


@shot
def propagation(at: Photographer) -> None:
    """What a propagation would fill, before it is kept."""
    at.at(FOR_CORRECTING)
    at.tab("Echo curves")
    at.predict("pidnet-s-phantom")
    for which in ("ED", "ES"):
        _correct(at, which)
        at.press("Escape")
    at.review.propagating.method = "flow"
    at.press("Shift-F")
    at.until(lambda: at.review.propagating.shown is not None)
    pair = at.review.editing.pair()
    assert pair is not None
    at.review.layers.go_to((pair.ed + pair.es) // 2)
    at.picture()
    at.press("Shift-F")
    _discard(at)


@shot
def readers(at: Photographer) -> None:
    """How far two readers agree with each other, themselves and a model."""
    own = at.session.corrections.store
    store = LabelStore(at.folder / "readers")
    rng = np.random.default_rng(0)
    for item in at.session.studies.items[:READ]:
        opened = item.load()
        assert opened.truth is not None
        assert opened.key_frames is not None
        for reader, repeat in ((READERS[0], False), (READERS[1], False), (READERS[0], True)):
            draw = _drawn(opened.truth, rng.normal(0, 3, 2), READERS.index(reader))
            revision = _reading(opened.clip, draw, opened.key_frames, reader)
            store.commit(replace(revision, blind=True, repeat=repeat))
    at.session.corrections.set_store(store)
    at.at(FOR_MODELS)
    at.predict("pidnet-s-camus")
    at.tab("Readers")
    panel = at.review.readers_panel
    panel.model.setCurrentIndex(panel.model.findText("pidnet-s-camus", Qt.MatchFlag.MatchContains))
    panel.action.click()
    at.until(lambda: not at.review.readers.jobs.busy)
    at.wait(0.3)
    panel.table.selectRow(0)
    at.picture()
    at.session.corrections.set_store(own)


@shot
def keys(at: Photographer) -> None:
    """The list of keys."""
    at.review.key_list.toggle()
    at.picture(at.review.key_list)
    at.review.key_list.toggle()


@shot
def export(at: Photographer) -> None:
    """The dialog of an export."""
    dialog = ExportDialog(at.review.export_panel.exchange, at.review)
    dialog.show()
    at.picture(dialog)
    dialog.close()


def _correct(at: Photographer, which: str) -> None:
    """Drag one point of the contour outwards."""
    at.press({"ED": "J", "ES": "K"}[which])
    at.press("Shift-D")
    at.wait(0.2)
    points = at.review.contour_tool.points
    assert points is not None
    # A point of the lateral wall, between the apex and the annulus.
    index = len(points.data) - 3
    at.drag(points, index, points.data[index, 1:] + np.array([0, 7]))


def _discard(at: Photographer) -> None:
    at.session.corrections.discard()
    at.idle()


def _drawn(truth: Segmentation, move: np.ndarray, wider: int) -> np.ndarray:
    """What a reader might draw: a little beside the truth, and a little larger."""
    labels = np.zeros_like(truth.labels)
    dy, dx = np.round(move).astype(int)
    for frame, known in enumerate(truth.labels):
        mask = np.roll(known == LV, (dy, dx), (0, 1))
        for _ in range(3 * wider):
            mask |= np.roll(mask, 1, 1) | np.roll(mask, -1, 1)
        labels[frame] = mask * np.uint8(LV)
    return labels


def _reading(clip: EchoClip, labels: np.ndarray, key_frames: KeyFrames, reader: str) -> Revision:
    beat = key_frames.beats[0]
    return correct(
        clip,
        labels,
        (beat.ed, beat.es),
        Base("nothing", ""),
        reader=reader,
        started=datetime.now(UTC),
        key_frames=key_frames,
        schema=CAMUS_SCHEMA,
    )


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(SHOTS)}; all without any")
    parser.add_argument("--demo", type=Path, help="only keep this picture of a demo, for README")
    arguments = parser.parse_args()
    if arguments.demo is not None:
        picture = few_colors(Image.open(arguments.demo).convert("RGB"))
        picture.save(HERE / "images" / "review.png", optimize=True)
        return
    names: Sequence[str] = arguments.names or tuple(SHOTS)
    unknown = set(names) - set(SHOTS)
    if unknown:
        raise SystemExit(f"There is no picture {min(unknown)}: choose of {', '.join(SHOTS)}.")
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        isolate(folder)
        at = Photographer(folder, make_beats(folder, CLIPS))
        at.open(at.beats)
        for at.name in names:
            SHOTS[at.name](at)
        at.viewer.close()
    total = sum(path.stat().st_size for path in PICTURES.glob("*.png"))
    print(f"{total // 1024} kB in all", flush=True)


if __name__ == "__main__":
    main()
