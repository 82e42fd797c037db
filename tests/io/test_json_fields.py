"""Key frames as JSON: what a reader set comes back, and older files are read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.io.json_fields import key_frames_from_dict, key_frames_to_dict

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def test_what_a_reader_set_comes_back_whole() -> None:
    given = KeyFrames((Beat(2, 8),), "detected")
    given = given.with_frame(0, "ES", 9, "Ann", NOON).with_beat(Beat(12, 15), "Ben", NOON)
    data = json.loads(json.dumps(key_frames_to_dict(given)))
    assert key_frames_from_dict(data, 20) == given


def test_files_from_before_settings_were_kept_are_read_and_nothing_is_added_to_plain_ones() -> None:
    old = {"beats": [[2, 8]], "origin": "set by reader"}
    assert key_frames_from_dict(old, 10) == KeyFrames((Beat(2, 8),), "set by reader")
    assert key_frames_to_dict(KeyFrames((Beat(2, 8),), "set by reader")) == old


@pytest.mark.parametrize(
    "wrong",
    [
        {"which": "EX"},
        {"origin": "guessed"},
        {"when": "2026-05-04T12:00:00"},
        {"frame": None},
    ],
)
def test_a_damaged_setting_is_refused(wrong: dict[str, Any]) -> None:
    given = KeyFrames((Beat(2, 8),), "traced").with_frame(0, "ES", 9, "Ann", NOON)
    data = key_frames_to_dict(given)
    data["settings"][0] |= wrong
    with pytest.raises((KeyError, TypeError, ValueError)):
        key_frames_from_dict(data, 20)
