"""Measuring beside the reader's work, and the ED and ES frames that he sets."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial

import numpy as np
from qtpy.QtCore import QTimer

from napari_echo.core.keyframes import Beat, KeyFrames, Which
from napari_echo.gui.verbs import Verbs
from napari_echo.gui.workers import Job, Jobs, Progress
from napari_echo.workflow.measure import FrameCache
from napari_echo.workflow.measure_clip import Measured, Subjects, iter_measure_clip
from napari_echo.workflow.partners import Partners
from napari_echo.workflow.session import Source

MEASURING = "Measuring"
# Changes that come together, as in one stroke, are measured once.
SETTLE_MS = 40
STEP_S = 0.03


class Measuring:
    """Keeps the measures of a session as new as its labels and key frames.

    It measures in a thread of its own, so that nothing waits for it: what
    changes meanwhile begins it anew, and what was found of an older state is
    dropped. ED and ES are measured first, and only frames whose labels
    changed are measured again: the EF follows the brush.

    Parameters
    ----------
    verbs : Verbs
        The verbs of the review.

    Attributes
    ----------
    runner : Jobs
        What runs it.
    partners : Partners
        What was measured of other views in this session.
    """

    def __init__(self, verbs: Verbs) -> None:
        self.verbs = verbs
        self.session = verbs.session
        self.runner = Jobs(verbs.runner)
        self.partners = Partners()
        self._cache = FrameCache()
        self._state = 0
        self._measured = 0
        self._own_key_frames: KeyFrames | None = None
        self._settle = QTimer(self.runner)
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.timeout.connect(self._start)
        session, corrections = self.session, self.session.corrections
        session.clip_changed.connect(self._on_clip)
        session.key_frames_changed.connect(self._on_key_frames)
        corrections.revisions_changed.connect(self._take_up_key_frames)
        for signal in (
            session.truth_changed,
            session.predictions_changed,
            session.prediction_changed,
            session.hidden_changed,
            corrections.revisions_changed,
            corrections.draft_changed,
            corrections.edited,
        ):
            signal.connect(self.refresh)
        self.runner.busy_changed.connect(self._on_busy)
        self.runner.failed.connect(lambda sentence: verbs.refused.emit(sentence))

    @property
    def is_up_to_date(self) -> bool:
        """Whether what is shown was measured of the labels as they are."""
        return self._measured == self._state and not self.runner.busy

    def refresh(self) -> None:
        """Measure the session as it is now."""
        self._state += 1
        self._settle.start()

    def shut_down(self) -> None:
        """Stop, and let nothing arrive any more."""
        self._settle.stop()
        self.runner.shut_down()

    def _on_clip(self) -> None:
        self._cache = FrameCache()
        self.refresh()

    def _on_key_frames(self) -> None:
        if self.session.key_frames is not self._own_key_frames:
            self.refresh()

    def _on_busy(self) -> None:
        if not self.runner.busy and self._measured != self._state and not self._settle.isActive():
            self._start()

    def _start(self) -> None:
        session = self.session
        clip, corrections = session.clip, session.corrections
        if self.runner.busy:
            self.runner.cancel()  # it begins anew when it has ended
            return
        self._measured = state = self._state
        if clip is None:
            return
        shown, draft = session.prediction, corrections.draft
        subjects = Subjects(
            clip,
            self._given(),
            session.truth,
            dict(session.predictions),
            shown.model_id if shown is not None else "",
            draft.labels if draft is not None else None,
            corrections.revisions,
            {*corrections.uncommitted, *(f for r in corrections.revisions for f in r.frames)},
            dict(session.model_reports),
        )
        if not (subjects.predictions or subjects.truth or subjects.revisions or draft):
            return
        self.runner.start(
            MEASURING,
            _measure,
            subjects,
            self._cache,
            found=partial(self._take, state),
            done=partial(self._take, state),
        )

    def _given(self) -> KeyFrames | None:
        """Key frames that a person set; detected ones are found anew."""
        found = self.session.key_frames
        return found if found is not None and found.origin != "detected" else None

    def _take(self, state: int, found: Measured) -> None:
        session = self.session
        clip = session.clip
        if state != self._state or clip is None:
            return
        if found.key_frames is not None and found.key_frames != session.key_frames:
            self._own_key_frames = found.key_frames
            session.set_key_frames(found.key_frames)
        shown = session.prediction
        shown_id = shown.model_id if shown is not None else ""
        for model_id, model in found.models.items():
            if model_id != shown_id:
                session.set_model_measures(model_id, model, found.reports.get(model_id))
        by_source: dict[Source, object] = {
            "prediction": found.models.get(shown_id),
            "truth": found.truth,
            "correction": found.correction,
        }
        measures = {source: m for source, m in by_source.items() if m is not None}
        self.partners.remember(clip, measures)  # type: ignore[arg-type]
        session.set_measures(
            measures,  # type: ignore[arg-type]
            found.reports.get(shown_id),
            {"prediction": found.model_differences, "correction": found.correction_differences},
        )

    # ED and ES --------------------------------------------------------------------

    def set_key_frame(self, beat: int, which: Which, frame: int) -> None:
        """Make a frame ED or ES of a beat (of a new beat where there is none).

        It cannot be both. In a clip that begins at ES, ED is the later one.
        """
        known = self._known()
        old = known.beats[beat] if beat < len(known.beats) else None
        missing = known.missing(old) if old is not None else None
        other: Which = "ES" if which == "ED" else "ED"
        if old is not None and missing != other and frame == (old.es if which == "ED" else old.ed):
            self.verbs.refused.emit(
                f"Frame {frame} is {other} of this beat and cannot be {which}, too: go to the "
                f"frame that is {which}, and set it there."
            )
            return
        self._set(known.with_frame(beat, which, frame, self.session.reader, datetime.now(UTC)))
        ed, es = (frame, old.es) if which == "ED" and old else (old.ed if old else frame, frame)
        if old is not None and missing != other and ed > es:
            self.verbs.told.emit(
                f"ED {ed} now lies after ES {es}: right where a beat begins at ES, as at the start "
                "of a clip; else set the other one, too."
            )

    def add_beat(self, frame: int) -> int | None:
        """Add a beat whose ED is a frame, its ES the smallest LV before the next ED.

        Returns
        -------
        int or None
            Place of the new beat; None where no clip is open, or the frame is an ED already.
        """
        known, clip = self._known(), self.session.clip
        if clip is None or any(beat.ed == frame for beat in known.beats):
            if clip is not None:
                self.verbs.refused.emit(f"Frame {frame} is ED of a beat already: go to another.")
            return None
        beat = Beat(frame, self._smallest_after(frame, known, len(clip)))
        self._set(known.with_beat(beat, self.session.reader, datetime.now(UTC)))
        found = self.session.key_frames
        return found.beats.index(beat) if found is not None else None

    def remove_beat(self, beat: int) -> None:
        """Take a beat away."""
        self._set(self._known().without_beat(beat))

    def _known(self) -> KeyFrames:
        return self.session.key_frames or KeyFrames((), "detected")

    def _set(self, key_frames: KeyFrames) -> None:
        if self.session.clip is None:
            self.verbs.refused.emit("Open a clip first.")
        else:
            self.session.set_key_frames(key_frames)

    def _smallest_after(self, ed: int, known: KeyFrames, n_frames: int) -> int:
        """The frame of the smallest LV after an ED; the ED itself where no area is known."""
        end = min([beat.ed for beat in known.beats if beat.ed > ed], default=n_frames)
        for source in ("correction", "prediction", "truth"):
            measures = self.session.measures.get(source)
            area = measures.area[ed + 1 : end] if measures is not None else np.empty(0)
            if np.isfinite(area).any():
                return ed + 1 + int(np.nanargmin(area))
        return ed

    def _take_up_key_frames(self) -> None:
        """Go on with the ED and ES that a reader committed, unless one set others since.

        Those that another reader commits meanwhile must not move while a clip is read.
        """
        known = self.session.key_frames
        if known is not None and known.origin == "set by reader":
            return
        corrections = self.session.corrections
        for revision in reversed(corrections.revisions):
            if revision.revision_id in corrections.meanwhile:
                continue
            if revision.key_frames.origin == "set by reader":
                self.session.set_key_frames(revision.key_frames)
                return


def _measure(subjects: Subjects, cache: FrameCache) -> Job[Measured]:
    """Measure a clip: ED and ES first, handed on at once, then every frame."""
    told = time.monotonic()
    for whole in (False, True):
        steps = iter_measure_clip(subjects, cache, whole=whole)
        while True:
            try:
                done, total = next(steps)
            except StopIteration as end:
                measured: Measured = end.value
                break
            # Every step is a chance to stop, and a signal to the window: not too many.
            if time.monotonic() > told + STEP_S:
                told = time.monotonic()
                yield Progress(done, total, MEASURING)
        if not whole:
            yield Progress(0, 0, MEASURING, measured)
    return measured
