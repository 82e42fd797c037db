"""Clips of folders and data sets: listed without being decoded, and gone through in an order."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import CAMUS_SCHEMA, LV, Segmentation
from napari_echo.io.camus import write_camus
from napari_echo.io.clipset import write_clipset
from napari_echo.io.echonet import write_echonet
from napari_echo.io.labelled import LabelledClip
from napari_echo.workflow.clip_cache import ClipCache
from napari_echo.workflow.studies import OpenedClip, Studies, StudyItem
from napari_echo.workflow.study_list import iter_list, kind_of

Listed = Callable[[list[Path]], list[StudyItem]]
WritePediatric = Callable[[Path, Iterable[tuple[str, LabelledClip, int]]], Path]


@pytest.fixture
def labelled(beating: EchoClip) -> Callable[..., LabelledClip]:
    """Make a clip of seven frames from ED to ES, every frame labelled as it shines."""

    def make(study: str, view: str = "A4C", *, stills: bool = False) -> LabelledClip:
        frames = beating.frames[[0, 6] if stills else range(7)]
        es = len(frames) - 1
        clip = EchoClip.from_frames(
            frames, fps=15, spacing_mm=(0.5, 0.5), view=view, study_id=study
        )
        labels = (frames > 100).astype(np.uint8) * np.uint8(LV)
        annotated = np.ones(len(frames), np.bool_)
        truth = Segmentation(labels, annotated, "ground truth", CAMUS_SCHEMA)
        return LabelledClip(clip, truth, KeyFrames((Beat(0, es),), "traced"), "train", 0.6)

    return make


def test_a_folder_lists_its_clips_to_the_bottom(
    tmp_path: Path, beating: EchoClip, listed: Listed
) -> None:
    for name in ("b.npy", "a/z.npy", "a/.hidden.npy", "a/b.labels.npy", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        np.save(path.open("wb"), beating.frames)
    items = listed([tmp_path])
    assert kind_of(tmp_path) == "folder"
    assert [item.name for item in items] == ["b.npy", "a/z.npy"]
    assert items[1].load().clip.clip_id == beating.clip_id
    assert [i.key for i in listed([tmp_path, tmp_path / "b.npy"])] == [i.key for i in items]


def test_a_clip_data_set_tells_all_and_is_not_read(
    tmp_path: Path, labelled: Callable[..., LabelledClip], listed: Listed
) -> None:
    clips = [labelled("one"), labelled("two", "A2C", stills=True)]
    root = write_clipset(tmp_path / "set", clips)
    for path in (root / "clips").iterdir():
        path.rename(path.with_name(path.name + ".away"))
    first, second = listed([root])
    assert kind_of(root) == "clip data set"
    assert (first.study_id, first.view, first.n_frames, first.ef) == ("one", "A4C", 7, 0.6)
    assert (second.view, second.n_frames, second.split) == ("A2C", 2, "train")
    assert second.clip_id == clips[1].clip.clip_id
    with pytest.raises(EchoError, match="lacks"):
        first.load()
    for path in (root / "clips").iterdir():
        path.rename(path.with_name(path.name.removesuffix(".away")))
    opened = second.load()
    assert opened.clip.clip_id == second.clip_id
    assert opened.truth is not None
    assert opened.key_frames == KeyFrames((Beat(0, 1),), "traced")


def test_echonet_lists_by_its_lists_and_opens_what_is_not_traced(
    tmp_path: Path, labelled: Callable[..., LabelledClip], listed: Listed
) -> None:
    root = write_echonet(tmp_path / "echonet", [labelled("0XA"), labelled("0XB")])
    tracings = (root / "VolumeTracings.csv").read_text().splitlines()
    broken = [line.replace("0XB.avi,", "0XB.avi,x", 1) for line in tracings]
    (root / "VolumeTracings.csv").write_text("\n".join(broken))
    whole, damaged = listed([root])
    assert (whole.name, whole.study_id, whole.view, whole.n_frames) == ("0XA", "0XA", "A4C", 7)
    assert whole.ef == pytest.approx(0.6)
    assert whole.load().truth is not None
    opened = damaged.load()
    assert opened.truth is None
    assert opened.clip.study_id == "0XB"
    assert "damaged" in opened.remark
    (root / "Videos" / "0XA.avi").unlink()
    assert "does not exist" in listed([root])[0].problem


def test_camus_lists_sequences_and_pairs_of_stills(
    tmp_path: Path, labelled: Callable[..., LabelledClip], listed: Listed
) -> None:
    clips = [labelled("patient0001"), labelled("patient0001", "A2C", stills=True)]
    root = write_camus(tmp_path / "camus", clips)
    items = {item.name: item for item in listed([root])}
    assert {name: (i.view, i.n_frames) for name, i in items.items()} == {
        "patient0001 2CH": ("A2C", 2),
        "patient0001 4CH": ("A4C", 7),
    }
    for item in items.values():
        opened = item.load()
        assert len(opened.clip) == item.n_frames
        assert opened.truth is not None
        assert opened.ef == pytest.approx(0.6)
    assert listed([root / "database_nifti"])[0].key == items["patient0001 2CH"].key


def test_pediatric_lists_both_views(
    tmp_path: Path,
    labelled: Callable[..., LabelledClip],
    write_pediatric: WritePediatric,
    listed: Listed,
) -> None:
    videos = [
        ("CR32aaaaa-CR32aaa01-000012", labelled("a"), 3),
        ("CR32aaaaa-CR32aaa02-000044", labelled("b", "PSAX"), 9),
    ]
    root = write_pediatric(tmp_path / "pediatric", videos)
    items = listed([root])
    assert kind_of(root) == "EchoNet-Pediatric"
    assert [(i.study_id, i.view, i.split) for i in items] == [
        ("CR32aaaaa", "A4C", "train"),
        ("CR32aaaaa", "PSAX", "test"),
    ]
    assert items[1].load().clip.view == "PSAX"


def test_real_camus_is_listed(camus_root: Path, listed: Listed) -> None:
    items = listed([camus_root])
    assert {item.view for item in items} <= {"A2C", "A4C"}
    opened = items[0].load()
    assert opened.truth is not None
    assert opened.clip.study_id == items[0].study_id
    assert opened.key_frames is not None


def test_what_holds_no_clip_is_told_in_a_sentence(tmp_path: Path, listed: Listed) -> None:
    with pytest.raises(EchoError, match="holds no clip"):
        listed([tmp_path])
    with pytest.raises(EchoError, match="does not exist"):
        listed([tmp_path / "gone"])
    (tmp_path / "index.json").write_text("{}")
    (tmp_path / "clips").mkdir()
    with pytest.raises(EchoError, match="damaged"):
        listed([tmp_path])


def test_a_search_tells_how_far_it_is_and_can_be_stopped(tmp_path: Path) -> None:
    for number in range(450):
        (tmp_path / f"{number}.avi").touch()
    steps = iter_list([tmp_path])
    assert [next(steps), next(steps)] == [0, 200]
    steps.close()


def test_a_folder_that_vanishes_is_told_by_its_clips(
    tmp_path: Path, beating: EchoClip, listed: Listed
) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    np.save(folder / "a.npy", beating.frames)
    (item,) = listed([folder])
    shutil.rmtree(folder)
    with pytest.raises(EchoError, match=r"a\.npy"):
        item.load()


# The queue ------------------------------------------------------------------------


@pytest.fixture
def studies() -> Studies:
    def item(name: str, problem: str = "") -> StudyItem:
        path = Path("/clips", name)
        return StudyItem(str(path), name, (path,), _never, problem=problem)

    found = Studies()
    found.set_items([item("a"), item("b"), item("c", "It is damaged."), item("d")])
    return found


def _never() -> OpenedClip:
    raise AssertionError("a clip was decoded")


def test_the_neighbours_are_those_of_the_order_and_the_filter(studies: Studies) -> None:
    a, b, c, d = studies.items
    assert studies.neighbour(1) is a
    assert studies.neighbour(-1) is d
    studies.set_current(b)
    assert (studies.neighbour(1), studies.neighbour(-1)) == (d, a)
    assert studies.passed_over(d) == [c]
    studies.set_order([d.key, b.key, c.key, a.key])
    assert (studies.neighbour(1), studies.neighbour(-1), studies.neighbour(2)) == (a, d, None)
    studies.set_order([d.key, b.key, c.key, a.key], [a.key])
    assert (studies.neighbour(1), studies.neighbour(-1)) == (a, None)  # from where b was
    assert studies.position() == (0, 1)


def test_a_new_queue_begins_with_its_first_clip(studies: Studies) -> None:
    a, b, _, d = studies.items
    studies.set_current(d)
    studies.rewind()
    assert studies.neighbour(1) is a
    studies.set_current(a)
    assert studies.neighbour(1) is b
    studies.rewind()
    assert studies.neighbour(1) is b  # the open one is not the next


def test_a_cache_of_clips_keeps_to_its_memory(beating: EchoClip) -> None:
    opened = OpenedClip(beating)
    cache = ClipCache(2 * beating.frames.nbytes)
    for key in "abc":
        cache.put(key, "stamp", opened)
    assert [key in cache for key in "abc"] == [False, True, True]
    assert cache.size <= cache.limit
    assert cache.get("b", "another stamp") is None
    assert cache.get("b", "stamp") is opened
    cache.put("d", "stamp", opened)
    assert [key in cache for key in "bcd"] == [True, False, True]  # b was used last
    cache.put("e", "stamp", replace(opened, clip=_larger(beating)))
    assert "e" not in cache


def _larger(clip: EchoClip) -> EchoClip:
    return EchoClip.from_frames(np.tile(clip.frames, (3, 1, 1)))
