"""What `napari-echo open` starts, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.gui.app import open_clips

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
    if review is None or review.session.clip is None or review.jobs.busy:
        return
    timer.stop()
    session = review.session
    print(json.dumps({
        "source": str(session.clip.source),
        "paths": [str(path) for path in session.studies.roots],
        "frame": review.layers.frame,
    }))
    viewer.close()

get_qapp()
timer = QTimer()
timer.timeout.connect(look)
timer.start(100)
app.open_clips([Path(sys.argv[1])], frame=3)
"""


def test_a_folder_opens_at_its_first_clip_and_the_frame_asked_for(
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


def test_what_is_not_there_is_told_before_a_window_opens(tmp_path: Path) -> None:
    with pytest.raises(EchoError, match=r"absent\.avi does not exist"):
        open_clips([tmp_path / "absent.avi"])
    with pytest.raises(EchoError, match="no model pack 'nonsense'"):
        open_clips([], model="nonsense")
