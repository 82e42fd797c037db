"""Corrections of ED and ES stills that are reviewed as one clip: found again after a restart."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA, LV, LV_SCHEMA, Segmentation
from napari_echo.core.revision import Base, Revision
from napari_echo.io.camus import write_camus
from napari_echo.io.clipset import open_clipset
from napari_echo.io.labelled import LabelledClip
from napari_echo.io.store import LabelStore
from napari_echo.workflow.correct import correct
from napari_echo.workflow.export_store import iter_export_sought, iter_search
from napari_echo.workflow.predict import SegmentationModel
from napari_echo.workflow.retrain_data import find_labelled, write_corrections
from napari_echo.workflow.studies import StudyItem
from napari_echo.workflow.study_list import item_of_clip, item_of_file, iter_list

ED_STILL = Path("database_nifti", "patient0003", "patient0003_4CH_ED.nii.gz")


def run(steps: Generator[Any, None, Any]) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


@pytest.fixture
def camus(tmp_path: Path, beating: EchoClip) -> Path:
    """A CAMUS folder with the stills of two patients, and no half sequence."""

    def labelled(study: str, frames: list[int]) -> LabelledClip:
        clip = EchoClip.from_frames(
            beating.frames[frames], spacing_mm=(0.5, 0.5), view="A4C", study_id=study
        )
        labels = (clip.frames > 100).astype(np.uint8) * np.uint8(LV)
        truth = Segmentation(labels, np.ones(2, np.bool_), "ground truth", CAMUS_SCHEMA)
        return LabelledClip(clip, truth, KeyFrames((Beat(0, 1),), "traced"), "train", 0.6)

    clips = [labelled("patient0003", [0, 6]), labelled("patient0004", [1, 5])]
    root = write_camus(tmp_path / "camus", clips)
    # Of two frames the writer makes a sequence, too.
    for file in root.rglob("*half_sequence*"):
        file.unlink()
    return root


def correct_pair(item: StudyItem, store: LabelStore) -> Revision:
    """Commit a correction of both frames, as the review does."""
    opened = item.load()
    assert opened.clip.frames.shape[0] == item.n_frames == 2
    edited = np.zeros(opened.clip.frames.shape, np.uint8)
    edited[:, 30:60, 20:50] = LV
    revision = correct(
        opened.clip,
        edited,
        (0, 1),
        Base("nothing", ""),
        reader="reader",
        started=datetime.now(UTC),
        key_frames=KeyFrames((Beat(0, 1),), "traced"),
        schema=LV_SCHEMA,
    )
    store.commit(revision)
    return revision


def check_export(store: LabelStore, paths: list[Path], revision: Revision, out: Path) -> None:
    sought = run(iter_search(store, paths))
    exported = run(iter_export_sought(sought, out, format="clips"))
    assert (exported.clips, exported.frames, exported.left_out) == (1, 2, ())
    (entry,) = open_clipset(out).entries
    assert entry.clip_id == revision.clip_id
    assert np.array_equal(open_clipset(out).labels(entry), revision.labels)


@pytest.mark.parametrize("given", [Path(), Path("database_nifti"), ED_STILL, Path("..")])
def test_a_corrected_pair_is_exported_after_a_restart(
    camus: Path, tmp_path: Path, given: Path
) -> None:
    store = LabelStore(tmp_path / "labels")
    revision = correct_pair(run(iter_list([camus]))[0], store)
    check_export(LabelStore(store.path), [camus / given], revision, tmp_path / "set")


def test_a_corrected_pair_is_learned_after_a_restart(
    camus: Path, tmp_path: Path, model: SegmentationModel
) -> None:
    store = LabelStore(tmp_path / "labels")
    revisions = [correct_pair(item, store) for item in run(iter_list([camus]))]
    told: list[tuple[int, int]] = []
    clips = find_labelled([camus], {r.clip_id for r in revisions}, lambda *at: told.append(at))
    written = write_corrections(revisions, clips, model, tmp_path / "corrections")
    assert {entry.clip_id for entry in written.entries} == {r.clip_id for r in revisions}
    assert all(written.hard_pixels(entry) is not None for entry in written.entries)
    # The last of the four stills is the ES of a pair that is known by then.
    assert told == [(1, 4), (2, 4), (3, 4)]


def test_a_correction_of_a_still_alone_is_exported_too(camus: Path, tmp_path: Path) -> None:
    clip = item_of_file(camus / ED_STILL).load().clip
    assert len(clip) == 1
    revision = correct(
        clip,
        np.full(clip.frames.shape, LV, np.uint8),
        (0,),
        Base("nothing", ""),
        reader="reader",
        started=datetime.now(UTC),
        key_frames=KeyFrames((), "traced"),
        schema=LV_SCHEMA,
    )
    store = LabelStore(tmp_path / "labels")
    store.commit(revision)
    sought = run(iter_search(store, [camus]))
    exported = run(iter_export_sought(sought, tmp_path / "set", format="tiff"))
    assert (exported.clips, exported.frames) == (1, 1)


def test_a_pair_is_listed_by_its_clip_as_by_its_folder(camus: Path) -> None:
    listed = run(iter_list([camus]))[0]
    opened = listed.load()
    found = item_of_clip(opened.clip)
    assert found is not None
    assert (found.key, found.name, found.ef) == (listed.key, listed.name, listed.ef)
    again = found.load()
    assert again.clip.clip_id == opened.clip.clip_id
    assert again.truth is not None


def test_a_pair_without_masks_stays_a_pair(camus: Path, tmp_path: Path) -> None:
    for mask in camus.rglob("patient0003*_gt.nii.gz"):
        mask.unlink()
    item = run(iter_list([camus]))[0]
    assert item.load().truth is None
    store = LabelStore(tmp_path / "labels")
    check_export(store, [camus], correct_pair(item, store), tmp_path / "set")


def test_a_pair_that_lost_its_other_still_is_told(camus: Path, tmp_path: Path) -> None:
    store = LabelStore(tmp_path / "labels")
    correct_pair(run(iter_list([camus]))[0], store)
    (camus / ED_STILL).with_name("patient0003_4CH_ES.nii.gz").unlink()
    sought = run(iter_search(store, [camus]))
    with pytest.raises(EchoError, match="not among the clips"):
        run(iter_export_sought(sought, tmp_path / "set", format="clips"))


@pytest.mark.camus
def test_a_real_pair_is_exported_and_learned_after_a_restart(
    camus_root: Path, tmp_path: Path, model: SegmentationModel
) -> None:
    items = [item for item in run(iter_list([camus_root])) if item.n_frames == 2]
    if not items:
        pytest.skip("this CAMUS has half sequences alone")
    store = LabelStore(tmp_path / "labels")
    revision = correct_pair(items[0], store)
    folder = [items[0].path.parent]
    check_export(store, folder, revision, tmp_path / "set")
    clips = find_labelled(folder, {revision.clip_id})
    written = write_corrections([revision], clips, model, tmp_path / "corrections")
    assert [entry.clip_id for entry in written.entries] == [revision.clip_id]
