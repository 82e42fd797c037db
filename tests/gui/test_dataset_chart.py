"""The tab "Data set": the Dice of every listed clip."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from napari_echo.core.clip import EchoClip
from napari_echo.gui.panels.dataset_chart import DatasetChart
from napari_echo.gui.review import EchoReview
from napari_echo.io.store import LabelStore
from napari_echo.ml.packs import ModelPack
from napari_echo.workflow.facts import Facts
from napari_echo.workflow.session import Session

Dock = Callable[[Session], tuple[napari.Viewer, EchoReview]]


@pytest.fixture
def packs(pack: ModelPack) -> list[ModelPack]:
    return [
        ModelPack(pack.path, pack.card.model_copy(update={"id": letter * 64, "name": letter}))
        for letter in "ab"
    ]


@pytest.fixture
def session(packs: list[ModelPack], tmp_path: Path) -> Session:
    return Session(packs=packs, store=LabelStore(tmp_path / "labels"), reader="reader")


def test_the_chart_orders_the_list_as_the_report_does_and_opens_a_clip(
    dock: Dock, session: Session, packs: list[ModelPack], clip: EchoClip, tmp_path: Path,
    qtbot: QtBot,
) -> None:  # fmt: skip
    _, review = dock(session)
    for name, brighter in (("a", 0), ("b", 1), ("c", 2)):
        np.save(tmp_path / f"{name}.npy", clip.frames + np.uint8(brighter))
    review.studying.open_paths([tmp_path / f"{name}.npy" for name in "abc"])
    qtbot.waitUntil(lambda: session.clip is not None and not review.jobs.busy, timeout=20000)
    keys = [item.key for item in session.studies.items]
    dice = {keys[0]: (0.95, 0.9), keys[1]: (0.7, 0.8), keys[2]: (0.99, None)}
    review.studying.facts.take(
        Facts(key, pack.id, pack.name, ed=2, es=7, dice_ed=ed, dice_es=es)
        for pack in packs[:2]
        for key, (ed, es) in dice.items()
    )
    chart: DatasetChart = review.dataset_chart
    chart.refresh()
    assert not chart.plot.isHidden()
    assert chart.empty.isHidden()
    # The least Dice at ES first; without one, last.
    assert chart._order == [keys[1], keys[0], keys[2]]
    assert [len(points.data) for points in chart._points] == [3, 2, 0, 0]
    assert "3 clips" in chart.told.text()
    chart.other.setCurrentIndex(chart.other.findData(packs[1].id))
    chart.refresh()
    assert [len(points.data) for points in chart._points] == [3, 2, 3, 2]

    es = chart._points[1]
    # Clips are numbered from 1, and there is none between two.
    assert [point.pos().x() for point in es.points()] == [1, 2]
    axis = chart.plot.getPlotItem().getAxis("bottom")
    assert axis.tickStrings([1.0, 1.5, 2.0], 1, 0.5) == ["1", "", "2"]
    chart._on_hover(es, [es.points()[0]])
    assert session.studies.get(keys[1]).name in chart.hovered.text()
    es.sigClicked.emit(es, [es.points()[0]], None)
    qtbot.waitUntil(
        lambda: session.studies.current is not None and session.studies.current.key == keys[1]
    )
    qtbot.waitUntil(lambda: review.layers.frame == 7)


def test_it_says_what_to_do_while_there_are_no_facts(
    dock: Dock, session: Session, clip: EchoClip, clip_file: Path, qtbot: QtBot
) -> None:
    _, review = dock(session)
    chart: DatasetChart = review.dataset_chart
    chart.refresh()
    assert chart.plot.isHidden()
    assert "Open a folder" in chart.empty.text()
    review.studying.open_paths([clip_file])
    qtbot.waitUntil(lambda: session.clip is not None and not review.jobs.busy, timeout=20000)
    chart.refresh()
    assert "Scan the list" in chart.empty.text()
    session.blind.switch(True)
    chart.refresh()
    assert "read blind" in chart.empty.text()
