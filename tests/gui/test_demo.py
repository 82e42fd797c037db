"""The demo: it writes what it promises, and replaces nothing but its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from napari_echo.core.errors import EchoError
from napari_echo.gui.demo import LABELLED_SET, LABELS, MARK, largest_hollow, run_demo
from napari_echo.io.clipset import open_clipset
from napari_echo.io.store import LabelStore


def test_the_largest_hollow_is_what_the_convex_hull_adds() -> None:
    mask = np.zeros((40, 40), bool)
    mask[5:35, 5:35] = True
    assert not largest_hollow(mask).any()
    mask[15:25, 5:12] = False
    mask[5:7, 18:20] = False
    hollow = largest_hollow(mask)
    assert hollow.sum() == 70
    assert hollow[15:25, 5:12].all()
    assert not largest_hollow(np.zeros((5, 5), bool)).any()


def test_a_folder_of_another_origin_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / LABELS).mkdir()
    mine = tmp_path / LABELS / "mine.tif"
    mine.write_bytes(b"mine")
    with pytest.raises(EchoError, match="choose another folder"):
        run_demo(tmp_path, headless=True)
    assert mine.read_bytes() == b"mine"


@pytest.mark.slow
def test_the_demo_writes_pictures_a_summary_and_a_labelled_set(tmp_path: Path) -> None:
    out = tmp_path / "demo-output"
    (tmp_path / "demo-output" / LABELLED_SET).mkdir(parents=True)
    (out / MARK).touch()
    code = "from pathlib import Path; from napari_echo.gui.demo import run_demo; "
    code += f"run_demo(Path({str(out)!r}), True)"
    # A second one replaces the first, its label store too.
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code], check=True, timeout=600)

    for name in ("review.png", "review_phantom.png"):
        picture = cv2.imread(str(out / name))
        assert min(picture.shape[:2]) >= 700
        assert picture.std() > 10
    summary = json.loads((out / "summary.json").read_text())
    real, phantom = summary["real cine"], summary["phantom"]
    assert len(real["prediction"]["area"]) == 30
    assert real["prediction"]["units"]["volume"] == "ml"
    assert 0 < real["prediction"]["ef"] < 1
    assert 0 <= real["hard_pixels"]["share_found"] < 1
    assert {"load", "predict", "mark", "correct", "export"} <= set(real["seconds"])
    assert phantom["lv_dice"]["all_frames"] > 0.7
    assert phantom["truth"]["ef"] is not None

    (revision,) = LabelStore(out / LABELS).revisions()
    labelled = open_clipset(out / LABELLED_SET)
    (entry,) = labelled.entries
    assert entry.clip_id == real["clip"]["clip_id"] == revision.clip_id
    assert tuple(entry.labelled_frames) == revision.frames == (real["corrected"]["frame"],)
    assert np.array_equal(labelled.labels(entry)[0], revision.labels[0])
