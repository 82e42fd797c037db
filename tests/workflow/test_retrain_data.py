"""The set that a model is trained on again with: leaks, hard pixels, shares and fingerprints."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from napari_echo.core.errors import EchoError
from napari_echo.core.labels import LV_SCHEMA
from napari_echo.core.params import TrainParams
from napari_echo.io.clipset import open_clipset
from napari_echo.io.store import LabelStore
from napari_echo.ml.packs import find_pack
from napari_echo.ml.predictor import Predictor, make_predictor
from napari_echo.workflow.retrain_data import (
    Shown,
    check_leaks,
    check_structures,
    find_labelled,
    fingerprint,
    repeats,
    shown_by,
    shown_by_revisions,
    write_corrections,
)


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return make_predictor(find_pack("pidnet-s-phantom"))


def _shown(
    study: str = "a", clip: str = "c" * 64, frame: str = "f" * 64, where: str = "revision 1"
) -> Shown:
    return Shown(where, study, clip, frozenset({frame}))


@pytest.mark.parametrize(
    ("learned", "named"),
    [
        (_shown(clip="1" * 64, frame="1" * 64), r"study a \(revision 1\)"),
        (_shown("b", frame="1" * 64), r"the clip of study a \(revision 1\)"),
        (_shown("b", "1" * 64), r"a frame of study a \(revision 1, as study b\)"),
    ],
)
def test_a_leak_is_named(learned: Shown, named: str) -> None:
    with pytest.raises(EchoError, match=named):
        check_leaks([_shown("z", "2" * 64, "2" * 64), learned], [_shown()])


def test_what_shares_nothing_is_no_leak() -> None:
    check_leaks([_shown("b", "1" * 64, "1" * 64)], [_shown()])


def test_many_leaks_are_counted() -> None:
    judged = [_shown(f"p{i}") for i in range(9)]
    with pytest.raises(EchoError, match=r"study p4 .* and 4 more\."):
        check_leaks(judged, judged)


def test_a_study_is_named_once_whatever_it_was_found_in() -> None:
    twice = [_shown(where="revision 1"), _shown(where="revision 2"), _shown(where="revision 2")]
    with pytest.raises(EchoError, match=r"learn from: study a \(revision 1 and 1 more\)\. The"):
        check_leaks(twice, [_shown()])


def test_what_is_not_learned_is_no_leak(
    phantom_stills: Path, commit_truth: Callable[..., Path], tmp_path: Path
) -> None:
    store = LabelStore(commit_truth(phantom_stills, tmp_path / "labels", 1, split="val"))
    (read,) = store.revisions()
    later = {"revision_id": "later", "parent": read.revision_id, "committed": datetime.now(UTC)}
    rejected = replace(read, status="rejected", **later)  # type: ignore[arg-type]
    assert len(shown_by_revisions([read])) == 1
    assert shown_by_revisions([read, rejected]) == []
    assert shown_by_revisions([replace(read, repeat=True)]) == []


def test_frames_of_a_clip_under_another_name_are_found(
    phantom_stills: Path, commit_truth: Callable[..., Path], tmp_path: Path
) -> None:
    # The same pixels, though the study was named anew.
    clips = open_clipset(phantom_stills)
    store = LabelStore(commit_truth(phantom_stills, tmp_path / "labels", 1, split="val"))
    (learned,) = shown_by_revisions(store.revisions())
    renamed = Shown(learned.where, "another", "0" * 64, learned.frame_hashes)
    with pytest.raises(EchoError, match=f"a frame of study {learned.study_id}"):
        check_leaks([renamed], shown_by(clips, "val"))
    check_leaks([renamed], shown_by(clips, "train"))


def test_the_fingerprint_is_that_of_the_content(phantom_stills: Path, tmp_path: Path) -> None:
    before = fingerprint(open_clipset(phantom_stills), "val")
    assert before != fingerprint(open_clipset(phantom_stills), "train")
    moved = tmp_path / "moved"
    shutil.copytree(phantom_stills, moved)
    index = json.loads((moved / "index.json").read_text())
    index["entries"].reverse()
    (moved / "index.json").write_text(json.dumps(index))
    assert fingerprint(open_clipset(moved), "val") == before
    entry = next(e for e in open_clipset(moved).entries if e.split == "val")
    labels = np.load(moved / entry.labels_file)
    labels[0, 0, 0] = 1
    np.save(moved / entry.labels_file, labels)
    assert fingerprint(open_clipset(moved), "val") != before


def test_hard_is_where_model_and_correction_disagree(
    phantom_stills: Path, commit_truth: Callable[..., Path], predictor: Predictor, tmp_path: Path
) -> None:
    store = LabelStore(commit_truth(phantom_stills, tmp_path / "labels", 1, wrong=True))
    revisions = store.revisions()
    clips = find_labelled([phantom_stills], {revision.clip_id for revision in revisions})
    written = write_corrections(revisions, clips, predictor, tmp_path / "set")
    (entry,) = written.entries
    hard, labels = written.hard_pixels(entry), written.labels(entry)
    assert hard is not None
    found = predictor.probabilities(np.array(written.frames(entry))).argmax(axis=1)
    assert (hard[found != labels] == 1).all()
    assert 0.5 < hard.mean() < 1  # background and LV changed places; the rest did not


def test_a_set_without_a_structure_of_the_model_is_refused(
    phantom_stills: Path, tmp_path: Path
) -> None:
    lv_only = tmp_path / "lv"
    shutil.copytree(phantom_stills, lv_only)
    index = json.loads((lv_only / "index.json").read_text())
    index["schema"] = LV_SCHEMA.to_dict()
    (lv_only / "index.json").write_text(json.dumps(index))
    schema = find_pack("pidnet-s-phantom").schema
    with pytest.raises(EchoError, match="no myocardium and no left atrium"):
        check_structures(open_clipset(lv_only), schema, "m")
    with pytest.raises(EchoError, match=r"^What was corrected labels no myocardium"):
        check_structures(open_clipset(lv_only), schema, "m", "What was corrected")
    check_structures(open_clipset(phantom_stills), schema, "m")


@pytest.mark.parametrize(
    ("old", "corrected", "share"),
    [
        ([4000], 10, 0.375),  # each correction is shown 30 times, not 40
        ([4000], 200, 0.5),
        ([100], 4000, 0.5),  # nor are old labels drowned
        ([300, 100], 20, 0.5),
    ],
)
def test_corrections_have_their_share(old: list[int], corrected: int, share: float) -> None:
    *of_old, of_corrections = repeats(old, corrected, TrainParams(iterations=100, batch=8))
    shown = of_corrections * corrected
    all_shown = shown + sum(n * times for n, times in zip(old, of_old, strict=True))
    assert shown / all_shown == pytest.approx(share, abs=0.05)


def test_without_old_labels_corrections_are_listed_once() -> None:
    assert repeats([], 7, TrainParams()) == [1]
