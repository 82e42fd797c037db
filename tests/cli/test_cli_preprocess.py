"""`napari-echo preprocess` on a CAMUS folder of one phantom."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from napari_echo.cli.main import app
from napari_echo.io.camus_writer import write_camus
from napari_echo.io.clipset import open_clipset
from napari_echo.io.labelled import LabelledClip
from napari_echo.phantom.generate import generate


@pytest.fixture(scope="module")
def camus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One patient, and one whose image is damaged."""
    phantom = generate(1, size=(64, 64), frames="half beat")
    item = LabelledClip(phantom.clip, phantom.truth, phantom.key_frames, "train", phantom.ef)
    root = write_camus(tmp_path_factory.mktemp("camus") / "set", [item])
    damaged = root / "database_nifti" / "patient0002"
    damaged.mkdir()
    for what in ("ED", "half_sequence"):
        (damaged / f"patient0002_4CH_{what}.nii.gz").write_bytes(b"damaged")
    return root


@pytest.mark.parametrize("flags", [[], ["--sequences"]])
def test_stills_or_sequences(camus: Path, tmp_path: Path, flags: list[str]) -> None:
    command = ["preprocess", "camus", "-i", str(camus), "-o", str(tmp_path / "clips"), *flags]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.strip() == str(tmp_path / "clips")
    assert "skipped: patient0002 4CH: patient0002_4CH_" in result.stderr
    assert "1 clips: 1 train; 1 skipped, see skipped.csv in it." in result.stderr
    with (tmp_path / "clips" / "skipped.csv").open(newline="") as file:
        ((name, reason),) = list(csv.reader(file))[1:]
    assert f"skipped: {name}: {reason}" in result.stderr
    (entry,) = open_clipset(tmp_path / "clips").entries
    assert (len(entry.labelled_frames) > 2) == bool(flags)
    assert (entry.fps is None) == (not flags)


def _preprocess(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["preprocess", *map(str, arguments)])


def test_where_nothing_can_be_read_each_clip_is_told_and_the_status_is_1(
    camus: Path, tmp_path: Path
) -> None:
    src = shutil.copytree(camus, tmp_path / "camus")
    for path in src.glob("database_nifti/*/*_ED.nii.gz"):
        path.write_bytes(b"damaged")
    result = _preprocess("camus", "-i", src, "-o", tmp_path / "clips")
    assert result.exit_code == 1
    assert result.stdout == ""
    for patient in ("patient0001", "patient0002"):
        assert f"skipped: {patient} 4CH: {patient}_4CH_ED.nii.gz is damaged" in result.stderr
    assert "error: No clip of" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["camus"]


def test_splits_views_and_sizes_are_chosen(camus: Path, tmp_path: Path) -> None:
    split = tmp_path / "split.csv"
    split.write_text("study,split\npatient0001,test\npatient0002,val\n")
    options = ["--split-file", split, "--view", "4CH", "--size", 48, "--workers", 1]
    result = _preprocess("camus", "-i", camus, "-o", tmp_path / "file", *options)
    assert result.exit_code == 0, result.stderr
    (entry,) = open_clipset(tmp_path / "file").entries
    assert (entry.split, entry.shape) == ("test", (2, 48, 48))
    options = ["--random-split", "0,0.5,0.5", "--seed", 5]
    result = _preprocess("camus", "-i", camus, "-o", tmp_path / "random", *options)
    (entry,) = open_clipset(tmp_path / "random").entries
    assert entry.split in ("val", "test")


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--random-split", "0.5,0.5"], 1, "'0.5,0.5' is no split"),
        (["--random-split", "1,0,0", "--split-file", "x.csv"], 2, "not both"),
        (["--split-file", "x.csv"], 1, "x.csv does not exist"),
        (["--val-folds", "eight"], 2, "'eight' is none"),
        (["--val-folds", "8"], 1, "Only EchoNet-Pediatric has folds"),
        (["--view", "PSAX"], 1, "CAMUS has no view 'PSAX'"),
    ],
)
def test_wrong_options(
    camus: Path, tmp_path: Path, options: list[str], status: int, words: str
) -> None:
    result = _preprocess("camus", "-i", camus, "-o", tmp_path / "clips", *options)
    assert result.exit_code == status
    assert words in result.stderr
    assert list(tmp_path.iterdir()) == []
