"""The journal of a draft: what comes back after the program is gone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.labels import LV_SCHEMA, Segmentation
from napari_echo.core.revision import Revision
from napari_echo.io.store import LabelStore
from napari_echo.workflow import journal_writer
from napari_echo.workflow.correct import correct
from napari_echo.workflow.corrections import Corrections
from napari_echo.workflow.draft import Draft
from napari_echo.workflow.journal import JournalFolder
from napari_echo.workflow.journal_replay import Replay
from napari_echo.workflow.recover import foreign, recover

SHAPE = (4, 24, 30)


def make_clip(seed: int = 0, source: Path | None = None) -> EchoClip:
    frames = np.random.default_rng(seed).integers(0, 255, SHAPE, dtype=np.uint8)
    return EchoClip.from_frames(frames, source=source, study_id="study")


@pytest.fixture
def clip(tmp_path: Path) -> EchoClip:
    return make_clip(source=tmp_path / "clip.npy")


@pytest.fixture
def folder(journal: Path) -> JournalFolder:
    return JournalFolder()


@pytest.fixture
def corrections(clip: EchoClip, folder: JournalFolder, tmp_path: Path) -> Corrections:
    return begin(clip, folder, tmp_path)


def begin(clip: EchoClip, folder: JournalFolder, tmp_path: Path) -> Corrections:
    found = Corrections(LabelStore(tmp_path / "labels"), folder)
    found.reader = "Ann"
    found.begin(clip)
    truth = Segmentation(np.ones(SHAPE, np.uint8), np.ones(SHAPE[0], bool), "ground truth")
    found.start("truth", None, replace(truth, schema=LV_SCHEMA))
    return found


def draft_of(corrections: Corrections) -> Draft:
    assert corrections.draft is not None
    return corrections.draft


def paint(corrections: Corrections, frame: int, x: int, label: int = 0) -> None:
    draft_of(corrections).labels[frame, 3:9, x : x + 4] = label
    corrections.touch(frame)


def commit(corrections: Corrections, clip: EchoClip) -> Revision:
    draft = draft_of(corrections)
    revision = correct(
        clip,
        draft.labels,
        corrections.uncommitted,
        draft.base,
        reader="Ann",
        started=draft.started,
        key_frames=KeyFrames((), "detected"),
        schema=draft.schema,
        parent=corrections.parent_for("Ann"),
    )
    assert corrections.store is not None
    corrections.store.commit(revision)
    return revision


def as_after_a_crash(corrections: Corrections, tmp_path: Path) -> list[Replay]:
    """Find what another program finds in a copy of the journal as it is on the disk."""
    import shutil

    journal = draft_of(corrections).journal
    assert journal is not None
    assert journal.flush(10)
    copy = tmp_path / f"copy-{time.monotonic_ns()}"
    copy.mkdir()
    shutil.copy(journal.path, copy)
    return JournalFolder(copy).waiting()


def test_edits_are_found_again_with_all_that_they_need(
    corrections: Corrections, clip: EchoClip, tmp_path: Path
) -> None:
    paint(corrections, 2, 5)
    paint(corrections, 0, 10)
    corrections.accept(3)
    corrections.describe("Ann", "thin septum", KeyFrames((Beat(0, 2),), "set by reader"))
    labels = draft_of(corrections).labels.copy()
    (replay,) = as_after_a_crash(corrections, tmp_path)
    assert replay.uncommitted == (0, 2, 3)
    assert (replay.clip_id, replay.source) == (clip.clip_id, clip.source)
    assert (replay.reader, replay.comment) == ("Ann", "thin septum")
    assert replay.key_frames == KeyFrames((Beat(0, 2),), "set by reader")
    assert replay.base.kind == "truth"
    assert replay.schema == LV_SCHEMA
    assert replay.started == draft_of(corrections).started
    assert replay.hashes == {frame: clip.frame_hash(frame) for frame in (0, 2)}
    assert np.array_equal(replay.labels(), labels)
    assert np.array_equal(replay.baseline(), draft_of(corrections).baseline)


def test_undo_goes_on_after_a_recovery(
    corrections: Corrections, clip: EchoClip, tmp_path: Path
) -> None:
    start = draft_of(corrections).labels.copy()
    states = []
    for frame, x in ((1, 2), (1, 9), (3, 4)):
        states.append(draft_of(corrections).labels.copy())
        paint(corrections, frame, x)
    third = draft_of(corrections).labels.copy()
    corrections.undo()
    (replay,) = as_after_a_crash(corrections, tmp_path)
    folder = JournalFolder(replay.path.parent)
    recovered = recover(folder, replay, clip)
    later = Corrections(None, folder)
    later.begin(clip)
    later.take_up(recovered)
    assert np.array_equal(draft_of(later).labels, states[2])
    later.redo()
    assert np.array_equal(draft_of(later).labels, third)
    for state in reversed(states):
        later.undo()
        assert np.array_equal(draft_of(later).labels, state)
    assert later.uncommitted == ()
    assert np.array_equal(draft_of(later).labels, start)
    later.close()
    assert folder.waiting() == []


def test_strokes_after_a_recovery_are_in_the_same_journal(
    corrections: Corrections, clip: EchoClip, tmp_path: Path
) -> None:
    paint(corrections, 1, 2)
    (replay,) = as_after_a_crash(corrections, tmp_path)
    folder = JournalFolder(replay.path.parent)
    later = Corrections(None, folder)
    later.begin(clip)
    later.take_up(recover(folder, replay, clip))
    paint(later, 2, 2)
    (again,) = as_after_a_crash(later, tmp_path)
    assert again.uncommitted == (1, 2)
    assert again.spent >= replay.spent
    later.close()


def test_writes_that_nothing_tells_of_are_found_by_looking(
    corrections: Corrections, tmp_path: Path
) -> None:
    draft_of(corrections).labels[3, 5, 5] = 0
    assert corrections.uncommitted == ()
    corrections.look()
    assert corrections.uncommitted == (3,)
    (replay,) = as_after_a_crash(corrections, tmp_path)
    assert replay.labels()[3, 5, 5] == 0


def test_looking_without_time_comes_round_to_every_frame(corrections: Corrections) -> None:
    draft_of(corrections).labels[2, 5, 5] = 0
    for _ in range(SHAPE[0]):
        corrections.look(0.0)
    assert corrections.uncommitted == (2,)


def test_undo_goes_back_over_a_commit(
    corrections: Corrections, clip: EchoClip, tmp_path: Path
) -> None:
    paint(corrections, 1, 2)
    corrections.take_commit(commit(corrections, clip))
    assert corrections.uncommitted == ()
    assert as_after_a_crash(corrections, tmp_path) == []
    corrections.undo()
    assert corrections.uncommitted == (1,)
    assert (draft_of(corrections).labels == 1).all()
    (replay,) = as_after_a_crash(corrections, tmp_path)
    assert replay.uncommitted == (1,)
    assert replay.base == draft_of(corrections).base


def test_a_commit_that_the_journal_did_not_hear_of_is_seen_in_the_store(
    corrections: Corrections, clip: EchoClip, tmp_path: Path
) -> None:
    paint(corrections, 1, 2)
    paint(corrections, 2, 2)
    revision = commit(corrections, clip)
    paint(corrections, 2, 20)
    (replay,) = as_after_a_crash(corrections, tmp_path)
    assert replay.uncommitted == (1, 2)
    replay.settle([revision])
    assert replay.uncommitted == (2,)
    assert replay.base.id == revision.revision_id


def test_undo_never_reaches_another_clip(corrections: Corrections, clip: EchoClip) -> None:
    paint(corrections, 1, 2)
    other = make_clip(1)
    truth = Segmentation(np.ones(SHAPE, np.uint8), np.ones(SHAPE[0], bool), "ground truth")
    corrections.begin(other)
    corrections.undo()
    corrections.start("truth", None, truth)
    corrections.undo()
    assert (draft_of(corrections).labels == 1).all()
    assert not draft_of(corrections).history.can_redo


def test_a_long_journal_is_compacted_and_says_the_same(
    clip: EchoClip, folder: JournalFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_writer, "COMPACT_BYTES", 3000)
    corrections = begin(clip, folder, tmp_path)
    journal = draft_of(corrections).journal
    assert journal is not None
    rng = np.random.default_rng(0)
    largest = 0
    for number in range(700):
        paint(corrections, int(rng.integers(4)), int(rng.integers(26)), number % 2)
        if number % 9 == 0:
            corrections.undo()
        if number % 50 == 0:
            assert journal.flush(10)
            largest = max(largest, journal.path.stat().st_size)
        if number == 400:
            corrections.take_commit(commit(corrections, clip))
    assert largest < 300_000
    corrections.undo()
    (replay,) = as_after_a_crash(corrections, tmp_path)
    draft = draft_of(corrections)
    assert np.array_equal(replay.labels(), draft.labels)
    assert np.array_equal(replay.baseline(), draft.baseline)
    assert (replay.base, replay.uncommitted) == (draft.base, corrections.uncommitted)
    mine, theirs = draft.labels.copy(), replay.labels()
    for _ in range(3):
        assert draft.history.redo(mine) == replay.history.redo(theirs)
    for _ in range(250):
        assert draft.history.undo(mine) == replay.history.undo(theirs)
        assert np.array_equal(mine, theirs)


class TestEnding:
    def test_a_draft_without_edits_leaves_nothing(
        self, corrections: Corrections, folder: JournalFolder
    ) -> None:
        paint(corrections, 1, 2)
        corrections.undo()
        corrections.close()
        assert list(folder.path.glob("*.journal")) == []

    def test_an_open_draft_is_not_offered_to_anyone_else(
        self, corrections: Corrections, folder: JournalFolder
    ) -> None:
        paint(corrections, 1, 2)
        assert draft_of(corrections).journal is not None
        assert folder.waiting() == []
        corrections.leave()
        assert [replay.uncommitted for replay in folder.waiting()] == [(1,)]

    def test_searches_at_the_same_time_find_the_same(
        self, corrections: Corrections, folder: JournalFolder
    ) -> None:
        from concurrent.futures import ThreadPoolExecutor

        paint(corrections, 1, 2)
        corrections.leave()
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: len(folder.waiting()), range(32)))
        assert found == [1] * 32

    def test_what_is_discarded_is_set_aside_and_not_offered(
        self, corrections: Corrections, folder: JournalFolder
    ) -> None:
        paint(corrections, 1, 2)
        corrections.discard()
        assert folder.waiting() == []
        (kept,) = (folder.path / "set-aside").glob("*.journal")
        assert Replay(kept).uncommitted == (1,)

    def test_edits_put_away_by_a_reader_are_kept(
        self, corrections: Corrections, folder: JournalFolder
    ) -> None:
        paint(corrections, 1, 2)
        corrections.leave()
        (replay,) = folder.waiting()
        kept = folder.set_aside(replay)
        assert Replay(kept).uncommitted == (1,)
        assert folder.waiting() == []

    def test_two_cannot_take_up_the_same_edits(
        self, corrections: Corrections, clip: EchoClip, folder: JournalFolder
    ) -> None:
        paint(corrections, 1, 2)
        corrections.leave()
        (replay,) = folder.waiting()
        recover(folder, replay, clip)
        with pytest.raises(EchoError, match="someone else"):
            recover(JournalFolder(folder.path), replay, clip)

    def test_a_journal_that_cannot_be_read_is_set_aside(self, folder: JournalFolder) -> None:
        folder.path.mkdir(parents=True)
        (folder.path / "odd.journal").write_bytes(b"something else")
        assert folder.waiting() == []
        assert (folder.path / "set-aside" / "odd.journal").read_bytes() == b"something else"


def test_edits_are_never_laid_on_other_pixels(
    corrections: Corrections, clip: EchoClip, folder: JournalFolder
) -> None:
    paint(corrections, 1, 2)
    corrections.leave()
    (replay,) = folder.waiting()
    other = make_clip(1, clip.source)
    (sentence,) = foreign([replay], other)
    assert clip.clip_id in sentence
    assert other.clip_id in sentence
    with pytest.raises(EchoError, match="do not belong"):
        recover(folder, replay, other)
    assert replay.path.is_file()
    assert foreign([replay], clip) == []
    assert foreign([replay], make_clip(2)) == []


class TestTrouble:
    def test_a_journal_that_cannot_be_written_says_so_and_goes_on_when_it_can(
        self, clip: EchoClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(journal_writer, "RETRY_S", 0.05)
        blocked = tmp_path / "blocked"
        blocked.write_text("a file where the folder should be")
        corrections = begin(clip, JournalFolder(blocked / "journal"), tmp_path)
        paint(corrections, 1, 2)
        deadline = time.monotonic() + 10
        while not corrections.journal_error and time.monotonic() < deadline:
            time.sleep(0.01)
        assert "blocked" in corrections.journal_error
        blocked.unlink()
        (replay,) = as_after_a_crash(corrections, tmp_path)
        assert replay.uncommitted == (1,)
        assert corrections.journal_error == ""

    @pytest.mark.parametrize("trouble", ["below a file", "vanished", "full", "clock"])
    def test_a_commit_that_fails_leaves_the_edits_in_the_draft_and_the_journal(
        self,
        corrections: Corrections,
        clip: EchoClip,
        tmp_path: Path,
        trouble: str,
    ) -> None:
        import resource
        import signal

        store = corrections.store
        assert store is not None
        paint(corrections, 1, 2)
        if trouble == "below a file":
            (tmp_path / "file").write_text("")
            corrections.set_store(LabelStore(tmp_path / "file" / "labels"))
        elif trouble == "vanished":
            corrections.take_commit(commit(corrections, clip))
            paint(corrections, 1, 12)
            store.path.rename(tmp_path / "unplugged")
        elif trouble == "clock":
            draft_of(corrections).started = datetime.now(UTC) + timedelta(days=1)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            if trouble == "full":
                journal = draft_of(corrections).journal
                assert journal is not None
                assert journal.flush(10)
                resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
            with pytest.raises(EchoError):
                commit(corrections, clip)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, handler)
        assert corrections.uncommitted == (1,)
        (replay,) = as_after_a_crash(corrections, tmp_path)
        assert replay.uncommitted == (1,)
        assert np.array_equal(replay.labels(), draft_of(corrections).labels)


def test_a_process_that_is_killed_leaves_its_edits(tmp_path: Path, journal: Path) -> None:
    code = f"""
import os, signal, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from test_journal import begin, make_clip, paint
from napari_echo.workflow.journal import JournalFolder
corrections = begin(make_clip(), JournalFolder(), Path({str(tmp_path)!r}))
paint(corrections, 1, 2)
paint(corrections, 2, 2)
corrections.draft.journal.flush(10)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ}, check=False)
    assert done.returncode == -9
    (replay,) = JournalFolder(journal).waiting()
    assert replay.uncommitted == (1, 2)
    assert replay.history.undo(replay.labels()) == (2,)
