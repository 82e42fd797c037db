"""Labels out of a store in every format, and back in."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_echo import __version__
from napari_echo.core.clip import EchoClip, hash_array
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA, IGNORE, LV_SCHEMA, LabelSchema
from napari_echo.core.revision import Base, Revision
from napari_echo.io.load import load
from napari_echo.io.store import LabelStore
from napari_echo.workflow.correct import correct
from napari_echo.workflow.export_formats import FORMATS
from napari_echo.workflow.export_labels import Exported, iter_export
from napari_echo.workflow.export_splits import Splits
from napari_echo.workflow.import_labels import Imported, iter_import
from napari_echo.workflow.predict import run_steps

T, H, W = 6, 96, 104
ED, ES = 1, 4


def labels_of(widths: Sequence[float]) -> NDArray[np.uint8]:
    """Half an ellipse in a wall over an atrium, frame by frame."""
    y, x = np.mgrid[:H, :W]
    up, across = 68 - y, x - W / 2
    frames = np.zeros((len(widths), H, W), np.uint8)
    for labels, width in zip(frames, widths, strict=True):
        labels[(up < 0) & (up > -16) & (abs(across) < width)] = 3
        labels[(up >= 0) & ((up / 60) ** 2 + (across / (width + 6)) ** 2 <= 1)] = 2
        labels[(up >= 0) & ((up / 54) ** 2 + (across / width) ** 2 <= 1)] = 1
    return frames


LABELS = labels_of((28, 30, 26, 22, 20, 24))


def write_clip(folder: Path, name: str, seed: int = 0) -> Path:
    import tifffile

    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.tif"
    frames = np.random.default_rng(seed).integers(0, 200, (T, H, W), dtype=np.uint8)
    tifffile.imwrite(
        path,
        frames,
        imagej=True,
        photometric="minisblack",
        resolution=(2, 2),
        metadata={"axes": "TYX", "finterval": 0.02, "unit": "mm"},
    )
    return path


def revise(clip: EchoClip, frames: Iterable[int] = (ED, ES), **changes: Any) -> Revision:
    schema: LabelSchema = changes.get("schema", CAMUS_SCHEMA)
    labels = changes.pop("labels", LABELS)
    if labels is LABELS:
        labels = np.where(labels < schema.n_classes, labels, 0)
    later = changes.pop("later", 0)
    arguments: dict[str, Any] = {
        "reader": "ann",
        "started": datetime.now(UTC),
        "key_frames": KeyFrames((Beat(ED, ES),), "set by reader"),
        "schema": schema,
        **changes,
    }
    made = correct(clip, labels.astype(np.uint8), frames, Base("nothing", ""), **arguments)
    return replace(made, committed=made.committed + timedelta(seconds=later))


def export(
    revisions: Sequence[Revision], clips: Iterable[EchoClip], out: Path, **options: Any
) -> Exported:
    by_clip = {r.clip_id: [s for s in revisions if s.clip_id == r.clip_id] for r in revisions}
    options = {"format": "clips", **options}
    return run_steps(iter_export(revisions, by_clip.__getitem__, clips, out, **options))


def manifest_of(exported: Exported) -> dict[str, Any]:
    return dict(json.loads((exported.path / "manifest.json").read_text(encoding="utf-8")))


def taken(store: LabelStore, path: Path, format: str, clips: Sequence[Path] = ()) -> Imported:
    imported: Imported = run_steps(
        iter_import(store, path, format=format, reader="bob", clips=clips)
    )
    return imported


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clips", "study")


@pytest.fixture
def clip(path: Path) -> EchoClip:
    return load(path)


# What goes in -------------------------------------------------------------------------


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "dicom-seg"])
@pytest.mark.parametrize("schema", [CAMUS_SCHEMA, LV_SCHEMA])
def test_labels_come_back_as_they_left(
    clip: EchoClip, path: Path, tmp_path: Path, format: str, schema: LabelSchema
) -> None:
    frames = tuple(range(ED, ES + 1))
    revision = revise(clip, frames, schema=schema)
    exported = export([revision], [clip], tmp_path / "set", format=format, view="A4C")
    assert exported.clips == 1
    store = LabelStore(tmp_path / "store")
    imported = taken(store, exported.path, format, [path])
    assert imported.skipped == []
    (found,) = store.revisions()
    assert (found.clip_id, found.reader, found.parent) == (clip.clip_id, "bob", None)
    assert found.base.kind == "import"
    assert format in found.base.id
    assert found.key_frames.beats == revision.key_frames.beats
    if format == "echonet":
        assert (found.frames, found.schema) == ((ED, ES), LV_SCHEMA)
        for index, frame in enumerate(found.frames):
            a, b = found.labels[index] == 1, LABELS[frame] == 1
            assert 2 * (a & b).sum() / (a.sum() + b.sum()) >= 0.97
    else:
        assert (found.frames, found.schema) == (frames, schema)
        np.testing.assert_array_equal(found.labels, revision.labels)

    again = taken(store, exported.path, format, [path])
    assert (again.revisions, len(again.known)) == ([], 1)
    assert len(store.revisions()) == 1


def test_dicom_labels_come_back_as_they_left(
    real_cine: EchoClip, real_cine_path: Path, tmp_path: Path
) -> None:
    labels = np.zeros(real_cine.frames.shape, np.uint8)
    labels[3, 50:100, 60:101], labels[3, 100:120, 60:100] = 1, 2
    key_frames = KeyFrames((Beat(3, 7),), "set by reader")
    revision = revise(real_cine, (3, 7), labels=labels, key_frames=key_frames)
    exported = export([revision], [real_cine], tmp_path / "set", format="dicom-seg")
    store = LabelStore(tmp_path / "store")
    taken(store, exported.path, "dicom-seg", [real_cine_path])
    (found,) = store.revisions()
    assert (found.frames, found.schema, found.key_frames) == (
        (3, 7),
        CAMUS_SCHEMA,
        revision.key_frames,
    )
    np.testing.assert_array_equal(found.labels, revision.labels)


@pytest.mark.parametrize("format", ["clips", "camus", "nifti", "tiff", "echonet"])
def test_a_data_set_brings_its_own_clips(clip: EchoClip, tmp_path: Path, format: str) -> None:
    exported = export([revise(clip)], [clip], tmp_path / "set", format=format, view="A4C")
    store = LabelStore(tmp_path / "store")
    imported = taken(store, exported.path, format)
    assert imported.skipped == []
    # CAMUS's two stills are one clip.
    (found,) = store.revisions()
    assert len(found.frames) == 2
    assert found.key_frames.beats


@pytest.mark.parametrize("format", ["clips", "coco", "nifti", "tiff"])
def test_pixels_without_a_label_stay_without(
    clip: EchoClip, path: Path, tmp_path: Path, format: str
) -> None:
    labels = LABELS.copy()
    labels[ED, :20] = IGNORE
    revision = revise(clip, labels=labels)
    exported = export([revision], [clip], tmp_path / "set", format=format)
    store = LabelStore(tmp_path / "store")
    taken(store, exported.path, format, [path])
    np.testing.assert_array_equal(store.revisions()[0].labels, revision.labels)


def test_simpleitk_reads_what_camus_holds(clip: EchoClip, tmp_path: Path) -> None:
    import SimpleITK

    frames = tuple(range(ED, ES + 1))
    exported = export([revise(clip, frames)], [clip], tmp_path / "set", format="camus", view="A4C")
    folder = exported.path / "database_nifti" / "patient0001"

    def read(name: str) -> NDArray[Any]:
        image = SimpleITK.ReadImage(str(folder / f"patient0001_4CH_{name}.nii.gz"))
        assert image.GetSpacing()[:2] == pytest.approx((0.5, 0.5))
        return np.asarray(SimpleITK.GetArrayFromImage(image)).squeeze()

    for phase, frame in (("ED", ED), ("ES", ES)):
        np.testing.assert_array_equal(read(phase), clip.frames[frame])
        np.testing.assert_array_equal(read(f"{phase}_gt"), LABELS[frame])
    np.testing.assert_array_equal(read("half_sequence"), clip.frames[ED : ES + 1])
    np.testing.assert_array_equal(read("half_sequence_gt"), LABELS[ED : ES + 1])
    info = dict(line.split(": ") for line in (folder / "Info_4CH.cfg").read_text().splitlines())
    assert (info["ED"], info["ES"], info["NbFrame"]) == ("1", "4", "4")
    assert float(info["FrameRate"]) == pytest.approx(50)
    lists = exported.path / "database_split" / "subgroup_training.txt"
    assert lists.read_text().split() == ["patient0001"]


def test_numpy_alone_reads_a_clip_data_set(clip: EchoClip, tmp_path: Path) -> None:
    exported = export([revise(clip)], [clip], tmp_path / "set")
    (entry,) = json.loads((exported.path / "index.json").read_text())["entries"]
    np.testing.assert_array_equal(np.load(exported.path / entry["frames_file"]), clip.frames)
    labels = np.load(exported.path / entry["labels_file"])
    np.testing.assert_array_equal(labels, LABELS[entry["labelled_frames"]])


def test_the_manifest_names_every_revision_and_file(clip: EchoClip, tmp_path: Path) -> None:
    first = revise(clip, (0, ED))
    second = revise(clip, (ED, ES), parent=first.revision_id, later=1, reader="bob")
    exported = export([first, second], [clip], tmp_path / "set", store="/the/store")
    manifest = manifest_of(exported)
    assert manifest["program"] == f"napari-echo {__version__}"
    assert (manifest["format"], manifest["store"]) == ("clips", "/the/store")
    assert datetime.fromisoformat(manifest["time"]).tzinfo is not None
    (told,) = manifest["clips"]
    assert (told["clip_id"], told["study_id"], told["split"]) == (clip.clip_id, "study", "train")
    assert told["frames"] == [0, ED, ES]
    assert all((exported.path / name).is_file() for name in told["files"])
    assert [(r["revision_id"], r["frames"], r["reader"]) for r in manifest["revisions"]] == [
        (first.revision_id, [0], "ann"),
        (second.revision_id, [ED, ES], "bob"),
    ]
    assert manifest["revisions"][1]["labels_sha256"] == hash_array(second.labels)
    (left,) = manifest["left_out"]
    assert (left["kind"], left["revision_id"], left["frames"]) == (
        "superseded",
        first.revision_id,
        [ED],
    )
    assert second.revision_id[:12] in left["reason"]


# What stays out -----------------------------------------------------------------------


def kinds(exported: Exported) -> list[tuple[str, tuple[int, ...]]]:
    return sorted((left.kind, left.frames) for left in exported.left_out)


def test_what_is_rejected_or_waits_or_has_no_clip_is_left_out_by_name(
    clip: EchoClip, tmp_path: Path
) -> None:
    other = load(write_clip(tmp_path / "elsewhere", "other", seed=1))
    revisions = [
        revise(clip, (ED, ES)),
        revise(clip, (0,), status="rejected", later=1),
        revise(clip, (5,), status="second reader", later=2),
        revise(other, (2,)),
    ]
    exported = export(revisions, [clip], tmp_path / "set")
    assert kinds(exported) == [("no clip", (2,)), ("rejected", (0,)), ("second reader", (5,))]
    assert other.clip_id in exported.left_out[-1].reason
    assert exported.frames == 2
    told = exported.told_left_out()
    for part in ("1 frame of clips", "1 frame rejected", "1 frame waiting"):
        assert part in told


def test_an_unresolved_fork_is_left_out_until_the_latest_is_asked_for(
    clip: EchoClip, tmp_path: Path
) -> None:
    root = revise(clip, (0,))
    sides = [
        revise(clip, (ED,), parent=root.revision_id, later=n, reader=f"r{n}", labels=LABELS * 0 + n)
        for n in (1, 2)
    ]
    whole = revise(load(write_clip(tmp_path / "more", "whole", seed=2)), (0,))
    clips = [clip, load(tmp_path / "more" / "whole.tif")]
    exported = export([root, *sides, whole], clips, tmp_path / "set")
    assert kinds(exported) == [("fork", (0,)), ("fork", (ED,)), ("fork", (ED,))]
    assert "(r1)" in exported.left_out[0].reason
    assert "--fork latest" in exported.left_out[0].reason
    assert [c["study_id"] for c in manifest_of(exported)["clips"]] == ["whole"]

    latest = export([root, *sides, whole], clips, tmp_path / "latest", fork="latest")
    assert [r["reader"] for r in manifest_of(latest)["revisions"]] == ["ann", "r2", "ann"]

    resolved = revise(
        clip, (ED,), parent=sides[0].revision_id, supersedes=(sides[1].revision_id,), later=3
    )
    done = export([root, *sides, resolved, whole], clips, tmp_path / "resolved")
    assert {left.kind for left in done.left_out} == {"superseded"}


def test_two_readings_are_no_fork_and_the_later_counts(clip: EchoClip, tmp_path: Path) -> None:
    readings = [revise(clip, (ED,)), revise(clip, (ED,), reader="bob", later=1)]
    exported = export(readings, [clip], tmp_path / "set")
    assert [r["reader"] for r in manifest_of(exported)["revisions"]] == ["bob"]
    assert kinds(exported) == [("superseded", (ED,))]


def test_a_data_set_of_one_schema_leaves_the_other_out(clip: EchoClip, tmp_path: Path) -> None:
    other = load(write_clip(tmp_path / "clips", "other", seed=1))
    revisions = [revise(clip), revise(other, schema=LV_SCHEMA)]
    exported = export(revisions, [clip, other], tmp_path / "set", format="coco")
    assert kinds(exported) == [("schema", (ED, ES))]
    both = export(revisions, [clip, other], tmp_path / "both", format="nifti")
    assert (both.clips, both.left_out) == (2, ())


def test_frames_and_clips_that_a_format_cannot_hold_are_left_out(
    clip: EchoClip, tmp_path: Path
) -> None:
    exported = export([revise(clip, (0, ED, ES))], [clip], tmp_path / "set", format="echonet")
    assert kinds(exported) == [("format", (0,))]
    other = load(write_clip(tmp_path / "clips", "other", seed=1))
    no_beat = revise(other, (0,), key_frames=KeyFrames((), "detected"))
    both = export([revise(clip), no_beat], [clip, other], tmp_path / "both", format="echonet")
    assert kinds(both) == [("format", (0,))]
    assert "no beat" in both.left_out[0].reason


def test_nothing_is_made_where_there_is_nothing_to_export(clip: EchoClip, tmp_path: Path) -> None:
    folder = tmp_path / "exports"
    folder.mkdir()
    for format in FORMATS:
        with pytest.raises(EchoError, match="1 frame rejected"):
            export([revise(clip, (0,), status="rejected")], [clip], folder / "x", format=format)
    with pytest.raises(EchoError, match="There is no label"):
        export([], [clip], folder / "x")
    with pytest.raises(EchoError, match="no format 'voc'"):
        export([revise(clip)], [clip], folder / "x", format="voc")
    assert list(folder.iterdir()) == []
    (folder / "there").mkdir()
    with pytest.raises(EchoError, match="exists already"):
        export([revise(clip)], [clip], folder / "there")


def test_labels_of_other_pixels_are_left_out_with_both_hashes(
    clip: EchoClip, tmp_path: Path
) -> None:
    good = load(write_clip(tmp_path / "clips", "good", seed=1))
    forged = replace(revise(clip), frame_hashes=("0" * 64, "1" * 64))
    exported = export([forged, revise(good)], [clip, good], tmp_path / "set")
    assert kinds(exported) == [("other frames", (ED, ES))]
    assert clip.frame_hash(ED) in exported.left_out[0].reason
    assert "0" * 64 in exported.left_out[0].reason


# Names, splits, kills -----------------------------------------------------------------

NAMES = (
    "../../evil", "/etc/passwd", "CON", "nul.tif", "COM1", "a" * 400, "dots...", "Case", "case",
    "line\nbreak\0\x1b[31m", "..", "", "C:\\x", "übung", "\udce9",
)  # fmt: skip


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "dicom-seg"])
def test_names_of_studies_do_no_harm_and_are_kept_in_the_manifest(
    tmp_path: Path, format: str
) -> None:
    clips = []
    for seed, name in enumerate(NAMES):
        frames = np.random.default_rng(seed).integers(0, 200, (T, H, W), dtype=np.uint8)
        clips.append(
            EchoClip.from_frames(frames, fps=50, spacing_mm=(0.5, 0.5), view="A4C", study_id=name)
        )
    folder = tmp_path / "deep" / "exports"
    exported = export([revise(c) for c in clips], clips, folder / "set", format=format)
    assert [clip["study_id"] for clip in manifest_of(exported)["clips"]] == list(NAMES)
    assert [p.name for p in tmp_path.iterdir()] == ["deep"]
    assert [p.name for p in folder.iterdir()] == ["set"]
    written = [p.relative_to(exported.path) for p in exported.path.rglob("*")]
    assert len({str(p).lower() for p in written}) == len(written)
    for part in {part for p in written for part in p.parts}:
        stem = part.split(".")[0].lower()
        assert stem not in ("con", "nul", "com1", "aux", "prn", "lpt1")
        assert len(part) < 100
        assert all(c.isascii() and (c.isalnum() or c in "._-") for c in part)
        assert not part.endswith(".")
    files = [name for clip in manifest_of(exported)["clips"] for name in clip["files"]]
    assert len(files) == len(set(files))
    assert all((exported.path / name).is_file() for name in files)


def test_a_patient_keeps_the_split_of_an_earlier_export(clip: EchoClip, tmp_path: Path) -> None:
    first = export([revise(clip)], [clip], tmp_path / "first", splits=Splits("val"))
    other = load(write_clip(tmp_path / "clips", "other", seed=1))
    renamed = replace(clip, study_id="another name")
    more = EchoClip.from_frames(other.frames[::-1].copy(), study_id="study")
    for folder in (first.path, export([revise(clip)], [clip], tmp_path / "coco", format="coco",
                                      splits=Splits("val")).path):  # fmt: skip
        splits = Splits("train", folders=[folder])
        assert splits.assign(clip.clip_id, [clip.study_id]) == "val"
        assert splits.assign(more.clip_id, [more.study_id]) == "val"  # the patient's other clip
        assert splits.assign(renamed.clip_id, [renamed.study_id]) == "val"  # the clip, renamed
        assert splits.assign(other.clip_id, [other.study_id]) == "train"
    second = export(
        [revise(clip), revise(other)],
        [clip, other],
        tmp_path / "second",
        splits=Splits("train", folders=[first.path]),
    )
    found = {c["study_id"]: c["split"] for c in manifest_of(second)["clips"]}
    assert found == {"study": "val", "other": "train"}


def test_one_study_in_two_splits_is_refused_by_name(clip: EchoClip, tmp_path: Path) -> None:
    earlier = [
        export([revise(clip)], [clip], tmp_path / split, splits=Splits(split)).path
        for split in ("train", "val")
    ]
    with pytest.raises(EchoError, match="study study is in the split 'train'"):
        Splits(folders=earlier)
    listed = tmp_path / "splits.csv"
    listed.write_text("study,split\nstudy,test\n")
    with pytest.raises(EchoError, match="study study is in the split 'test'"):
        Splits(file=listed, folders=earlier[:1])
    # The clip is the one of `train`, but by the file its new study is in `test`.
    listed.write_text("study,split\nrenamed,test\n")
    renamed = replace(clip, study_id="renamed")
    splits = Splits(file=listed, folders=earlier[:1])
    with pytest.raises(EchoError, match="renamed"):
        export([revise(renamed)], [renamed], tmp_path / "leak", splits=splits)
    assert not (tmp_path / "leak").exists()


def test_splits_of_other_data_sets_count(clip: EchoClip, tmp_path: Path) -> None:
    for format in ("echonet", "camus"):
        out = tmp_path / format
        exported = export(
            [revise(clip)], [clip], out, format=format, view="A4C", splits=Splits("test")
        )
        (name,) = (c["name"] for c in manifest_of(exported)["clips"])
        (exported.path / "manifest.json").unlink()
        splits = Splits("train", folders=[out])
        assert splits.assign("0" * 64, [name.split()[0]]) == "test"
    with pytest.raises(EchoError, match="says nothing of splits"):
        Splits(folders=[tmp_path])
    with pytest.raises(EchoError, match="no split 'dev'"):
        Splits("dev")


def test_a_killed_export_leaves_no_folder(clip: EchoClip, tmp_path: Path) -> None:
    store = LabelStore(tmp_path / "store")
    for seed in range(12):
        store.commit(revise(load(write_clip(tmp_path / "clips", f"s{seed}", seed))))
    command = [sys.executable, "-m", "napari_echo.cli.main", "labels", "export"]
    arguments = [store.path, "--clips", tmp_path / "clips", "-f", "echonet"]
    outcomes, begun = set(), 0
    for n, delay in enumerate((0.0, 0.2, 0.4)):
        out = tmp_path / f"out{n}"
        process = subprocess.Popen(
            [*command, *map(str, arguments), "-o", str(out)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        # Killed while it writes: its hidden folder is there.
        while process.poll() is None and not list(tmp_path.glob(f".out{n}.partial-*")):
            time.sleep(0.005)
        begun += bool(list(tmp_path.glob(f".out{n}.partial-*")))
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if out.exists():
            assert len(manifest_of(Exported(out, "", 0, 0, 0, ()))["clips"]) == 12
        outcomes.add(out.exists())
    assert begun
    assert False in outcomes


# Imports ------------------------------------------------------------------------------


def test_an_edited_data_set_follows_what_its_reader_committed_before(
    clip: EchoClip, path: Path, tmp_path: Path
) -> None:
    store = LabelStore(tmp_path / "store")
    store.commit(revise(clip))
    exported = export(store.revisions(), [clip], tmp_path / "set", format="tiff")
    (first,) = taken(store, exported.path, "tiff", [path]).revisions
    import tifffile

    name = next(exported.path.glob("*.labels.tif"))
    values = tifffile.imread(name)
    values[ED, :10, :10] = 1
    tifffile.imwrite(name, values)
    (second,) = taken(store, exported.path, "tiff", [path]).revisions
    assert second.parent == first.revision_id
    assert (second.labels[0, :10, :10] == 1).all()
    assert taken(store, exported.path, "tiff", [path]).revisions == []


def test_labels_are_not_attached_to_other_pixels(
    clip: EchoClip, path: Path, tmp_path: Path
) -> None:
    exported = export([revise(clip)], [clip], tmp_path / "set", format="coco")
    (tmp_path / "clips" / "study.tif").unlink()
    other = write_clip(tmp_path / "clips", "study", seed=5)
    store = LabelStore(tmp_path / "store")
    imported = taken(store, exported.path, "coco", [other])
    assert imported.revisions == []
    assert clip.clip_id in imported.skipped[0].reason

    from PIL import Image

    write_clip(tmp_path / "clips", "study", seed=0)
    for image in (exported.path / "images").iterdir():
        Image.fromarray(np.zeros((H, W), np.uint8)).save(image)
    imported = taken(store, exported.path, "coco", [path])
    assert clip.frame_hash(ED) in imported.skipped[0].reason
    assert store.revisions() == []


def test_frames_that_two_clips_share_are_not_guessed(
    clip: EchoClip, path: Path, tmp_path: Path
) -> None:
    import tifffile

    exported = export([revise(clip)], [clip], tmp_path / "set", format="camus", view="A4C")
    longer = tmp_path / "clips" / "longer.tif"
    tifffile.imwrite(longer, np.concatenate([clip.frames, clip.frames[:1]]))
    store = LabelStore(tmp_path / "store")
    manifest = exported.path / "manifest.json"
    manifest.rename(tmp_path / "manifest.json")
    imported = taken(store, exported.path, "camus", [path, longer])
    assert imported.revisions == []
    assert "several clips" in imported.skipped[0].reason
    # The manifest says which one was labelled.
    (tmp_path / "manifest.json").rename(manifest)
    (found,) = taken(store, exported.path, "camus", [longer, path]).revisions
    assert found.clip_id == clip.clip_id


def test_what_cannot_be_imported_is_refused(clip: EchoClip, path: Path, tmp_path: Path) -> None:
    store = LabelStore(tmp_path / "store")
    with pytest.raises(EchoError, match="does not exist"):
        taken(store, tmp_path / "none", "coco")
    with pytest.raises(EchoError, match="name of their reader"):
        run_steps(iter_import(store, path.parent, format="tiff", reader=" "))
    exported = export([revise(clip)], [clip], tmp_path / "set", format="nifti")
    (exported.path / "manifest.json").write_text("{")
    with pytest.raises(EchoError, match=r"manifest\.json is damaged"):
        taken(store, exported.path, "nifti", [path])
    assert not store.path.exists()
