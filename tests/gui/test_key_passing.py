"""Keys that are pressed with the focus in the dock or in a tab, and the way back to the canvas."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import napari
import pytest
from napari.utils.action_manager import action_manager
from napari.utils.key_bindings import coerce_keybinding
from napari.utils.shortcuts import default_shortcuts
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QWidget,
)

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import Segmentation
from napari_echo.gui.keys import action
from napari_echo.gui.review import EchoReview
from napari_echo.workflow.session import Session

PATIENCE_MS = 20_000
Reviewed = tuple[napari.Viewer, EchoReview]
K = Qt.Key
LEFT = Qt.MouseButton.LeftButton
SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


class Keyboard:
    """Presses keys where the focus is, as a keyboard does."""

    def __init__(self, viewer: napari.Viewer, qtbot: QtBot) -> None:
        self.qtbot = qtbot
        self.canvas = viewer.window._qt_viewer.canvas.native

    def press(self, key: Qt.Key, modifier: Qt.KeyboardModifier | None = None) -> None:
        with_it = Qt.KeyboardModifier.NoModifier if modifier is None else modifier
        self.qtbot.keyClick(QApplication.focusWidget(), key, with_it)

    @property
    def at_canvas(self) -> bool:
        return bool(QApplication.focusWidget() is self.canvas)


@pytest.fixture
def shown(
    make_napari_viewer: Callable[..., napari.Viewer],
    session: Session,
    qtbot: QtBot,
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
) -> Reviewed:
    """The review in a window that has the keyboard, with a clip whose ED and ES are known."""
    viewer = make_napari_viewer(show=True)
    review = EchoReview(viewer, session)
    viewer.window.add_dock_widget(review, name="Echo review", area="right")
    session.open_clip(clip, truth=truth, key_frames=key_frames)
    window = viewer.window._qt_window

    def is_active() -> bool:
        # Asked for again: a window that is not mapped yet cannot be activated.
        window.activateWindow()
        return QApplication.activeWindow() is window

    qtbot.waitUntil(is_active, timeout=PATIENCE_MS)
    # What ends later shows and hides widgets, which moves the focus.
    runners = (review.jobs, review.background, review.measuring.runner)
    qtbot.waitUntil(lambda: not any(runner.busy for runner in runners), timeout=PATIENCE_MS)
    return viewer, review


@pytest.fixture
def keyboard(shown: Reviewed, qtbot: QtBot) -> Keyboard:
    return Keyboard(shown[0], qtbot)


def click(qtbot: QtBot, widget: QWidget, at: QPoint | None = None) -> None:
    qtbot.mouseClick(widget, LEFT, pos=at if at is not None else widget.rect().center())


def takers(review: EchoReview) -> Iterator[QWidget]:
    """What the mouse can give the focus to, one tab after another, but for text."""
    for name, dock in (("", review), *review.bottom._widgets.items()):
        if name:
            review.bottom.show(name)
        for widget in dock.findChildren(QWidget):
            by_click = widget.focusPolicy() & Qt.FocusPolicy.ClickFocus
            seen = widget.isVisible() and widget.isEnabled()
            if by_click and seen and not isinstance(widget, QLineEdit):
                yield widget


def test_whatever_has_the_focus_leaves_the_reviews_keys_to_the_review(
    shown: Reviewed, keyboard: Keyboard
) -> None:
    _, review = shown
    review.studies_panel.stack.setCurrentWidget(review.studies_panel.table)
    met = set()
    for widget in takers(review):
        name = f"{type(widget).__name__} in {type(widget.parent()).__name__}"
        before = review.layers.showing.is_on("truth")
        widget.setFocus()
        assert not keyboard.at_canvas, name
        keyboard.press(K.Key_G)
        assert review.layers.showing.is_on("truth") is not before, name
        met.add(type(widget).__name__)
    assert met >= {
        "QTreeWidget",
        "StudiesTable",
        "ModelsTable",
        "QComboBox",
        "QSpinBox",
        "PlotWidget",
    }


def test_tables_keep_the_keys_that_move_in_them_and_ticks_keep_space(
    shown: Reviewed, keyboard: Keyboard, qtbot: QtBot
) -> None:
    _, review = shown
    packs = review.model_panel.packs
    item = packs.topLevelItem(0)
    assert item is not None
    refused: list[str] = []
    review.verbs.refused.disconnect()
    review.verbs.refused.connect(refused.append)
    click(qtbot, packs.viewport(), packs.visualItemRect(item).center())
    assert packs.hasFocus()
    keyboard.press(K.Key_Space)
    assert refused == ["One model at least is needed: tick another one first."]
    keyboard.press(K.Key_Right)
    assert review.layers.frame == 1
    keyboard.press(K.Key_End)
    assert packs.hasFocus()
    assert review.layers.frame == 1


def test_space_holds_the_brush_up_from_the_dock_and_lets_go(
    shown: Reviewed, keyboard: Keyboard, qtbot: QtBot
) -> None:
    _, review = shown
    review.correct_panel.tools.brush.click()
    layer = review.layers.draft.layer
    assert layer is not None
    assert layer.mode == "paint"
    column = review.column
    column.setFocus()
    qtbot.keyPress(column, K.Key_Space)
    assert layer.mode == "pan_zoom"
    qtbot.keyRelease(column, K.Key_Space)
    assert layer.mode == "paint"


def test_a_click_on_a_button_and_a_choice_leave_the_focus_at_the_canvas(
    shown: Reviewed, keyboard: Keyboard, qtbot: QtBot
) -> None:
    _, review = shown
    review.correct_panel.comment.setFocus()
    click(qtbot, review.measures_panel.jump["ES"])
    assert keyboard.at_canvas
    assert review.layers.frame == 6
    box = review.correct_panel.start_from
    for end in (K.Key_Return, K.Key_Escape):
        box.setFocus()
        click(qtbot, box)
        assert QApplication.activePopupWidget() is not None
        keyboard.press(end)
        qtbot.waitUntil(lambda: keyboard.at_canvas, timeout=PATIENCE_MS)
    # By the keyboard one can stay, and choose.
    box.setFocus()
    keyboard.press(K.Key_Up)
    assert box.hasFocus()
    assert box.currentIndex() == 0


def test_what_goes_while_it_has_the_focus_gives_it_to_the_canvas(
    shown: Reviewed, keyboard: Keyboard
) -> None:
    _, review = shown
    review.correct_panel.comment.setFocus()
    review.correct_panel.fold(True)
    assert keyboard.at_canvas


def test_the_comment_keeps_what_is_typed_and_is_left_by_return_and_escape(
    shown: Reviewed, keyboard: Keyboard, qtbot: QtBot
) -> None:
    _, review = shown
    comment = review.correct_panel.comment
    keyboard.press(K.Key_C, SHIFT)
    assert comment.hasFocus()
    qtbot.waitUntil(lambda: not comment.visibleRegion().isEmpty(), timeout=PATIENCE_MS)
    for key in (K.Key_G, K.Key_K, K.Key_Left, K.Key_J, K.Key_Slash, K.Key_Space):
        keyboard.press(key)
    assert comment.text() == "gj/ k"
    assert review.layers.frame == 0
    keyboard.press(K.Key_Escape)
    assert keyboard.at_canvas
    assert comment.text() == "gj/ k"
    assert review.session.corrections.revisions == ()
    review.editing.smooth()
    keyboard.press(K.Key_C, SHIFT)
    keyboard.press(K.Key_Return)
    assert keyboard.at_canvas
    corrections = review.session.corrections
    qtbot.waitUntil(lambda: bool(corrections.revisions), timeout=PATIENCE_MS)
    assert corrections.revisions[0].comment == "gj/ k"
    qtbot.waitUntil(lambda: comment.text() == "", timeout=PATIENCE_MS)
    keyboard.press(K.Key_C, SHIFT)
    keyboard.press(K.Key_Z, CONTROL)
    assert comment.text() == ""
    assert not comment.isUndoAvailable()


def test_a_number_keeps_digits_and_gives_the_focus_back_by_return(
    shown: Reviewed, keyboard: Keyboard
) -> None:
    _, review = shown
    size = review.correct_panel.tools.brush_size
    size.setFocus()
    size.selectAll()
    for key in (K.Key_1, K.Key_4, K.Key_K):
        keyboard.press(key)
    assert (size.value(), review.layers.frame) == (14, 6)
    assert size.hasFocus()
    keyboard.press(K.Key_Return)
    assert keyboard.at_canvas
    assert size.value() == 14


def test_the_wheel_scrolls_over_choices_and_numbers(shown: Reviewed, qtbot: QtBot) -> None:
    _, review = shown
    review.export_panel.fold(False)
    review.retrain_panel.fold(False)
    qtbot.wait(50)
    boxes = [
        box
        for kind in (QComboBox, QAbstractSpinBox)
        for box in review.column.findChildren(kind)
        if box.isVisible() and box.isEnabled()
    ]
    assert len(boxes) > 5

    def values() -> list[str]:
        return [b.currentText() if isinstance(b, QComboBox) else b.text() for b in boxes]

    before = values()
    for box in boxes:
        # What is not accepted goes to what lies below: the window system's own events do.
        assert not turn(box), box.toolTip()
    assert values() == before
    # The one that the reader is at follows it.
    size = review.correct_panel.tools.brush_size
    size.setFocus()
    assert turn(size)
    assert size.value() == int(before[boxes.index(size)]) - 1

    # Nor does a turn over the column itself get lost.
    bar = review.column.verticalScrollBar()
    assert bar is not None
    review.column.resize(review.column.width(), 200)
    bar.setValue(0)
    viewport = review.column.viewport()
    assert viewport is not None
    turn(viewport)
    assert bar.value() > 0


def turn(widget: QWidget) -> bool:
    """Turn the wheel down by a notch over a widget; whether it took that."""
    at = QPointF(widget.rect().center())
    event = QWheelEvent(
        at,
        QPointF(widget.mapToGlobal(at.toPoint())),
        QPoint(),
        QPoint(0, -120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, event)
    return bool(event.isAccepted())


def test_the_list_of_keys_is_as_high_the_second_time(shown: Reviewed, qtbot: QtBot) -> None:
    _, review = shown
    heights = []
    for _ in range(3):
        review.key_list.toggle()
        qtbot.waitUntil(review.key_list.isVisible, timeout=PATIENCE_MS)
        heights.append(review.key_list.height())
        review.key_list.toggle()
    assert len(set(heights)) == 1


def test_texts_follow_a_key_that_is_changed(shown: Reviewed, qtbot: QtBot) -> None:
    _, review = shown
    panel, copy = review.correct_panel, action("copy_next")
    assert panel.tools.copy_next.toolTip().endswith("(.).")
    rebound = {"copy_next": "Alt-N", "comment": "Control-Alt-C", "set_ed": "F4", "truth": "Alt-G"}
    ids = {action(name).id: key for name, key in rebound.items()}
    ids["napari:activate_labels_erase_mode"] = "F7"
    try:
        for name, key in ids.items():
            action_manager.unbind_shortcut(name)
            # As napari's preferences bind it, not as the review does.
            action_manager.bind_shortcut(name, coerce_keybinding(key))
        qtbot.waitUntil(lambda: "Alt-N" in panel.tools.copy_next.toolTip(), timeout=PATIENCE_MS)
        assert panel.comment.placeholderText() == "comment (Control-Alt-C)"
        assert "(F4)" in review.measures_panel.set_here["ED"].toolTip()
        assert review.legend.buttons["truth"].text().endswith("Alt-G")
        assert "(F7)" in panel.tools.erase.toolTip()
        rows = dict(row for _, rows in review.key_list.rows() for row in rows)
        assert "Control-Alt-C" in rows
        assert "F7, 2, 3" in rows
        # A text that is written anew later has it, too.
        panel.refresh()
        assert panel.tools.copy_next.toolTip().endswith("(Alt-N).")
        action_manager.unbind_shortcut(copy.id)
        panel.refresh()
        assert panel.tools.copy_next.toolTip().endswith("(no key).")
    finally:
        for name in ids:
            action_manager.unbind_shortcut(name)
        for name in rebound:
            action_manager.bind_shortcut(action(name).id, action(name).key)
        for key in default_shortcuts["napari:activate_labels_erase_mode"]:
            action_manager.bind_shortcut("napari:activate_labels_erase_mode", key)


def test_every_text_names_keys_that_there_are(shown: Reviewed) -> None:
    _, review = shown
    for dock in (review, *review.bottom.widgets):
        for widget in dock.findChildren(QWidget):
            assert "{" not in widget.toolTip(), widget.toolTip()
