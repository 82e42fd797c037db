"""What is written on the canvas: which frame is on show, and how large it is."""

from __future__ import annotations

from collections.abc import Callable

from napari.components import ViewerModel

from napari_echo.core.keyframes import Beat, Which
from napari_echo.workflow.session import Session

BOXED_FROM = 1.25
"""Zoomed in by more than this, tissue lies below caption and scale bar."""


class Caption:
    """Writes the frame, its time, and ED or ES at the top of the canvas.

    With software OpenGL every letter slows the frames down, so it is short: the
    legend says whose labels are on show. Behind caption and scale bar napari
    draws a box, for which vispy links its shaders anew with every other text
    and length; so they have none where the whole clip is in sight on a dark
    canvas, and the sector's dark corners lie behind them; views side by side
    have their upper corners there.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    session : Session
        The review.
    current_frame : callable
        Says which frame is on show.
    """

    def __init__(
        self, viewer: ViewerModel, session: Session, current_frame: Callable[[], int]
    ) -> None:
        self.viewer = viewer
        self.session = session
        self.current_frame = current_frame
        session.key_frames_changed.connect(self.write)
        viewer.scene.camera.events.zoom.connect(self._fit_boxes)
        viewer.canvas.events.background_color.connect(self._fit_boxes)
        viewer.canvas.grid.events.enabled.connect(self._fit_boxes)

    def disconnect(self) -> None:
        """Stop following viewer and session."""
        self.session.key_frames_changed.disconnect(self.write)
        self.viewer.scene.camera.events.zoom.disconnect(self._fit_boxes)
        self.viewer.canvas.events.background_color.disconnect(self._fit_boxes)
        self.viewer.canvas.grid.events.enabled.disconnect(self._fit_boxes)

    def show(self) -> None:
        """Show the caption where a clip is open, and the scale bar where its scale is known."""
        clip, overlays = self.session.clip, self.viewer.canvas.overlays
        overlays.text.position = "top_left"
        overlays.text.visible = clip is not None
        overlays.scale_bar.visible = clip is not None and clip.spacing_mm is not None

    def write(self, _event: object = None) -> None:
        """Write which frame is on show; the window calls it as frames change."""
        clip, frame = self.session.clip, self.current_frame()
        if clip is None:
            return
        key_frames = self.session.key_frames
        beats = key_frames.beats if key_frames is not None else ()
        parts = [f"frame {frame} / {len(clip) - 1}"]
        if clip.fps:
            parts.append(f"{frame / clip.fps:.2f} s")
        parts += [
            name
            for name, at in (("ED", "ed"), ("ES", "es"))
            if any(getattr(b, at) == frame and self._missing(b) != name for b in beats)
        ]
        text = "   ".join(parts)
        overlay = self.viewer.canvas.overlays.text
        if overlay.text != text:
            overlay.text = text

    def _missing(self, beat: Beat) -> Which | None:
        """Which key frame of a beat is still to be set."""
        key_frames = self.session.key_frames
        return key_frames.missing(beat) if key_frames is not None else None

    def _fit_boxes(self, _event: object = None) -> None:
        """Draw the boxes while it is zoomed in or in cells, or where the canvas is light."""
        clip, overlays = self.session.clip, self.viewer.canvas.overlays
        if clip is None:
            return
        sides = zip(clip.frame_shape, clip.spacing_mm or (1.0, 1.0), strict=True)
        fit = min(
            room / (pixels * spacing)
            for room, (pixels, spacing) in zip(self.viewer.canvas.size, sides, strict=True)
        )
        light = sum(self.viewer.canvas.background_color[:3]) > 1.5
        in_cells = self.viewer.canvas.grid.enabled
        boxed = bool(light or in_cells or self.viewer.scene.camera.zoom > BOXED_FROM * fit)
        for overlay in (overlays.text, overlays.scale_bar):
            if overlay.box is not boxed:
                overlay.box = boxed
