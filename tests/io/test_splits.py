"""Which study goes to which split."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_echo.core.errors import EchoError
from napari_echo.io.sources import ClipSource
from napari_echo.io.splits import FileSplit, OfficialSplit, RandomSplit, SplitRule, read_split_file


def _sources(*studies: str, split: str = "unassigned", views: str = "ab") -> list[ClipSource]:
    return [ClipSource(f"{s}-{v}", s, split, read=_never) for s in studies for v in views]


def _never() -> Any:
    raise AssertionError("a split reads no clip")


def _split_of(rule: SplitRule, sources: list[ClipSource]) -> dict[str, str]:
    """The splits of the studies, each of which has one."""
    pairs = {(source.study_id, source.split) for source in rule.assign(sources)}
    split_of = dict(pairs)
    assert len(split_of) == len(pairs)
    return split_of


studies = st.lists(st.text(min_size=1, max_size=8), min_size=3, max_size=60, unique=True)
shares = st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(0, 20)).filter(any)


@given(studies, shares, st.integers(-3, 10**9), st.randoms())
def test_a_random_split_is_of_patients_and_of_no_order(
    names: list[str], parts: tuple[int, int, int], seed: int, chance: Any
) -> None:
    whole = sum(parts)
    rule = RandomSplit((parts[0] / whole, parts[1] / whole, parts[2] / whole), seed)
    sources = _sources(*names)
    split_of = _split_of(rule, sources)
    shuffled = list(sources)
    chance.shuffle(shuffled)
    assert _split_of(rule, shuffled) == split_of
    # An order kept: what comes back is what went in, but for the split.
    assert [s.name for s in rule.assign(shuffled)] == [s.name for s in shuffled]
    counts = Counter(split_of.values())
    for split, part in zip(("train", "val", "test"), parts, strict=True):
        assert abs(counts[split] - len(names) * part / whole) < 2
        assert bool(counts[split]) == bool(part)


def test_the_draw_is_the_same_on_every_machine() -> None:
    names = [f"patient{number:04d}" for number in range(1, 11)]
    drawn = RandomSplit((0.6, 0.2, 0.2), 7).draw(names)
    expected = "val val test train train train train test train train"
    assert " ".join(drawn[name] for name in names) == expected
    assert RandomSplit((0.6, 0.2, 0.2), 8).draw(names) != drawn


def test_a_study_without_a_readable_clip_takes_no_share() -> None:
    gone = [ClipSource(f"gone{i}", f"gone{i}", "train", problem="It is gone.") for i in range(50)]
    rule = RandomSplit((0.5, 0.25, 0.25))
    split_of = _split_of(rule, [*gone, *_sources("a", "b", "c", "d")])
    assert Counter(split_of[name] for name in "abcd") == {"train": 2, "val": 1, "test": 1}
    assert {split_of[source.study_id] for source in gone} == {"unassigned"}
    assert _split_of(rule, gone).keys() == {source.study_id for source in gone}


def test_shares_are_read_as_they_are_typed() -> None:
    rule = RandomSplit.parse("0.7, 0.2,0.1", 4)
    assert (rule.shares, rule.seed) == ((0.7, 0.2, 0.1), 4)
    for text in ("0.8,0.1", "0.8,0.1,0.2", "a,b,c", "1.2,-0.1,-0.1", "nan,0,1", ""):
        with pytest.raises(EchoError, match="is no split: give the shares"):
            RandomSplit.parse(text, 0)
    with pytest.raises(EchoError, match="2 studies cannot be split in 3"):
        rule.draw(["a", "b"])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("s.csv", "study,split\na,train\nb,val\nc,test\n"),
        (
            "s.csv",
            "\ufeffStudy, Split,n\r\na,TRAIN,x\r\na,train,y\r\nb, val ,\r\nc,test,\r\n",
        ),
        ("s.json", '{"a": "train", "b": "val", "c": "test"}'),
        ("s.json", '{"train": ["a"], "val": ["b"], "test": ["c"]}'),
    ],
)
def test_a_split_file(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    expected = {"a": "train", "b": "val", "c": "test"}
    assert read_split_file(path) == expected
    assert _split_of(FileSplit(path), _sources("c", "b", "a", split="test")) == expected


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("s.csv", "patient,split\na,train\n", "is no split file: give a CSV file with the columns"),
        ("s.csv", "study,split\na\n", "is no split file"),
        ("s.json", '{"train": "a", "val": ["b"]}', "is no split file"),
        ("s.json", '["a"]', "is no split file"),
        ("s.json", '{"a": ', "is no split file"),
        (
            "s.csv",
            "study,split\na,tarin\n",
            "puts the study a in the split 'tarin'; use train",
        ),
        ("s.csv", "study,split\na,train\na,val\n", "puts the study a in 'train' and in 'val'"),
        ("s.json", '{"train": ["a"], "val": ["a"]}', "puts the study a in 'train' and in 'val'"),
        ("s.csv", "", "is empty"),
    ],
)
def test_a_wrong_split_file(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(EchoError, match=sentence):
        read_split_file(path)


def test_a_split_file_that_does_not_fit_names_the_studies(tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    path.write_text(json.dumps({"b": "val", "gone": "test", "x": "train", "y": "train"}))
    listed = [*_sources("a", "b"), *_sources(*"cdefgh")]
    listed.append(ClipSource("gone", "gone", "train", problem="It is gone."))
    listed.append(ClipSource("lost", "lost", "train", problem="It is lost."))
    sentence = r"it lacks a, c, d, e, f and 2 more; the data set has not x, y\.$"
    with pytest.raises(EchoError, match=sentence):
        FileSplit(path).assign(listed)


def test_the_official_split_is_refused_where_it_tears_a_patient() -> None:
    sources = [*_sources("a", split="train"), *_sources("b", split="val")]
    assert OfficialSplit().assign(sources) == sources
    with pytest.raises(EchoError, match="of the study a in the split 'train' and in 'test'"):
        OfficialSplit().assign([*sources, *_sources("a", split="test", views="c")])
