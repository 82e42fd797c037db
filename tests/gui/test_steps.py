"""The order of the work."""

from __future__ import annotations

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import Segmentation
from napari_echo.gui.steps import Step, commit_obstacle, is_done, next_step, obstacle
from napari_echo.workflow.session import Session


def test_without_a_clip_every_step_but_the_first_says_so(session: Session) -> None:
    assert obstacle(Step.LOAD, session) == ""
    for step in list(Step)[1:]:
        assert obstacle(step, session) == "Open a clip first."
    assert next_step(session) is Step.LOAD


def test_with_a_clip_a_model_comes_next(session: Session, clip: EchoClip) -> None:
    session.open_clip(clip)
    assert next_step(session) is Step.PREDICT
    assert obstacle(Step.PREDICT, session) == ""
    for step in (Step.MARK,):
        assert obstacle(step, session).startswith("Run a model first")
    assert "Commit a frame first" in obstacle(Step.EXPORT, session)


def test_truth_alone_can_be_corrected(
    session: Session, clip: EchoClip, truth: Segmentation, key_frames: KeyFrames
) -> None:
    session.open_clip(clip, truth=truth, key_frames=key_frames)
    assert obstacle(Step.CORRECT, session) == ""
    assert commit_obstacle(session) == "Start a correction first."
    assert next_step(session) is Step.PREDICT
    session.corrections.start("truth", None, truth)
    assert next_step(session) is Step.CORRECT
    assert "Paint on a frame" in commit_obstacle(session)
    session.corrections.accept(0)
    assert commit_obstacle(session) == ""
    assert not is_done(Step.CORRECT, session)


def test_without_a_model_pack_the_doctor_is_named(clip: EchoClip) -> None:
    session = Session(packs=())
    session.open_clip(clip)
    assert "doctor" in obstacle(Step.PREDICT, session)


def test_steps_are_numbered_in_their_order() -> None:
    assert [step.title[0] for step in Step] == ["1", "2", "3", "4", "5"]
