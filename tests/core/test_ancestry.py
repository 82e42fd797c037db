"""The order of revisions, heads, forks, and the pixels that a revision labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_echo.core.ancestry import forks, heads, in_order
from napari_echo.core.clip import EchoClip
from napari_echo.core.errors import EchoError
from napari_echo.core.keyframes import KeyFrames
from napari_echo.core.labels import LV_SCHEMA
from napari_echo.core.revision import Base, Revision, check_frames

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Node:
    revision_id: str
    parents: tuple[str, ...] = ()
    minute: int = 0
    clip_id: str = "clip"

    @property
    def committed(self) -> datetime:
        return NOON + timedelta(minutes=self.minute)


def _ids(nodes: list[Node]) -> str:
    return "".join(node.revision_id for node in nodes)


def _forks(nodes: list[Node]) -> list[str]:
    return sorted(_ids(list(fork)) for fork in forks(nodes))


def test_a_chain_has_one_head_and_no_fork() -> None:
    chain = [Node("c", ("b",), 2), Node("a", (), 0), Node("b", ("a",), 1)]
    assert _ids(in_order(chain)) == "abc"
    assert _ids(heads(chain)) == "c"
    assert _forks(chain) == []


def test_two_children_of_one_parent_are_a_fork_until_a_reader_resolves_it() -> None:
    fork = [Node("a"), Node("b", ("a",), 1), Node("c", ("a",), 2)]
    assert _forks(fork) == ["bc"]
    resolved = [*fork, Node("d", ("c", "b"), 3)]
    assert _ids(heads(resolved)) == "d"
    assert _forks(resolved) == []
    late = [*resolved, Node("e", ("b",), 4)]  # another store still went on from one side
    assert _forks(late) == ["de"]


def test_two_readings_are_no_fork_and_clips_are_apart() -> None:
    nodes = [Node("a"), Node("b", (), 1), Node("c", ("a",), 2), Node("d", ("a",), 3, "other")]
    assert _ids(heads(nodes)) == "bcd"
    assert _forks(nodes) == []


def test_a_parent_in_another_store_still_makes_a_fork() -> None:
    nodes = [Node("b", ("elsewhere",), 1), Node("c", ("elsewhere",), 2)]
    assert _forks(nodes) == ["bc"]
    assert _ids(in_order(nodes)) == "bc"


def test_a_resolution_comes_after_all_that_it_replaces_whatever_the_clocks_said() -> None:
    nodes = [Node("a", (), 9), Node("b", ("a",), 8), Node("c", ("a",), 7), Node("d", ("b", "c"), 1)]
    assert _ids(in_order(nodes)) == "acbd"


def test_a_circle_is_damage() -> None:
    with pytest.raises(EchoError, match="own ancestor"):
        in_order([Node("a", ("b",)), Node("b", ("a",))])


@given(st.data())
def test_order_keeps_all_and_forks_are_heads(data: st.DataObject) -> None:
    nodes: list[Node] = []
    for i in range(data.draw(st.integers(0, 12))):
        earlier = [node.revision_id for node in nodes]
        parents = data.draw(st.sets(st.sampled_from(earlier), max_size=2)) if earlier else set()
        nodes.append(Node(chr(97 + i), tuple(parents), data.draw(st.integers(0, 9))))
    ordered = in_order(data.draw(st.permutations(nodes)))
    place = {node.revision_id: i for i, node in enumerate(ordered)}
    assert sorted(place) == [node.revision_id for node in nodes]
    assert all(place[p] < place[n.revision_id] for n in nodes for p in n.parents)

    ancestors: dict[str, set[str]] = {}
    for node in ordered:
        above = [ancestors[parent] for parent in node.parents]
        ancestors[node.revision_id] = {node.revision_id}.union(*above)
    ends = heads(nodes)
    forked = {head.revision_id for fork in forks(nodes) for head in fork}
    assert set().union(*(ancestors[head.revision_id] for head in ends)) == set(place)
    for head in ends:
        others = [ancestors[o.revision_id] for o in ends if o is not head]
        shares = any(ancestors[head.revision_id] & other for other in others)
        assert shares == (head.revision_id in forked)


@pytest.fixture
def clip() -> EchoClip:
    frames = np.random.default_rng(0).integers(0, 255, (4, 20, 24), dtype=np.uint8)
    return EchoClip.from_frames(frames, study_id="s")


@pytest.fixture
def revision(clip: EchoClip) -> Revision:
    return Revision(
        "1" * 32, clip.clip_id, "s", (4, 20, 24), (1,), (clip.frame_hash(1),),
        np.zeros((1, 20, 24), np.uint8), LV_SCHEMA, Base("nothing", ""), None,
        KeyFrames((), "traced"), "ann", NOON, NOON, 0.0, "accepted", "", "x",
    )  # fmt: skip


@pytest.mark.parametrize("changed", [1, 2, None])
def test_other_pixels_are_refused_by_both_hashes(
    clip: EchoClip, revision: Revision, changed: int | None
) -> None:
    check_frames(revision, clip)
    frames = clip.frames[:3].copy() if changed is None else clip.frames.copy()
    if changed is not None:
        frames[changed, 0, 0] ^= 1
    other = EchoClip.from_frames(frames, study_id="s")
    with pytest.raises(EchoError, match=r"not the (frame|clip) that was labelled") as caught:
        check_frames(revision, other)
    hashes = [c.frame_hash(1) if changed == 1 else c.clip_id for c in (clip, other)]
    assert all(digest in str(caught.value) for digest in hashes)


def test_what_a_revision_replaces(revision: Revision) -> None:
    assert revision.parents == ()
    resolved = replace(revision, parent="2" * 32, supersedes=("3" * 32,))
    assert resolved.parents == ("2" * 32, "3" * 32)
    with pytest.raises(EchoError, match="once"):
        replace(revision, parent="2" * 32, supersedes=("2" * 32,))
