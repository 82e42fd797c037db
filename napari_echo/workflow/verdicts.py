"""What a label store says of listed clips: its status, who read it, and the last comment."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from napari_echo.io.store_row import Row
from napari_echo.workflow.studies import StudyItem

Status = Literal["unreviewed", "accepted", "corrected", "rejected", "second reader"]
STATUSES: Mapping[Status, str] = {
    "unreviewed": "unreviewed",
    "accepted": "accepted",
    "corrected": "corrected",
    "rejected": "rejected",
    "second reader": "needs a second reader",
}
"""What a status is called in full."""


@dataclass(frozen=True)
class Verdict:
    """What the label store says of a clip, by the commits that count for an export.

    Parameters
    ----------
    status : str
        That of the last commit.
    readers : tuple of str
        Who committed labels of it; the reader of the last commit comes first.
    comment : str
        That of the last commit.
    statuses : tuple of str
        That of each reader's own last commit.
    """

    status: Status = "unreviewed"
    readers: tuple[str, ...] = ()
    comment: str = ""
    statuses: tuple[Status, ...] = ()

    def by(self, reader: str) -> Verdict:
        """What one reader made of the clip; others are not known to it."""
        if reader not in self.readers:
            return NO_VERDICT
        status = self.statuses[self.readers.index(reader)]
        comment = self.comment if self.readers[0] == reader else ""
        return Verdict(status, (reader,), comment, (status,))


NO_VERDICT = Verdict()


@dataclass(frozen=True)
class _Tally:
    """A verdict by so many rows; `last` is the text of the last of them."""

    verdict: Verdict = NO_VERDICT
    count: int = 0
    last: bytes = b""

    def add(self, rows: Sequence[Row]) -> _Tally:
        """The same with later rows; by a repeat the verdict does not change."""
        if not rows:
            return self
        verdict = self.verdict
        counted = [row for row in reversed(rows) if not row.repeat]
        if counted:
            said: dict[str, Status] = {}
            for row in counted:
                said.setdefault(row.reader, _status(row))
            said |= {
                reader: status
                for reader, status in zip(verdict.readers, verdict.statuses, strict=True)
                if reader not in said
            }
            last = counted[0]
            verdict = Verdict(_status(last), tuple(said), last.comment, tuple(said.values()))
        return _Tally(verdict, self.count + len(rows), rows[-1].text)


def _status(row: Row) -> Status:
    return cast(Status, row.status if row.status in STATUSES else "unreviewed")


class Verdicts:
    """The verdicts on listed clips, which follow a commit without another look at the store.

    Parameters
    ----------
    rows : iterable of Row
        The store's revisions, the oldest first.
    items : sequence of StudyItem
        The clips. One whose id nobody knows before it is decoded goes by its
        study, where that has no other clip.
    ids : mapping of str to str
        Ids of clips that were decoded, by the keys of the items.
    """

    def __init__(
        self, rows: Iterable[Row], items: Sequence[StudyItem], ids: Mapping[str, str]
    ) -> None:
        self._keys_of_clip: defaultdict[str, set[str]] = defaultdict(set)
        self._key_of_study: dict[str, str] = {}
        self._study_of_key = {item.key: item.study_id for item in items}
        n_clips = Counter(item.study_id for item in items)
        for item in items:
            clip_id = item.clip_id or ids.get(item.key, "")
            if clip_id:
                self._keys_of_clip[clip_id].add(item.key)
            elif item.study_id and n_clips[item.study_id] == 1:
                self._key_of_study[item.study_id] = item.key
        of_clip: dict[str, list[Row]] = {clip_id: [] for clip_id in self._keys_of_clip}
        of_study: dict[str, list[Row]] = {study: [] for study in self._key_of_study}
        for row in rows:
            if (found := of_clip.get(row.clip_id)) is not None:
                found.append(row)
            if (found := of_study.get(row.study_id)) is not None:
                found.append(row)
        self._clips = {clip_id: _Tally().add(found) for clip_id, found in of_clip.items()}
        self._studies = {study: _Tally().add(found) for study, found in of_study.items()}

    def by_key(self) -> dict[str, Verdict]:
        """The verdicts on those clips of the list that have one, by their keys."""
        found = {
            key: self._studies[study].verdict
            for study, key in self._key_of_study.items()
            if self._studies[study].count
        }
        for clip_id, tally in self._clips.items():
            if tally.count:
                found.update(dict.fromkeys(self._keys_of_clip[clip_id], tally.verdict))
        return found

    def identify(self, item: StudyItem, clip_id: str) -> None:
        """Learn the id of a clip that was decoded; it goes by its study until it is taken."""
        self._keys_of_clip[clip_id].add(item.key)

    def take(self, clip_id: str, rows: Sequence[Row]) -> dict[str, Verdict] | None:
        """Take all rows of one clip, the oldest first.

        Returns
        -------
        dict of str to Verdict or None
            The verdicts on the clips that they are about, by their keys. None
            where they do not go on from what is known: a row is gone, or one
            came in that is older. The store has to be read anew then, and
            nothing is taken.
        """
        known = self._clips.get(clip_id, _Tally())
        if len(rows) < known.count or (known.count and rows[known.count - 1].text != known.last):
            return None
        new = rows[known.count :]
        of_study: dict[str, list[Row]] = {}
        for row in new:
            study = self._studies.get(row.study_id)
            if study is None:
                continue
            if row.text > study.last:
                of_study.setdefault(row.study_id, []).append(row)
            elif clip_id in self._clips:
                return None
        found = {}
        for name, later in of_study.items():
            self._studies[name] = self._studies[name].add(later)
            if name in self._key_of_study:
                found[self._key_of_study[name]] = self._studies[name].verdict
        for key in self._keys_of_clip.get(clip_id, ()):
            self._clips[clip_id] = known.add(new)
            found[key] = self._clips[clip_id].verdict
            study_id = self._study_of_key.get(key, "")
            if self._key_of_study.get(study_id) == key:
                del self._key_of_study[study_id]
        return found
