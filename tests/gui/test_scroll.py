"""The column of sections, as it scrolls."""

from __future__ import annotations

from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QAbstractSlider, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_echo.gui.panels.scroll import SectionScroll


def test_the_next_section_stays_in_sight_until_the_reader_scrolls(qtbot: QtBot) -> None:
    content = QWidget()
    column = QVBoxLayout(content)
    above, chosen, below = QLabel("above"), QPushButton("next"), QLabel("below")
    for widget, height in ((above, 100), (chosen, 40), (below, 600)):
        widget.setFixedHeight(height)
        column.addWidget(widget)
    scroll = SectionScroll(content, 100)
    qtbot.addWidget(scroll)
    scroll.resize(200, 300)
    scroll.show()

    def in_sight() -> bool:
        top = chosen.mapTo(scroll.viewport(), QPoint(0, 0)).y()
        return 0 <= top <= scroll.viewport().height() - chosen.height()

    scroll.turn_to(chosen, from_top=False)
    qtbot.wait(20)
    above.setFixedHeight(500)
    bar = scroll.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 700 and in_sight())
    bar.triggerAction(QAbstractSlider.SliderAction.SliderToMaximum)
    assert not in_sight()
    above.setFixedHeight(520)
    qtbot.wait(50)
    assert not in_sight()
