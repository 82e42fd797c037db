"""What is killed: editing, committing, exporting and merging. Add to `ACTIVITIES`."""

from __future__ import annotations

import itertools
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from harness import Activity, Say
from plan import acts, make_clip, make_truth, paint, states

from napari_echo.core.clip import hash_array
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import Beat, KeyFrames
from napari_echo.core.revision import Revision
from napari_echo.io.clipset import open_clipset
from napari_echo.io.store import LabelStore
from napari_echo.io.store_merge import merge
from napari_echo.io.store_verify import verify
from napari_echo.workflow import journal_writer
from napari_echo.workflow.correct import correct
from napari_echo.workflow.corrections import Corrections
from napari_echo.workflow.export import export_clipset
from napari_echo.workflow.journal import JournalFolder
from napari_echo.workflow.recover import recover

PROMISE_S = 1.0
"""Edits older than this are in the journal."""
_KEY_FRAMES = KeyFrames((Beat(0, 3),), "traced")


def _begin(place: Path, seed: int) -> Corrections:
    corrections = Corrections(LabelStore(place / "store"), JournalFolder(place / "journal"))
    corrections.reader = "chance"
    corrections.begin(make_clip(seed))
    corrections.start("truth", None, make_truth(seed))
    return corrections


def _act(corrections: Corrections, act: Any) -> None:
    """Act as a reader does in the window."""
    draft = corrections.draft
    assert draft is not None
    if act.what == "undo":
        corrections.undo()
    elif act.what == "redo":
        corrections.redo()
    else:
        paint(draft.labels, act)
        corrections.touch(act.frame)


def _revision(corrections: Corrections, seed: int) -> Revision:
    draft = corrections.draft
    assert draft is not None
    return correct(
        make_clip(seed),
        draft.labels,
        corrections.uncommitted,
        draft.base,
        reader="chance",
        started=draft.started,
        key_frames=_KEY_FRAMES,
        schema=draft.schema,
        parent=corrections.parent_for("chance"),
    )


class Edit:
    """Paints, undoes and does again; the journal is compacted all the time."""

    name, longest = "edit", 0.3

    def prepare(self, place: Path, seed: int) -> None:
        """Need nothing."""

    def work(self, place: Path, seed: int, say: Say) -> None:
        """Edit about 200 times a second."""
        journal_writer.COMPACT_BYTES = 20_000
        corrections = _begin(place, seed)
        for number, act in enumerate(acts(seed), 1):
            _act(corrections, act)
            say({"edit": number})
            time.sleep(0.004)

    def check(self, place: Path, seed: int, said: list[dict[str, Any]], killed: float) -> list[str]:
        """Find the labels as they were within the last second, and undo in them."""
        made = [word["t"] for word in said if "edit" in word]
        oldest = sum(t <= killed - PROMISE_S for t in made)
        clip, start = make_clip(seed), make_truth(seed).labels
        # One more may have been made than it lived to say.
        expected = states(seed, start, len(made) + 1)
        folder = JournalFolder(place / "journal")
        try:
            waiting = folder.waiting()
            recovered = [recover(folder, replay, clip) for replay in waiting]
        except EchoError as error:
            return [f"the journal cannot be recovered: {error}"]
        aside = list((folder.path / "set-aside").glob("*.journal"))
        # A start that was cut off holds no edit.
        if aside and oldest:
            return [f"{aside[0].name} was set aside with {oldest} edits in it"]
        if len(recovered) > 1:
            return [f"{len(recovered)} journals wait, of one draft"]
        labels = recovered[0].draft.labels if recovered else start
        matches = [k for k, state in enumerate(expected) if np.array_equal(state, labels)]
        if not any(k >= oldest for k in matches):
            return [f"{oldest} of {len(made)} edits were safe, but it has the labels of {matches}"]
        if recovered:
            draft = recovered[0].draft
            while draft.undo():
                if not any(np.array_equal(state, draft.labels) for state in expected):
                    return ["an undo led to labels that never were"]
            strokes = len(draft.history.strokes)
            if strokes < 200 and not np.array_equal(draft.labels, start):
                return [f"{strokes} undos do not lead back to the start"]
            assert draft.journal is not None
            folder.end(draft.journal, "keep")
            if not folder.settle(5):
                return ["the recovered journal does not end"]
        return []


class LongEdit(Edit):
    """Edits for so long that most of it is older than a second."""

    name, longest = "edit, over 1 s", 2.0


class Commit:
    """Edits and commits, each commit the child of the one before."""

    name, longest = "commit", 0.3

    def prepare(self, place: Path, seed: int) -> None:
        """Need nothing."""

    def work(self, place: Path, seed: int, say: Say) -> None:
        """Commit after every third edit."""
        corrections = _begin(place, seed)
        assert corrections.store is not None
        say({"working": True})
        for number, act in enumerate(acts(seed), 1):
            _act(corrections, act)
            if number % 3 == 0 and corrections.uncommitted:
                revision = _revision(corrections, seed)
                say({"begun": revision.revision_id})
                corrections.store.commit(revision)
                say({"commit": revision.revision_id, "sha256": hash_array(revision.labels)})
                corrections.take_commit(revision)

    def check(self, place: Path, seed: int, said: list[dict[str, Any]], killed: float) -> list[str]:
        """Find every commit that returned, whole, and a store that verifies."""
        store = LabelStore(place / "store")
        wrong = _check_store(store.path)
        there = {r.revision_id: r for r in store.revisions()} if store.path.is_dir() else {}
        if sorted(there) != sorted(row.revision_id for row in store.rows()):
            wrong.append("the index lists other revisions than there are")
        for word in said:
            if "commit" in word:
                found = there.get(word["commit"])
                if found is None:
                    wrong.append(f"revision {word['commit']} was committed and is gone")
                elif hash_array(found.labels) != word["sha256"]:
                    wrong.append(f"revision {word['commit']} has other labels")
        begun = {word["begun"] for word in said if "begun" in word}
        wrong += [f"revision {strange} came from nowhere" for strange in there.keys() - begun]
        for replay in JournalFolder(place / "journal").waiting():
            replay.settle(there.values())
            if there and replay.started > datetime.now(UTC):
                wrong.append("a draft began in the future")
        return wrong


class Verdict:
    """Hands drafts over to commits that end after the next draft has begun."""

    name, longest = "verdict", 0.3

    def prepare(self, place: Path, seed: int) -> None:
        """Need nothing."""

    def work(self, place: Path, seed: int, say: Say) -> None:
        """Give a verdict after every third edit that the journal has."""
        corrections = _begin(place, seed)
        assert corrections.store is not None
        say({"working": True})
        for number, act in enumerate(acts(seed), 1):
            _act(corrections, act)
            if number % 3 or not corrections.uncommitted:
                continue
            draft = corrections.draft
            assert draft is not None
            assert draft.journal is not None
            corrections.accept(*corrections.uncommitted)
            corrections.describe("chance", "", _KEY_FRAMES)
            draft.journal.flush()
            frames = {str(f): hash_array(draft.labels[f]) for f in corrections.uncommitted}
            say({"safe": frames})
            revision = _revision(corrections, seed)
            corrections.hand_over()
            corrections.start("truth", None, make_truth(seed))
            corrections.store.commit(revision)
            corrections.take_handed(make_clip(seed), draft, revision)
            say({"verdict": revision.revision_id})

    def check(self, place: Path, seed: int, said: list[dict[str, Any]], killed: float) -> list[str]:
        """Find the frames of every verdict in the store, or waiting in the journal."""
        store = LabelStore(place / "store")
        wrong = _check_store(store.path)
        revisions = store.revisions() if store.path.is_dir() else []
        found = {
            (str(frame), hash_array(np.ascontiguousarray(labels)))
            for revision in revisions
            for frame, labels in zip(revision.frames, revision.labels, strict=True)
        }
        for replay in JournalFolder(place / "journal").waiting():
            found |= {(str(f), hash_array(replay.labels()[f])) for f in replay.uncommitted}
        for word in said:
            lost = set(word.get("safe", {}).items()) - found
            wrong += [f"frame {frame} of a verdict is lost" for frame, _ in sorted(lost)]
        there = {revision.revision_id for revision in revisions}
        given = {word["verdict"] for word in said if "verdict" in word}
        wrong += [f"revision {gone} was committed and is gone" for gone in given - there]
        return wrong


class Export:
    """Exports a store to one folder after another."""

    name, longest = "export", 0.3

    def prepare(self, place: Path, seed: int) -> None:
        """Commit three revisions."""
        _fill(LabelStore(place / "store"), seed, 3)

    def work(self, place: Path, seed: int, say: Say) -> None:
        """Export as often as there is time for."""
        revisions = LabelStore(place / "store").revisions()
        clip = make_clip(seed)
        say({"working": True})
        for number in itertools.count():
            export_clipset(revisions, {clip.clip_id: clip}, place / "out" / f"set-{number}")
            say({"export": number})

    def check(self, place: Path, seed: int, said: list[dict[str, Any]], killed: float) -> list[str]:
        """Find each export whole or not at all."""
        wrong = _check_store(place / "store")
        found = {path.name for path in (place / "out").glob("[!.]*")}
        promised = {f"set-{word['export']}" for word in said if "export" in word}
        wrong += [f"{name} was exported and is gone" for name in sorted(promised - found)]
        labels = _latest(LabelStore(place / "store"))
        for name in sorted(found):
            try:
                exported = open_clipset(place / "out" / name)
                (entry,) = exported.entries
                same = all(
                    np.array_equal(mask, labels[frame])
                    for frame, mask in zip(
                        entry.labelled_frames, exported.labels(entry), strict=True
                    )
                )
                if not same or set(entry.labelled_frames) != labels.keys():
                    wrong.append(f"{name} has other labels than the store")
            except (EchoError, OSError, ValueError) as error:
                wrong.append(f"{name} is no whole export: {error}")
        return wrong


class Merge:
    """Merges one store into another, again and again."""

    name, longest = "merge", 0.3

    def prepare(self, place: Path, seed: int) -> None:
        """Fill two stores."""
        _fill(LabelStore(place / "theirs"), seed, 12)
        _fill(LabelStore(place / "store-0"), seed + 1, 2)

    def work(self, place: Path, seed: int, say: Say) -> None:
        """Merge into one store after another."""
        say({"working": True})
        for number in itertools.count():
            merged = merge(LabelStore(place / f"store-{number}"), place / "theirs")
            say({"merge": number, "copied": merged.copied})

    def check(self, place: Path, seed: int, said: list[dict[str, Any]], killed: float) -> list[str]:
        """Find what was copied, byte for byte, and stores that verify."""
        wrong = _check_store(place / "theirs")
        theirs = {path.name: path.read_bytes() for path in (place / "theirs").glob("[!.]*")}
        stores = sorted(place.glob("store-*"))
        for path in stores:
            # The last one may hold a child whose parent has not come yet.
            wrong += _check_store(path, partial=True)
            for file in path.glob("[!.]*"):
                if file.name in theirs and file.read_bytes() != theirs[file.name]:
                    wrong.append(f"{file} is not the file that was merged")
        for word in said:
            if "merge" in word:
                names = {p.name for p in (place / f"store-{word['merge']}").glob("[!.]*")}
                wrong += [f"{n} was merged and is gone" for n in sorted(theirs.keys() - names)]
        # A merge that was cut off goes on where it was.
        if stores:
            merge(LabelStore(stores[-1]), place / "theirs")
            wrong += _check_store(stores[-1])
        return wrong


ACTIVITIES: list[Activity] = [Edit(), LongEdit(), Commit(), Verdict(), Export(), Merge()]


def _fill(store: LabelStore, seed: int, n: int) -> None:
    clip, truth = make_clip(seed), make_truth(seed)
    parent = None
    from napari_echo.core.revision import Base

    for number, act in zip(range(n), acts(seed), strict=False):
        labels = truth.labels.copy()
        paint(labels, act)
        revision = correct(
            clip,
            labels,
            (act.frame,),
            Base("truth", ""),
            reader="chance",
            started=datetime.now(UTC) - timedelta(seconds=n - number),
            key_frames=_KEY_FRAMES,
            schema=truth.schema,
            parent=parent,
        )
        store.commit(revision)
        parent = revision.revision_id


def _latest(store: LabelStore) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for revision in store.revisions():
        found.update(zip(revision.frames, revision.labels, strict=True))
    return found


def _check_store(path: Path, *, partial: bool = False) -> list[str]:
    """Verify a store; files of a write that was cut off are known for what they are."""
    if not path.is_dir():
        return []
    allowed = {"leftover"} | ({"missing parent"} if partial else set())
    return [finding.text for finding in verify(path).findings if finding.kind not in allowed]
