"""What a model saves a reader, and which beats are doubtful."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_echo.core.contour import fill_contour
from napari_echo.io.clipset import open_clipset, write_clipset
from napari_echo.io.labelled import LabelledClip
from napari_echo.phantom.generate import generate
from napari_echo.workflow.doubt import QUESTIONS, beat_doubt
from napari_echo.workflow.effort import drags, reader_effort

_TRUTH = np.array(
    [[110.0, 40.0], [60.0, 40.0], [25.0, 52.0], [20.0, 64.0], [60.0, 88.0], [110.0, 88.0]]
)


def _mask(moved: dict[int, tuple[float, float]]) -> NDArray[np.bool_]:
    points = _TRUTH.copy()
    for index, by in moved.items():
        points[index] += by
    return fill_contour(points, (128, 128))


def test_a_good_contour_costs_nothing_and_a_dent_a_drag_or_two() -> None:
    truth = _mask({})
    assert drags(truth, truth, 0.97) == 0
    dented = drags(_mask({4: (0.0, -12.0)}), truth, 0.97)
    assert dented in (1, 2, 3)


def test_a_wrong_annulus_takes_both_of_its_ends() -> None:
    short = drags(_mask({0: (-20.0, 0.0), 5: (-20.0, 0.0)}), _mask({}), 0.97)
    assert short is not None
    assert 2 <= short <= 4


def test_nothing_to_start_from() -> None:
    assert drags(np.zeros((128, 128), np.bool_), _mask({}), 0.95) is None


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("effort") / "clips"
    made = (generate(seed, frames="key") for seed in (3, 4))
    return write_clipset(
        folder, [LabelledClip(m.clip, m.truth, m.key_frames, "val", m.ef) for m in made]
    )


def _sees(clips: Path, shift: int) -> dict[bytes, NDArray[np.float16]]:
    """What a model says that sees the truth, moved by some pixels."""
    found, opened = {}, open_clipset(clips)
    for entry in opened.entries:
        for row, frame in enumerate(entry.labelled_frames):
            labels = np.roll(opened.labels(entry)[row], shift, axis=1)
            hot = (labels == np.arange(4)[:, None, None]).astype(np.float16)
            found[opened.frames(entry)[frame].tobytes()] = hot
    return found


def test_a_perfect_model_saves_everything_and_a_shifted_one_less(clips: Path) -> None:
    perfect, shifted = _sees(clips, 0), _sees(clips, 8)
    best = reader_effort(lambda f: np.stack([perfect[x.tobytes()] for x in f]), clips)
    worse = reader_effort(lambda f: np.stack([shifted[x.tobytes()] for x in f]), clips)
    assert len(best) == len(worse) == 4
    assert all(e.pixels_from_model == e.points_from_model == 0 for e in best)
    assert all(e.points_from_nothing >= 3 and e.pixels_from_nothing > 500 for e in best)
    assert all(e.points_from_model > 0 for e in worse)
    assert all(0 < e.pixels_from_model < 2 * e.pixels_from_nothing for e in worse)


def test_doubt_ranks_and_explains() -> None:
    sharp = np.zeros((2, 2, 128, 128), np.float16)
    sharp[:, 1] = [_mask({}), _mask({1: (0.0, 8.0), 4: (0.0, -8.0)})]
    sharp[:, 0] = 1 - sharp[:, 1]
    vague = np.where(sharp > 0, 0.7, 0.3).astype(np.float16)
    sure, unsure = beat_doubt(sharp, None, sharp), beat_doubt(vague, None, sharp[::-1])
    assert unsure.answer("entropy") > sure.answer("entropy")
    assert sure.answer("disagreement") == 0
    assert unsure.answer("disagreement") > 0.05
    assert sure.answer("ef change") == pytest.approx(0, abs=1e-6)
    nothing = beat_doubt(np.zeros((2, 2, 64, 64), np.float16), None)
    assert nothing.answer("ef change") == np.inf
    for doubt in (sure, unsure, nothing):
        lines = [doubt.explain(question) for question in QUESTIONS]
        assert all(line.endswith(".") and "\n" not in line for line in lines)
