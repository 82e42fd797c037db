"""ED and ES that a reader sets: who, when, from what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from napari_echo.core.keyframes import Beat, KeyFrames

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
DETECTED = KeyFrames((Beat(2, 8), Beat(20, 27)), "detected")


def test_a_set_frame_says_who_when_and_what_it_was_and_the_others_stay_detected() -> None:
    found = DETECTED.with_frame(0, "ES", 9, "Ann", NOON)
    assert found.beats == (Beat(2, 9), Beat(20, 27))
    assert found.origin == "set by reader"
    setting = found.setting_of("ES", 9)
    assert setting is not None
    assert (setting.reader, setting.when) == ("Ann", NOON)
    assert (setting.before, setting.origin) == (8, "detected")
    assert found.origin_of("ES", 9) == "set by reader"
    assert found.origin_of("ED", 2) == found.origin_of("ES", 27) == "detected"
    assert found.setting_of("ED", 2) is None
    assert DETECTED.beats[0] == Beat(2, 8)


def test_set_twice_it_still_comes_from_where_it_came_from_first() -> None:
    later = NOON + timedelta(hours=1)
    found = DETECTED.with_frame(0, "ES", 9, "Ann", NOON).with_frame(0, "ES", 10, "Ben", later)
    (setting,) = found.settings
    assert (setting.frame, setting.reader, setting.when) == (10, "Ben", later)
    assert (setting.before, setting.origin) == (8, "detected")


def test_beats_are_added_in_time_and_taken_away_with_what_was_set_of_them() -> None:
    added = DETECTED.with_beat(Beat(12, 16), "Ann", NOON)
    assert added.beats == (Beat(2, 8), Beat(12, 16), Beat(20, 27))
    setting = added.setting_of("ED", 12)
    assert setting is not None
    assert setting.before is None
    assert added.origin_of("ES", 27) == "set by reader"  # of what else, nothing is known
    gone = added.without_beat(1)
    assert gone.beats == DETECTED.beats
    assert gone.settings == ()
    assert gone.origin == "set by reader"


def test_a_first_frame_makes_a_beat_whose_other_frame_is_still_to_be_set() -> None:
    begun = KeyFrames((), "detected").with_frame(0, "ED", 4, "Ann", NOON)
    assert begun.beats == (Beat(4, 4),)
    assert begun.labelled_beat({4}) is None
    whole = begun.with_frame(0, "ES", 11, "Ann", NOON)
    assert whole.beats == (Beat(4, 11),)
    assert whole.labelled_beat({4, 11}) == Beat(4, 11)


def test_a_half_beat_may_run_from_es_to_ed() -> None:
    found = KeyFrames((Beat(30, 3),), "traced").with_frame(0, "ED", 28, "Ann", NOON)
    assert found.beats == (Beat(28, 3),)
    assert found.origin_of("ES", 3) == "traced"
