"""The EchoNet-Dynamic layout, read and written."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat
from napari_echo.core.labels import LV_SCHEMA
from napari_echo.io.echonet import read_echonet, tracing_mask, write_echonet
from napari_echo.io.labelled import LabelledClip, Skipped

Labelled = Callable[..., LabelledClip]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def _dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def _small(frame: NDArray[np.uint8], mode: int) -> NDArray[np.uint8]:
    """A frame of 120x160 padded to a square and resampled to 112, for comparison."""
    square = np.zeros((160, 160), np.uint8)
    square[20:140] = frame
    return np.asarray(cv2.resize(square, (112, 112), interpolation=mode))


@pytest.fixture
def root(tmp_path: Path, labelled: Labelled) -> Path:
    """Three videos, one of them from ES to ED."""
    items = [
        labelled("0X1A", ef=0.52),
        labelled("0X2B", widths=(20, 24, 27, 30), ed=3, es=0, split="val", spacing_mm=None),
        labelled("0X3C", annotated=(0, 4), split="test"),
    ]
    return write_echonet(tmp_path / "echonet", items)


def test_the_layout(root: Path) -> None:
    assert sorted(path.name for path in (root / "Videos").iterdir()) == [
        "0X1A.avi", "0X2B.avi", "0X3C.avi",
    ]  # fmt: skip
    files = _rows(root / "FileList.csv")
    assert list(files[0]) == [
        "FileName", "EF", "ESV", "EDV", "FrameHeight", "FrameWidth", "FPS", "NumberOfFrames",
        "Split",
    ]  # fmt: skip
    assert [row["FileName"] for row in files] == ["0X1A", "0X2B", "0X3C"]
    assert [row["Split"] for row in files] == ["TRAIN", "VAL", "TEST"]
    assert files[0]["EF"] == "52.0"
    assert (files[0]["FrameHeight"], files[0]["NumberOfFrames"]) == ("112", "6")
    tracings = _rows(root / "VolumeTracings.csv")
    assert list(tracings[0]) == ["FileName", "X1", "Y1", "X2", "Y2", "Frame"]
    assert len(tracings) == 3 * 2 * 21
    assert tracings[0]["FileName"] == "0X1A.avi"


def test_es_is_listed_first(root: Path) -> None:
    frames: dict[str, list[str]] = {}
    for row in _rows(root / "VolumeTracings.csv"):
        listed = frames.setdefault(row["FileName"], [])
        if row["Frame"] not in listed:
            listed.append(row["Frame"])
    assert frames == {"0X1A.avi": ["4", "0"], "0X2B.avi": ["0", "3"], "0X3C.avi": ["4", "0"]}


def test_the_first_row_is_the_long_axis_from_apex_to_base(root: Path) -> None:
    rows = [[float(row[c]) for c in ("X1", "Y1", "X2", "Y2")]
            for row in _rows(root / "VolumeTracings.csv")[:21]]  # fmt: skip
    x1, y1, x2, y2 = rows[0]
    # The apex of the phantom is at (80, 20), the base at (80, 80), in a frame of 120x160.
    assert (x1, y1) == pytest.approx((55.9, 27.9), abs=1.5)
    assert (x2, y2) == pytest.approx((55.9, 69.9), abs=1.5)
    heights = [(row[1] + row[3]) / 2 for row in rows[1:]]
    assert heights == sorted(heights)


def test_volumes_are_those_of_the_half_ellipsoid(root: Path) -> None:
    known, unknown, _ = _rows(root / "FileList.csv")
    ml = 2 / 3 * np.pi * 30**2 * 60 * 0.05**3
    assert float(known["EDV"]) == pytest.approx(ml, rel=0.06)
    assert float(known["ESV"]) == pytest.approx(ml * (20 / 30) ** 2, rel=0.06)
    assert float(unknown["EDV"]) == pytest.approx(ml / 0.05**3 * (112 / 160) ** 3, rel=0.06)
    edv, esv, ef = (float(unknown[name]) for name in ("EDV", "ESV", "EF"))
    assert ef == pytest.approx(100 * (edv - esv) / edv, abs=1e-3)


def test_what_is_written_is_read(root: Path, labelled: Labelled) -> None:
    items = {item.clip.study_id: item for item in read_echonet(root)}
    assert list(items) == ["0X1A", "0X2B", "0X3C"]
    given, item = labelled("0X1A"), items["0X1A"]
    assert item.clip.frames.shape == (6, 112, 112)
    assert (item.clip.fps, item.clip.view, item.split) == (40, "A4C", "train")
    assert item.ef == pytest.approx(0.52)
    assert item.truth.schema == LV_SCHEMA
    assert item.truth.annotated_frames == (0, 4)
    assert item.key_frames.beats == (Beat(0, 4),)
    assert items["0X2B"].key_frames.beats == (Beat(3, 0),)
    for frame in range(6):
        expected = _small(given.clip.frames[frame], cv2.INTER_AREA)
        assert np.abs(item.clip.frames[frame].astype(int) - expected).mean() < 1
    for frame in (0, 4):
        mask = given.truth.labels[frame] == 1
        expected = _small(mask.astype(np.uint8) * 255, cv2.INTER_AREA) >= 128
        assert _dice(item.truth.labels[frame] == 1, expected) >= 0.95


def test_both_decoders_read_the_videos(root: Path) -> None:
    capture = cv2.VideoCapture(str(root / "Videos" / "0X1A.avi"))
    frames = []
    while True:
        good, frame = capture.read()
        if not good:
            break
        frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY))
    item = next(read_echonet(root))
    assert len(frames) == 6
    assert np.abs(np.stack(frames).astype(int) - item.clip.frames).mean() < 1


def test_the_area_decides_which_frame_is_ed(root: Path) -> None:
    path = root / "VolumeTracings.csv"
    rows = _rows(path)
    _write_rows(path, rows[21:42] + rows[:21] + rows[42:])  # ED first, against EchoNet's habit
    assert next(read_echonet(root)).key_frames.beats == (Beat(0, 4),)


def test_a_mask_is_filled_as_in_echonets_loader() -> None:
    axis = (10.0, 2.0, 10.0, 30.0)
    discs = [(8.2, 5.0, 12.4, 5.0), (5.0, 15.0, 15.0, 15.0), (5.0, 25.0, 15.0, 25.0)]
    mask = tracing_mask(np.array([axis, *discs]), (40, 40))
    assert not mask[:5].any()
    assert not mask[26:].any()
    assert mask[15, 5:15].all()
    assert not mask[15, 17:].any()
    assert mask[6:25].any(axis=1).all()


def _number_of_traced_frames(root: Path, name: str, wanted: int) -> None:
    path = root / "VolumeTracings.csv"
    rows = [row for row in _rows(path) if row["FileName"] != f"{name}.avi"]
    one = [row for row in _rows(path) if row["FileName"] == f"{name}.avi"][:21]
    for frame in range(wanted):
        rows += [{**row, "Frame": str(frame)} for row in one]
    _write_rows(path, rows)


@pytest.mark.parametrize("wanted", [0, 1, 3])
def test_other_than_two_traced_frames_is_skipped(root: Path, wanted: int) -> None:
    _number_of_traced_frames(root, "0X2B", wanted)
    skipped: list[Skipped] = []
    read = [item.clip.study_id for item in read_echonet(root, on_skip=skipped.append)]
    assert read == ["0X1A", "0X3C"]
    assert skipped == [Skipped("0X2B", f"0X2B.avi has {wanted} traced frames, not two.")]


def test_missing_damaged_and_ill_traced_videos_are_skipped(root: Path) -> None:
    (root / "Videos" / "0X1A.avi").unlink()
    video = root / "Videos" / "0X2B.avi"
    video.write_bytes(video.read_bytes()[:4000])
    path = root / "VolumeTracings.csv"
    rows = _rows(path)
    for row in rows:
        if row["FileName"] == "0X3C.avi" and row["Frame"] == "4":
            row["Frame"] = "88"
    _write_rows(path, rows)
    skipped: list[Skipped] = []
    assert list(read_echonet(root, on_skip=skipped.append)) == []
    reasons = {skip.name: skip.reason for skip in skipped}
    assert "does not exist" in reasons["0X1A"]
    assert "0X2B.avi is damaged" in reasons["0X2B"]
    assert "traced at the frames [0, 88], but has 6 frames" in reasons["0X3C"]


def test_splits(root: Path) -> None:
    assert [item.clip.study_id for item in read_echonet(root, "val")] == ["0X2B"]
    path = root / "FileList.csv"
    _write_rows(path, [{**row, "Split": "3"} for row in _rows(path)])
    assert {item.split for item in read_echonet(root)} == {"unassigned"}


def test_bad_lists(root: Path, tmp_path: Path) -> None:
    with pytest.raises(EchoError, match=r"FileList\.csv does not exist"):
        read_echonet(tmp_path)
    path = root / "VolumeTracings.csv"
    rows = _rows(path)
    _write_rows(path, [{key: row[key] for key in ("FileName", "X1", "Frame")} for row in rows])
    with pytest.raises(EchoError, match="lacks the column Y1"):
        read_echonet(root)
    path.write_bytes(b"\xff\xfe\x00binary")
    with pytest.raises(EchoError, match=r"VolumeTracings\.csv"):
        read_echonet(root)


@pytest.mark.parametrize(
    "change", [{"X1": "left"}, {"Frame": "No Systolic"}, {"Y2": "nan"}, {"Y2": ""}]
)
def test_a_damaged_tracing_spoils_its_own_video_alone(root: Path, change: dict[str, str]) -> None:
    path = root / "VolumeTracings.csv"
    rows = _rows(path)
    _write_rows(path, [{**rows[0], **change}, *rows[1:]])
    skipped: list[Skipped] = []
    read = [item.clip.study_id for item in read_echonet(root, on_skip=skipped.append)]
    assert read == ["0X2B", "0X3C"]
    assert [skip.name for skip in skipped] == ["0X1A"]
    assert "line 2 of VolumeTracings.csv holds no numbers" in skipped[0].reason


@pytest.mark.parametrize(
    ("row", "spoilt"),
    [
        ("0X1A.avi,1,2,3,4,0,more,cells", False),  # what it has too much is left out
        ("0X1A.avi,1,2", True),
        ('0X1A.avi,"1",2,3,4,0', False),
        ("0X1A.avi,inf,2,3,4,0", True),
    ],
)
def test_a_row_of_another_length_spoils_its_own_video_alone(
    root: Path, row: str, spoilt: bool
) -> None:
    path = root / "VolumeTracings.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], row, "", *lines[2:]]))
    skipped: list[Skipped] = []
    read = [item.clip.study_id for item in read_echonet(root, on_skip=skipped.append)]
    assert read[-2:] == ["0X2B", "0X3C"]
    assert [skip.name for skip in skipped] == ["0X1A"] * spoilt


def test_a_list_that_is_cut_off_spoils_its_last_row_alone(root: Path) -> None:
    path = root / "FileList.csv"
    path.write_text(path.read_text() + "0X4")
    skipped: list[Skipped] = []
    assert len(list(read_echonet(root, on_skip=skipped.append))) == 3
    assert [skip.name for skip in skipped] == ["0X4"]


def test_clips_that_echonet_cannot_hold(tmp_path: Path, labelled: Labelled) -> None:
    skipped: list[Skipped] = []
    items = [
        labelled("same"),
        labelled("same"),
        labelled("timeless", fps=None),
        labelled("half", annotated=(0,)),
        labelled("oblong", spacing_mm=(0.5, 0.7)),
        labelled("empty", widths=(30, 20, 20, 20, 0, 20)),
    ]
    root = write_echonet(tmp_path / "echonet", items, on_skip=skipped.append)
    assert [skip.name for skip in skipped] == ["timeless", "half", "oblong", "empty"]
    assert "no LV cavity" in skipped[3].reason
    assert sorted(path.name for path in (root / "Videos").iterdir()) == ["same.avi", "same_2.avi"]
    with pytest.raises(EchoError, match="No clip can be written"):
        write_echonet(tmp_path / "none", items[2:4], on_skip=skipped.append)
    with pytest.raises(EchoError, match="exists already"):
        write_echonet(root, items)
    assert [path.name for path in tmp_path.iterdir()] == ["echonet"]
