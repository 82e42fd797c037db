"""The straight line on the command line: phantom, preprocess, train, models, predict."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from napari_echo.cli.main import app

pytestmark = pytest.mark.slow

CARD = {
    "name": "tiny",
    "description": "Two iterations on three phantoms.",
    "training_data": ["three phantoms"],
    "metrics": [],
    "limits": ["Of no use."],
    "licence": "BSD-3-Clause",
    "citation": [],
    "train_again": ["napari-echo train pidnet-s_2k_phantom ..."],
    "recommended_for": "tests",
    "training_spacing_mm": [0.5, 1.0],
}


def _run(*arguments: object) -> str:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == 0, result.stderr or result.exception
    return result.stdout


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with phantoms as CAMUS and as a clip data set, and a model trained on it."""
    work = tmp_path_factory.mktemp("line")
    _run("phantom", "--layout", "camus", "-n", 3, "-o", work / "camus")
    _run("preprocess", "camus", "-i", work / "camus", "-o", work / "clips")
    options = ("train_cfg.max_iters=2", "train_cfg.val_interval=2",
               "train_dataloader.batch_size=2", "val_dataloader.batch_size=2")  # fmt: skip
    flags = [word for option in options for word in ("--cfg-options", option)]
    data = ("--data", work / "clips", "--work-dir", work / "run")
    best = _run("train", "pidnet-s_2k_phantom", *data, *flags).splitlines()[-1]
    (work / "card.json").write_text(json.dumps(CARD))
    made = ("--card", work / "card.json", "-o", work / "pack")
    _run("models", "make", "pidnet-s_2k_phantom", best, *made)
    return work


def test_the_pack_says_what_its_maker_said(work: Path) -> None:
    shown = _run("models", "show", work / "pack")
    assert shown.startswith("tiny: Two iterations on three phantoms.")
    assert "Of no use." in shown
    assert "tiny: 2 files are as the card says" in _run("models", "verify", work / "pack")


def test_a_changed_pack_is_refused(work: Path, tmp_path: Path) -> None:
    changed = tmp_path / "pack"
    changed.mkdir()
    for file in (work / "pack").iterdir():
        (changed / file.name).write_bytes(file.read_bytes())
    graph = (changed / "model.onnx").read_bytes()
    (changed / "model.onnx").write_bytes(graph[:-1] + bytes([graph[-1] ^ 1]))
    result = CliRunner().invoke(app, ["models", "verify", str(changed)])
    assert result.exit_code == 1
    assert "model.onnx" in result.stderr


def test_the_model_is_measured_on_the_clip_data_set(work: Path) -> None:
    measured = _run("models", "evaluate", work / "pack", "--data", work / "clips")
    header, *rows = measured.splitlines()
    assert header.split()[:4] == ["STRUCTURE", "PHASE", "FRAMES", "DICE"]
    assert any(row.startswith("LV cavity") and " ED " in row for row in rows)


def test_the_checkpoint_is_tested(work: Path, tmp_path: Path) -> None:
    (best,) = (work / "run").glob("best_*.pth")
    command = ("test", "pidnet-s_2k_phantom", best, "--data", work / "clips", "--split", "train")
    table = _run(*command, "--show-dir", tmp_path)
    header, *lines = table.splitlines()
    assert header.split()[:3] == ["STRUCTURE", "PHASE", "DICE"]
    assert {"lv", "myo", "la"} == {line.split()[0] for line in lines[:9]}
    metrics = json.loads(_run(*command, "--json"))
    assert 0 <= metrics["dice_lv_ed"] <= 100
    assert list(tmp_path.glob("test_0000_*.png"))


def test_a_checkpoint_of_another_config_is_one_sentence(work: Path) -> None:
    (best,) = (work / "run").glob("best_*.pth")
    other = ["test", "pidnet-s_gpm_20k_camus", str(best), "--data", str(work / "clips")]
    result = CliRunner().invoke(app, other)
    assert result.exit_code == 1
    assert "was not trained by the config pidnet-s_gpm_20k_camus" in result.stderr


def test_the_model_predicts_the_phantoms(work: Path, tmp_path: Path) -> None:
    sources = sorted((work / "camus").rglob("*_half_sequence.nii.gz"))[:1]
    _run("predict", *sources, "-o", tmp_path, "--model", work / "pack", "--engine", "torch")
    (written,) = tmp_path.glob("*.json")
    assert json.loads(written.read_text(encoding="utf-8"))["model"]["name"] == "tiny"
