"""What waits until another clip is on the screen."""

from __future__ import annotations

from pytestqt.qtbot import QtBot
from qtpy.QtCore import QObject

from napari_echo.gui.later import Later


class Panel:
    def __init__(self, later: Later, told: list[str], name: str) -> None:
        self.later, self.told, self.name = later, told, name

    def follow(self) -> None:
        if not self.later.put_off(self.follow):
            self.told.append(self.name)


def test_those_who_follow_a_clip_wait_and_are_called_once_each(qtbot: QtBot) -> None:
    parent, told = QObject(), []
    later = Later(parent)
    first, second = Panel(later, told, "first"), Panel(later, told, "second")
    first.follow()
    assert told == ["first"]
    later.hold()
    for panel in (second, first, second):
        panel.follow()
    assert told == ["first"]
    qtbot.waitUntil(lambda: not later.holding)
    assert told == ["first", "second", "first"]
    first.follow()
    assert told[-1] == "first"
    assert len(told) == 4


def test_a_key_does_not_wait_and_a_window_that_goes_calls_nobody(qtbot: QtBot) -> None:
    parent, told = QObject(), []
    later = Later(parent)
    panel = Panel(later, told, "panel")
    later.hold()
    panel.follow()
    later.go_on()
    assert told == ["panel"]
    later.hold()
    panel.follow()
    later.stop()
    qtbot.wait(60)
    assert told == ["panel"]
