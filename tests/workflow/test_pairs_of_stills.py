"""Labels of ED and ES stills that are reviewed as one clip: found again, and imported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA, LV, LV_SCHEMA, Segmentation
from napari_echo.core.revision import Base, Revision
from napari_echo.io.camus import write_camus
from napari_echo.io.clipset import open_clipset
from napari_echo.io.foreign import ForeignLabels
from napari_echo.io.labelled import LabelledClip
from napari_echo.io.load import find_clips
from napari_echo.io.store import LabelStore
from napari_echo.workflow.correct import correct
from napari_echo.workflow.export_store import iter_export_sought, iter_search
from napari_echo.workflow.import_labels import Imported, iter_import
from napari_echo.workflow.import_places import keys_in, place_all
from napari_echo.workflow.predict import SegmentationModel, run_steps
from napari_echo.workflow.retrain_data import find_labelled, write_corrections
from napari_echo.workflow.studies import StudyItem
from napari_echo.workflow.study_list import item_of_clip, item_of_file

ED_STILL = Path("database_nifti", "patient0003", "patient0003_4CH_ED.nii.gz")
Listed = Callable[[list[Path]], list[StudyItem]]


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
    sought = run_steps(iter_search(store, paths))
    exported = run_steps(iter_export_sought(sought, out, format="clips"))
    assert (exported.clips, exported.frames, exported.left_out) == (1, 2, ())
    (entry,) = open_clipset(out).entries
    assert entry.clip_id == revision.clip_id
    assert np.array_equal(open_clipset(out).labels(entry), revision.labels)


@pytest.mark.parametrize("given", [Path(), Path("database_nifti"), ED_STILL, Path("..")])
def test_a_corrected_pair_is_exported_after_a_restart(
    camus: Path, tmp_path: Path, given: Path, listed: Listed
) -> None:
    store = LabelStore(tmp_path / "labels")
    revision = correct_pair(listed([camus])[0], store)
    check_export(LabelStore(store.path), [camus / given], revision, tmp_path / "set")


def test_a_corrected_pair_is_learned_after_a_restart(
    camus: Path, tmp_path: Path, model: SegmentationModel, listed: Listed
) -> None:
    store = LabelStore(tmp_path / "labels")
    revisions = [correct_pair(item, store) for item in listed([camus])]
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
    sought = run_steps(iter_search(store, [camus]))
    exported = run_steps(iter_export_sought(sought, tmp_path / "set", format="tiff"))
    assert (exported.clips, exported.frames) == (1, 1)


def test_a_pair_is_listed_by_its_clip_as_by_its_folder(camus: Path, listed: Listed) -> None:
    item = listed([camus])[0]
    opened = item.load()
    found = item_of_clip(opened.clip)
    assert found is not None
    assert (found.key, found.name, found.ef) == (item.key, item.name, item.ef)
    again = found.load()
    assert again.clip.clip_id == opened.clip.clip_id
    assert again.truth is not None


def test_a_pair_without_masks_stays_a_pair(camus: Path, tmp_path: Path, listed: Listed) -> None:
    for mask in camus.rglob("patient0003*_gt.nii.gz"):
        mask.unlink()
    item = listed([camus])[0]
    assert item.load().truth is None
    store = LabelStore(tmp_path / "labels")
    check_export(store, [camus], correct_pair(item, store), tmp_path / "set")


def test_a_pair_that_lost_its_other_still_is_told(
    camus: Path, tmp_path: Path, listed: Listed
) -> None:
    store = LabelStore(tmp_path / "labels")
    correct_pair(listed([camus])[0], store)
    (camus / ED_STILL).with_name("patient0003_4CH_ES.nii.gz").unlink()
    sought = run_steps(iter_search(store, [camus]))
    with pytest.raises(EchoError, match="not among the clips"):
        run_steps(iter_export_sought(sought, tmp_path / "set", format="clips"))


@pytest.mark.camus
def test_a_real_pair_is_exported_and_learned_after_a_restart(
    camus_root: Path, tmp_path: Path, model: SegmentationModel, listed: Listed
) -> None:
    items = [item for item in listed([camus_root]) if item.n_frames == 2]
    if not items:
        pytest.skip("this CAMUS has half sequences alone")
    store = LabelStore(tmp_path / "labels")
    revision = correct_pair(items[0], store)
    folder = [items[0].path.parent]
    check_export(store, folder, revision, tmp_path / "set")
    clips = find_labelled(folder, {revision.clip_id})
    written = write_corrections([revision], clips, model, tmp_path / "corrections")
    assert [entry.clip_id for entry in written.entries] == [revision.clip_id]


# Imports ------------------------------------------------------------------------------


def taken(store: LabelStore, root: Path, clips: Sequence[Path] = ()) -> Imported:
    return run_steps(iter_import(store, root, format="camus", reader="camus", clips=clips))


def check_import(store: LabelStore, item: StudyItem) -> Revision:
    """The listed clip has one revision, of its own true masks."""
    opened = item.load()
    (found,) = store.revisions(opened.clip.clip_id)
    assert opened.truth is not None
    assert found.frames == tuple(range(len(opened.clip)))
    assert np.array_equal(found.labels, opened.truth.labels)
    assert opened.key_frames is not None
    assert found.key_frames.beats == opened.key_frames.beats
    return found


@pytest.mark.parametrize(
    "given",
    [(), (Path("database_nifti", "patient0003"), Path("database_nifti", "patient0004")),
     (ED_STILL, Path(str(ED_STILL).replace("0003", "0004")))],
    ids=["the tree", "folders of patients", "ED stills"],
)  # fmt: skip
def test_an_import_is_there_when_its_patient_is_opened(
    camus: Path, tmp_path: Path, listed: Listed, given: tuple[Path, ...]
) -> None:
    store = LabelStore(tmp_path / "labels")
    clips = [camus / path for path in given]
    imported = taken(store, camus, clips)
    assert (len(imported.revisions), imported.skipped) == (2, [])
    for item in listed([camus]):
        check_import(store, item)
    again = taken(store, camus, clips)
    assert (again.revisions, len(again.known)) == ([], 2)


def test_an_import_leaves_as_it_came(camus: Path, tmp_path: Path, listed: Listed) -> None:
    store = LabelStore(tmp_path / "labels")
    taken(store, camus)
    sought = run_steps(iter_search(store, [camus]))
    exported = run_steps(iter_export_sought(sought, tmp_path / "set", format="camus"))
    assert (exported.clips, exported.frames, exported.left_out) == (2, 4, ())
    before, after = listed([camus]), listed([exported.path])
    # The export has half sequences, too: ED and ES are all that is between.
    assert [item.name for item in before] == [item.name for item in after]
    for one, other in zip(before, after, strict=True):
        assert one.load().clip.clip_id == other.load().clip.clip_id
        check_import(store, other)
    known = taken(store, exported.path, [camus])
    assert (known.revisions, len(known.known)) == ([], 2)


def test_a_half_sequence_stands_for_its_stills(
    camus: Path, tmp_path: Path, beating: EchoClip, listed: Listed
) -> None:
    clip = EchoClip.from_frames(
        beating.frames[[0, 2, 4, 6]], spacing_mm=(0.5, 0.5), view="A4C", study_id="patient0003"
    )
    labels = (clip.frames > 100).astype(np.uint8) * np.uint8(LV)
    truth = Segmentation(labels, np.ones(4, np.bool_), "ground truth", CAMUS_SCHEMA)
    whole = LabelledClip(clip, truth, KeyFrames((Beat(0, 3),), "traced"), "train", 0.6)
    root = write_camus(tmp_path / "whole", [whole])
    # The stills of the same frames, without the half sequence, as another program wrote them.
    store = LabelStore(tmp_path / "labels")
    imported = taken(store, camus, [root])
    (revision,) = imported.revisions
    (item,) = listed([root])
    assert revision.clip_id == item.load().clip.clip_id == clip.clip_id
    assert revision.frames == (0, 3)
    assert revision.key_frames.beats == (Beat(0, 3),)
    assert [skipped.name for skipped in imported.skipped] == [
        "patient0004 4CH, image 1",
        "patient0004 4CH, image 2",
    ]


def test_a_half_sequence_of_two_frames_stands_for_its_stills(
    tmp_path: Path, beating: EchoClip, listed: Listed
) -> None:
    clip = EchoClip.from_frames(beating.frames[[6, 0]], view="A4C", study_id="patient0003")
    labels = (clip.frames > 100).astype(np.uint8) * np.uint8(LV)
    truth = Segmentation(labels, np.ones(2, np.bool_), "ground truth", CAMUS_SCHEMA)
    # From ES to ED: the pair of stills is another clip, ED first.
    backward = LabelledClip(clip, truth, KeyFrames((Beat(1, 0),), "traced"), "train", 0.6)
    root = write_camus(tmp_path / "backward", [backward])
    store = LabelStore(tmp_path / "labels")
    (revision,) = taken(store, root).revisions
    assert revision.clip_id == clip.clip_id
    check_import(store, *listed([root]))


def test_a_still_by_itself_is_found_in_its_pair(camus: Path, tmp_path: Path) -> None:
    still = item_of_file(camus / ED_STILL).load()
    labels = np.full(still.clip.frames.shape, LV, np.uint8)
    found = ForeignLabels("a still", labels, LV_SCHEMA, pixels=still.clip.frames)
    keys = [key for path in find_clips([camus]) for key in keys_in(path, [])]
    (placed,) = place_all(found, keys, [])
    assert (placed.key.path, placed.key.file.pair) == (camus / ED_STILL, True)
    assert placed.frames == (0,)
    # One that names its clip goes there.
    named = replace(found, clip_id=still.clip.clip_id, frames=(0,))
    (placed,) = place_all(named, keys, [])
    assert (placed.key.path, placed.key.file.pair) == (camus / ED_STILL, False)


def test_labels_that_lie_on_the_stills_alone_stay_and_come_to_the_pair(
    camus: Path, tmp_path: Path, listed: Listed
) -> None:
    item = listed([camus])[0]
    truth = item.load().truth
    assert truth is not None
    store = LabelStore(tmp_path / "labels")
    for place, path in enumerate(item.files[:4:2]):
        store.commit(
            correct(
                item_of_file(path).load().clip,
                truth.labels[place : place + 1],
                (0,),
                Base("import", "camus"),
                reader="camus",
                started=datetime.now(UTC),
                key_frames=KeyFrames((), "traced"),
                schema=CAMUS_SCHEMA,
            )
        )
    taken(store, camus, [item.path.parent])
    check_import(store, item)
    assert len(store.revisions()) == 3
    sought = run_steps(iter_search(store, [camus]))
    exported = run_steps(iter_export_sought(sought, tmp_path / "set", format="nifti"))
    assert (exported.clips, exported.frames, exported.left_out) == (3, 4, ())


def test_a_reader_who_corrected_a_pair_is_followed(
    camus: Path, tmp_path: Path, listed: Listed
) -> None:
    item = listed([camus])[0]
    store = LabelStore(tmp_path / "labels")
    mine = correct_pair(item, store)
    steps = iter_import(store, camus, format="camus", reader=mine.reader, clips=[item.path.parent])
    (found,) = run_steps(steps).revisions
    assert (found.clip_id, found.parent) == (mine.clip_id, mine.revision_id)


@pytest.mark.camus
def test_a_real_import_leaves_as_it_came(camus_root: Path, tmp_path: Path, listed: Listed) -> None:
    item = next((item for item in listed([camus_root]) if item.n_frames == 2), None)
    if item is None:
        pytest.skip("this CAMUS has half sequences alone")
    store = LabelStore(tmp_path / "labels")
    one = tmp_path / "one"
    one.joinpath("database_nifti").mkdir(parents=True)
    folder = item.path.parent
    (one / "database_nifti" / folder.name).symlink_to(folder)
    imported = taken(store, one, [folder])
    assert imported.skipped == []
    revision = check_import(store, item)
    sought = run_steps(iter_search(store, [folder]))
    exported = run_steps(iter_export_sought(sought, tmp_path / "set", format="camus"))
    for other in listed([exported.path]):
        if other.load().clip.clip_id == revision.clip_id:
            check_import(store, other)
            break
    else:
        pytest.fail("the clip was not exported")
