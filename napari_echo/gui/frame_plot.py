"""Plots over the frames of a clip: how they are made, coloured, marked and clicked on."""

from __future__ import annotations

import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

from napari_echo.workflow.session import Session

MANY = 8


def frame_plot(owner: QWidget) -> pg.PlotWidget:
    """Make a plot over the frames of a clip, that no mouse can move."""
    plot = pg.PlotWidget()
    plot.setMenuEnabled(False)
    plot.hideButtons()
    plot.setMouseEnabled(x=False, y=False)
    item = plot.getPlotItem()
    # Pyqtgraph makes a menu without an owner, which outlives the plot.
    item.ctrlMenu.setParent(owner, Qt.WindowType.Popup)
    item.setLabel("bottom", "frame")
    item.getAxis("left").enableAutoSIPrefix(False)
    # Room for the top tick's label, which stands half above the axis.
    item.layout.setContentsMargins(1, 6, 1, 1)
    return plot


def color_plot(
    plot: pg.PlotWidget,
    background: str,
    foreground: str,
    sides: tuple[str, ...] = ("left", "bottom"),
) -> None:
    """Give a plot the colours of the theme."""
    plot.setBackground(background)
    for side in sides:
        axis = plot.getPlotItem().getAxis(side)
        axis.setPen(foreground)
        axis.setTextPen(foreground)


def span_frames(plot: pg.PlotWidget, session: Session) -> None:
    """Let the axis of frames span the clip."""
    n = len(session.clip) if session.clip is not None else 1
    plot.setXRange(0, max(n - 1, 1), padding=0.02)
    # A frame has no fractions.
    whole = [[(frame, str(frame)) for frame in range(n)]] if n <= MANY else None
    plot.getPlotItem().getAxis("bottom").setTicks(whole)


def mark_key_frames(
    plot: pg.PlotWidget,
    marks: list[pg.InfiniteLine],
    session: Session,
    color: str,
    height: float = 0.92,
) -> None:
    """Mark ED and ES of every beat by a dotted line, in place of the `marks` before.

    The names stand at a share of the plot's height where no curve is.
    """
    item, key_frames = plot.getPlotItem(), session.key_frames
    for line in marks:
        item.removeItem(line)
    marks.clear()
    for beat in key_frames.beats if key_frames is not None else ():
        for name, frame in (("ED", beat.ed), ("ES", beat.es)):
            if key_frames is not None and key_frames.missing(beat) == name:
                continue
            line = pg.InfiniteLine(
                frame,
                angle=90,
                pen=pg.mkPen(color, width=1, style=Qt.PenStyle.DotLine),
                label=name,
                labelOpts={"position": height, "color": color},
            )
            item.addItem(line, ignoreBounds=True)
            marks.append(line)


def frame_at(
    plot: pg.PlotWidget, session: Session, event: pg.GraphicsScene.mouseEvents.MouseClickEvent
) -> int | None:
    """The frame that was clicked on; None beside the plot."""
    clip, box = session.clip, plot.getPlotItem().vb
    if clip is None or not box.sceneBoundingRect().contains(event.scenePos()):
        return None
    frame: int = round(box.mapSceneToView(event.scenePos()).x())
    return min(max(frame, 0), len(clip) - 1)
