"""The default model on real echo: CAMUS validation patients and the real cine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_echo.core.clip import EchoClip
from napari_echo.core.labels import LV
from napari_echo.io.camus import read_camus
from napari_echo.io.clipset import write_clipset
from napari_echo.io.labelled import LabelledClip
from napari_echo.ml.packs import find_pack
from napari_echo.ml.predictor import make_predictor
from napari_echo.workflow.evaluate import evaluate
from napari_echo.workflow.measure import measure
from napari_echo.workflow.predict import predict


@pytest.mark.slow
@pytest.mark.camus
def test_default_pack_keeps_its_word_on_camus(camus_root: Path, tmp_path: Path) -> None:
    """At least 0.92 at ED and 0.88 at ES, and what the card says, to the third digit."""
    clips = (c for c in read_camus(camus_root, "validation") if isinstance(c, LabelledClip))
    data = write_clipset(tmp_path / "val", clips)
    pack = find_pack("default")
    evaluation = evaluate(make_predictor(pack), data)
    assert len({score.study_id for score in evaluation.scores}) == 50
    for phase, least in (("ED", 0.92), ("ES", 0.88)):
        dice = evaluation.mean("dice", "LV cavity", phase)
        on_camus = [m for m in pack.card.metrics if m.data.startswith("CAMUS")]
        (said,) = [m for m in on_camus if m.name == f"LV cavity Dice, {phase}"]
        assert dice >= least
        assert dice == pytest.approx(said.value, abs=0.0015)


def test_contours_on_the_real_cine_follow_the_heart(real_cine: EchoClip) -> None:
    """One beat with ES early and ED late, as the eye sees it, and one LV that stays in place."""
    prediction = predict(real_cine, make_predictor(find_pack("default")))
    measures = measure(real_cine, prediction.segmentation)
    (beat,) = measures.key_frames.beats
    assert 2 <= beat.es <= 9
    assert beat.ed >= 16
    assert measures.ef is not None
    assert 0.2 < measures.ef < 0.7
    # The septum is at x = 120-130 and the lateral wall near x = 190 at mid-height;
    # the cavity lies between them, from near the apex to the valve.
    for frame in prediction.segmentation.labels == LV:
        rows, columns = np.nonzero(frame)
        assert 140 < columns.mean() < 185
        assert 75 < rows.mean() < 125
