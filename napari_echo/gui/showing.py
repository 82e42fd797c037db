"""Which overlays are on: what the reader wants, and what there is to draw."""

from __future__ import annotations

from psygnal import Signal, SignalInstance

from napari_echo.gui.overlays import OVERLAYS, Overlay, Sources
from napari_echo.gui.preferences import read_flag, write
from napari_echo.workflow.session import Session

BY_DEFAULT: frozenset[Overlay] = frozenset({"truth", "prediction", "hard pixels"})


class Showing:
    """Keeps which overlays the reader wants, for other clips and for the next time.

    Parameters
    ----------
    session : Session
        The review.

    Attributes
    ----------
    all_off : bool
        Whether all are off for now; which are wanted is not forgotten.

    Signals
    -------
    changed()
        Something else is wanted, or can be drawn.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        self.session = session
        self.all_off = False
        self._wanted = {name: read_flag(_setting(name), name in BY_DEFAULT) for name in OVERLAYS}
        # A correction would be tinted by the prediction below it.
        self._put_aside = False
        self._sources: Sources | None = None
        session.corrections.draft_changed.connect(self._follow_draft)
        for signal in self._signals():
            signal.connect(self.refresh)

    def disconnect(self) -> None:
        """Stop following the session."""
        self.session.corrections.draft_changed.disconnect(self._follow_draft)
        for signal in self._signals():
            signal.disconnect(self.refresh)

    def _signals(self) -> tuple[SignalInstance, ...]:
        session = self.session
        return (
            session.truth_changed,
            session.prediction_changed,
            session.marks_changed,
        )

    # What is on -----------------------------------------------------------------

    def is_on(self, name: Overlay) -> bool:
        """Whether an overlay is drawn where there is one."""
        aside = name == "prediction" and self._put_aside
        return self._wanted[name] and not self.all_off and not aside

    @property
    def shown(self) -> frozenset[Overlay]:
        """The overlays that are drawn."""
        sources = self.sources()
        there = sources.available if sources is not None else frozenset()
        return frozenset(name for name in there if self.is_on(name))

    def toggle(self, name: Overlay) -> None:
        """Switch an overlay on or off; that brings the others back, too."""
        wanted = not self.is_on(name)
        self.all_off = False
        if name == "prediction" and self._drafting:
            # A look at it from a correction is no wish for later.
            self._put_aside = not wanted
            self._wanted[name] |= wanted
        else:
            self._wanted[name] = wanted
            write(_setting(name), wanted)
        self.changed.emit()

    def toggle_all(self) -> None:
        """Take all overlays off, and put back on those that were."""
        self.all_off = not self.all_off
        self.changed.emit()

    def obstacle(self, name: Overlay) -> str:
        """Say why an overlay cannot be drawn; empty where it can."""
        session, sources = self.session, self.sources()
        if sources is None:
            return "Open a clip first."
        if name in sources.available:
            return ""
        if session.hidden:
            return "This clip is read blind: commit first."
        if name == "truth" or (name == "difference" and session.truth is None):
            return "This clip has no ground truth."
        if name in ("prediction", "difference"):
            return "Run a model first."
        return "Mark the hard pixels first."

    def whose(self, frame: int) -> str:
        """Say whose labels are drawn on a frame, and how; empty where there are none."""
        shown, found = self.shown, []
        truth, prediction = self.session.truth, self.session.prediction
        if self._drafting:
            found.append("correction (fill)")
        if prediction is not None and "prediction" in shown:
            found.append(f"{prediction.model_name} (fill)")
        if truth is not None and shown & {"truth", "difference"}:
            # Truth is sparse: a frame without a contour is not one without an LV.
            # A shorter clip is told of before the slider is within it.
            there = truth.annotated[min(frame, len(truth.annotated) - 1)]
            drawn = "line" if there else "not on this frame"
            found.append(f"truth ({drawn})")
        return ", ".join(found)

    # What there is ----------------------------------------------------------------

    def sources(self) -> Sources | None:
        """What there is to draw; None without a clip."""
        if self._sources is None:
            self._sources = self._find()
        return self._sources

    def _find(self) -> Sources | None:
        session = self.session
        clip, truth, prediction = session.clip, session.truth, session.prediction
        if clip is None:
            return None
        labels = prediction.segmentation.labels if prediction is not None else None
        draft = session.corrections.draft
        # That of the model before it runs, too: other colours take napari another shader.
        schema = session.pack.schema if session.pack is not None else session.schema
        if prediction is not None:
            schema = prediction.segmentation.schema
        hardness, hard = session.hardness, session.hard_pixels
        frames, height, width = clip.frames.shape
        return Sources(
            shape=(frames, height, width),
            structures=schema.structures,
            truth=truth.labels if truth is not None else None,
            prediction=labels,
            annotated=truth.annotated if truth is not None else None,
            compared=draft.labels if draft is not None else labels,
            hardness=hardness.values if hardness is not None else None,
            hard=hard.mask if hard is not None else None,
            painted=frozenset({"difference"} if draft is not None else ()),
        )

    def refresh(self) -> None:
        """Look for what there is again; whoever shows clips calls it when he has one."""
        self._sources = None
        self.changed.emit()

    @property
    def _drafting(self) -> bool:
        return self.session.corrections.draft is not None

    def _follow_draft(self) -> None:
        """Draw the difference of the draft that began, or of the prediction again."""
        draft, sources = self.session.corrections.draft, self._sources
        if sources is not None and draft is not None and sources.compared is draft.labels:
            return
        self._put_aside = draft is not None
        self.refresh()


def _setting(name: Overlay) -> str:
    return f"overlays/{name.replace(' ', '_')}"
