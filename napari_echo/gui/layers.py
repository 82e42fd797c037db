"""The napari layers of a review: the one module that adds, finds and changes them.

A layer is found by ``layer.metadata["napari_echo"] = {"clip_id", "role"}``;
its name is for people and may be changed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Labels, Layer
from napari.utils.colormaps import DirectLabelColormap
from psygnal import Signal

from napari_echo.core.clip import EchoClip
from napari_echo.core.labels import Structure
from napari_echo.gui.adding import add_unselected, leave_out_tools
from napari_echo.gui.caption import Caption
from napari_echo.gui.draft_layer import DraftLayer
from napari_echo.gui.layer_data import (
    KEY,
    ROLES,
    Role,
    clip_layer_data,
    grid,
    tag_of,
)
from napari_echo.gui.overlays import OVERLAYS, OverlayFrames
from napari_echo.gui.renewing import Renewing
from napari_echo.gui.resting import is_resting, keep_at_rest
from napari_echo.gui.showing import Showing
from napari_echo.workflow.session import Session

BLIND_NAME = "A clip, read blind"


class ReviewLayers:
    """Keeps the layers of a viewer as the session is.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer.
    session : Session
        The review.

    Signals
    -------
    fitting(EchoClip)
        All layers are fitted to another clip: whoever keeps some does it now,
        with `renewing`, before napari draws.
    jumped(int)
        The reader went to a frame, to look at it.
    """

    fitting = Signal(EchoClip)
    jumped = Signal(int)

    def __init__(self, viewer: ViewerModel, session: Session) -> None:
        self.viewer = viewer
        self.session = session
        self.showing = Showing(session)
        self.renewing = Renewing()
        self.caption = Caption(viewer, session, lambda: self.frame)
        self._structures: tuple[Structure, ...] = ()
        session.clip_changed.connect(self._show_clip)
        session.hidden_changed.connect(self._name_clip)
        self.showing.changed.connect(self.show_overlays)
        session.corrections.edited.connect(self._show_edited)
        session.corrections.relabelled.connect(self._show_edited)
        self.draft = DraftLayer(self)

    def disconnect(self) -> None:
        """Stop following the session; strokes that are not committed stay as a layer."""
        self.draft.disconnect()
        self.showing.changed.disconnect(self.show_overlays)
        self.showing.disconnect()
        self.caption.disconnect()
        session = self.session
        session.clip_changed.disconnect(self._show_clip)
        session.hidden_changed.disconnect(self._name_clip)
        session.corrections.edited.disconnect(self._show_edited)
        session.corrections.relabelled.disconnect(self._show_edited)

    # Finding ------------------------------------------------------------------

    def _ours(self) -> Iterator[Layer]:
        return (layer for layer in self.viewer.layers if tag_of(layer))

    def find(self, role: Role) -> Layer | None:
        """Find the open clip's layer of a role."""
        clip = self.session.clip
        wanted = (clip.clip_id, role) if clip is not None else None
        tags = ((layer, tag_of(layer)) for layer in self._ours())
        return next((x for x, tag in tags if (tag["clip_id"], tag["role"]) == wanted), None)

    @property
    def frame(self) -> int:
        """The frame on show, counted from 0."""
        return int(self.viewer.dims.current_step[0]) if self.session.clip is not None else 0

    def go_to(self, frame: int) -> None:
        """Show a frame that the reader wants to look at."""
        self.viewer.dims.set_current_step(0, frame)
        self.jumped.emit(frame)

    # Following the session ----------------------------------------------------

    def _show_clip(self) -> None:
        clip = self.session.clip
        found = self.find("clip")
        old = next((x for x in self._ours() if tag_of(x)["role"] == "clip"), None)
        kept = old if found is None and clip is not None else found
        with self.renewing.held(lambda: self.viewer.dims.set_current_step(0, 0)):
            self.draft.follow_clip()
            self._drop_others(kept)
            if clip is not None and kept is None:
                kept = self._make_clip(clip)
            elif clip is not None and isinstance(kept, Image) and kept is not found:
                self._refill(kept, clip)
            if clip is not None:
                for layer in self.viewer.layers:
                    if is_resting(layer):
                        keep_at_rest(layer, clip, self.renewing)
                self.fitting.emit(clip)
            self.showing.refresh()
        self.caption.show()
        if kept is None:
            return
        self._sink(kept)
        self.viewer.layers.selection.active = kept
        self._name_clip()
        self.viewer.reset_view()

    def _drop_others(self, kept: Layer | None) -> None:
        """Take our layers of the clip before out of the list."""
        clip = self.session.clip
        for layer in [x for x in self._ours() if x is not kept]:
            if clip is not None and tag_of(layer)["role"] == "overlays":
                # To make a layer takes napari longer than all else here.
                tag_of(layer)["clip_id"] = clip.clip_id
                continue
            layer.locked = False
            self.viewer.layers.remove(layer)

    def _sink(self, layer: Layer) -> None:
        """Put a clip that napari opened, on top of all, below what is drawn over it."""
        layers = self.viewer.layers
        lowest = min(layers.index(other) for other in self._ours())
        if layers.index(layer) > lowest:
            layers.move(layers.index(layer), lowest)

    def _name_clip(self) -> None:
        """Name the clip; a name that the reader knows would tell him a hidden repeat."""
        layer, clip = self.find("clip"), self.session.clip
        if layer is not None and clip is not None and layer.name in (clip.name, BLIND_NAME):
            layer.name = BLIND_NAME if self.session.hidden else clip.name

    def _make_clip(self, clip: EchoClip) -> Image:
        data, kwargs, _ = clip_layer_data(
            clip, truth=self.session.truth, key_frames=self.session.key_frames
        )
        layer = Image(data, **kwargs)
        self._place(layer, "clip")
        return layer

    def _refill(self, layer: Image, clip: EchoClip) -> None:
        """Put the clip that was opened into the layer of the one before.

        To take a layer away and make another takes napari most of a second,
        half of it in search of memory to free.
        """
        data, kwargs, _ = clip_layer_data(
            clip, truth=self.session.truth, key_frames=self.session.key_frames
        )
        layer.locked = False
        layer.metadata[KEY] = kwargs["metadata"][KEY]
        self.renewing.renew(layer, grid(clip), data, visible=layer.visible)
        layer.name = clip.name
        for name, value in (("contrast_limits", kwargs["contrast_limits"]), ("gamma", 1.0)):
            if not np.array_equal(getattr(layer, name), value):
                setattr(layer, name, value)

    def show_overlays(self) -> None:
        """Draw the overlays that are on, as one layer; without any it costs napari nothing."""
        clip, sources = self.session.clip, self.showing.sources()
        layer = self.find("overlays")
        if clip is None or sources is None:
            return
        self.caption.write()
        frames = OverlayFrames(sources, self.showing.shown)
        if not isinstance(layer, Labels):
            if frames.shown:
                self._make_overlays(frames)
            return
        now = layer.data
        if isinstance(now, OverlayFrames) and (now.sources, now.shown) == (sources, frames.shown):
            return
        self.renewing.renew(
            layer,
            grid(clip, frames.factor, frames.offset),
            frames,
            visible=bool(frames.shown),
        )
        if sources.structures != self._structures:
            self._color(layer, frames)
        layer.name = _overlays_name(frames)

    def _make_overlays(self, frames: OverlayFrames) -> None:
        layer = Labels(
            frames,
            name=_overlays_name(frames),
            opacity=1.0,
            **grid(self.session.require_clip(), frames.factor, frames.offset),
        )
        layer.editable = False
        leave_out_tools(layer)
        self._color(layer, frames)
        self._place(layer, "overlays")
        layer.locked = True

    def _color(self, layer: Labels, frames: OverlayFrames) -> None:
        self._structures = frames.sources.structures
        layer.colormap = DirectLabelColormap(
            color_dict={None: "transparent", 0: "transparent"} | frames.palette()
        )

    def _show_edited(self, *_: object) -> None:
        """Draw the difference of the draft as it is painted on."""
        layer = self.find("overlays")
        if self.session.corrections.draft is None or not isinstance(layer, Labels):
            return
        frames = layer.data
        if isinstance(frames, OverlayFrames) and "difference" in frames.shown:
            frames.forget()
            layer.refresh(thumbnail=False, highlight=False, extent=False)

    # Making -------------------------------------------------------------------

    def _place(self, layer: Layer, role: Role) -> None:
        """Add a layer above those that lie below its role; the selection stays."""
        layer.metadata.setdefault(
            KEY, {"clip_id": self.session.require_clip().clip_id, "role": role}
        )
        layers = self.viewer.layers
        below = [
            index
            for index, other in enumerate(layers)
            if tag_of(other) and ROLES.index(tag_of(other)["role"]) < ROLES.index(role)
        ]
        add_unselected(self.viewer, layer, max(below, default=len(layers) - 1) + 1)


def _overlays_name(frames: OverlayFrames) -> str:
    shown = [name for name in OVERLAYS if name in frames.shown]
    return f"Overlays: {', '.join(shown)}" if shown else "Overlays"
