"""The keys of a review: none is napari's, and each does what the list says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import napari
from app_model.types import KeyBinding
from napari.utils.action_manager import action_manager
from napari.utils.shortcuts import default_shortcuts

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import Segmentation
from napari_echo.gui.keys import ACTIONS, bound_keys
from napari_echo.gui.review import EchoReview
from napari_echo.workflow.session import Session


def _normal(key: str) -> str:
    return str(KeyBinding.from_str(key.replace("-", "+")))


def test_no_key_is_one_of_naparis_or_used_twice() -> None:
    ours = Counter(_normal(action.key) for action in ACTIONS)
    assert max(ours.values()) == 1
    theirs = {str(key) for keys in default_shortcuts.values() for key in keys}
    assert not ours.keys() & theirs
    assert max(Counter(action.id for action in ACTIONS).values()) == 1


Dock = Callable[[Session], tuple[napari.Viewer, EchoReview]]


def test_the_manual_lists_the_keys() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "review.md").read_text(encoding="utf-8")
    for group, actions in groupby(ACTIONS, key=lambda action: action.group):
        told = (f"`{a.key}` {a.title[:1].lower()}{a.title[1:]}" for a in actions)
        assert f"| {group} | {'; '.join(told)} |\n" in manual


def test_naparis_preferences_list_the_keys(dock: Dock, session: Session) -> None:
    dock(session)
    for action in ACTIONS:
        assert action_manager._actions[action.id].description
        assert [_normal(str(key)) for key in bound_keys(action.id)] == [_normal(action.key)]


def test_keys_jump_to_key_frames(
    dock: Dock, session: Session, clip: EchoClip, truth: Segmentation, key_frames: KeyFrames
) -> None:
    viewer, review = dock(session)
    session.open_clip(clip, truth=truth, key_frames=key_frames)
    beat = key_frames.beats[0]
    review.layers.go_to(3)
    for key, frame in (("K", beat.es), ("J", beat.ed)):
        viewer.window._qt_viewer.canvas._key_map_handler.press_key(key)
        assert review.layers.frame == frame


def test_keys_set_key_frames_and_choose_the_next_beat(
    dock: Dock, session: Session, clip: EchoClip, truth: Segmentation, key_frames: KeyFrames
) -> None:
    viewer, review = dock(session)
    press = viewer.window._qt_viewer.canvas._key_map_handler.press_key
    session.reader = "Ann"
    session.open_clip(clip, truth=truth, key_frames=key_frames)
    for frame, key in ((1, "Shift-J"), (7, "Shift-K")):
        review.layers.go_to(frame)
        press(key)
    assert session.key_frames is not None
    (beat,) = session.key_frames.beats
    assert (beat.ed, beat.es) == (1, 7)
    assert {s.reader for s in session.key_frames.settings} == {"Ann"}
    review.layers.go_to(8)
    review.measures_panel.add_beat.click()
    press("Shift-B")
    assert review.layers.frame == 1
    press("Shift-B")
    assert review.layers.frame == 8
