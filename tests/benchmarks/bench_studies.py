"""Measure how long it takes to list many clips and to show them in the table of studies.

    xvfb-run -a python tests/benchmarks/bench_studies.py [--clips 10000]

makes a folder of as many files, an EchoNet-Dynamic tree and a clip data set of
as many clips in a temporary folder: the files are real in name and place only,
as no clip is decoded for a listing. It prints the seconds of each listing, and
of the table's steps on the main thread.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_echo.workflow.studies import StudyItem

DISCS = 21


def make_folder(root: Path, n: int) -> Path:
    """Files of videos, a hundred in a folder."""
    for number in range(n):
        folder = root / f"{number // 100:04d}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"clip{number:05d}.avi").touch()
    return root


def make_echonet(root: Path, n: int) -> Path:
    """An EchoNet-Dynamic tree with 21 rows a traced frame, two frames a video."""
    (root / "Videos").mkdir(parents=True)
    names = [f"0X{number:016X}" for number in range(n)]
    for name in names:
        (root / "Videos" / f"{name}.avi").touch()
    head = "FileName,EF,ESV,EDV,FrameHeight,FrameWidth,FPS,NumberOfFrames,Split\n"
    rows = (f"{name},55.1,40,90,112,112,50,175,TRAIN\n" for name in names)
    (root / "FileList.csv").write_text(head + "".join(rows), encoding="utf-8")
    with (root / "VolumeTracings.csv").open("w", encoding="utf-8") as file:
        file.write("FileName,X1,Y1,X2,Y2,Frame\n")
        for name in names:
            for frame in (46, 61):
                for disc in range(DISCS):
                    file.write(f"{name}.avi,51.2,{20 + disc}.5,60.1,{20 + disc}.5,{frame}\n")
    return root


def make_clipset(root: Path, n: int) -> Path:
    """A clip data set whose index names clips that nobody reads."""
    from napari_echo.core.clip import EchoClip
    from napari_echo.core.keyframes import Beat, KeyFrames
    from napari_echo.core.labels import Segmentation
    from napari_echo.io.clipset import write_clipset
    from napari_echo.io.labelled import LabelledClip

    frames = np.arange(2 * 16 * 16, dtype=np.uint8).reshape(2, 16, 16)
    truth = Segmentation(np.ones((2, 16, 16), np.uint8), np.ones(2, np.bool_), "ground truth")
    clip = EchoClip.from_frames(frames, study_id="study", view="A4C")
    write_clipset(root, [LabelledClip(clip, truth, KeyFrames((Beat(0, 1),), "traced"))])
    index = json.loads((root / "index.json").read_text(encoding="utf-8"))
    (entry,) = index["entries"]
    index["entries"] = [
        {
            **entry,
            "study_id": f"study{number:05d}",
            "clip_id": f"{number:064x}",
            "frames_file": f"clips/{number:05d}.frames.npy",
            "labels_file": f"clips/{number:05d}.labels.npy",
        }
        for number in range(n)
    ]
    (root / "index.json").write_text(json.dumps(index), encoding="utf-8")
    return root


def listed(paths: list[Path]) -> list[StudyItem]:
    """List clips as the window does, in one go."""
    from napari_echo.workflow.study_list import iter_list

    steps = iter_list(paths)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            items: list[StudyItem] = end.value
            return items


def measure_lists(root: Path, n: int) -> Iterator[str]:
    """Time each listing, with the files in the system's cache."""
    makers: tuple[tuple[str, Callable[[Path, int], Path]], ...] = (
        ("a folder of files", make_folder),
        ("EchoNet-Dynamic", make_echonet),
        ("a clip data set", make_clipset),
    )
    for name, make in makers:
        path = make(root / make.__name__, n)
        seconds = []
        for _ in range(3):
            began = time.perf_counter()
            items = listed([path])
            seconds.append(time.perf_counter() - began)
        assert len(items) == n
        yield f"List {n} clips of {name}: {min(seconds):.2f} to {max(seconds):.2f} s"


def measure_table(root: Path, n: int) -> Iterator[str]:
    """Time what the table does on the main thread, with facts of every clip."""
    import napari
    from qtpy.QtCore import QSettings
    from qtpy.QtWidgets import QApplication

    from napari_echo.gui.review import STUDIES_DOCK, EchoReview
    from napari_echo.io.store import LabelStore
    from napari_echo.workflow.facts import Facts
    from napari_echo.workflow.session import Session

    ini, user = QSettings.Format.IniFormat, QSettings.Scope.UserScope
    QSettings.setPath(ini, user, str(root / "settings"))
    viewer = napari.Viewer(show_welcome_screen=False)
    review = EchoReview(viewer, Session(store=LabelStore(root / "labels"), reader="script"))
    viewer.window.add_dock_widget(review, name="Echo review", area="right")
    review.bottom.show(STUDIES_DOCK)
    items = listed([root / "make_echonet"])
    pack = review.session.pack
    assert pack is not None
    rng = np.random.default_rng(0)
    facts = [
        Facts(item.key, pack.id, pack.name, 46, 61, ef, hardness=hard, expected_change=ef / 20,
              crossing=(0.0, hard, ef / 9), limits=(0.35, 0.4, 0.5), outlook_ef=ef)
        for item, ef, hard in zip(items, rng.uniform(0.2, 0.7, n), rng.random(n), strict=True)
    ]  # fmt: skip
    panel, studies = review.studies_panel, review.session.studies

    def timed(what: str, do: Callable[[], object]) -> str:
        QApplication.processEvents()
        began = time.perf_counter()
        do()
        QApplication.processEvents()
        return f"Table of {n} clips: {what}: {1000 * (time.perf_counter() - began):.0f} ms"

    yield timed("take the list", lambda: studies.set_items(items))
    yield timed("take facts of every clip", lambda: review.scanning.facts.take(facts))
    for queue in ("hardness", "ef crossing"):
        yield timed(f"queue by {queue}", lambda q=queue: panel.set_queue(q))
    yield timed("sort by name", lambda: panel.table.sortByColumn(0, _ascending()))
    panel.search.setText("00a")
    yield timed("filter by text", panel.order.take_filter)
    panel.order.clear_filter()
    yield timed("one more fact", lambda: review.scanning.facts.take(facts[:1]))
    yield timed("scroll to the end", panel.table.scrollToBottom)
    viewer.close()


def _ascending() -> object:
    from qtpy.QtCore import Qt

    return Qt.SortOrder.AscendingOrder


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=10_000)
    parser.add_argument("--no-table", action="store_true", help="measure the listings alone")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["NAPARI_ECHO_CACHE"] = folder + "/cache"
        os.environ["NAPARI_ECHO_JOURNAL"] = folder + "/journal"
        for line in measure_lists(Path(folder), arguments.clips):
            print(line, flush=True)
        if not arguments.no_table:
            for line in measure_table(Path(folder), arguments.clips):
                print(line, flush=True)


if __name__ == "__main__":
    main()
