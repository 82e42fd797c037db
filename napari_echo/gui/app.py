"""Napari with the review open: what `napari-echo open` starts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import napari

from napari_echo.core.errors import EchoError
from napari_echo.gui.review import EchoReview
from napari_echo.ml.packs import find_pack
from napari_echo.workflow.session import Session

PLUGIN, WIDGET = "napari-echo", "Echo review"
SIZE = (1280, 800)


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
    viewer = napari.Viewer(title="Echo review", show_welcome_screen=False)
    viewer.window.resize(*SIZE)
    if session is None:
        _, review = viewer.window.add_plugin_dock_widget(PLUGIN, WIDGET)
    else:
        review = EchoReview(viewer, session)
        viewer.window.add_dock_widget(review, name=WIDGET, area="right")
    assert isinstance(review, EchoReview)
    return viewer, review


def open_clips(paths: Sequence[Path], model: str | None = None, frame: int | None = None) -> None:
    """Review clips in napari until its window is closed.

    Parameters
    ----------
    paths : sequence of Path
        Files, or folders of them; may be empty.
    model : str or None
        Name of the model pack to choose.
    frame : int or None
        Frame of the first clip to show.

    Raises
    ------
    EchoError
        If a path does not exist or the model is not there.
    """
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise EchoError(f"{missing[0]} does not exist.")
    pack = find_pack(model) if model is not None else None
    _, review = open_viewer()
    if pack is not None:
        review.session.add_pack(pack)
    if frame is not None:
        _show_first(review, frame)
    if paths:
        review.studying.open_paths(paths)
    napari.run()


def _show_first(review: EchoReview, frame: int) -> None:
    """Show a frame of the first clip, and leave the later ones at their start."""

    def show() -> None:
        review.session.clip_changed.disconnect(show)
        review.layers.go_to(frame)

    review.session.clip_changed.connect(show)
