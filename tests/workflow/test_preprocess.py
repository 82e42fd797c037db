"""A run of preprocessing that is stopped, gone on with, and given other options."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import Segmentation
from napari_echo.io.camus_writer import write_camus
from napari_echo.io.clipset import open_clipset
from napari_echo.io.labelled import LabelledClip, Skipped
from napari_echo.io.splits import FileSplit, RandomSplit
from napari_echo.phantom.generate import PhantomClip, generate
from napari_echo.workflow.preprocess import preprocess

Write = Callable[[Path, Iterable[tuple[str, LabelledClip, int]]], Path]

PATIENTS = 16


@pytest.fixture(scope="module")
def phantom() -> PhantomClip:
    return generate(1, size=(96, 96), frames="key")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Patients in two views, large enough that reading them takes a while."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:210, :240]
    labels = np.stack([np.hypot(y - 100, x - 120) < r for r in (45, 35)]).astype(np.uint8)
    items = []
    for view in ("A4C", "A2C"):
        frames = rng.integers(0, 256, (2, 210, 240)).astype(np.uint8)
        clip = EchoClip.from_frames(
            frames, spacing_mm=(0.3, 0.3), view=view, study_id="patient0001"
        )
        truth = Segmentation(labels.copy(), np.ones(2, bool), "ground truth")
        items.append(LabelledClip(clip, truth, KeyFrames((Beat(0, 1),), "traced"), "train", 0.5))
    root = write_camus(tmp_path_factory.mktemp("many") / "camus", items)
    first = root / "database_nifti" / "patient0001"
    for path in first.glob("*half_sequence*"):
        path.unlink()
    names = [f"patient{number:04d}" for number in range(2, PATIENTS + 1)]
    for name in names:
        (root / "database_nifti" / name).mkdir()
        for path in first.iterdir():
            os.link(path, root / "database_nifti" / name / path.name.replace("patient0001", name))
    listed = root / "database_split" / "subgroup_training.txt"
    listed.write_text("\n".join(["patient0001", *names[:-2], "patient9999"]))
    (root / "database_split" / "subgroup_validation.txt").write_text("\n".join(names[-2:]))
    return root


def _bytes(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def _stop_after(clips: int) -> Callable[[int, int], None]:
    def on_progress(done: int, total: int) -> None:
        if done >= clips:
            raise KeyboardInterrupt

    return on_progress


def test_a_killed_run_is_gone_on_with(many: Path, tmp_path: Path) -> None:
    whole, _ = preprocess("camus", many, tmp_path / "whole")
    command = [sys.executable, "-m", "napari_echo.cli.main", "preprocess", "camus"]
    out = tmp_path / "out"
    command += ["-i", str(many), "-o", str(out), "--workers", "2"]
    done = tmp_path / "out.partial" / "done"
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and len(list(done.glob("*.json"))) < 5:
            time.sleep(0.001)
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not psutil.wait_procs(workers, timeout=20)[1]
    assert not out.exists()
    clips = tmp_path / "out.partial" / "set" / "clips"
    before = {path.stem: path for path in done.glob("*.json")}
    assert 5 <= len(before) < 2 * PATIENTS
    written = {path.name: path.stat().st_ino for stem in before for path in clips.glob(f"{stem}.*")}
    assert len(written) == 2 * len(before)
    steps: list[tuple[int, int]] = []
    _, skipped = preprocess("camus", many, out, on_progress=lambda *step: steps.append(step))
    assert steps[0] == (len(before) + 1, 2 * PATIENTS + 1)  # and one that is not there
    assert steps[-1] == (2 * PATIENTS + 1,) * 2
    # What was done was not done again, and the outcome is that of a run without a stop.
    assert written.items() <= {p.name: p.stat().st_ino for p in (out / "clips").iterdir()}.items()
    assert _bytes(out) == _bytes(whole)
    assert [skip.name for skip in skipped] == ["patient9999"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "whole"]


def test_the_outcome_does_not_depend_on_workers(many: Path, tmp_path: Path) -> None:
    sets = [
        preprocess("camus", many, tmp_path / name, size=64, workers=workers)[0]
        for name, workers in (("one", 1), ("three", 3))
    ]
    assert _bytes(sets[0]) == _bytes(sets[1])
    entries = open_clipset(sets[0]).entries
    assert [entry.source for entry in entries[:3]] == [
        "patient0001 4CH", "patient0001 2CH", "patient0002 4CH",
    ]  # fmt: skip
    assert entries[0].shape == (2, 64, 64)
    assert entries[0].spacing_mm == pytest.approx((0.3 * 240 / 64,) * 2)


@pytest.fixture
def stopped(many: Path, tmp_path: Path) -> Path:
    """A data set to make, of which four clips are made."""
    with pytest.raises(KeyboardInterrupt):
        preprocess("camus", many, tmp_path / "out", size=32, on_progress=_stop_after(5))
    assert len(list((tmp_path / "out.partial" / "done").iterdir())) == 4
    return tmp_path / "out"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": 48}, "another size, '32' and not '48': give the same, another --out, or --fresh"),
        ({}, "another size, '32' and not 'as it is'"),
        ({"size": 32, "views": ["A4C"]}, "another choice of views, 'all' and not 'A4C'"),
        ({"size": 32, "split": RandomSplit((0.5, 0.5, 0))}, "another split, 'official' and not"),
        ({"size": 32, "sequences": True}, "another choice of images"),
    ],
)
def test_other_options_are_refused(
    many: Path, stopped: Path, options: dict[str, Any], words: str
) -> None:
    before = _bytes(stopped.with_name("out.partial"))
    with pytest.raises(EchoError, match=words):
        preprocess("camus", many, stopped, **options)
    assert _bytes(stopped.with_name("out.partial")) == before


def test_another_source_is_refused_and_begun_anew_when_told_so(
    many: Path, stopped: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(many / "database_nifti" / "patient0002", other / "database_nifti/patient0002")
    with pytest.raises(EchoError, match=r"another source, .*many.* and not .*other"):
        preprocess("camus", other, stopped, size=32)
    out, _ = preprocess("camus", other, stopped, size=32, fresh=True)
    assert {entry.study_id for entry in open_clipset(out).entries} == {"patient0002"}
    assert not stopped.with_name("out.partial").exists()
    assert len(list((out / "clips").iterdir())) == 4


def test_what_changed_since_is_done_again(many: Path, tmp_path: Path) -> None:
    src = shutil.copytree(many, tmp_path / "src")
    folders = sorted((src / "database_nifti").iterdir())
    good = (folders[0] / "patient0001_4CH_ES.nii.gz").read_bytes()
    (folders[0] / "patient0001_4CH_ES.nii.gz").write_bytes(good[:5000])
    with pytest.raises(KeyboardInterrupt):
        preprocess("camus", src, tmp_path / "out", size=32, on_progress=_stop_after(10))
    # A damaged file is mended, a clip is exchanged, a patient leaves, an array is cut off.
    (folders[0] / "patient0001_4CH_ES.nii.gz").write_bytes(good)
    for what in ("ED", "ES"):
        shutil.copy(
            folders[1] / f"patient0002_2CH_{what}.nii.gz",
            folders[1] / f"patient0002_4CH_{what}.nii.gz",
        )
    shutil.rmtree(folders[2])
    clips = tmp_path / "out.partial" / "set" / "clips"
    next(clips.glob("patient0001-2CH_*.frames.npy")).write_bytes(b"")
    (clips / ".partial-0123").write_bytes(b"what a kill left")
    out, _ = preprocess("camus", src, tmp_path / "out", size=32)
    whole, skipped = preprocess("camus", src, tmp_path / "whole", size=32)
    assert _bytes(out) == _bytes(whole)
    assert [skip.name for skip in skipped] == ["patient0003", "patient9999"]


def test_a_run_that_was_killed_at_its_very_end_has_ended(many: Path, stopped: Path) -> None:
    partial = stopped.with_name("out.partial")
    job = (partial / "job.json").read_bytes()
    out, skipped = preprocess("camus", many, stopped, size=32)
    whole = _bytes(out)
    partial.mkdir()
    (partial / "job.json").write_bytes(job)
    assert preprocess("camus", many, stopped, size=32) == (out, skipped)
    assert not partial.exists()
    assert _bytes(out) == whole
    with pytest.raises(EchoError, match="out exists already"):
        preprocess("camus", many, stopped, size=32)


def test_two_runs_do_not_write_one_set(many: Path, stopped: Path) -> None:
    import filelock

    with (
        filelock.FileLock(stopped.with_name("out.partial") / "lock"),
        pytest.raises(EchoError, match=r"Another process is writing .*out: wait"),
    ):
        preprocess("camus", many, stopped, size=32)
    preprocess("camus", many, stopped, size=32)


@pytest.mark.parametrize("fresh", [False, True])
def test_a_folder_that_is_in_the_way_is_left_alone(many: Path, tmp_path: Path, fresh: bool) -> None:
    (tmp_path / "out.partial").mkdir()
    (tmp_path / "out.partial" / "thesis.txt").write_text("keep")
    with pytest.raises(EchoError, match=r"out\.partial is in the way"):
        preprocess("camus", many, tmp_path / "out", fresh=fresh)
    assert _bytes(tmp_path) == {"out.partial/thesis.txt": b"keep"}


def test_what_is_skipped_is_told_also_where_all_is(many: Path, tmp_path: Path) -> None:
    src = shutil.copytree(many, tmp_path / "src")
    for path in src.rglob("*_ES.nii.gz"):
        path.unlink()
        path.write_bytes(b"damaged")
    told: list[Skipped] = []
    with pytest.raises(EchoError, match=r"No clip of .* can be read; the first, patient0001 4CH"):
        preprocess("camus", src, tmp_path / "out", on_skip=told.append)
    assert len(told) == 2 * PATIENTS + 1
    assert [path.name for path in tmp_path.iterdir()] == ["src"]


def test_both_views_of_a_patient_are_in_one_split(many: Path, tmp_path: Path) -> None:
    rule = RandomSplit((0.5, 0.25, 0.25), 3)
    out, _ = preprocess("camus", many, tmp_path / "random", size=32, split=rule)
    entries = open_clipset(out).entries
    assert len(entries) == 2 * PATIENTS
    pairs = {(entry.study_id, entry.split) for entry in entries}
    assert len(pairs) == PATIENTS
    assert [sum(split == s for _, split in pairs) for s in ("train", "val", "test")] == [8, 4, 4]
    path = tmp_path / "split.json"
    path.write_text(json.dumps(dict(pairs)))
    again, _ = preprocess("camus", many, tmp_path / "file", size=32, split=FileSplit(path))
    assert _bytes(again) == _bytes(out)
    path.write_text(json.dumps({study: split for study, split in pairs if study > "patient0003"}))
    with pytest.raises(EchoError, match="it lacks patient0001, patient0002, patient0003"):
        preprocess("camus", many, tmp_path / "none", split=FileSplit(path))


def test_pediatric_phantoms_become_a_clip_data_set(
    phantom: PhantomClip, write_pediatric: Write, tmp_path: Path
) -> None:
    clip = replace(phantom.clip, fps=40.0)
    item = LabelledClip(clip, phantom.truth, phantom.key_frames, "train", phantom.ef)
    short_axis = replace(item, clip=replace(clip, view="PSAX"))
    src = write_pediatric(
        tmp_path / "src",
        [
            ("CR1-CR11-000001", item, 0),
            ("CR1-CR12-000001", short_axis, 0),
            ("CR2-CR21-000001", item, 5),
            ("CR3-CR31-000001", item, 9),
        ],
    )
    out, skipped = preprocess("pediatric", src, tmp_path / "out", val_folds=(5,), workers=2)
    assert skipped == []
    dataset = open_clipset(out)
    assert [(e.study_id, e.view, e.split) for e in dataset.entries] == [
        ("CR1", "A4C", "train"), ("CR2", "A4C", "val"), ("CR3", "A4C", "test"),
        ("CR1", "PSAX", "train"),
    ]  # fmt: skip
    for entry in dataset.entries:
        ed, es = (np.count_nonzero(labels == 1) for labels in dataset.labels(entry))
        assert ed > es > 0
        assert entry.fps == pytest.approx(40)
    only, _ = preprocess("pediatric", src, tmp_path / "only", views=["PSAX"])
    assert [entry.view for entry in open_clipset(only).entries] == ["PSAX"]


@pytest.mark.parametrize(
    ("layout", "options", "words"),
    [
        ("dicom", {}, "no layout 'dicom': choose camus, echonet or pediatric"),
        ("echonet", {"sequences": True}, "Only CAMUS has half sequences"),
        ("echonet", {"views": ["A2C"]}, "EchoNet-Dynamic has one view"),
        ("camus", {"val_folds": (8,)}, "Only EchoNet-Pediatric has folds"),
        ("camus", {"views": ["PSAX"]}, "CAMUS has no view 'PSAX'"),
        ("camus", {"size": 4}, "4 pixels a side"),
    ],
)
def test_options_that_do_not_go_with_the_layout(
    many: Path, tmp_path: Path, layout: Any, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(EchoError, match=words):
        preprocess(layout, many, tmp_path / "out", **options)
    assert list(tmp_path.iterdir()) == []
