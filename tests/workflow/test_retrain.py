"""A model is trained on with corrections, by the command, in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
from typer.testing import CliRunner, Result

from napari_echo.cli.main import app
from napari_echo.core.errors import EchoError
from napari_echo.core.params import TrainParams
from napari_echo.io.clipset import open_clipset
from napari_echo.io.store import LabelStore
from napari_echo.ml.packs import find_pack, open_pack
from napari_echo.workflow.retrain import retrain
from napari_echo.workflow.retrain_data import fingerprint
from napari_echo.workflow.retrain_process import TrainingLog
from napari_echo.workflow.retrain_request import Request, Retrained, Step, Told

BASE = "pidnet-s-phantom"


def _words(labels: Path, out: Path, data: Path, *more: object) -> list[str]:
    words = ["retrain", "--labels", labels, "--base", BASE, "--out", out, "--clips", data]
    words += ["--val", data, "--size", 64, "--iterations", 3, "--batch", 2, *more]
    return [str(word) for word in words]


def _run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@dataclass
class Wrong:
    """A retraining by wrong corrections, over the command line."""

    data: Path
    labels: Path
    out: Path
    result: Result


@pytest.fixture(scope="module")
def wrong(
    phantom_stills: Path,
    commit_truth: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Wrong:
    folder = tmp_path_factory.mktemp("wrong")
    labels = commit_truth(phantom_stills, folder / "labels", 2, wrong=True)
    out = folder / "new"
    words = _words(labels, out, phantom_stills, "--data", phantom_stills, "--json")
    return Wrong(phantom_stills, labels, out, _run(*words))


def test_a_worse_model_is_refused_and_kept(wrong: Wrong) -> None:
    assert wrong.result.exit_code == 3, wrong.result.stderr
    assert not wrong.out.exists()
    steps = [json.loads(line) for line in wrong.result.stdout.splitlines()]
    assert [s["iteration"] for s in steps if s["step"] == "trained" and s["losses"]] == [1, 2, 3]
    dices = [s["dice"] for s in steps if s["step"] == "trained" and s["dice"] is not None]
    assert dices
    assert all(0 <= dice <= 1 for dice in dices)
    outcome = steps[-1]
    assert outcome["step"] == "outcome"
    assert not outcome["offered"]
    assert any(reason.startswith("Dice all frames fell by") for reason in outcome["reasons"])
    assert {row["measure"]: row["worse"] for row in outcome["compared"]}["Dice all frames"]
    kept = open_pack(Path(outcome["pack"]))
    kept.verify()
    assert kept.path.is_relative_to(Path(outcome["work_dir"]))


def test_the_card_says_what_it_learned_from(wrong: Wrong) -> None:
    card = open_pack(wrong.out.with_name("new.work") / "pack").card
    base, clips = find_pack(BASE), open_clipset(wrong.data)
    record = card.retraining
    assert record is not None
    assert (record.base, record.base_id) == (BASE, base.id)
    assert record.revisions == [r.revision_id for r in LabelStore(wrong.labels).revisions()]
    assert record.validation.fingerprint == fingerprint(clips, "val")
    old, corrections = record.data
    assert old.fingerprint == fingerprint(clips, "train")
    assert (corrections.clips, corrections.frames) == (2, 4)
    assert record.compared[0].base is not None
    assert not record.offered
    assert card.input_size == 64
    assert card.licence == base.card.licence
    assert any(metric.name == "LV cavity Dice ED" for metric in card.metrics)


def test_the_same_command_tells_the_same_without_training_again(wrong: Wrong) -> None:
    pack = wrong.out.with_name("new.work") / "pack" / "weights.safetensors"
    before = pack.stat().st_mtime_ns
    again = _run(*_words(wrong.labels, wrong.out, wrong.data, "--data", wrong.data))
    assert again.exit_code == 3
    assert pack.stat().st_mtime_ns == before
    header, first, *_ = again.stdout.splitlines()
    assert header.split()[:3] == ["MEASURE", "CLIPS", "PIDNET-S-PHANTOM"]
    assert first.startswith("Dice all frames")
    assert first.endswith("worse")
    assert str(pack.parent) in again.stderr


def test_another_request_does_not_take_its_work_folder(wrong: Wrong) -> None:
    other = _run(*_words(wrong.labels, wrong.out, wrong.data, "--data", wrong.data, "--seed", 1))
    assert other.exit_code == 1
    assert "holds a retraining with other params" in other.stderr


def test_what_is_no_worse_is_offered_and_nothing_else_is_left(wrong: Wrong) -> None:
    # The same training, judged by tolerances that bear anything.
    work = wrong.out.with_name("bearable.work")
    shutil.copytree(wrong.out.with_name("new.work"), work)
    params = TrainParams(iterations=3, size=64, batch=2, dice_tolerance=1, ef_tolerance=100)
    out = wrong.out.with_name("bearable")
    request = Request(
        wrong.labels, BASE, out, (wrong.data,), wrong.data, (wrong.data,), params=params
    )
    found = retrain(request, lambda _step: None)
    assert found.offered
    assert found.pack == out
    pack = open_pack(out)
    pack.verify()
    assert pack.card.retraining is not None
    assert pack.card.retraining.offered
    assert not work.exists()


def test_a_validation_patient_among_the_corrections_stops_it(
    phantom_stills: Path, commit_truth: Callable[..., Path], tmp_path: Path
) -> None:
    labels = commit_truth(phantom_stills, tmp_path / "labels", 1, split="val")
    (revision,) = LabelStore(labels).revisions()
    result = _run(*_words(labels, tmp_path / "new", phantom_stills))
    assert result.exit_code == 1
    assert f"study {revision.study_id} (revision {revision.revision_id[:12]})" in result.stderr
    assert list(tmp_path.iterdir()) == [labels]


def test_a_validation_patient_among_the_old_labels_stops_it(
    phantom_stills: Path, commit_truth: Callable[..., Path], tmp_path: Path
) -> None:
    labels = commit_truth(phantom_stills, tmp_path / "labels", 1)
    leaky = tmp_path / "leaky"
    shutil.copytree(phantom_stills, leaky)
    index = json.loads((leaky / "index.json").read_text())
    moved = next(entry for entry in index["entries"] if entry["split"] == "val")
    moved["split"] = "train"
    (leaky / "index.json").write_text(json.dumps(index))
    result = _run(*_words(labels, tmp_path / "new", phantom_stills, "--data", leaky))
    assert result.exit_code == 1
    assert f"study {moved['study_id']} (split 'train' of {leaky})" in result.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--base": "pidnet-s_gpm"}, "cannot be trained on with corrections"),
        ({"--base": "no-such"}, "no model pack 'no-such'"),
        ({"--labels": "nowhere"}, "no label store at nowhere"),
        ({"--val": "nowhere"}, "nowhere is not a clip data set"),
        ({"--iterations": "0"}, "--iterations 0"),
        ({"--size": "8"}, "--size 8"),
        ({"--split": "nonsense"}, "no labelled clip in the split 'nonsense'"),
    ],
)
def test_what_cannot_work_is_one_sentence(
    wrong: Wrong, tmp_path: Path, change: dict[str, str], message: str
) -> None:
    words = _words(wrong.labels, tmp_path / "new", wrong.data, "--split", "val")
    for flag, value in change.items():
        words[words.index(flag) + 1] = value
    result = _run(*words)
    assert result.exit_code == 1
    assert message in result.stderr
    assert not list(tmp_path.iterdir())


def test_clips_that_are_missing_are_named_or_left_out_on_request(
    phantom_stills: Path, commit_truth: Callable[..., Path], tmp_path: Path
) -> None:
    labels = commit_truth(phantom_stills, tmp_path / "labels", 2)
    here, lost = LabelStore(labels).revisions()
    clips = open_clipset(phantom_stills)
    (entry,) = [e for e in clips.entries if e.clip_id == here.clip_id]
    request = Request(
        labels, BASE, tmp_path / "new", (clips.root / entry.frames_file,), phantom_stills
    )
    with pytest.raises(EchoError, match=lost.study_id):
        retrain(request, lambda _step: None)

    class Enough(Exception):
        pass

    told: list[Step] = []

    def stop_before_training(step: Step) -> None:
        told.append(step)
        if getattr(step, "what", "") == "Marking hard pixels":
            raise Enough

    with pytest.raises(Enough):
        retrain(replace(request, found_only=True), stop_before_training)
    sentence = (
        f"1 labelled clip is left out, as no file shows it in {request.clips[0]}. "
        "To learn from it, too, open the folder that holds it (--clips), and start again."
    )
    assert Told(sentence) in told
    # What was cancelled left no half of a data set.
    assert [path.name for path in request.work.iterdir()] == ["plan.json"]


def test_a_validation_patient_that_is_left_out_does_not_stop_it(
    phantom_stills: Path, commit_truth: Callable[..., Path], tmp_path: Path
) -> None:
    labels = commit_truth(phantom_stills, tmp_path / "labels", 1)
    (learned,) = LabelStore(labels).revisions()
    commit_truth(phantom_stills, labels, 1, split="val")
    clips = open_clipset(phantom_stills)
    (entry,) = [e for e in clips.entries if e.clip_id == learned.clip_id]
    files = (clips.root / entry.frames_file,)
    request = Request(labels, BASE, tmp_path / "new", files, phantom_stills)
    with pytest.raises(EchoError, match="The validation set holds"):
        retrain(request, lambda _step: None)
    # Where its clip is found, it would be learned.
    every = replace(request, clips=(phantom_stills,), found_only=True)
    with pytest.raises(EchoError, match="The validation set holds"):
        retrain(every, lambda _step: None)
    assert not request.work.exists()

    class Enough(Exception):
        pass

    def stop_before_training(step: Step) -> None:
        if getattr(step, "what", "") == "Marking hard pixels":
            raise Enough

    with pytest.raises(Enough):
        retrain(replace(request, found_only=True), stop_before_training)


def test_a_folder_of_something_else_is_no_work_folder(wrong: Wrong, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    request = Request(
        wrong.labels, BASE, tmp_path / "new", (wrong.data,), wrong.data, work_dir=tmp_path
    )
    with pytest.raises(EchoError, match="holds something else"):
        retrain(request, lambda _step: None)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_the_log_is_read_as_it_grows(tmp_path: Path) -> None:
    log = tmp_path / "run" / "vis_data" / "scalars.json"
    log.parent.mkdir(parents=True)
    reader = TrainingLog(tmp_path, 40)
    assert reader.news() == []
    log.write_text('{"loss": 2.0, "loss_bd": 0.5, "lr": 1, "step": 1}\n{"loss": 1.0, "st')
    (first,) = reader.news()
    assert (first.iteration, dict(first.losses)) == (1, {"loss": 2.0, "loss_bd": 0.5})
    assert first.seconds_left is None
    with log.open("a") as file:
        file.write('ep": 2}\n{"echo/dice_lv": 91.0, "step": 2}\n')
        file.writelines(f'{{"loss": 1.0, "step": {step}}}\n' for step in range(3, 13))
    second, validated, *rest = reader.news()
    assert second.losses == {"loss": 1.0}
    assert validated.dice == pytest.approx(0.91)
    assert rest[0].seconds_left is None
    assert rest[-1].iteration == 12
    assert rest[-1].seconds_left is not None


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_retraining_takes_its_process_along_and_goes_on(
    phantom_stills: Path, commit_truth: Callable[..., Path], tmp_path: Path
) -> None:
    labels = commit_truth(phantom_stills, tmp_path / "labels")
    words = _words(labels, tmp_path / "new", phantom_stills, "--data", phantom_stills)
    words[words.index("--iterations") + 1] = "25"
    command = [sys.executable, "-m", "napari_echo.cli.main", *words]
    work = tmp_path / "new.work"
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        while not list((work / "training").glob("iter_*.pth")):
            assert process.poll() is None
            time.sleep(0.05)
        (trainer,) = psutil.Process(process.pid).children()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    psutil.wait_procs([trainer], timeout=15)
    assert not trainer.is_running()
    assert not (tmp_path / "new").exists()

    again = _run(*words)
    assert again.exit_code in (0, 3), again.stderr
    (first, second) = sorted((work / "training").glob("*/vis_data/scalars.json")) or (None, None)
    assert first is not None
    assert second is not None
    resumed = [json.loads(line)["step"] for line in second.read_text().splitlines()]
    assert min(resumed) > 1
    assert max(resumed) == 25


@pytest.mark.slow
def test_true_corrections_improve_a_poor_model_and_it_is_offered(
    wrong: Wrong, commit_truth: Callable[..., Path], tmp_path: Path
) -> None:
    # The base is the model that learned from wrong masks.
    base = wrong.out.with_name("new.work") / "pack"
    labels = commit_truth(wrong.data, tmp_path / "labels", 6)
    params = TrainParams(iterations=30, batch=4)
    request = Request(labels, str(base), tmp_path / "new", (wrong.data,), wrong.data, params=params)
    found: Retrained = retrain(request, lambda _step: None)
    dice = found.rows[0].found
    assert dice.second > dice.first + 0.05
    assert found.offered, found.reasons
