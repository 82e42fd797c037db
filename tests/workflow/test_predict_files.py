"""What `napari-echo predict` writes, clip by clip."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LV_SCHEMA
from napari_echo.core.params import PredictParams
from napari_echo.io.labels import read_labels
from napari_echo.ml.packs import shipped_packs
from napari_echo.workflow.predict_files import output_names, predict_files, predict_paths


def no_constant(name: str) -> float:
    raise AssertionError(f"{name} is not JSON")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"), parse_constant=no_constant)


@pytest.fixture
def clip_file(beating: EchoClip, tmp_path: Path) -> Path:
    path = tmp_path / "in" / "beating.npy"
    path.parent.mkdir()
    np.save(path, beating.frames)
    return path


def test_labels_and_measures_of_a_clip(
    clip_file: Path, beating: EchoClip, model: Any, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "out"
    summary = predict_paths([clip_file], model, out, PredictParams())
    (done,) = summary.done
    assert summary.failed == ()
    assert sorted(p.name for p in out.iterdir()) == ["beating.json", "beating.labels.tif"]
    written = read_labels(done.labels_file)
    np.testing.assert_array_equal(written.labels, (beating.frames > 127).astype(np.uint8))
    assert written.schema == LV_SCHEMA
    content = read_json(done.json_file)
    assert content["clip_id"] == beating.clip_id
    assert content["model"] == {"id": model.id, "name": model.name, "engine": "onnx"}
    assert content["shape"] == [28, 130, 160]
    assert content["key_frames"]["beats"] == [{"ed": 0, "es": 6}, {"ed": 12, "es": 18}]
    assert content["units"] == {"area": "px2", "length": "px", "volume": "px3"}
    assert content["area"] == [float(n) for n in np.count_nonzero(written.labels, axis=(1, 2))]
    assert [len(content[name]) for name in ("length", "volume")] == [28, 28]
    assert content["ef"] == pytest.approx(np.mean([beat["ef"] for beat in content["beats"]]))
    assert content["beats"][0]["edv"] == content["volume"][0]
    assert content["seconds"] > 0
    assert content["labels"] == "beating.labels.tif"


def test_frames_without_lv_are_null(model: Any, tmp_path: Path) -> None:
    path = tmp_path / "dark.npy"
    np.save(path, np.random.default_rng(0).integers(0, 60, (5, 40, 40), np.uint8))
    (done,) = predict_paths([path], model, tmp_path, PredictParams()).done
    content = read_json(done.json_file)
    assert content["area"] == content["volume"] == [None] * 5
    assert content["key_frames"]["beats"] == content["beats"] == []
    assert content["ef"] is content["fps"] is None
    assert done.ef is None


def test_a_bad_file_is_reported_and_the_others_go_on(
    clip_file: Path, model: Any, tmp_path: Path
) -> None:
    bad = clip_file.with_name("a_bad.npy")
    bad.write_bytes(clip_file.read_bytes()[:200])
    told: list[Any] = []
    summary = predict_paths(
        [bad, clip_file], model, tmp_path / "out", PredictParams(batch=14), told.append
    )
    assert [done.source for done in summary.done] == [clip_file]
    ((failed, reason),) = summary.failed
    assert failed == bad
    assert "a_bad.npy" in reason
    assert [(at.clip, at.clips, at.done, at.total) for at in told] == [
        (2, 2, 14, 28),
        (2, 2, 28, 28),
    ]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "beating.json",
        "beating.labels.tif",
    ]


def test_a_second_run_replaces_its_own_files_alone(
    clip_file: Path, model: Any, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    predict_paths([clip_file], model, out, PredictParams())
    (out / "notes.txt").write_text("mine")
    (out / "beating.json").write_text("old")
    predict_paths([clip_file], model, out, PredictParams())
    assert read_json(out / "beating.json")["ef"] is not None
    assert (out / "notes.txt").read_text() == "mine"
    assert len(list(out.iterdir())) == 3


def test_clips_of_one_name_do_not_overwrite_each_other(
    clip_file: Path, beating: EchoClip, model: Any, tmp_path: Path
) -> None:
    twin = tmp_path / "in" / "other" / "beating.npy"
    twin.parent.mkdir()
    np.save(twin, beating.frames[::-1])
    summary = predict_paths([clip_file, twin], model, tmp_path / "out", PredictParams())
    assert [done.json_file.name for done in summary.done] == [
        "in-beating.npy.json",
        "other-beating.npy.json",
    ]
    ids = {read_json(done.json_file)["clip_id"] for done in summary.done}
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a/x.avi", "a/y.nii.gz", "a/IM0001"], ["x", "y", "IM0001"]),
        (["a/x.avi", "a/x.dcm", "a/z.npy"], ["x.avi", "x.dcm", "z"]),
        (["s1/a4c.avi", "s2/a4c.avi"], ["s1-a4c.avi", "s2-a4c.avi"]),
        (["p/1/a.avi", "q/1/a.avi", "r/a.tif"], ["p-1-a.avi", "q-1-a.avi", "a.tif"]),
        (["a/x.avi", "a/x.dcm", "b/x.avi.npy"], ["a-x.avi", "x.dcm", "b-x.avi.npy"]),
    ],
)
def test_output_names_are_short_and_unique(paths: list[str], names: list[str]) -> None:
    assert output_names([Path(path) for path in paths]) == names


def test_output_names_differ_by_more_than_case() -> None:
    names = output_names([Path("a/X.avi"), Path("a/x.avi"), Path("A/x.avi")])
    assert len({name.casefold() for name in names}) == 3


def test_a_name_as_long_as_the_disk_takes(clip_file: Path, model: Any, tmp_path: Path) -> None:
    long, twin = (clip_file.with_name("\u00e9" * 125 + end + ".npy") for end in "ab")
    for path in (clip_file.rename(long), twin):
        path.write_bytes(long.read_bytes())
    summary = predict_paths([long, twin], model, tmp_path / "out", PredictParams())
    assert summary.failed == ()
    assert len({done.json_file for done in summary.done}) == 2
    assert all(done.json_file.name.startswith("\u00e9" * 100) for done in summary.done)


def test_an_output_that_is_a_file_and_a_source_that_is_not_there(
    clip_file: Path, model: Any, tmp_path: Path
) -> None:
    with pytest.raises(EchoError, match=r"beating\.npy is a file; give a folder"):
        predict_paths([clip_file], model, clip_file, PredictParams())
    summary = predict_paths([tmp_path / "none.npy"], model, tmp_path / "out", PredictParams())
    assert "none.npy" in summary.failed[0][1]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="there is no /proc here")
def test_an_output_that_cannot_be_written_to_is_refused_before_the_work(
    clip_file: Path, model: Any
) -> None:
    told: list[Any] = []
    with pytest.raises(EchoError, match="/proc/self cannot be written to"):
        predict_paths([clip_file], model, Path("/proc/self"), PredictParams(), told.append)
    assert told == []


def test_the_default_model_on_the_real_cine(real_cine_path: Path, tmp_path: Path) -> None:
    summary = predict_files([real_cine_path], shipped_packs()[0], tmp_path)
    (done,) = summary.done
    content = read_json(done.json_file)
    assert content["units"]["volume"] == "ml"
    assert len(content["area"]) == done.n_frames == 30
    assert all(5 < area < 60 for area in content["area"])
    assert 0.1 < content["ef"] < 0.8
