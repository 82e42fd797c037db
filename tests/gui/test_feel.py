"""What a first-time reader needs: every control says what it does, or why it cannot be used."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import napari
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage
from qtpy.QtWidgets import QAbstractButton, QApplication, QComboBox, QDialog, QMenu, QWidget

from napari_echo.core.clip import EchoClip
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import Segmentation
from napari_echo.gui.later import TABS_MS
from napari_echo.gui.panels.controls import ElidedChoice
from napari_echo.gui.panels.section import Section
from napari_echo.gui.preferences import preferences
from napari_echo.gui.review import EchoReview
from napari_echo.gui.time_left import TimeLeft
from napari_echo.gui.wording import duration_text
from napari_echo.workflow.session import Session

PATIENCE_MS = 20_000
Reviewed = tuple[napari.Viewer, EchoReview]


@pytest.fixture
def reviewed(dock: Callable[[Session], Reviewed], session: Session) -> Reviewed:
    return dock(session)


def controls(widget: QWidget) -> Iterator[QAbstractButton | QComboBox]:
    """Buttons and choices that can be met in a widget, its dialogs left out."""
    for kind in (QAbstractButton, QComboBox):
        for found in widget.findChildren(kind):
            hidden = found.isHidden() or found.objectName().startswith("qt_")
            if not hidden and not any(isinstance(p, QDialog | QMenu) for p in parents(found)):
                yield found


def parents(widget: QWidget) -> Iterator[QWidget]:
    """What a widget lies in, from the inside out."""
    while (above := widget.parentWidget()) is not None:
        yield above
        widget = above


def silent(review: EchoReview) -> list[str]:
    """Controls that say nothing, or that are disabled and say what they would do."""
    tabs = [dock for name, dock in review.bottom._widgets.items() if name]
    found = []
    for control in (c for widget in (review, *tabs) for c in controls(widget)):
        text = control.currentText() if isinstance(control, QComboBox) else control.text()
        named = f"{type(control.parent()).__name__}: {text or type(control).__name__}"
        if not control.toolTip().strip():
            found.append(f"{named} says nothing")
        if control.isEnabled():
            control.setProperty("enabledTip", control.toolTip())
        elif control.toolTip() == control.property("enabledTip"):
            found.append(f"{named} does not say why it is disabled")
    return found


def test_every_control_has_a_tool_tip_and_a_disabled_one_says_why(
    make_napari_viewer: Callable[..., napari.Viewer],
    session: Session,
    qtbot: QtBot,
    clip: EchoClip,
    truth: Segmentation,
    key_frames: KeyFrames,
) -> None:
    viewer = make_napari_viewer(show=True)
    review = EchoReview(viewer, session)
    viewer.window.add_dock_widget(review, name="Echo review", area="right")

    def idle() -> None:
        qtbot.waitUntil(lambda: not review.jobs.busy, timeout=PATIENCE_MS)

    def adopt() -> None:
        review.verbs.adopt(clip, truth, key_frames)
        idle()

    def predict() -> None:
        review.verbs.predict()
        idle()

    def mark() -> None:
        review.marks_panel.mark()
        idle()

    states: list[tuple[str, Callable[[], object]]] = [
        ("empty", lambda: None),
        ("a clip", adopt),
        ("a prediction", predict),
        ("marked", mark),
        ("correcting", lambda: session.corrections.start("truth", None, truth)),
        ("to commit", lambda: review.session.corrections.accept(0)),
        ("closed", session.close_clip),
        ("blind", lambda: (session.blind.switch(True), adopt())),
    ]
    for name, enter in states:
        enter()
        for tab in review.bottom._widgets:
            review.bottom.show(tab)
            QApplication.processEvents()
            qtbot.wait(2 * TABS_MS)
        assert "\n".join(sorted(set(silent(review)))) == "", name


def test_a_click_on_its_title_folds_a_section_and_that_is_remembered(
    dock: Callable[[Session], Reviewed], make_session: Callable[..., Session], qtbot: QtBot
) -> None:
    _, review = dock(make_session())
    panel = review.measures_panel
    assert not panel.folded
    assert review.export_panel.folded
    assert review.retrain_panel.folded
    qtbot.mouseClick(panel.heading, Qt.MouseButton.LeftButton)
    assert panel.folded
    _, again = dock(make_session())
    assert again.measures_panel.folded


def test_the_section_with_the_next_button_opens_itself_and_folds_again(
    reviewed: Reviewed, clip: EchoClip, truth: Segmentation, key_frames: KeyFrames
) -> None:
    _, review = reviewed
    section: Section = review.correct_panel
    section.heading.click()
    assert section.folded
    review.folding.lift(section.action)
    assert not section.folded
    review.folding.lift(review.clip_panel.action)
    assert section.folded


def test_what_was_chosen_last_is_chosen_again(
    dock: Callable[..., Reviewed], session: Session, qtbot: QtBot
) -> None:
    from napari_echo.gui.preferences import keep, restore

    _, review = dock(session)
    keep(review, everything=True)
    review.correct_panel.reader.setText("Ann")
    review.correct_panel.reader.editingFinished.emit()
    review.readers.read_blind(True)
    again = Session(packs=session.packs, reader="account")
    restore(again)
    assert (again.reader, again.corrections.reader, again.blind.on) == ("Ann", "Ann", True)


@pytest.mark.parametrize(
    "damage", ["", "\x00\x00[[[", "[review]\nhardness={no json}\nreader=@Variant(\\0)\n"]
)
def test_a_damaged_file_of_settings_is_ignored(session: Session, damage: str) -> None:
    from napari_echo.gui.preferences import read_folded, restore, write

    write("review/reader", "Ann")
    preferences().sync()
    with open(preferences().fileName(), "w", encoding="utf-8") as file:
        file.write(damage)
    before = session.hardness_params
    restore(session)
    assert session.hardness_params == before
    assert session.reader == "reader"
    assert read_folded() == {}


def test_time_left_is_told_only_of_a_steady_job() -> None:
    steady = TimeLeft()
    told = [steady.seconds("Predicting", n, 100, 0.5 * n) for n in range(60)]
    assert told[:4] == [None] * 4
    assert told[20] == pytest.approx(40, rel=0.05)
    assert steady.seconds("Measuring", 1, 100, 31.0) is None  # another stage begins anew
    jumpy = TimeLeft()
    moments = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 30, 51, 72, 93]
    assert jumpy.seconds("x", 1, 0, 0.0) is None  # nobody knows how many there are
    assert [jumpy.seconds("x", n, 100, t) for n, t in enumerate(moments)][11] is None
    assert [duration_text(s) for s in (12.4, 200, 7300)] == ["12 s", "3 min", "2 h"]


ENDING = """
import sys, time
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication
from napari_echo.gui.workers import Jobs, Progress

def slow():
    for n in range(60):
        time.sleep(0.1)
        yield Progress(n, 60, "slow")

app = QApplication([])
jobs = Jobs()
jobs.start("Slow", slow, done=print)
if sys.argv[1] == "quit":
    QTimer.singleShot(300, app.quit)
    app.exec()
"""


@pytest.mark.parametrize("how", ["quit", "fall off the end"])
def test_a_program_that_ends_while_a_job_runs_ends_quietly_and_soon(how: str) -> None:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    ended = subprocess.run(
        [sys.executable, "-c", ENDING, how],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr, ended.stdout) == (0, "", "")


def test_a_choice_that_does_not_fit_ends_with_an_ellipsis(qtbot: QtBot) -> None:
    width = 150

    def made(text: str) -> ElidedChoice:
        choice = ElidedChoice()
        qtbot.addWidget(choice)
        choice.addItem(text)
        choice.resize(width, 26)
        return choice

    def drawn(text: str) -> QImage:
        return made(text).grab().toImage()

    text = "from 01:00, Ben (second reader)"
    shorter = [text[:n].rstrip() + "…" for n in range(1, len(text))]
    same = [cut for cut in shorter if drawn(cut) == drawn(text)]
    # The ellipsis is in sight, and not cut off itself.
    assert same
    arrow = 24
    assert made("").fontMetrics().horizontalAdvance(same[0]) <= width - arrow
    assert drawn("from Ben") != drawn("from Be…")
