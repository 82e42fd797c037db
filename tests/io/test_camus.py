"""The CAMUS layout, read and written."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat
from napari_echo.io.camus import read_camus, write_camus
from napari_echo.io.camus_images import load_pair, load_still
from napari_echo.io.camus_layout import Info, read_info, write_info
from napari_echo.io.labelled import LabelledClip, Skipped
from napari_echo.io.load import load

Labelled = Callable[..., LabelledClip]


@pytest.fixture
def root(tmp_path: Path, labelled: Labelled) -> Path:
    """Three patients, one of them in two views."""
    items = [
        labelled("patient0007", ef=0.61),
        labelled("patient0007", view="A2C", widths=(20, 24, 28, 31), ed=3, es=0, ef=0.61),
        labelled("clinic-a", split="val", annotated=(0, 4)),
        labelled("clinic-b", split="test", widths=(22, 30, 25, 20, 26), ed=1, es=3),
    ]
    return write_camus(tmp_path / "camus", items)


def test_the_layout(root: Path) -> None:
    files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    full = {
        f"database_nifti/{patient}/{patient}_{view}_{what}{gt}.nii.gz"
        for patient, view in (
            ("patient0007", "4CH"),
            ("patient0007", "2CH"),
            ("patient0002", "4CH"),
        )
        for what in ("ED", "ES", "half_sequence")
        for gt in ("", "_gt")
    }
    stills = {
        f"database_nifti/patient0001/patient0001_4CH_{what}{gt}.nii.gz"
        for what in ("ED", "ES")
        for gt in ("", "_gt")
    }
    infos = {f"database_nifti/patient{n}/Info_4CH.cfg" for n in ("0001", "0002", "0007")}
    lists = {f"database_split/subgroup_{s}.txt" for s in ("training", "validation", "testing")}
    assert files == full | stills | infos | lists | {"database_nifti/patient0007/Info_2CH.cfg"}
    info = (root / "database_nifti/patient0007/Info_4CH.cfg").read_text().splitlines()
    assert info == ["ED: 1", "ES: 5", "NbFrame: 5", "EF: 61.0", "FrameRate: 40.0"]


def test_images_lie_as_in_the_release(root: Path, labelled: Labelled) -> None:
    image = nibabel.load(root / "database_nifti/patient0007/patient0007_4CH_half_sequence.nii.gz")
    item = labelled("patient0007")
    assert image.shape == (160, 120, 5)  # x, y, time
    assert (np.asarray(image.dataobj)[..., 4] == item.clip.frames[4].T).all()
    assert image.header.get_zooms()[:2] == (0.5, 0.5)


def test_stills_come_back(root: Path, labelled: Labelled) -> None:
    read = {(item.clip.study_id, item.clip.view): item for item in read_camus(root)}
    assert set(read) == {
        ("patient0001", "A4C"), ("patient0002", "A4C"), ("patient0007", "A4C"),
        ("patient0007", "A2C"),
    }  # fmt: skip
    given, item = labelled("patient0007", ef=0.61), read["patient0007", "A4C"]
    assert (item.clip.frames == given.clip.frames[[0, 4]]).all()
    assert (item.truth.labels == given.truth.labels[[0, 4]]).all()
    assert item.truth.annotated.all()
    assert item.key_frames.beats == (Beat(0, 1),)
    assert item.clip.spacing_mm == pytest.approx((0.5, 0.5))
    assert item.ef == pytest.approx(0.61)
    assert read["patient0001", "A4C"].split == "val"
    assert read["patient0001", "A4C"].ef is None


def test_half_sequences_come_back_in_their_own_order(root: Path, labelled: Labelled) -> None:
    skipped: list[Skipped] = []
    items = read_camus(root, sequences=True, on_skip=skipped.append)
    read = {(item.clip.study_id, item.clip.view): item for item in items}
    assert [skip.name for skip in skipped] == ["patient0001"]
    assert "no half sequence" in skipped[0].reason
    forward, backward = read["patient0007", "A4C"], read["patient0007", "A2C"]
    assert (forward.clip.frames == labelled("patient0007").clip.frames[:5]).all()
    assert forward.key_frames.beats == (Beat(0, 4),)
    assert forward.clip.fps == 40
    assert backward.key_frames.beats == (Beat(3, 0),)
    inner = read["patient0002", "A4C"]  # the beat began after the clip's first frame
    assert inner.key_frames.beats == (Beat(0, 2),)
    assert inner.truth.annotated.all()


def test_without_info_the_area_tells_ed_from_es(root: Path) -> None:
    for path in root.rglob("Info_*.cfg"):
        path.unlink()
    items = read_camus(root, "training", sequences=True)
    beats = {item.clip.view: item.key_frames.beats[0] for item in items}
    assert beats == {"A4C": Beat(0, 4), "A2C": Beat(3, 0)}


def test_subsets_and_views(root: Path) -> None:
    def names(*args: object, **options: object) -> list[str]:
        return [item.clip.study_id for item in read_camus(root, *args, **options)]  # type: ignore[arg-type]

    assert names("validation") == ["patient0001"]
    assert names("testing") == ["patient0002"]
    assert names("training", views=["2CH"]) == ["patient0007"]
    assert {item.split for item in read_camus(root, "testing")} == {"test"}


def test_what_is_missing_or_damaged_is_skipped_by_name(root: Path) -> None:
    folder = root / "database_nifti"
    shutil.rmtree(folder / "patient0001")
    path = folder / "patient0002" / "patient0002_4CH_ES_gt.nii.gz"
    path.write_bytes(path.read_bytes()[:50])
    skipped: list[Skipped] = []
    read = list(read_camus(root, on_skip=skipped.append))
    assert {item.clip.study_id for item in read} == {"patient0007"}
    reasons = {skip.name: skip.reason for skip in skipped}
    assert set(reasons) == {"patient0001", "patient0002 4CH"}
    assert "patient0002_4CH_ES_gt.nii.gz is damaged" in reasons["patient0002 4CH"]


def test_strange_labels_are_skipped(root: Path) -> None:
    path = root / "database_nifti/patient0002/patient0002_4CH_ED_gt.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.full((160, 120), 7, np.uint8), np.eye(4)), path)
    skipped: list[Skipped] = []
    assert list(read_camus(root, "testing", on_skip=skipped.append)) == []
    assert "the labels [7]" in skipped[0].reason


def test_a_skipped_patient_is_logged_unless_asked_for(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.rmtree(root / "database_nifti" / "patient0002")
    list(read_camus(root, "testing"))
    assert "Skipped patient0002" in caplog.text


def test_wrong_folders_and_subsets(root: Path, tmp_path: Path) -> None:
    with pytest.raises(EchoError, match="is not a CAMUS folder"):
        read_camus(tmp_path)
    with pytest.raises(EchoError, match="no subset 'train'"):
        read_camus(root, "train")  # type: ignore[arg-type]
    (root / "database_split" / "subgroup_testing.txt").unlink()
    with pytest.raises(EchoError, match=r"no list database_split/subgroup_testing\.txt"):
        read_camus(root, "testing")


def test_clips_that_camus_cannot_hold(tmp_path: Path, labelled: Labelled) -> None:
    skipped: list[Skipped] = []
    items = [
        labelled("good"),
        labelled("good"),
        labelled("side", view="unknown"),
        labelled("half", annotated=(0,)),
    ]
    root = write_camus(tmp_path / "camus", items, on_skip=skipped.append)
    assert [skip.reason.split(".")[0] for skip in skipped] == [
        "Its study has another clip of the view 4CH already",
        "CAMUS has no view 'unknown', only A4C and A2C",
        "It has no beat whose ED and ES are annotated",
    ]
    assert len(list(read_camus(root))) == 1
    with pytest.raises(EchoError, match="No clip can be written"):
        write_camus(tmp_path / "none", [items[2]], on_skip=skipped.append)
    assert [path.name for path in tmp_path.iterdir()] == ["camus"]


def test_an_unknown_spacing_stays_unknown(tmp_path: Path, labelled: Labelled) -> None:
    root = write_camus(tmp_path / "camus", [labelled(spacing_mm=None, fps=None)])
    assert [item.clip.spacing_mm for item in read_camus(root)] == [None]


def test_stills_and_sequences_load_as_clips(root: Path, labelled: Labelled) -> None:
    folder = root / "database_nifti" / "patient0007"
    still = load(folder / "patient0007_2CH_ED.nii.gz")
    assert still.frames.shape == (1, 120, 160)
    assert (still.view, still.study_id) == ("A2C", "patient0007")
    assert still.spacing_mm == pytest.approx((0.5, 0.5))
    sequence = load(folder / "patient0007_4CH_half_sequence.nii.gz")
    assert (len(sequence), sequence.fps, sequence.view) == (5, 40, "A4C")


def test_a_pair_of_stills_loads_as_the_listing_reads_it(root: Path) -> None:
    folder = root / "database_nifti" / "patient0007"
    pair = load_pair(folder / "patient0007_4CH_ED.nii.gz")
    read = {(item.clip.study_id, item.clip.view): item for item in read_camus(root)}
    listed = read["patient0007", "A4C"].clip
    assert (pair.clip_id, pair.view, pair.study_id, pair.spacing_mm, pair.source) == (
        listed.clip_id, listed.view, listed.study_id, listed.spacing_mm, listed.source,
    )  # fmt: skip
    with pytest.raises(EchoError, match="no ED still"):
        load_pair(folder / "patient0007_4CH_ES.nii.gz")


def test_masks_patients_and_other_names_do_not_load(root: Path) -> None:
    folder = root / "database_nifti" / "patient0007"
    with pytest.raises(EchoError, match=r"holds masks; open the image patient0007_4CH_ED\.nii"):
        load(folder / "patient0007_4CH_ED_gt.nii.gz")
    with pytest.raises(EchoError, match=r"CAMUS patient; open one of its images"):
        load(folder)
    with pytest.raises(EchoError, match="not named as a CAMUS image"):
        load_still(folder / "Info_4CH.cfg")


def test_info_files(tmp_path: Path) -> None:
    path = tmp_path / "Info_4CH.cfg"
    path.write_text(
        "ED: 17\nES: 1\nNbFrame: 17\nSex: F\nAge: 66\nImageQuality: Good\nEF: 54\nFrameRate: 49.8\n"
    )
    assert read_info(path) == Info(ed=16, es=0, n_frames=17, fps=49.8, ef=0.54)
    path.write_text("ED: one\nES\n\nFrameRate: nan\n")
    assert read_info(path) == Info() == read_info(tmp_path / "none.cfg")
    info = Info(ed=3, es=0, n_frames=4, fps=50.5, ef=0.4321)
    write_info(path, info)
    assert read_info(path) == info


@pytest.mark.camus
def test_the_real_release(camus_root: Path) -> None:
    items = list(itertools.islice(read_camus(camus_root, "validation"), 5))
    assert len(items) == 5
    for item in items:
        assert item.split == "val"
        assert item.clip.spacing_mm == pytest.approx((0.308, 0.308), rel=0.01)
        assert set(np.unique(item.truth.labels)) == {0, 1, 2, 3}
        rows, _ = np.nonzero(item.truth.labels[0] == 1)
        atrium, _ = np.nonzero(item.truth.labels[0] == 3)
        assert rows.mean() < atrium.mean()  # the apex is on top
        ed, es = (item.truth.labels == 1).sum(axis=(1, 2))
        assert ed > es
    still = load(camus_root / "database_nifti/patient0001/patient0001_4CH_ED.nii.gz")
    assert still.spacing_mm == pytest.approx((0.66, 0.66), abs=0.05)  # padded and resampled
    assert still.frames[0, :30, :30].max() == 0
