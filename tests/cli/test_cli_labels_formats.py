"""`napari-echo labels export` and `import`, as they are typed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import tifffile
from click.testing import Result
from typer.testing import CliRunner

from napari_echo.cli.main import app
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA
from napari_echo.core.revision import Base
from napari_echo.io.load import load
from napari_echo.io.store import LabelStore
from napari_echo.workflow.correct import correct


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["labels", *map(str, arguments)])


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder of two clips, and a store that labels one and, by two rivals, the other."""
    (tmp_path / "clips").mkdir()
    store = LabelStore(tmp_path / "store")
    for seed, name in enumerate(("one", "two")):
        frames = np.random.default_rng(seed).integers(0, 255, (6, 40, 48), dtype=np.uint8)
        path = tmp_path / "clips" / f"{name}.tif"
        tifffile.imwrite(path, frames, photometric="minisblack")
        edited = np.zeros((6, 40, 48), np.uint8)
        edited[[1, 4], 5:30, 10:30] = 1
        parent = None
        for reader in ("ann",) if name == "one" else ("ann", "bob", "cy"):
            revision = correct(
                load(path),
                edited,
                (1, 4),
                Base("nothing", ""),
                reader=reader,
                started=datetime.now(UTC),
                key_frames=KeyFrames((Beat(1, 4),), "set by reader"),
                schema=CAMUS_SCHEMA,
                parent=parent,
            )
            store.commit(revision)
            parent = parent or revision.revision_id
    return tmp_path


def test_a_fork_is_told_on_the_terminal_and_can_be_decided(work: Path) -> None:
    export = ("export", work / "store", "--clips", work / "clips", "--format", "coco")
    result = run(*export, "-o", work / "set")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.strip() == str(work / "set")
    assert "two.tif of study two has rival labels" in result.stderr
    assert "(bob)" in result.stderr
    assert "--fork latest" in result.stderr
    assert "manifest.json" in result.stderr
    latest = run(*export, "-o", work / "latest", "--fork", "latest", "--json")
    told = json.loads(latest.stdout)
    assert (told["clips"], told["frames"]) == (2, 4)
    assert {left["kind"] for left in told["left_out"]} == {"superseded"}


def test_an_import_is_told_and_a_second_adds_nothing(work: Path) -> None:
    run("export", work / "store", "--clips", work / "clips", "-f", "tiff", "-o", work / "set")
    command = ("import", work / "other", work / "set", "-f", "tiff", "--reader", "dee")
    first = run(*command)
    assert first.exit_code == 0, first.stderr
    assert "1 revision of 2 frames" in first.stdout
    second = json.loads(run(*command, "--json").stdout)
    assert second["revisions"] == []
    assert len(second["known"]) == 1
    assert len(LabelStore(work / "other").revisions()) == 1


def test_labels_of_a_clip_that_is_not_there_are_an_error(work: Path) -> None:
    run("export", work / "store", "--clips", work / "clips", "-f", "coco", "-o", work / "set")
    result = run(
        "import", work / "other", work / "set", "-f", "coco", "--reader", "dee",
        "--clips", work / "clips" / "two.tif",
    )  # fmt: skip
    assert result.exit_code == 1
    assert "name its file by --clips" in result.stderr
    assert "No label of" in result.stderr
    assert not (work / "other").exists()


def test_studies_keep_their_splits(work: Path) -> None:
    export = ("export", work / "store", "--clips", work / "clips", "--fork", "latest")
    listed = work / "splits.csv"
    listed.write_text("study,split\none,val\n")
    run(*export, "-o", work / "first", "--split-file", listed)
    result = run(*export, "-o", work / "second", "--splits-from", work / "first")
    assert result.exit_code == 0, result.stderr
    clips = json.loads((work / "second" / "manifest.json").read_text())["clips"]
    assert {clip["study_id"]: clip["split"] for clip in clips} == {"one": "val", "two": "train"}
    listed.write_text("study,split\none,test\n")
    leak = run(*export, "-o", work / "x", "--split-file", listed, "--splits-from", work / "first")
    assert leak.exit_code == 1
    assert "The study one is in the split 'test'" in leak.stderr
    assert not (work / "x").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--format", "voc"), "voc"),
        (("--split", "dev"), "no split 'dev'"),
        (("--splits-from", "/nowhere"), "no folder /nowhere"),
        (("--splits-from", str(Path(__file__).parent)), "says nothing of splits"),
    ],
)
def test_bad_input_is_one_sentence(work: Path, arguments: tuple[str, ...], sentence: str) -> None:
    result = run("export", work / "store", "--clips", work / "clips", "-o", work / "x", *arguments)
    assert result.exit_code != 0
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
    assert not (work / "x").exists()
