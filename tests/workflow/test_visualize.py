"""Films and pictures of predictions, and that they show what is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from napari_echo.cli.main import app
from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import LV_SCHEMA, Segmentation
from napari_echo.io.clipset import write_clipset
from napari_echo.io.labelled import LabelledClip
from napari_echo.io.labels import write_labels
from napari_echo.workflow import overlay
from napari_echo.workflow.film import sheet_frames
from napari_echo.workflow.predict import SegmentationModel
from napari_echo.workflow.visualize import clipset_sources, file_sources, visualize


@pytest.fixture
def npy(beating: EchoClip, tmp_path: Path) -> Path:
    """The beating ventricle as a file, fourteen frames of it."""
    path = tmp_path / "beating.npy"
    np.save(path, beating.frames[:14])
    return path


@pytest.fixture
def data(beating: EchoClip, tmp_path: Path) -> Path:
    """Two studies of which the first has ED and ES labelled."""
    labels = (beating.frames[:14] > 100).astype(np.uint8)
    annotated = np.zeros(14, bool)
    annotated[[0, 6]] = True
    labels[~annotated] = 0
    clip = EchoClip.from_frames(
        np.array(beating.frames[:14]), fps=15, spacing_mm=(0.8, 0.5), view="A4C", study_id="one"
    )
    item = LabelledClip(
        clip,
        Segmentation(labels, annotated, "ground truth", LV_SCHEMA),
        KeyFrames((Beat(0, 6),), "traced"),
        "val",
        0.61,
    )
    dim = EchoClip.from_frames(np.array(beating.frames[:14]) // 2 + 60, study_id="two")
    bare = Segmentation(np.zeros_like(labels), np.zeros(14, bool), "ground truth", LV_SCHEMA)
    other = replace(item, clip=dim, truth=bare, split="test", ef=None)
    return write_clipset(tmp_path / "clips", [item, other])


def test_a_film_has_every_frame_at_the_clips_rate(
    model: SegmentationModel, data: Path, tmp_path: Path
) -> None:
    made = visualize(model, clipset_sources(data, ["one"]), tmp_path / "out", side=128)
    (path,) = made.files
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        assert stream.average_rate == 15
        assert stream.width % 2 == stream.height % 2 == 0
        assert sum(1 for _ in film.decode(stream)) == 14
    assert {p.name for p in (tmp_path / "out").iterdir()} == {path.name}


def test_an_animation_and_pictures_have_every_frame(
    model: SegmentationModel, npy: Path, tmp_path: Path
) -> None:
    (gif,) = visualize(
        model, file_sources([npy]), tmp_path / "gif", fmt="gif", fps=20, side=96
    ).files
    with Image.open(gif) as animation:
        assert animation.n_frames == 14
        assert animation.info["duration"] == 50
    (folder,) = visualize(model, file_sources([npy]), tmp_path / "png", fmt="png", side=96).files
    names = sorted(path.name for path in folder.iterdir())
    assert names == [f"frame_{i:04d}.png" for i in range(14)]


def test_a_sheet_holds_the_key_frames(model: SegmentationModel, data: Path, tmp_path: Path) -> None:
    (sheet,) = visualize(
        model, clipset_sources(data, [], "val"), tmp_path / "out", fmt="sheet"
    ).files
    with Image.open(sheet) as picture:
        assert picture.width > 3 * 2 * 300
    assert sheet_frames(5, (0, 4), 12) == [0, 1, 2, 3, 4]
    many = sheet_frames(200, (46, 62), 12)
    assert {0, 46, 62, 199} <= set(many)
    assert len(many) <= 12


def test_errors_have_the_colours_of_their_kind() -> None:
    """A prediction to the right of the truth: beyond on one side, missed on the other."""
    image = np.full((60, 120, 3), 90, np.uint8)
    truth, predicted = np.zeros((60, 120), bool), np.zeros((60, 120), bool)
    truth[10:50, 20:80] = predicted[10:50, 40:100] = True
    overlay.draw_errors(image, predicted, truth)
    beyond, missed, agreed, outside = (image[30, x].astype(int) for x in (90, 30, 60, 110))
    for found, color in ((beyond, overlay.BEYOND), (missed, overlay.MISSED)):
        expected = 0.35 * 90 + 0.65 * np.array(overlay.rgb(color))
        assert found == pytest.approx(expected, abs=1)
    expected = 0.78 * 90 + 0.22 * np.array(overlay.rgb(overlay.PREDICTED))
    assert agreed == pytest.approx(expected, abs=1)
    assert outside.tolist() == [90, 90, 90]
    assert image[30, 79].min() > 180  # the truth's contour


def test_truth_of_a_file_is_painted(model: SegmentationModel, npy: Path, tmp_path: Path) -> None:
    """With truth there is a second panel, which shows what the truth has and the model lacks."""
    labels = np.zeros((14, 130, 160), np.uint8)
    labels[:, 5:30, 5:35] = 1  # dark there: the model misses it
    truth = tmp_path / "truth.labels.tif"
    write_labels(truth, labels, None, LV_SCHEMA)
    (without,) = visualize(model, file_sources([npy]), tmp_path / "a", fmt="png", side=160).files
    (given,) = visualize(
        model, file_sources([npy], [truth]), tmp_path / "b", fmt="png", side=160
    ).files
    blue = np.array(overlay.rgb(overlay.MISSED))

    def missed(folder: Path) -> int:
        pixels = np.asarray(Image.open(folder / "frame_0003.png")).astype(int)
        panels = pixels[: 130 + 30]  # above the curve and its legend
        tint = 0.35 * 15 + 0.65 * blue
        return int((np.abs(panels - tint).max(axis=2) < 12).sum())

    assert missed(without) == 0
    assert missed(given) > 100


def test_clips_of_a_set_are_called_by_study_file_or_hash(data: Path) -> None:
    (one,) = clipset_sources(data, ["one"])
    stem = one.path.stem
    (by_stem,) = clipset_sources(data, [stem])
    (by_hash,) = clipset_sources(data, [one.load().clip.clip_id[:12]])
    assert one.path == by_stem.path == by_hash.path
    assert one.load().stated_ef == 0.61
    assert len(clipset_sources(data, [])) == 2
    with pytest.raises(EchoError, match=r"no clip 'two' in .* in the split 'val'"):
        clipset_sources(data, ["two"], "val")


def test_a_clip_that_fails_is_reported_and_the_others_go_on(
    model: SegmentationModel, npy: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.npy"
    broken.write_bytes(b"nothing")
    made = visualize(model, file_sources([broken, npy]), tmp_path / "out", fmt="sheet")
    assert [path.name for path in made.files] == ["beating.png"]
    ((path, sentence),) = made.failed
    assert path == broken
    assert "broken.npy" in sentence
    with pytest.raises(EchoError, match=r"broken\.npy"):
        visualize(model, file_sources([broken]), tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_from_the_command_line(data: Path, npy: Path, tmp_path: Path) -> None:
    def run(*arguments: object) -> tuple[int, str, str]:
        result = CliRunner().invoke(app, ["visualize", "default", *map(str, arguments)])
        return result.exit_code, result.stdout, result.stderr

    out = tmp_path / "out"
    status, stdout, _ = run("one", "--data", data, "--out", out, "--format", "sheet")
    assert status == 0
    (path,) = out.iterdir()
    assert stdout.strip() == str(path)
    assert run("--out", tmp_path / "x")[0] == 1
    assert (
        "give one for each" in run(npy, "--out", tmp_path / "x", "--truth", npy, "--truth", npy)[2]
    )
    assert "--split" in run(npy, "--split", "val", "--out", tmp_path / "x")[2]
    assert not (tmp_path / "x").exists()
