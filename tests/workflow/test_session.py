"""The state of a review: what each change keeps, drops and tells."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.hardness import HardnessMap, HardPixels
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA, Segmentation
from napari_echo.core.params import HardnessParams
from napari_echo.core.prediction import Prediction
from napari_echo.workflow.correct import correct
from napari_echo.workflow.session import Session
from napari_echo.workflow.study_list import item_of_file

SHAPE = (3, 8, 9)


def make_clip(seed: int = 0, source: Path | None = None) -> EchoClip:
    frames = np.random.default_rng(seed).integers(0, 255, SHAPE, dtype=np.uint8)
    return EchoClip.from_frames(frames, source=source)


def make_prediction(clip: EchoClip, label: int = 1) -> Prediction:
    probabilities = np.zeros((3, 4, 8, 9), np.float16)
    probabilities[:, label] = 1
    labels = np.full(SHAPE, label, np.uint8)
    whole = Segmentation(labels, np.ones(3, bool), "prediction")
    return Prediction(whole, probabilities, clip.clip_id, "model-id", "model", 0.1)


def make_truth() -> Segmentation:
    return Segmentation(np.ones(SHAPE, np.uint8), np.array([True, False, True]), "ground truth")


def commit(session: Session, frames: tuple[int, ...] | None = None) -> None:
    corrections, clip = session.corrections, session.require_clip()
    draft = corrections.draft
    assert draft is not None
    revision = correct(
        clip,
        draft.labels,
        frames or corrections.uncommitted,
        draft.base,
        reader="reader",
        started=datetime.now(UTC) - timedelta(seconds=1),
        key_frames=KeyFrames((), "detected"),
        schema=draft.schema,
    )
    corrections.take_commit(revision)


@pytest.fixture
def session() -> Session:
    return Session(packs=(), reader="reader")


@pytest.fixture
def opened(session: Session) -> Session:
    clip = make_clip()
    session.open_clip(clip)
    session.set_prediction(make_prediction(clip))
    return session


def test_a_new_clip_drops_everything_about_the_old_one(opened: Session) -> None:
    opened.set_key_frames(KeyFrames((Beat(0, 2),), "detected"))
    opened.set_marks(
        HardnessMap(np.zeros(SHAPE, np.float32), np.ones(3, bool), "entropy"),
        HardPixels(np.zeros(SHAPE, bool), 0.0, np.zeros(3, np.float32)),
        HardnessParams(),
    )
    opened.corrections.start("prediction", opened.prediction, None)
    told: list[str] = []
    opened.clip_changed.connect(lambda: told.append("clip"))

    opened.open_clip(make_clip(1), truth=make_truth())

    assert told == ["clip"]
    assert opened.truth is not None
    assert opened.prediction is None
    assert opened.key_frames is None
    assert opened.hardness is None
    assert opened.hard_pixels is None
    assert opened.corrections.draft is None


def test_a_truth_of_another_size_is_refused_and_nothing_changes(opened: Session) -> None:
    before = opened.clip
    wrong = Segmentation(np.ones((2, 8, 9), np.uint8), np.ones(2, bool), "ground truth")
    with pytest.raises(EchoError, match="shape"):
        opened.open_clip(make_clip(1), truth=wrong)
    assert opened.clip is before
    with pytest.raises(EchoError, match="shape"):
        opened.set_truth(wrong)
    assert opened.truth is None


def test_a_prediction_of_another_clip_is_refused(opened: Session) -> None:
    mine = opened.prediction
    with pytest.raises(EchoError, match="another clip"):
        opened.set_prediction(make_prediction(make_clip(1)))
    assert opened.prediction is mine


def test_a_new_prediction_drops_the_marks_of_the_old_one(opened: Session) -> None:
    opened.set_marks(
        HardnessMap(np.zeros(SHAPE, np.float32), np.ones(3, bool), "margin"),
        HardPixels(np.zeros(SHAPE, bool), 0.0, np.zeros(3, np.float32)),
        HardnessParams(criterion="margin"),
    )
    told: list[str] = []
    opened.marks_changed.connect(lambda: told.append("marks"))
    clip = opened.require_clip()
    opened.set_prediction(make_prediction(clip, 2))
    assert opened.hardness is None
    assert told == ["marks"]
    assert opened.hardness_params.criterion == "margin"


def test_the_marks_of_a_model_come_back_with_it_unless_others_are_found_otherwise(
    opened: Session,
) -> None:
    def marks(value: float) -> tuple[HardnessMap, HardPixels]:
        values = np.full(SHAPE, value, np.float32)
        return (
            HardnessMap(values, np.ones(3, bool), "entropy"),
            HardPixels(values > 0.5, 0.5, np.zeros(3, np.float32)),
        )

    first, second = marks(0.2), marks(0.8)
    opened.set_marks(*first, HardnessParams())
    other = replace(make_prediction(opened.require_clip(), 2), model_id="other")
    opened.set_prediction(other)
    assert opened.hardness is None
    opened.set_marks(*second, HardnessParams())
    opened.show_prediction("model-id")
    assert (opened.hardness, opened.hard_pixels) == first
    opened.set_marks(*first, HardnessParams(threshold=0.1))
    opened.show_prediction("other")
    assert opened.hardness is None
    opened.show_prediction("model-id")
    opened.keep_predictions({"other"})
    assert opened.hard_pixels is None


def test_a_clip_that_is_opened_by_its_file_is_the_listed_one(session: Session) -> None:
    paths = [Path("/clips/a.avi"), Path("/clips/b.avi")]
    studies = session.studies
    studies.set_items(map(item_of_file, paths))
    session.open_clip(make_clip(source=paths[1]))
    assert studies.current is studies.items[1]
    session.open_clip(make_clip(source=Path("/clips/c.avi")))
    assert [item.name for item in studies.items] == ["a.avi", "b.avi", "c.avi"]
    assert studies.current is studies.items[2]
    session.close_clip()
    assert studies.current is None


def test_a_verb_without_a_clip_is_refused(session: Session) -> None:
    with pytest.raises(EchoError, match="No clip is open"):
        session.set_truth(make_truth())
    with pytest.raises(EchoError, match="No clip is open"):
        session.corrections.take_revisions([])


class TestCorrections:
    def test_a_draft_is_a_copy_and_its_difference_is_what_is_committed(
        self, opened: Session
    ) -> None:
        corrections = opened.corrections
        corrections.start("prediction", opened.prediction, None)
        draft = corrections.draft
        assert draft is not None
        assert (draft.base.kind, draft.base.id) == ("model", "model-id")
        assert corrections.uncommitted == ()

        draft.labels[1, 2, 3] = 0
        corrections.touch(1)
        assert corrections.uncommitted == (1,)
        assert opened.prediction is not None
        assert opened.prediction.segmentation.labels[1, 2, 3] == 1

        draft.labels[1, 2, 3] = 1
        corrections.touch()
        assert corrections.uncommitted == ()

    def test_touching_tells_only_when_the_frames_to_commit_change(self, opened: Session) -> None:
        corrections = opened.corrections
        corrections.start("prediction", opened.prediction, None)
        draft = corrections.draft
        assert draft is not None
        told: list[int] = []
        corrections.draft_changed.connect(lambda: told.append(1))
        for pixel in range(4):
            draft.labels[2, 0, pixel] = 0
            corrections.touch(2)
        assert told == [1]

    def test_accepted_and_restored_frames(self, opened: Session) -> None:
        corrections = opened.corrections
        with pytest.raises(EchoError, match="Start a correction"):
            corrections.accept(0)
        corrections.start("prediction", opened.prediction, None)
        draft = corrections.draft
        assert draft is not None
        corrections.accept(0)
        draft.labels[2] = 0
        corrections.touch(2)
        assert corrections.uncommitted == (0, 2)
        corrections.restore(0)
        corrections.restore(2)
        assert corrections.uncommitted == ()
        assert (draft.labels == 1).all()

    def test_after_a_commit_the_draft_goes_on_from_it(self, opened: Session) -> None:
        corrections = opened.corrections
        corrections.start("prediction", opened.prediction, None)
        assert corrections.draft is not None
        corrections.draft.labels[1] = 3
        corrections.touch()
        commit(opened)
        draft, (revision,) = corrections.draft, corrections.revisions
        assert corrections.uncommitted == ()
        assert (draft.base.kind, draft.base.id) == ("revision", revision.revision_id)
        assert revision.frames == (1,)

        draft.labels[2] = 2
        corrections.touch()
        commit(opened)
        assert corrections.revisions[1].frames == (2,)
        merged = corrections.merged(opened.prediction)
        assert merged is not None
        assert [int(frame.max()) for frame in merged.labels] == [1, 3, 2]
        assert merged.origin == "correction"

    def test_strokes_made_while_a_commit_is_written_stay_uncommitted(self, opened: Session) -> None:
        corrections = opened.corrections
        corrections.start("prediction", opened.prediction, None)
        assert corrections.draft is not None
        corrections.draft.labels[0, 0, 0] = 2
        corrections.touch()
        clip, draft = opened.require_clip(), corrections.draft
        revision = correct(
            clip,
            draft.labels.copy(),
            (0,),
            draft.base,
            reader="reader",
            started=datetime.now(UTC) - timedelta(seconds=1),
            key_frames=KeyFrames((), "detected"),
            schema=CAMUS_SCHEMA,
        )
        draft.labels[0, 5, 5] = 3
        corrections.take_commit(revision)
        assert corrections.uncommitted == (0,)
        assert corrections.draft.labels[0, 5, 5] == 3

    def test_a_revision_of_another_clip_is_refused(self, opened: Session) -> None:
        corrections = opened.corrections
        corrections.start("prediction", opened.prediction, None)
        corrections.accept(0)
        commit(opened)
        revision = corrections.revisions[0]
        other = make_clip(1)
        opened.open_clip(other)
        with pytest.raises(EchoError, match=r"not the (frame|clip) that was labelled"):
            corrections.take_revisions([revision])
        with pytest.raises(EchoError, match="does not belong"):
            corrections.take_commit(revision)
        assert corrections.revisions == ()
        assert [r.revision_id for r in corrections.all_revisions()] == [revision.revision_id]
        assert other.clip_id not in corrections.clips

    def test_a_correction_starts_from_what_was_committed_before(self, opened: Session) -> None:
        corrections, clip = opened.corrections, opened.require_clip()
        corrections.start("prediction", opened.prediction, None)
        assert corrections.draft is not None
        corrections.draft.labels[1] = 2
        corrections.touch()
        commit(opened)
        stored = corrections.revisions

        opened.open_clip(make_clip(1))
        opened.open_clip(clip)
        corrections.take_revisions(stored)
        assert corrections.draft is None
        with pytest.raises(EchoError, match="no prediction"):
            corrections.start("prediction", None, None)
        corrections.start("correction", None, None)
        draft = corrections.draft
        assert draft.base.id == stored[0].revision_id
        assert [int(frame.max()) for frame in draft.labels] == [0, 2, 0]
