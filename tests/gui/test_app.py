"""What `napari-echo open` starts, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import pytest

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.gui.app import _check_first, open_clips
from napari_echo.gui.review import EchoReview
from napari_echo.ml.packs import shipped_packs
from napari_echo.workflow.session import Session

# Polls from napari's own event loop, and closes the window when the clip is there.
WATCH = """
import json, sys
from pathlib import Path
import napari
from napari.qt import get_qapp
from qtpy.QtCore import QTimer
from napari_echo.gui import app

def look():
    viewer = napari.current_viewer()
    review = viewer.window.dock_widgets.get("Echo review (napari-echo)") if viewer else None
    if review is None or review.jobs.busy or len(review.session.predictions) < 2:
        return
    timer.stop()
    session = review.session
    print(json.dumps({
        "source": str(session.clip.source),
        "paths": [str(item.path) for item in session.studies.items],
        "frame": review.layers.frame,
        "ticked": [pack.name for pack in session.ticked],
        "models": [prediction.model_name for prediction in session.predictions.values()],
    }))
    viewer.close()

get_qapp()
timer = QTimer()
timer.timeout.connect(look)
timer.start(100)
app.open_clips([Path(sys.argv[1])], models=["pidnet-s-phantom", "pidnet-s"], frame=3)
"""


def test_a_folder_opens_at_its_first_clip_and_the_frame_asked_for_with_the_models_run(
    clip: EchoClip, tmp_path: Path
) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    for name in ("b.npy", "a.npy"):
        np.save(folder / name, clip.frames)
    done = subprocess.run(
        [sys.executable, "-c", WATCH, str(folder)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["source"] == str(folder / "a.npy")
    assert seen["paths"] == [str(folder / "a.npy"), str(folder / "b.npy")]
    assert seen["frame"] == 3
    assert sorted(seen["ticked"]) == ["pidnet-s", "pidnet-s-phantom"]
    assert seen["models"] == ["pidnet-s-phantom", "pidnet-s"]


def test_what_is_not_there_is_told_before_a_window_opens(tmp_path: Path) -> None:
    with pytest.raises(EchoError, match=r"absent\.avi does not exist"):
        open_clips([tmp_path / "absent.avi"])
    with pytest.raises(EchoError, match="no model pack 'nonsense'"):
        open_clips([], models=["pidnet-s", "nonsense"])
    packs = [str(pack.path) for pack in shipped_packs()]
    with pytest.raises(EchoError, match="5 models are given, but at most 4"):
        open_clips([], models=packs)


def test_a_frame_that_the_first_clip_lacks_is_told(
    dock: Callable[[Session], tuple[napari.Viewer, EchoReview]], session: Session, clip: EchoClip
) -> None:
    _, review = dock(session)
    told: list[str] = []
    review.verbs.refused.connect(told.append)
    _check_first(review, 12)
    session.open_clip(clip)
    session.open_clip(EchoClip.from_frames(clip.frames[:3]))
    assert told == [f"{clip.name} has no frame 12: it has frames 0 to 11."]


CHOSEN = """
import warnings
from napari.settings import get_settings
from napari_echo.gui.app import open_viewer
from napari_echo.gui.keys import action, bound_keys

shortcuts = get_settings().shortcuts
shortcuts.shortcuts = {**shortcuts.shortcuts, action("truth").id: ["Alt-G"]}
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    viewer, review = open_viewer()
print([str(w.message) for w in told if "unbind" in str(w.message)])
print([str(key) for name in ("truth", "heat_map") for key in bound_keys(action(name).id)])
print(review.legend.buttons["truth"].text())
viewer.close()
"""


def test_keys_that_the_reader_chose_are_known_before_the_window(tmp_path: Path) -> None:
    env = {**os.environ, "NAPARI_CONFIG": str(tmp_path / "napari.yaml"), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", CHOSEN], capture_output=True, text=True, env=env, timeout=180
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-3:] == ["[]", "['Alt+G', 'H']", " Truth  Alt-G"]
