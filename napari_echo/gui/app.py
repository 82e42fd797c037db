"""Napari with the review open: what `napari-echo open` starts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import napari
from qtpy.QtCore import QTimer

from napari_echo.core.errors import EchoError
from napari_echo.gui import keys
from napari_echo.gui.arranging import arrange
from napari_echo.gui.review import EchoReview
from napari_echo.ml.packs import find_pack
from napari_echo.workflow.predictions import check_number
from napari_echo.workflow.session import Session

PLUGIN, WIDGET = "napari-echo", "Echo review"


def open_viewer(session: Session | None = None) -> tuple[napari.Viewer, EchoReview]:
    """Open a viewer with the review docked.

    Parameters
    ----------
    session : Session or None
        The review; None takes the plugin's widget as napari's menu does.

    Returns
    -------
    Viewer, EchoReview
    """
    # Napari would warn of keys that the reader chose for what it does not know yet.
    keys.register()
    viewer = napari.Viewer(title="Echo review", show_welcome_screen=False)
    if session is None:
        _, review = viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    else:
        review = EchoReview(viewer, session)
        viewer.window.add_dock_widget(review, name=WIDGET, area="right")
    assert isinstance(review, EchoReview)
    arrange(viewer, review)
    return viewer, review


def open_clips(paths: Sequence[Path], models: Sequence[str] = (), frame: int | None = None) -> None:
    """Review clips in napari until its window is closed.

    Parameters
    ----------
    paths : sequence of Path
        Files, folders or data sets; may be empty.
    models : sequence of str
        Names or folders of model packs to tick. They are run on the first clip:
        who names them wants to see what they say.
    frame : int or None
        Frame of the first clip to show.

    Raises
    ------
    EchoError
        If a path does not exist, a model is not there, or more are given than
        can be compared.
    """
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise EchoError(f"{missing[0]} does not exist.")
    packs = list({pack.id: pack for pack in map(find_pack, models)}.values())
    check_number(len(packs))
    _, review = open_viewer()
    if packs:
        review.session.take_packs(packs)
        _run_on_first(review)
    if frame is not None:
        _check_first(review, frame)
    if paths:
        review.studying.open_paths(paths, frame=frame)
    napari.run()


def _check_first(review: EchoReview, frame: int) -> None:
    """Tell where the first clip has no such frame; its last is shown then."""
    session = review.session

    def check() -> None:
        clip = session.clip
        if clip is not None:
            session.clip_changed.disconnect(check)
            if frame >= len(clip):
                frames = "only frame 0" if len(clip) == 1 else f"frames 0 to {len(clip) - 1}"
                review.verbs.refused.emit(f"{clip.name} has no frame {frame}: it has {frames}.")

    session.clip_changed.connect(check)


def _run_on_first(review: EchoReview) -> None:
    """Run the ticked models as soon as a clip is there and nothing else is going on."""

    def look() -> None:
        if review.session.clip is not None and not review.jobs.busy:
            review.jobs.busy_changed.disconnect(look)
            # What has just ended may begin another job first.
            QTimer.singleShot(0, run)

    def run() -> None:
        if review.jobs.busy:
            review.jobs.busy_changed.connect(look)
        else:
            review.verbs.predict()

    review.jobs.busy_changed.connect(look)
