"""An experiment labels the patients that a question points at, and learns anew."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.io.clipset import open_clipset
from napari_echo.io.store import LabelStore
from napari_echo.workflow.active_learning import Round, Strategy, active_learning


@pytest.fixture
def clips(phantom_stills: Path) -> Path:
    return phantom_stills


def _blurred(sure: set[bytes], clips: Path) -> dict[bytes, NDArray[np.float16]]:
    """Probabilities by frame: the truth, sure of itself or not."""
    found, opened = {}, open_clipset(clips)
    for entry in opened.entries:
        for row, frame in enumerate(entry.labelled_frames):
            image = opened.frames(entry)[frame].tobytes()
            hot = opened.labels(entry)[row] == np.arange(4)[:, None, None]
            p = 1.0 if image in sure else 0.7
            found[image] = np.where(hot, p, (1 - p) / 3).astype(np.float16)
    return found


def _run(clips: Path, out: Path, strategy: Strategy, learned: list[Path]) -> list[Round]:
    opened = open_clipset(clips)
    first = sorted(e.study_id for e in opened.entries if e.split == "train")
    # Of half of the patients the model is sure, whatever it has learned from.
    sure = {
        opened.frames(e)[f].tobytes()
        for e in opened.entries
        if e.study_id in first[::2]
        for f in e.labelled_frames
    }
    says = _blurred(sure, clips)

    def learn(labels: Path, folder: Path) -> Path:
        learned.append(labels)
        return folder

    return active_learning(
        clips,
        out,
        strategy,
        learn=learn,
        ready=lambda model: lambda frames: np.stack([says[f.tobytes()] for f in frames]),
        measure=lambda model: {"dice": 1.0},
        start=out,
        rounds=1,
        step=2,
        seed=1,
    )


def test_doubtful_patients_come_before_sure_ones(clips: Path, tmp_path: Path) -> None:
    rounds = _run(clips, tmp_path, "entropy", learned := [])
    studies = sorted(e.study_id for e in open_clipset(clips).entries if e.split == "train")
    unsure = set(studies[1::2])
    left = unsure - set(rounds[0].chosen)
    assert [r.patients for r in rounds] == [2, 4]
    assert len(set(rounds[1].chosen) & unsure) == min(2, len(left))
    # What is learned from is what was committed, frame by frame the truth.
    store = LabelStore(learned[-1].parent / "store")
    assert len(store.revisions()) == 4
    of_set = open_clipset(learned[-1])
    truth = {e.study_id: e for e in open_clipset(clips).entries}
    for entry in of_set.entries:
        expected = open_clipset(clips).labels(truth[entry.study_id])
        assert np.array_equal(of_set.labels(entry), expected)


def test_the_first_patients_are_the_same_for_every_strategy_and_chance_repeats(
    clips: Path, tmp_path: Path
) -> None:
    by_chance = _run(clips, tmp_path / "a", "random", [])
    again = _run(clips, tmp_path / "b", "random", [])
    by_ef = _run(clips, tmp_path / "a", "ef change", [])
    assert by_chance == again
    assert by_ef[0].chosen == by_chance[0].chosen
    assert not set(by_chance[1].chosen) & set(by_chance[0].chosen)


def test_a_stopped_run_goes_on_with_the_labels_that_it_has(clips: Path, tmp_path: Path) -> None:
    _run(clips, tmp_path, "random", learned := [])
    before = {path: path.stat().st_mtime_ns for path in learned[-1].glob("**/*") if path.is_file()}
    # Killed after the store was filled and before the set was exported.
    start = tmp_path / "start"
    for path in sorted((start / "labels").glob("**/*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (start / "labels").rmdir()
    _run(clips, tmp_path, "random", [])
    assert len(LabelStore(start / "store").revisions()) == 2
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_too_few_patients_are_refused(clips: Path, tmp_path: Path) -> None:
    with pytest.raises(EchoError, match="6 patients to choose from and 20"):
        active_learning(
            clips,
            tmp_path,
            "random",
            learn=lambda labels, folder: folder,
            ready=lambda model: lambda frames: np.zeros((len(frames), 4, 96, 96), np.float16),
            measure=lambda model: {},
            start=tmp_path,
            rounds=1,
            step=10,
        )


@pytest.mark.slow
def test_the_command_trains_and_measures(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from napari_echo.cli.main import app
    from napari_echo.ml.fine_tune import fine_tune

    start = fine_tune(
        "pidnet-s-phantom", [(clips, 1)], work_dir=tmp_path / "start", iterations=2, size=64
    )
    capsys.readouterr()
    app(
        shlex.split(
            f"experiment active-learning {start} --data {clips} --out {tmp_path / 'out'} "
            "--rounds 1 --step 2 --iterations 2 --size 64 --strategy disagreement --json"
        ),
        standalone_mode=False,
    )
    rounds = json.loads(capsys.readouterr().out)
    assert [r["patients"] for r in rounds] == [2, 4]
    assert all(0 <= r["metrics"]["dice"] <= 1 for r in rounds)
