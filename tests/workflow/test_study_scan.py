"""What is found of listed clips, kept between sessions, ranked and filtered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import LV, LV_SCHEMA
from napari_echo.core.params import PredictParams
from napari_echo.core.revision import Base, Status
from napari_echo.io.clipset import open_clipset, write_clipset
from napari_echo.io.labelled import LabelledClip
from napari_echo.io.store import LabelStore
from napari_echo.ml.packs import ModelPack, find_pack
from napari_echo.ml.predictor import make_predictor
from napari_echo.phantom.generate import generate
from napari_echo.workflow.correct import correct
from napari_echo.workflow.facts import ClipFacts, Entry, Facts
from napari_echo.workflow.facts_cache import FactsCache
from napari_echo.workflow.facts_found import facts_of
from napari_echo.workflow.measure import measure
from napari_echo.workflow.predict import predict
from napari_echo.workflow.scan_process import iter_scan_apart
from napari_echo.workflow.studies import Studies, StudyItem
from napari_echo.workflow.study_facts import FactsStore
from napari_echo.workflow.study_list import item_of_file
from napari_echo.workflow.study_rows import Filter, StudyRows
from napari_echo.workflow.study_scan import Scanned, iter_scan
from napari_echo.workflow.verdicts import Verdicts

Listed = Callable[[list[Path]], list[StudyItem]]


class Shifted:
    """Says the true masks, some pixels aside; a model of its own for each shift."""

    temporal = False

    def __init__(self, root: Path, shift: int) -> None:
        self.schema = LV_SCHEMA
        self.id, self.name, self.shift = f"{shift:064}", f"shifted by {shift}", shift
        self.calls = 0
        self._masks: dict[bytes, NDArray[np.bool_]] = {}
        clips = open_clipset(root)
        for entry in clips.entries:
            frames = clips.frames(entry)[list(entry.labelled_frames)]
            for frame, labels in zip(frames, clips.labels(entry), strict=True):
                self._masks[frame.tobytes()] = labels == LV

    @property
    def pack(self) -> Shifted:
        return self

    def stream(self) -> Callable[[NDArray[np.uint8]], NDArray[np.float16]]:
        return self.probabilities

    def probabilities(self, frames: NDArray[np.uint8], /) -> NDArray[np.float16]:
        self.calls += 1
        masks = np.stack([self._masks[frame.tobytes()] for frame in frames])
        lv = np.where(np.roll(masks, self.shift, axis=2), 0.9, 0.1)
        return np.stack([1 - lv, lv], axis=1).astype(np.float16)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip data set of four phantoms, a beat each."""

    def labelled(seed: int) -> LabelledClip:
        phantom = generate(seed, size=(80, 88), frames="beat")
        return LabelledClip(phantom.clip, phantom.truth, phantom.key_frames, "train", phantom.ef)

    return write_clipset(tmp_path_factory.mktemp("scan") / "set", map(labelled, range(4)))


@pytest.fixture
def model(root: Path) -> Shifted:
    return Shifted(root, 2)


@pytest.fixture
def items(root: Path, listed: Listed) -> list[StudyItem]:
    return listed([root])


@pytest.fixture
def facts(tmp_path: Path) -> FactsStore:
    return FactsStore(FactsCache(tmp_path / "cache" / "studies.sqlite"))


def scan(
    items: list[StudyItem], models: list[Shifted], facts: FactsStore, **options: object
) -> list[Scanned]:
    steps = iter_scan(items, models, lambda model: model, facts.cache, **options)  # type: ignore[arg-type]
    found = list(steps)
    facts.take(entry.facts for step in found for entry in step.entries)
    return found


def known(facts: FactsStore, items: list[StudyItem]) -> set[tuple[str, str]]:
    read = facts.cache.read(items)
    return {(f.key, f.model_id) for f in read if isinstance(f, Facts)}


def test_facts_are_what_the_prediction_measures(
    items: list[StudyItem], facts: FactsStore, model: Shifted
) -> None:
    scan(items, [model], facts)
    opened = items[0].load()
    prediction = predict(opened.clip, model)
    measures = measure(opened.clip, prediction.segmentation, opened.key_frames)
    found = facts.get(items[0].key, model.id)
    assert found is not None
    assert found.ef == pytest.approx(measures.ef)
    assert opened.key_frames is not None
    assert (found.ed, found.es) == (opened.key_frames.beats[0].ed, opened.key_frames.beats[0].es)
    assert 0 < (found.dice_ed or 0) <= 1
    assert (found.hardness or 0) > 0
    assert found.disagreement is None
    clip = facts.clip(items[0].key)
    assert clip is not None
    assert (clip.clip_id, clip.ef) == (opened.clip.clip_id, opened.ef)


def test_a_second_scan_looks_at_nothing_that_is_known(
    items: list[StudyItem], facts: FactsStore, model: Shifted
) -> None:
    steps = iter_scan(items, [model], lambda model: model, facts.cache)  # type: ignore[arg-type,return-value]
    finished = 0
    while finished < 2:
        finished += bool(next(steps).entries)
    steps.close()
    again = scan(items, [model], facts, known=known(facts, items))
    assert sum(bool(step.entries) for step in again) == 2
    assert again[-1].done == again[-1].total == 2
    calls = model.calls
    assert scan(items, [model], facts, known=known(facts, items)) == []
    assert model.calls == calls


@pytest.mark.parametrize("together", [True, False])
def test_two_models_disagree_alike_whether_they_run_together_or_not(
    items: list[StudyItem], facts: FactsStore, model: Shifted, root: Path, together: bool
) -> None:
    one, other = model, Shifted(root, 6)
    if not together:
        scan(items, [one], facts)
    scan(items, [one, other], facts, known=known(facts, items))
    first, second = facts.get(items[0].key, one.id), facts.get(items[0].key, other.id)
    assert first is not None
    assert second is not None
    assert first.disagreement == second.disagreement
    assert 0 < (first.disagreement or 0) < 1
    assert first.disagreements[0][0] == other.name


def test_a_scan_waits_while_the_reader_works(
    items: list[StudyItem], facts: FactsStore, model: Shifted
) -> None:
    waiting = [True, True, False]
    steps = iter_scan(
        items[:1],
        [model],  # type: ignore[list-item]
        lambda model: model,  # type: ignore[arg-type,return-value]
        facts.cache,
        wait=lambda: bool(waiting) and waiting.pop(0),
    )
    assert [step.paused for step in steps][:4] == [False, True, True, False]


def test_a_damaged_clip_is_told_and_the_rest_is_scanned(
    items: list[StudyItem], facts: FactsStore, model: Shifted, tmp_path: Path, listed: Listed
) -> None:
    broken = tmp_path / "broken.avi"
    broken.write_bytes(b"nothing")
    (bad,) = listed([broken])
    found = scan([items[0], bad, items[1]], [model], facts)
    assert [step.item.name for step in found if step.problem] == ["broken.avi"]
    assert len(facts.of_model(model.id)) == 2


def test_facts_belong_to_the_settings_of_the_model(
    items: list[StudyItem], facts: FactsStore, root: Path
) -> None:
    plain, mirrored = PredictParams(), PredictParams(mirror=True)
    model = Shifted(root, 2)
    scan(items[:2], [model], facts)
    said = facts.get(items[0].key, model.id)
    facts.use(mirrored.settings)
    assert facts.get(items[0].key, model.id) is None
    assert facts.of_model(model.id) == []
    # With other settings it says something else, of the same clips.
    model.shift = 20
    scan(items[:1], [model], facts, known=known(facts, []), params=mirrored)
    other = facts.get(items[0].key, model.id)
    assert other is not None
    assert said is not None
    assert other.dice_ed != said.dice_ed
    again = FactsStore(facts.cache)
    again.take(facts.cache.read(items))
    assert again.of_model(model.id) == [said, again.get(items[1].key, model.id)]
    again.use(mirrored.settings)
    assert again.of_model(model.id) == [other]
    assert PredictParams(batch=9).settings == plain.settings


def test_models_disagree_by_the_same_settings_alone(
    items: list[StudyItem], facts: FactsStore, root: Path
) -> None:
    one, other = Shifted(root, 0), Shifted(root, 3)
    mirrored = PredictParams(mirror=True)
    scan(items[:1], [one], facts)
    scan(items[:1], [one, other], facts, known={(items[0].key, one.id)}, params=mirrored)
    facts.use(mirrored.settings)
    found = facts.get(items[0].key, other.id)
    assert found is not None
    assert found.disagreement is None


# The cache ------------------------------------------------------------------------


def entries(item: StudyItem, model: str = "m") -> list[Entry]:
    return [
        Entry(ClipFacts(item.key, "c" * 64, "study", "A4C", 3, 0.5), b"picture"),
        Entry(Facts(item.key, model, "model", 1, 2, 0.5, hardness=0.2, limits=(0.35,)), b"masks"),
    ]


def test_the_cache_gives_back_what_was_written(items: list[StudyItem], facts: FactsStore) -> None:
    written = entries(items[0])
    facts.cache.write(items[0], written)
    assert facts.cache.read(items) == [entry.facts for entry in written]
    assert facts.cache.read_data(items[0]) == b"picture"
    facts.cache.write(items[0], [Entry(written[0].facts)])
    assert facts.cache.read_data(items[0]) == b"picture"  # none came to replace it
    facts.cache.keep_picture(items[1], b"other")
    assert facts.cache.read_data(items[1]) == b"other"
    assert facts.cache.read(items[1:]) == []


def test_facts_of_a_file_that_changed_are_forgotten(
    facts: FactsStore, tmp_path: Path, listed: Listed
) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.zeros((3, 32, 32), np.uint8))
    (item,) = listed([path])
    facts.cache.write(item, entries(item))
    assert len(facts.cache.read([item])) == 2
    np.save(path, np.zeros((4, 32, 32), np.uint8))
    assert facts.cache.read([item]) == []
    assert facts.cache.read_data(item) == b""
    facts.cache.write(item, entries(item)[:1])
    assert len(facts.cache.read([item])) == 1


@pytest.mark.parametrize("damage", ["deleted", "text", "torn", "older", "folder"])
def test_a_cache_that_is_damaged_is_made_again(
    items: list[StudyItem], facts: FactsStore, tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "cache" / "studies.sqlite"
    for item in items:
        facts.cache.write(item, [Entry(e.facts, e.data * 4000) for e in entries(item)])
    if damage == "deleted":
        path.unlink()
    elif damage == "text":
        path.write_text("This is no database. " * 100)
    elif damage == "torn":
        data = bytearray(path.read_bytes())
        data[4096:] = bytes(len(data) - 4096)
        path.write_bytes(data)
    elif damage == "older":
        import sqlite3

        database = sqlite3.connect(path)
        database.execute("PRAGMA user_version = 0")
        database.close()
    else:
        path.unlink()
        path.mkdir()
    facts.cache.read(items)
    assert facts.cache.read_data(items[0]) in (b"", b"picture" * 4000)
    facts.cache.write(items[0], entries(items[0]))
    if damage != "folder":  # which cannot be written: nothing is kept, and nothing fails
        assert facts.cache.read(items[:1]) == [entry.facts for entry in entries(items[0])]


# The table ------------------------------------------------------------------------


@pytest.fixture
def rows(items: list[StudyItem], facts: FactsStore) -> StudyRows:
    studies = Studies()
    studies.set_items(items)
    names = [item.key for item in items]
    facts.take(
        [
            Facts(names[0], "m", "model", 0, 1, 0.52, 0.9, 0.8, 0.1, 0.02, (0.0, 0.1, 0.4),
                  (0.35, 0.4, 0.5), 0.52, 1.5, (("area jump", 3, 9.0),), (("other", 0.05),)),
            Facts(names[1], "m", "model", 0, 1, None, hardness=0.3),
            Facts(names[2], "m", "model", 0, 1, 0.30, 0.7, 0.95, 0.2, 0.05, (0.2, 0.0, 0.0),
                  (0.35, 0.4, 0.5), 0.30),
        ]
    )  # fmt: skip
    return StudyRows(studies, facts, "m", "model")


@pytest.mark.parametrize(
    ("queue", "order", "shown", "why"),
    [
        ("hardness", [1, 2, 0, 3], "0.30", "unsure of its borders: hardness 0.30"),
        ("ef change", [1, 2, 0, 3], "no LV", "finds no LV"),
        ("ef crossing", [1, 0, 2, 3], "no LV", "finds no LV"),
        ("disagreement", [0, 1, 2, 3], "0.050", "that of other overlap by a Dice of 0.950"),
        ("time", [0, 1, 2, 3], "1.5×", "Area jump of 9% at frame 3"),
    ],
)
def test_a_queue_ranks_and_explains(
    rows: StudyRows, queue: str, order: list[int], shown: str, why: str
) -> None:
    rows.queue, rows.sort, rows.descending = queue, "worth", True  # type: ignore[assignment]
    items = rows.studies.items
    keys, wanted = rows.order()
    assert keys == wanted == [items[place].key for place in order]
    first = items[order[0]]
    assert rows.cell(first, "worth").text == shown
    assert why in rows.cell(first, "why").text


def test_columns_sort_both_ways_with_the_unknown_last(rows: StudyRows) -> None:
    items = rows.studies.items
    rows.sort = "dice_es"
    assert rows.order()[0] == [items[place].key for place in (0, 2, 1, 3)]
    rows.descending = True
    assert rows.order()[0] == [items[place].key for place in (2, 0, 1, 3)]
    assert rows.cell(items[0], "ef").text == "52%"
    assert rows.cell(items[1], "dice_ed").text == ""


def test_blind_rows_tell_nothing_that_a_model_says(rows: StudyRows) -> None:
    rows.blind, rows.queue = True, "hardness"
    item = rows.studies.items[0]
    for column in ("ef", "dice_ed", "dice_es", "hardness", "worth", "why"):
        assert rows.cell(item, column).text == ""
    assert rows.cell(item, "frames").text == str(item.n_frames)


def test_status_reader_and_comment_come_from_the_label_store(
    rows: StudyRows, tmp_path: Path
) -> None:
    store = LabelStore(tmp_path / "store")
    items = rows.studies.items

    def commit(item: StudyItem, reader: str, status: Status, comment: str) -> None:
        opened = item.load()
        assert opened.truth is not None
        store.commit(
            correct(
                opened.clip, opened.truth.labels, (0,), Base("nothing", ""), reader=reader,
                started=datetime.now(UTC), status=status, comment=comment,
                key_frames=KeyFrames((), "detected"), schema=opened.truth.schema,
            )
        )  # fmt: skip

    commit(items[0], "anna", "accepted", "")
    commit(items[0], "ben", "second reader", "apex cut")
    commit(items[2], "anna", "rejected", "")
    # A clip whose id is not known yet goes by its study.
    clips = [items[0], items[1], replace(items[2], clip_id="")]
    found = Verdicts(store.rows(), clips, {}).by_key()
    assert {key: v.status for key, v in found.items()} == {
        items[0].key: "second reader",
        items[2].key: "rejected",
    }
    rows.verdicts = found
    status = rows.cell(items[0], "status")
    assert (status.text, status.tip) == ("2nd reader", "needs a second reader")
    assert rows.cell(items[0], "reader").text == "ben, anna"
    assert rows.cell(items[0], "comment").text == "apex cut"
    for wanted, places in (
        (Filter(status="unreviewed"), [1, 3]),
        (Filter(status="rejected"), [2]),
        (Filter(text="BEN apex"), [0]),
        (Filter(text="2nd reader"), [0]),
        (Filter(text="Needs a second reader"), [0]),
        (Filter(text="unrev"), [1, 3]),
        (Filter(text="jected"), []),
        (Filter(view="A2C"), []),
    ):
        rows.filter = wanted
        assert rows.order()[1] == [items[place].key for place in places]
    rows.filter, rows.sort = Filter(), "status"
    assert rows.order()[1] == [items[place].key for place in (1, 3, 2, 0)]


def test_a_still_pair_has_no_jumps_in_time(phantom_stills: Path, listed: Listed) -> None:
    (item, *_) = listed([phantom_stills])
    opened = item.load()
    found = facts_of(item, opened, predict(opened.clip, Shifted(phantom_stills, 0)), "")
    assert len(opened.clip) == 2
    assert (found.dice_ed, found.dice_es, found.findings) == (1, 1, ())


# A process of its own -------------------------------------------------------------


def test_a_scan_apart_finds_what_a_scan_here_does(
    phantom_stills: Path, facts: FactsStore, tmp_path: Path, listed: Listed
) -> None:
    items = listed([phantom_stills])[:2]
    broken = tmp_path / "broken.avi"
    broken.write_bytes(b"nothing")
    items.append(item_of_file(broken))
    pack = find_pack("pidnet-s-phantom")
    steps = [
        s for s in iter_scan_apart(items, [pack], PredictParams(), facts.cache) if s is not None
    ]
    told = [entry.facts for step in steps for entry in step.entries]
    assert [step.item.name for step in steps if step.problem] == ["broken.avi"]
    here = FactsCache(tmp_path / "here.sqlite")
    for _ in iter_scan(items, [pack], make_predictor, here):
        pass
    assert told == here.read(items) == facts.cache.read(items)
    assert len(told) == 4


def test_a_scan_apart_ends_when_it_is_stopped_and_when_it_cannot_begin(
    phantom_stills: Path, facts: FactsStore, tmp_path: Path, listed: Listed
) -> None:
    items, pack = listed([phantom_stills]), find_pack("pidnet-s-phantom")
    stop = threading.Event()
    steps = iter_scan_apart(items, [pack], PredictParams(), facts.cache, stop=stop)
    while next(steps) is None:
        pass
    (child,) = psutil.Process().children()
    stop.set()  # and the generator is not asked again, as when a window closes
    child.wait(20)
    steps.close()
    damaged = ModelPack(tmp_path / "no pack", pack.card)
    with pytest.raises(EchoError, match="no pack"):
        list(iter_scan_apart(items, [damaged], PredictParams(), facts.cache))
    assert psutil.Process().children() == []


def test_a_scan_apart_waits_for_the_reader(
    phantom_stills: Path, facts: FactsStore, listed: Listed
) -> None:
    items, pack = listed([phantom_stills])[:3], find_pack("pidnet-s-phantom")
    held = threading.Event()
    held.set()
    seen: list[Scanned] = []
    waited = 0
    for step in iter_scan_apart(items, [pack], PredictParams(), facts.cache, wait=held.is_set):
        waited += step is None
        seen += [step] if step is not None else []
        if held.is_set() and waited > 60:
            assert not any(s.entries for s in seen)
            held.clear()
    assert sum(bool(s.entries) for s in seen) == len(items)
