"""`napari-echo labels` on a store with a committed revision."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
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


def _fails(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["labels", *map(str, arguments)])
    assert result.exit_code == 1
    return result.stderr


@pytest.fixture
def forked(revision: Revision, tmp_path: Path) -> tuple[Revision, Revision]:
    """Two children of the revision, bob's in `tmp_path / "other"`."""
    made = tuple(
        replace(
            revision,
            revision_id=uuid.uuid4().hex,
            parent=revision.revision_id,
            reader=reader,
            status="accepted",
            comment=f"{reader} was\nhere",
            committed=revision.committed + timedelta(hours=hours),
        )
        for reader, hours in (("ann", 1), ("bob", 2))
    )
    for name, commits in (("store", made[:1]), ("other", (revision, *made[1:]))):
        for one in commits:
            LabelStore(tmp_path / name).commit(one)
    return made[0], made[1]


def test_list_names_the_revision(revision: Revision, tmp_path: Path) -> None:
    table = _run("list", tmp_path / "store").splitlines()
    assert len(table) == 4
    assert table[1].startswith(revision.revision_id[:12])
    assert "1, 4" in table[1]
    assert "ann" in table[1]
    assert table[1].endswith("head")
    assert table[3] == "1 revision of 1 clip, 1 head"
    (listed,) = json.loads(_run("list", tmp_path / "store", "--json"))
    assert listed["revision_id"] == revision.revision_id
    assert (listed["head"], listed["fork"]) == (True, False)


def test_list_filters_and_sorts(forked: tuple[Revision, Revision], tmp_path: Path) -> None:
    store = tmp_path / "store"
    _run("merge", store, tmp_path / "other")

    def readers(*options: object) -> list[str]:
        return [row["reader"] for row in json.loads(_run("list", store, "--json", *options))]

    assert readers() == ["ann", "ann", "bob"]
    assert readers("--status", "accepted") == ["ann", "bob"]
    assert readers("--reader", "bob") == ["bob"]
    assert readers("--reader", "bo") == []
    assert readers("--clip", forked[0].clip_id[:5]) == ["ann", "ann", "bob"]
    assert readers("--clip", "zz") == []
    assert readers("--study", "study", "--sort", "reader") == ["ann", "ann", "bob"]
    assert readers("--since", forked[1].committed.isoformat()) == ["bob"]
    assert readers("--since", "1999-12-31", "--sort", "frames") == ["ann", "ann", "bob"]
    assert "write it like" in _fails("list", store, "--since", "yesterday")


def test_merge_says_what_came_and_which_forks_arose(
    forked: tuple[Revision, Revision], tmp_path: Path
) -> None:
    told = _run("merge", tmp_path / "store", tmp_path / "other").splitlines()
    assert told[0].endswith("other: 1 revision came, 1 were there already")
    assert told[1].startswith("fork: clip")
    assert "by ann" in told[1]
    assert "by bob" in told[1]
    assert _run("list", tmp_path / "store").splitlines()[-1] == told[1]
    again = json.loads(_run("merge", tmp_path / "store", tmp_path / "other", "--json"))
    assert (again[0]["copied"], again[0]["present"], again[0]["forks"]) == ([], 2, [])
    assert "no label store" in _fails("merge", tmp_path / "store", tmp_path / "none")
    (tmp_path / "other" / f"{'0' * 32}.tif").write_bytes(b"II*")
    result = CliRunner().invoke(
        app, ["labels", "merge", str(tmp_path / "store"), str(tmp_path / "other")]
    )
    assert result.exit_code == 1
    assert "left out: " in result.stdout


def test_history_draws_the_tree(forked: tuple[Revision, Revision], tmp_path: Path) -> None:
    store = tmp_path / "store"
    _run("merge", store, tmp_path / "other")
    for named in (forked[0].clip_id[:4], forked[1].revision_id[:9], "study"):
        lines = _run("history", store, named).splitlines()
        assert lines[1].startswith("* ")
        assert lines[2].startswith(f"├─* {forked[0].revision_id[:12]}")
        assert lines[2].endswith("“ann was here”  <- fork")
        assert lines[3].startswith(f"└─* {forked[1].revision_id[:12]}")
    resolved = replace(
        forked[1],
        revision_id=uuid.uuid4().hex,
        parent=forked[1].revision_id,
        supersedes=(forked[0].revision_id,),
    )
    LabelStore(store).commit(resolved)
    last = _run("history", store, "study").splitlines()[-1]
    assert last.startswith(f"  * {resolved.revision_id[:12]}")
    assert f"(resolves {forked[0].revision_id[:12]})" in last
    assert last.endswith("<- head")
    assert [row["head"] for row in json.loads(_run("history", store, "study", "--json"))] == [
        False, False, False, True,
    ]  # fmt: skip
    assert "No clip, revision or study" in _fails("history", store, "zz")


def test_show_counts_the_pixels(revision: Revision, tmp_path: Path) -> None:
    shown = json.loads(_run("show", tmp_path / "store", revision.revision_id[:6], "--json"))
    assert shown["pixels"]["LV cavity"] == [24, 24]
    assert shown["key_frames"]["beats"] == [{"ed": 1, "es": 4}]
    plain = _run("show", tmp_path / "store", revision.revision_id)
    assert "LV cavity 24, 24" in plain
    assert revision.frame_hashes[0] in plain


def test_show_refuses_an_unknown_id(revision: Revision, tmp_path: Path) -> None:
    assert "No revision" in _fails("show", tmp_path / "store", "zz")
    assert "no label store" in _fails("show", tmp_path / "none", "zz")


def test_damaged_revisions_are_told_and_set_aside(revision: Revision, tmp_path: Path) -> None:
    store = tmp_path / "store"
    assert _run("verify", store) == "1 whole revision, no damage\n"
    whole = (store / f"{revision.revision_id}.tif").read_bytes()
    bad = store / f"{'0' * 32}.tif"
    bad.write_bytes(whole[: len(whole) // 2])
    result = CliRunner().invoke(app, ["labels", "list", str(store)])
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 4
    assert result.stderr.count("skipped: ") == 1
    assert f"{'0' * 32}.tif is" in result.stderr
    assert "cut off" in result.stderr
    for options, there in (((), True), (("--set-aside", "--json"), False)):
        result = CliRunner().invoke(app, ["labels", "verify", str(store), *options])
        assert result.exit_code == 1
        assert bad.exists() == there
    told = json.loads(result.stdout)
    assert [finding["kind"] for finding in told["findings"]] == ["damaged"]
    assert told["set_aside"] == [str(store / "set-aside" / bad.name)]
    assert _run("verify", store) == "1 whole revision, no damage\n"


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


def test_agreement_names_the_readers_and_says_what_was_assumed(
    revision: Revision, clip_file: Path, tmp_path: Path
) -> None:
    store = LabelStore(tmp_path / "store")
    bob = replace(
        revision,
        revision_id=uuid.uuid4().hex,
        reader="bob",
        labels=np.roll(revision.labels, 1, axis=2),
        blind=True,
    )
    store.commit(bob)
    told = _run("agreement", store.path)
    assert "ann and bob" in told
    assert "0.833 (n=1)" in told
    found = json.loads(_run("agreement", store.path, "--clips", clip_file.parent, "--json"))
    (group,) = found["groups"]
    assert (group["kind"], group["n_blind"], group["dice_ed"]["n"]) == ("readers", 0, 1)
    assert group["ef"] is None
    assert found["square_pixels"] == 0
    assert "--clips" in _fails("agreement", store.path, "--model", "default")
    assert "no label store" in _fails("agreement", tmp_path / "nowhere")
    listed = json.loads(_run("list", store.path, "--reader", "bob", "--json"))
    assert listed[0]["blind"] is True
    assert listed[0]["repeat"] is False


def test_agreement_without_a_second_reader_says_so(revision: Revision, tmp_path: Path) -> None:
    assert "No clip was read by two readers" in _run("agreement", tmp_path / "store")
