"""`napari-echo labels` on a store with a committed revision."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from napari_echo.cli.main import app
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA
from napari_echo.core.revision import Base, Revision
from napari_echo.io.clipset import open_clipset
from napari_echo.io.load import load
from napari_echo.io.store import LabelStore
from napari_echo.workflow.correct import correct


@pytest.fixture
def clip_file(tmp_path: Path) -> Path:
    frames = np.random.default_rng(0).integers(0, 255, (6, 40, 48), dtype=np.uint8)
    path = tmp_path / "clips" / "study.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, frames, photometric="minisblack")
    return path


@pytest.fixture
def revision(clip_file: Path, tmp_path: Path) -> Revision:
    """A revision of frames 1 and 4, with 24 LV pixels in each, in `tmp_path / "store"`."""
    edited = np.zeros((6, 40, 48), np.uint8)
    edited[[1, 4], 10:14, 10:16] = 1
    made = correct(
        load(clip_file),
        edited,
        (1, 4),
        Base("nothing", ""),
        reader="ann",
        started=datetime.now(UTC),
        key_frames=KeyFrames((Beat(1, 4),), "set by reader"),
        schema=CAMUS_SCHEMA,
    )
    LabelStore(tmp_path / "store").commit(made)
    return made


def _run(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["labels", *map(str, arguments)])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_list_names_the_revision(revision: Revision, tmp_path: Path) -> None:
    table = _run("list", tmp_path / "store").splitlines()
    assert len(table) == 2
    assert table[1].startswith(revision.revision_id[:12])
    assert "1, 4" in table[1]
    assert "ann" in table[1]
    (listed,) = json.loads(_run("list", tmp_path / "store", "--json"))
    assert listed["revision_id"] == revision.revision_id


def test_show_counts_the_pixels(revision: Revision, tmp_path: Path) -> None:
    shown = json.loads(_run("show", tmp_path / "store", revision.revision_id[:6]))
    assert shown["pixels"]["LV cavity"] == [24, 24]
    assert shown["key_frames"]["beats"] == [{"ed": 1, "es": 4}]


def test_show_refuses_an_unknown_id(revision: Revision, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["labels", "show", str(tmp_path / "store"), "zz"])
    assert result.exit_code == 1
    assert "No revision" in result.stderr


def test_damaged_revisions_are_told(revision: Revision, tmp_path: Path) -> None:
    store = tmp_path / "store"
    whole = (store / f"{revision.revision_id}.tif").read_bytes()
    (store / f"{'0' * 32}.tif").write_bytes(whole[: len(whole) // 2])
    result = CliRunner().invoke(app, ["labels", "list", str(store)])
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 2
    assert result.stderr.count("skipped: ") == 1
    assert f"{'0' * 32}.tif is" in result.stderr
    assert "cut off" in result.stderr


def test_export_makes_a_clip_data_set(revision: Revision, clip_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "exported"
    printed = _run("export", tmp_path / "store", "--clips", clip_file.parent, "-o", out)
    assert printed.strip() == str(out)
    clips = open_clipset(out)
    (entry,) = clips.entries
    assert entry.labelled_frames == (1, 4)
    np.testing.assert_array_equal(clips.labels(entry), revision.labels)


def test_export_without_the_clip_is_refused(revision: Revision, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    frames = np.random.default_rng(1).integers(0, 255, (6, 40, 48), dtype=np.uint8)
    tifffile.imwrite(other / "b.tif", frames, photometric="minisblack")
    (other / "damaged.tif").write_bytes(b"II*\0")
    command = ["labels", "export", tmp_path / "store", "--clips", other, "-o", tmp_path / "x"]
    result = CliRunner().invoke(app, list(map(str, command)))
    assert result.exit_code == 1
    assert "skipped: damaged.tif" in result.stderr
    assert revision.clip_id in result.stderr
    assert not (tmp_path / "x").exists()
