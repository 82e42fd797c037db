"""The criteria that the panel of hard pixels offers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pytestqt.qtbot import QtBot

from napari_echo.core.clip import EchoClip
from napari_echo.gui.panels.marks import MarksPanel
from napari_echo.gui.verbs import Verbs
from napari_echo.gui.workers import Jobs
from napari_echo.workflow.predict import predict
from napari_echo.workflow.session import Session


def test_learned_hardness_is_offered_only_by_models_that_have_it(
    session: Session, clip: EchoClip, qtbot: QtBot
) -> None:
    panel = MarksPanel(Verbs(session, Jobs()))
    qtbot.addWidget(panel)

    def offered() -> list[str]:
        return [panel.criterion.itemText(i) for i in range(panel.criterion.count())]

    assert offered() == ["entropy", "margin", "error"]
    session.open_clip(clip)
    pack = session.packs[0]
    plain = predict(clip, session.make_predictor(pack, session.predict_params))
    learned = np.full(clip.frames.shape, 0.5, np.float16)
    session.set_prediction(replace(plain, hardness=learned))
    assert offered() == ["entropy", "margin", "error", "learned"]
    panel.criterion.setCurrentText("learned")
    assert panel.params().criterion == "learned"
    session.set_prediction(plain)
    assert offered() == ["entropy", "margin", "error"]
    assert panel.params().criterion in offered()
