"""`napari-echo predict` with the shipped model on the real cine and on damaged files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from napari_echo.cli.main import app
from napari_echo.core.clip import EchoClip
from napari_echo.io.labels import read_labels


def _predict(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["predict", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture(scope="module")
def folder(real_cine_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the real cine and the first half of it."""
    folder = tmp_path_factory.mktemp("clips")
    shutil.copy(real_cine_path, folder / "cine.dcm")
    content = real_cine_path.read_bytes()
    (folder / "half.dcm").write_bytes(content[: len(content) // 2])
    return folder


@pytest.fixture(scope="module")
def run(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, str, str]:
    """The output folder, exit status, stdout and stderr of a run over the folder."""
    out = tmp_path_factory.mktemp("predictions")
    return out, *_predict(folder, "--out", out, "--json")


def test_labels_and_measures_lie_on_the_clips_own_grid(
    run: tuple[Path, int, str, str], real_cine: EchoClip
) -> None:
    out, _, stdout, _ = run
    (listed,) = json.loads(stdout)
    assert Path(listed["labels_file"]) == out / "cine.labels.tif"
    measures = json.loads((out / "cine.json").read_text(encoding="utf-8"))
    assert measures["clip_id"] == real_cine.clip_id
    assert len(measures["area"]) == len(real_cine)
    written = read_labels(out / "cine.labels.tif")
    assert written.labels.shape == real_cine.frames.shape
    assert written.spacing_mm == pytest.approx(real_cine.spacing_mm)


def test_a_damaged_clip_is_reported_and_the_others_go_on(
    run: tuple[Path, int, str, str],
) -> None:
    out, status, _, stderr = run
    assert status == 1
    assert stderr.count("\n") == 1
    assert stderr.startswith("napari-echo: error: ")
    assert "half.dcm" in stderr
    assert {path.name for path in out.iterdir()} == {"cine.labels.tif", "cine.json"}


def test_without_json_each_clip_gets_a_line(folder: Path, tmp_path: Path) -> None:
    status, stdout, _ = _predict(folder / "cine.dcm", "--out", tmp_path)
    assert status == 0
    (line,) = stdout.splitlines()
    assert line.startswith(f"{tmp_path / 'cine.json'}: 30 frames, ")


def test_an_unknown_model_is_one_sentence_that_lists_the_known(
    folder: Path, tmp_path: Path
) -> None:
    status, _, stderr = _predict(folder, "--out", tmp_path / "out", "--model", "no-such-model")
    assert status == 1
    assert "no-such-model" in stderr
    assert stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_missing_source_is_one_sentence(tmp_path: Path) -> None:
    status, _, stderr = _predict(tmp_path / "gone.dcm", "--out", tmp_path / "out")
    assert status == 1
    assert "gone.dcm" in stderr
