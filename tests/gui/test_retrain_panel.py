"""The section that retrains: what it asks for, what it shows, and that its process ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QFileDialog

from napari_echo.gui.learning import WORSE
from napari_echo.gui.panels.retrain import (
    NO_CLIPS,
    NO_CORRECTION,
    NO_VALIDATION,
    RetrainPanel,
)
from napari_echo.gui.verbs import Verbs
from napari_echo.gui.workers import Jobs
from napari_echo.io.clipset import open_clipset
from napari_echo.io.clipset_index import INDEX
from napari_echo.io.load import load
from napari_echo.io.store import LabelStore
from napari_echo.ml.packs import find_pack, shipped_packs
from napari_echo.workflow.session import Session

PATIENCE_MS = 60_000
ROWS = [
    {"measure": "Dice all frames", "unit": "", "clips": 9, "base": 0.9, "new": 0.88,
     "difference": -0.02, "low": -0.03, "high": -0.01, "worse": True},
    {"measure": "HD95 all frames", "unit": "mm", "clips": 0, "base": None, "new": None,
     "difference": None, "low": None, "high": None, "worse": False},
]  # fmt: skip


@pytest.fixture
def make_panel(qtbot: QtBot, tmp_path: Path) -> Iterator[Callable[[Path], RetrainPanel]]:
    made: list[RetrainPanel] = []

    def make(store: Path) -> RetrainPanel:
        session = Session(packs=shipped_packs(), store=LabelStore(store), reader="reader")
        panel = RetrainPanel(Verbs(session, Jobs()))
        qtbot.addWidget(panel)
        panel.show()
        made.append(panel)
        return panel

    yield make
    for panel in made:
        panel.retraining.shut_down()


@pytest.fixture
def panel(
    make_panel: Callable[[Path], RetrainPanel],
    phantom_stills: Path,
    commit_truth: Callable[..., Path],
    tmp_path: Path,
) -> RetrainPanel:
    """A panel that has corrections to learn from and a set to validate on."""
    store = commit_truth(phantom_stills, tmp_path / "labels", 2)
    panel = make_panel(store)
    clips, session = open_clipset(phantom_stills), panel.session
    session.studies.set_items([], [phantom_stills])
    (revision, _) = LabelStore(store).revisions()
    (entry,) = [e for e in clips.entries if e.clip_id == revision.clip_id]
    session.open_clip(load(clips.root / entry.frames_file))
    session.corrections.take_revisions([revision])
    panel.validation.choose(phantom_stills)
    return panel


@pytest.fixture
def heard(panel: RetrainPanel) -> list[str]:
    """What the panel refuses or reports."""
    sentences: list[str] = []
    panel.verbs.refused.connect(sentences.append)
    return sentences


def test_it_says_what_is_still_needed(make_panel: Callable[..., RetrainPanel], panel: RetrainPanel,
                                      tmp_path: Path) -> None:  # fmt: skip
    empty = make_panel(tmp_path / "empty")
    assert not empty.action.isEnabled()
    assert empty.action.toolTip() == NO_CORRECTION
    assert panel.action.isEnabled()
    panel.validation.choose(None)
    assert panel.action.toolTip() == NO_VALIDATION
    panel.base.setCurrentText("pidnet-s_gpm")
    panel.refresh()
    assert "pidnet-s_gpm cannot be trained on with corrections" in panel.action.toolTip()
    empty.start(tmp_path / "new")
    assert not empty.retraining.running


def test_it_asks_for_what_was_chosen(panel: RetrainPanel, phantom_stills: Path) -> None:
    panel.base.setCurrentText("pidnet-s-phantom")
    panel.iterations.setValue(7)
    panel.old_data.choose(phantom_stills)
    words = panel.arguments(Path("new"))
    for flag, value in {
        "--base": str(find_pack("pidnet-s-phantom").path), "--out": "new", "--iterations": "7",
        "--val": str(phantom_stills), "--data": str(phantom_stills),
    }.items():  # fmt: skip
        assert words[words.index(flag) + 1] == value
    assert words.count("--clips") == 2
    assert "old labels: stills" in panel.old_data.label.full_text()
    panel.old_data.none.click()
    assert "--data" not in panel.arguments(Path("new"))


def _trained(iteration: int, **more: Any) -> dict[str, Any]:
    return {
        "step": "trained", "iteration": iteration, "iterations": 40, "losses": {}, "dice": None,
        "seconds_left": None, **more,
    }  # fmt: skip


def test_the_curves_follow_the_training(panel: RetrainPanel) -> None:
    told = panel.retraining.told
    told.emit({"step": "stage", "what": "Marking hard pixels", "done": 1, "total": 4})
    assert panel.message.full_text() == "Marking hard pixels 1/4"
    told.emit(_trained(1, losses={"loss": 3.0, "loss_bd": 1.0}))
    told.emit(_trained(2, losses={"loss": 2.0}))
    told.emit(_trained(2, dice=0.8))
    # After a stop, training goes on from a checkpoint, and some iterations come again.
    told.emit(_trained(2, losses={"loss": 2.5}, seconds_left=200.0))
    assert panel.curves.losses == {1: 3.0, 2: 2.5}
    assert panel.curves.dices == {2: 0.8}
    assert panel.message.full_text() == "Training 2/40, about 3 min left"
    assert panel.bar.value() == 2


def test_a_worse_model_is_shown_and_not_offered(panel: RetrainPanel) -> None:
    panel.retraining.told.emit(
        {"step": "outcome", "offered": False, "pack": "packs/new", "base": "old",
         "reasons": ["Dice all frames fell."], "compared": ROWS, "work_dir": "new.work"}
    )  # fmt: skip
    text = panel.table.text()
    assert "0.900" in text
    assert "−0.030, −0.010" in text
    assert text.count(f"color:{WORSE}") == 1
    assert "–" in text
    assert panel.use.isHidden()
    assert "packs/new" in panel.verdict.full_text()
    assert "Dice all frames fell." in panel.verdict.toolTip()


def test_a_model_that_is_no_worse_can_be_used(panel: RetrainPanel) -> None:
    new = find_pack("pidnet-s")
    panel.session.packs = tuple(p for p in panel.session.packs if p.id != new.id)
    panel.refresh()
    panel.retraining.told.emit(
        {"step": "outcome", "offered": True, "pack": str(new.path), "base": "old",
         "reasons": [], "compared": ROWS[1:], "work_dir": None}
    )  # fmt: skip
    panel.use.click()
    chosen = panel.session.pack
    assert chosen is not None
    assert chosen.id == new.id
    assert new.name in [panel.base.itemText(i) for i in range(panel.base.count())]


def test_a_failure_is_the_commands_own_sentence(
    panel: RetrainPanel, heard: list[str], qtbot: QtBot, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / INDEX).write_text("{}")
    panel.validation.choose(broken)
    panel.start(tmp_path / "new")
    assert panel.retraining.running
    assert not panel.action.isEnabled()
    assert panel.gist.full_text() == "Starting…"
    qtbot.waitUntil(lambda: not panel.retraining.running, timeout=PATIENCE_MS)
    (sentence,) = heard
    assert sentence.startswith(f"{broken / INDEX} is damaged")
    assert panel.action.isEnabled()
    assert panel.gist.full_text() == ""


def test_wrong_folders_are_refused_at_once(
    panel: RetrainPanel, heard: list[str], phantom_stills: Path, tmp_path: Path
) -> None:
    for chosen in (panel.validation, panel.old_data):
        chosen.choose(tmp_path)
        assert heard.pop() == (
            f"{tmp_path} is not a clip data set, as it has no {INDEX}: choose the folder of one."
        )
    # What was chosen before stays.
    assert panel.validation.path == phantom_stills
    assert panel.old_data.path is None
    for out, why in ((tmp_path, "exists already"), (tmp_path / "none" / "new", "no folder")):
        panel.start(out)
        assert why in heard.pop()
        assert not panel.retraining.running


def test_nothing_is_chosen_by_a_cancelled_dialog(
    panel: RetrainPanel, phantom_stills: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: ("", ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, **__: "")
    for button in (panel.action, panel.validation.folder, panel.old_data.folder):
        button.click()
    assert not panel.retraining.running
    assert (panel.validation.path, panel.old_data.path) == (phantom_stills, None)


def test_labels_of_an_earlier_day_are_learned_once_their_folder_is_open(
    make_panel: Callable[..., RetrainPanel],
    phantom_stills: Path,
    commit_truth: Callable[..., Path],
    tmp_path: Path,
) -> None:
    panel = make_panel(commit_truth(phantom_stills, tmp_path / "labels", 2))
    panel.validation.choose(phantom_stills)
    assert panel.action.toolTip() == NO_CLIPS
    panel.session.studies.set_items([], [phantom_stills])
    assert panel.action.isEnabled()
    words = panel.arguments(tmp_path / "new")
    assert words[words.index("--clips") + 1] == str(phantom_stills)


def test_without_torch_it_says_what_to_install(
    panel: RetrainPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    panel.refresh()
    assert not panel.action.isEnabled()
    assert "(no torch)" in panel.action.toolTip()
    assert 'pip install "napari-echo[train]"' in panel.action.toolTip()


def _wait_for_training(panel: RetrainPanel, qtbot: QtBot, work: Path) -> psutil.Process:
    """Wait until the training process was started; it."""
    qtbot.waitUntil((work / "training.log").is_file, timeout=PATIENCE_MS)
    command = psutil.Process(panel.retraining.process_id)
    # Its log is there a moment before it.
    qtbot.waitUntil(lambda: bool(command.children()), timeout=PATIENCE_MS)
    (trainer,) = command.children()
    return trainer


def test_cancelled_it_stops_and_can_go_on(
    panel: RetrainPanel, heard: list[str], qtbot: QtBot, tmp_path: Path
) -> None:
    told: list[str] = []
    panel.verbs.told.connect(told.append)
    panel.start(tmp_path / "new")
    trainer = _wait_for_training(panel, qtbot, tmp_path / "new.work")
    panel.cancel.click()
    assert not panel.cancel.isEnabled()
    qtbot.waitUntil(lambda: not panel.retraining.running, timeout=PATIENCE_MS)
    assert heard == []
    assert told[-1] == "The retraining was cancelled; the same choice goes on with it."
    psutil.wait_procs([trainer], timeout=20)
    assert not trainer.is_running()
    assert (tmp_path / "new.work" / "corrections" / "index.json").is_file()
    assert not (tmp_path / "new").exists()


def test_closing_the_window_ends_it(panel: RetrainPanel, qtbot: QtBot, tmp_path: Path) -> None:
    panel.start(tmp_path / "new")
    trainer = _wait_for_training(panel, qtbot, tmp_path / "new.work")
    command = psutil.Process(panel.retraining.process_id)
    panel.retraining.shut_down()
    _, alive = psutil.wait_procs([command, trainer], timeout=20)
    assert not alive
