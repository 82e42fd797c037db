"""The EchoNet-Pediatric layout."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest

from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat
from napari_echo.core.labels import LV_SCHEMA
from napari_echo.io.labelled import LabelledClip, Skipped
from napari_echo.io.pediatric import list_pediatric, read_pediatric

Labelled = Callable[..., LabelledClip]
Write = Callable[[Path, Iterable[tuple[str, LabelledClip, int]]], Path]

FIRST = "CR32aaaaa-CR32aaa01-000012"


@pytest.fixture
def root(tmp_path: Path, labelled: Labelled, write_pediatric: Write) -> Path:
    """Three patients, one of them in both views."""
    videos = [
        (FIRST, labelled("a", ef=0.61, fps=50.0), 3),
        ("CR32bbbbb-CR32bbb01-000007", labelled("b", widths=(20, 24, 30), ed=2, es=0), 8),
        ("CR32ccccc-CR32ccc01-000009", labelled("c"), 9),
        ("CR32aaaaa-CR32aaa02-000044", labelled("d", view="PSAX"), 3),
    ]
    return write_pediatric(tmp_path / "pediatric", videos)


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_patients_views_and_folds(root: Path) -> None:
    items = list(read_pediatric(root))
    assert [(i.clip.study_id, i.clip.view, i.split) for i in items] == [
        ("CR32aaaaa", "A4C", "train"),
        ("CR32bbbbb", "A4C", "val"),
        ("CR32ccccc", "A4C", "test"),
        ("CR32aaaaa", "PSAX", "train"),
    ]
    assert [i.clip.view for i in read_pediatric(root, views=["PSAX"])] == ["PSAX"]
    assert [i.clip.study_id for i in read_pediatric(root, "val")] == ["CR32bbbbb"]


def test_an_outline_becomes_a_mask(root: Path, labelled: Labelled) -> None:
    item, backward = list(read_pediatric(root))[:2]
    assert item.clip.frames.shape == (6, 112, 112)
    assert item.clip.fps == pytest.approx(50)
    assert item.ef == pytest.approx(0.61)
    assert item.truth.schema == LV_SCHEMA
    assert item.truth.annotated_frames == (0, 4)
    assert item.key_frames.beats == (Beat(0, 4),)
    assert backward.key_frames.beats == (Beat(2, 0),)
    given = labelled("a").truth.labels
    for frame in (0, 4):
        square = np.zeros((160, 160), np.uint8)
        square[20:140] = (given[frame] == 1) * 255
        expected = cv2.resize(square, (112, 112), interpolation=cv2.INTER_AREA) >= 128
        found = item.truth.labels[frame] == 1
        # The layout's points are whole pixels, rounded down.
        assert 2 * (found & expected).sum() / (found.sum() + expected.sum()) > 0.93


def test_folds_can_be_chosen(root: Path) -> None:
    sources = list_pediatric(root, val_folds=(3,), test_folds=())
    assert [s.split for s in sources] == ["val", "train", "train", "val"]
    with pytest.raises(EchoError, match="no fold 10"):
        list_pediatric(root, val_folds=(10,))
    with pytest.raises(EchoError, match="fold 9 is named twice"):
        list_pediatric(root, val_folds=(9,))
    _replace(root / "A4C" / "FileList.csv", "121.0,3", "121.0,none")
    assert list_pediatric(root)[0].split == "unassigned"


@pytest.mark.parametrize("phase", ["Systolic", "Diastolic"])
def test_a_video_of_one_outline_is_skipped(root: Path, phase: str) -> None:
    path = root / "A4C" / "VolumeTracings.csv"
    frame = {"Systolic": "4", "Diastolic": "0"}[phase]
    lines = path.read_text().splitlines()
    kept = [line for line in lines if not (line.startswith(FIRST) and line.endswith(f",{frame}"))]
    assert len(kept) < len(lines)
    kept.insert(1, f"{FIRST}.avi,,,No {phase}")
    path.write_text("\n".join(kept))
    skipped: list[Skipped] = []
    assert len(list(read_pediatric(root, on_skip=skipped.append))) == 3
    assert skipped == [Skipped(f"A4C/{FIRST}", f"{FIRST}.avi has no {phase.lower()} frame traced.")]


def test_what_is_missing_damaged_or_listed_twice_is_skipped_by_name(root: Path) -> None:
    folder = root / "A4C"
    (folder / "Videos" / "CR32bbbbb-CR32bbb01-000007.avi").unlink()
    lines = (folder / "VolumeTracings.csv").read_text().splitlines()
    number = next(i for i, line in enumerate(lines) if line.startswith("CR32ccccc"))
    lines[number] = "CR32ccccc-CR32ccc01-000009.avi,left,7,4"
    (folder / "VolumeTracings.csv").write_text("\n".join(lines))
    files = (folder / "FileList.csv").read_text().splitlines()
    (folder / "FileList.csv").write_text("\n".join([*files, files[1]]))
    (root / "PSAX" / "VolumeTracings.csv").write_text("FileName,X,Y,Frame\n")
    skipped: list[Skipped] = []
    assert [i.clip.study_id for i in read_pediatric(root, on_skip=skipped.append)] == ["CR32aaaaa"]
    reasons = {skip.name: skip.reason for skip in skipped}
    assert "does not exist" in reasons["A4C/CR32bbbbb-CR32bbb01-000007"]
    damaged = f"line {number + 1} of VolumeTracings.csv holds no numbers"
    assert damaged in reasons["A4C/CR32ccccc-CR32ccc01-000009"]
    assert reasons[f"A4C/{FIRST}"] == "FileList.csv lists it twice."
    assert "has 0 traced frames, not two" in reasons["PSAX/CR32aaaaa-CR32aaa02-000044"]


def test_other_names_are_studies_of_their_own(
    tmp_path: Path, labelled: Labelled, write_pediatric: Write
) -> None:
    root = write_pediatric(tmp_path / "set", [("phantom-1-2", labelled(), 0)])
    assert [s.study_id for s in list_pediatric(root)] == ["phantom-1-2"]


def test_the_folder_can_be_the_one_that_is_downloaded(root: Path, tmp_path: Path) -> None:
    shutil.move(root, tmp_path / "echonetpediatric" / "pediatric_echo_avi" / "pediatric_echo_avi")
    assert len(list_pediatric(tmp_path / "echonetpediatric")) == 4
    with pytest.raises(EchoError, match="is not an EchoNet-Pediatric folder"):
        list_pediatric(tmp_path)
    with pytest.raises(EchoError, match="no view 'A2C', only A4C and PSAX"):
        list_pediatric(tmp_path, views=["A2C"])
