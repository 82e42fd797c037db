"""Two label stores against plain dictionaries, under commits, forks, merges and damage."""

from __future__ import annotations

import random
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from napari_echo.core.ancestry import forks, heads
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import LV_SCHEMA
from napari_echo.core.revision import Base, Revision
from napari_echo.io.store import LabelStore
from napari_echo.io.store_index import cache_file
from napari_echo.io.store_merge import merge
from napari_echo.io.store_verify import SET_ASIDE, set_aside, verify

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SIDES = st.sampled_from(("mine", "yours"))


def _make(number: int, clip: str, labels: int, parents: tuple[str, ...], minute: int) -> Revision:
    time = NOON + timedelta(minutes=minute)
    return Revision(
        f"{number:032x}", clip, "study", (3, 4, 4), (1,), ("0" * 64,),
        np.full((1, 4, 4), labels, np.uint8), LV_SCHEMA, Base("nothing", ""),
        parents[0] if parents else None, KeyFrames((), "traced"), "ann", time, time, 1.0,
        "accepted", "", "test", parents[1:],
    )  # fmt: skip


class StoreMachine(RuleBasedStateMachine):
    """What each store holds by the model: whole revisions, damaged bytes, what was set aside."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.stores = {side: LabelStore(self.folder / side) for side in ("mine", "yours")}
        self.whole: dict[str, dict[str, Revision]] = {"mine": {}, "yours": {}}
        self.damaged: dict[str, dict[str, bytes]] = {"mine": {}, "yours": {}}
        self.aside: dict[str, list[bytes]] = {"mine": [], "yours": []}
        self.count = 0

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def _path(self, side: str, revision_id: str) -> Path:
        return self.stores[side].path / f"{revision_id}.tif"

    def _commit(self, side: str, clip: str, labels: int, parents: tuple[str, ...]) -> None:
        self.count += 1
        revision = _make(self.count, clip, labels, parents, self.count)
        self.stores[side].commit(revision)
        self.whole[side][revision.revision_id] = revision

    @initialize(side=SIDES)
    def begin(self, side: str) -> None:
        """Both stores know one revision."""
        self._commit(side, "clip a", 0, ())
        self.merge(side)

    # Rules --------------------------------------------------------------------

    @rule(side=SIDES, clip=st.sampled_from(("clip a", "clip b")), labels=st.integers(0, 1))
    def commit_a_first_reading(self, side: str, clip: str, labels: int) -> None:
        self._commit(side, clip, labels, ())

    @rule(side=SIDES, data=st.data(), labels=st.integers(0, 1))
    def go_on_from_any(self, side: str, data: st.DataObject, labels: int) -> None:
        """Where the parent has a child already, this makes a fork."""
        if self.whole[side]:
            parent = data.draw(st.sampled_from(sorted(self.whole[side])))
            self._commit(side, self.whole[side][parent].clip_id, labels, (parent,))

    @rule(side=SIDES)
    def fork_and_resolve(self, side: str) -> None:
        """Make a fork where there is none; resolve the first."""
        if not self._found_forks(side):
            for parent in sorted(self.whole[side])[-1:] * 2:
                self._commit(side, self.whole[side][parent].clip_id, 0, (parent,))
        for fork in forks(self.stores[side].revisions())[:1]:
            parents = tuple(head.revision_id for head in fork)
            self._commit(side, fork[0].clip_id, 1, parents)
            assert not any({*parents} & set(f) for f in self._found_forks(side))

    @rule(side=SIDES, data=st.data())
    def commit_what_is_refused(self, side: str, data: st.DataObject) -> None:
        if not self.whole[side]:
            return
        taken = self.whole[side][data.draw(st.sampled_from(sorted(self.whole[side])))]
        before = self._path(side, taken.revision_id).read_bytes()
        for refused in (
            _make(int(taken.revision_id, 16), taken.clip_id, 1, (), 999),
            _make(10**6, taken.clip_id, 1, (taken.revision_id,), -1),
        ):
            with pytest.raises(EchoError):
                self.stores[side].commit(refused)
        assert self._path(side, taken.revision_id).read_bytes() == before

    @rule(side=SIDES)
    def merge(self, side: str) -> None:
        other = "yours" if side == "mine" else "mine"
        if not self.stores[other].path.exists():
            return
        before = self._found_forks(side)
        merged = merge(self.stores[side], self.stores[other].path)
        there = self.whole[side].keys() | self.damaged[side].keys()
        expected = {name: r for name, r in self.whole[other].items() if name not in there}
        assert set(merged.copied) == expected.keys()
        assert {found.path.stem for found in merged.damaged} == self.damaged[other].keys()
        assert {found.path.stem for found in merged.conflicts} == (
            self.whole[other].keys() & self.damaged[side].keys()
        )
        self.whole[side].update(expected)
        arose = {frozenset(row.revision_id for row in fork) for fork in merged.forks}
        assert arose == self._found_forks(side) - before

    @rule(side=SIDES, how=st.sampled_from(("delete", "cut", "flip")), place=st.integers(0, 2**14))
    def spoil_the_index(self, side: str, how: str, place: int) -> None:
        path = cache_file(self.stores[side].path)
        if not path.exists():
            return
        raw = bytearray(path.read_bytes())
        if how == "delete" or not raw:
            path.unlink()
        elif how == "cut":
            path.write_bytes(raw[: place % len(raw)])
        else:
            raw[place % len(raw)] ^= 1 << place % 8
            path.write_bytes(raw)

    @precondition(lambda self: self.whole["mine"] and self.whole["yours"])
    @rule(side=SIDES, data=st.data(), seed=st.integers(0, 2**16))
    def spoil_a_revision(self, side: str, data: st.DataObject, seed: int) -> None:
        name = data.draw(st.sampled_from(sorted(self.whole[side])))
        path = self._path(side, name)
        raw = bytearray(path.read_bytes())
        # All places alike: drawn numbers would mostly be small, in the file's header.
        chance = random.Random(seed)
        place = chance.randrange(len(raw))
        if chance.random() < 0.25:
            raw = raw[:place]
        else:
            raw[place] ^= 1 << chance.randrange(8)
        path.write_bytes(raw)
        del self.whole[side][name]
        self.damaged[side][name] = bytes(raw)

    @rule(side=SIDES, move=st.booleans())
    def verify(self, side: str, move: bool) -> None:
        store = self.stores[side]
        if not store.path.exists():
            return
        checked = verify(store.path)
        assert checked.whole == len(self.whole[side])
        found = {f.path.stem for f in checked.findings if f.kind == "damaged"}
        assert found == self.damaged[side].keys()
        lacking = {f.path.stem for f in checked.findings if "parent" in f.kind}
        assert lacking == {
            name for name, r in self.whole[side].items() if {*r.parents} - self.whole[side].keys()
        }
        if move:
            assert len(set_aside(store.path, checked.damage)) == len(self.damaged[side])
            self.aside[side] += self.damaged[side].values()
            self.damaged[side] = {}

    # What always holds ----------------------------------------------------------

    @invariant()
    def every_revision_is_there(self) -> None:
        for side, store in self.stores.items():
            if not store.path.exists():
                continue
            known = self.whole[side]
            found = {revision.revision_id: revision for revision in store.revisions()}
            assert found.keys() == known.keys()
            assert {d.path.stem for d in store.damaged} == self.damaged[side].keys()
            for name, revision in found.items():
                assert (revision.labels == known[name].labels).all()
                assert revision.parents == known[name].parents
                assert revision.committed == known[name].committed

    @invariant()
    def no_byte_is_lost(self) -> None:
        for side, store in self.stores.items():
            for name, raw in self.damaged[side].items():
                assert self._path(side, name).read_bytes() == raw
            aside = (store.path / SET_ASIDE).glob("*.tif")
            assert sorted(path.read_bytes() for path in aside) == sorted(self.aside[side])

    @invariant()
    def heads_and_forks_are_those_of_the_model(self) -> None:
        for side, known in self.whole.items():
            if not self.stores[side].path.exists():
                continue
            parents = {parent for revision in known.values() for parent in revision.parents}
            every = self.stores[side].rows()
            assert {row.revision_id for row in every} == known.keys()
            assert {row.revision_id for row in heads(every)} == known.keys() - parents
            assert self._found_forks(side) == self._forks(side)

    def _found_forks(self, side: str) -> set[frozenset[str]]:
        found = forks(self.stores[side].rows())
        return {frozenset(head.revision_id for head in fork) for fork in found}

    def _forks(self, side: str) -> set[frozenset[str]]:
        """Join heads until no two groups share an ancestor."""
        known: dict[str, Any] = self.whole[side]

        def ancestry(name: str) -> set[str]:
            line, above = set(), [name]
            while above:
                line.add(one := above.pop())
                above += [p for p in (known[one].parents if one in known else ()) if p not in line]
            return line

        parents = {parent for revision in known.values() for parent in revision.parents}
        groups: list[tuple[set[str], set[str]]] = []
        for head in known.keys() - parents:
            members, line = {head}, ancestry(head)
            for group in [group for group in groups if group[1] & line]:
                groups.remove(group)
                members, line = members | group[0], line | group[1]
            groups.append((members, line))
        return {frozenset(members) for members, _ in groups if len(members) > 1}


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=30, stateful_step_count=20)
