"""What the table of clips shows, and how it is sorted and filtered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from napari_echo.workflow.facts import Facts
from napari_echo.workflow.study_facts import FactsStore
from napari_echo.workflow.study_queue import QUEUES, Queue, rank, rank_text, why
from napari_echo.workflow.verdicts import NO_VERDICT, STATUSES, Status, Verdict

if TYPE_CHECKING:
    from napari_echo.workflow.studies import Studies, StudyItem

__all__ = ["COLUMNS", "NAMES", "QUEUES", "SHORT_STATUSES", "Cell", "Filter", "Queue", "StudyRows"]

SHORT_STATUSES: Mapping[Status, str] = {**STATUSES, "second reader": "2nd reader"}
"""What a status is called where there is little room, as its button is; `STATUSES` says it all."""

_PLACES = {status: str(place) for place, status in enumerate(STATUSES)}
# Of a status only how its words begin is searched: "ed" would else find nearly all of them.
_WORDS = {status: f" {SHORT_STATUSES[status]} {STATUSES[status]}" for status in STATUSES}


@dataclass(frozen=True)
class Column:
    """A column of the table."""

    name: str
    title: str
    tip: str
    numeric: bool = False
    of_model: bool = False


# What a reader goes by comes first: little more is in sight beside the canvas.
COLUMNS = (
    Column("clip", "Clip", "The clip's name in its data set or folder."),
    Column("status", "Status", "What the readers made of the clip, by the label store."),
    Column("worth", "Rank", "What the queue ranks the clips by.", True, True),
    Column("ef", "EF", "Ejection fraction as the model segments it.", True, True),
    Column("true_ef", "True EF", "Ejection fraction of the data set or its ground truth.", True),
    Column("why", "Why look", "Why the clip ranks where it does.", False, True),
    Column("view", "View", "Which view of the heart it is, where that is known."),
    Column("frames", "Frames", "Number of frames, where it is known.", True),
    Column("dice_ed", "Dice ED", "Overlap of the LV with the ground truth at ED.", True, True),
    Column("dice_es", "Dice ES", "Overlap of the LV with the ground truth at ES.", True, True),
    Column("hardness", "Hardness", QUEUES["hardness"][1], True, True),
    Column("reader", "Reader", "Who committed labels of it, the last one first."),
    Column("comment", "Comment", "The comment of the last commit."),
)
NAMES = tuple(column.name for column in COLUMNS)


@dataclass(frozen=True)
class Cell:
    """What a field of the table shows, in short and in full, and what it sorts by."""

    text: str = ""
    tip: str = ""
    value: float | str | None = None


@dataclass
class Filter:
    """Which clips to look at; empty fields let all pass."""

    text: str = ""
    status: str = ""
    view: str = ""


@dataclass
class StudyRows:
    """The rows of the table.

    Parameters
    ----------
    studies : Studies
        The clips.
    facts : FactsStore
        What is known of them.

    Attributes
    ----------
    model_id, model_name : str
        Whose facts are shown.
    blind : bool
        Whether what models, truth and other readers say is not shown.
    hidden : bool
        Whether the open clip is read blind now: nothing tells it from the others,
        and nothing that the reader has read it before.
    reader : str
        Who reads.
    verdicts : mapping of str to Verdict
        What the label store says, by the clips' keys.
    queue : str
        One of `QUEUES`.
    filter : Filter
        Which clips to look at.
    sort : str
        Name of the column to sort by; "" keeps the order of the list.
    descending : bool
        Whether the largest comes first.
    """

    studies: Studies
    facts: FactsStore
    model_id: str = ""
    model_name: str = ""
    blind: bool = False
    hidden: bool = False
    reader: str = ""
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    queue: Queue = "list"
    filter: Filter = field(default_factory=Filter)
    sort: str = ""
    descending: bool = False

    def verdict(self, item: StudyItem) -> Verdict:
        """What the label store says of a clip; read blind, only what the reader said himself."""
        verdict = self.verdicts.get(item.key, NO_VERDICT)
        return verdict.by(self.reader) if self.blind else verdict

    def n_reviewed(self) -> int | None:
        """How many clips have a verdict; None where that may not be shown."""
        if self.hidden:
            return None
        items = (item for key in self.verdicts if (item := self.studies.get(key)) is not None)
        return sum(self.verdict(item).status != "unreviewed" for item in items)

    def view(self, item: StudyItem) -> str:
        """The view of a clip, "unknown" where nobody knows it."""
        known = self.facts.clip(item.key)
        return known.view if known is not None and known.view != "unknown" else item.view

    def views(self) -> list[str]:
        """The views that there are."""
        return sorted({self.view(item) for item in self.studies.items})

    def model_facts(self, key: str) -> Facts | None:
        """What the model says of a clip, where it may be shown."""
        return None if self.blind else self.facts.get(key, self.model_id)

    def cell(self, item: StudyItem, column: str) -> Cell:
        """What a field shows."""
        if self.blind and column in ("true_ef", "reader", "comment"):
            return _EMPTY
        if self.hidden and column == "status":
            # With the picture beside it, the status would tell a repeat.
            return _EMPTY
        if column in ("clip", "view", "frames", "true_ef"):
            return self._of_clip(item, column)
        if column in ("status", "reader", "comment"):
            return self._of_store(item, column)
        facts = self.model_facts(item.key)
        if column == "worth":
            return self.worth(facts)
        if column == "why":
            problem = self.studies.problems.get(item.key, "")
            text = problem or self.why(facts)
            return Cell(text, text, text or None)
        if facts is None:
            return _EMPTY
        value: float | None = getattr(facts, column)
        if column == "ef":
            return _percent(value, f"EF {{}} by {facts.model_name}")
        title = COLUMNS[NAMES.index(column)].title
        text = "" if value is None else f"{value:.3f}" if "dice" in column else f"{value:.2f}"
        return Cell(text, f"{title} {text} by {facts.model_name}" if text else "", value)

    def _of_clip(self, item: StudyItem, column: str) -> Cell:
        known = self.facts.clip(item.key)
        if column == "clip":
            where = f"{item.path}" + (f"\nStudy {item.study_id}" if item.study_id else "")
            return Cell(item.name, where, _natural(item.name))
        if column == "view":
            view = self.view(item)
            return Cell("" if view == "unknown" else view, "", view)
        if column == "frames":
            n = known.n_frames if known is not None else item.n_frames
            return Cell("" if n is None else str(n), "", n)
        if known is not None and known.measured:
            return _percent(known.ef, "EF {} as its ground truth measures")
        ef = item.ef if item.ef is not None or known is None else known.ef
        return _percent(ef, "EF {} as the data set states it")

    def _of_store(self, item: StudyItem, column: str) -> Cell:
        verdict = self.verdict(item)
        if column == "status":
            name = verdict.status
            return Cell(SHORT_STATUSES[name], STATUSES[name], _PLACES[name])
        text = ", ".join(verdict.readers) if column == "reader" else verdict.comment
        return Cell(text, text, _natural(text) if text else None)

    def rank(self, facts: Facts | None) -> float | None:
        """What the queue ranks a clip by: the larger, the sooner it is to be looked at."""
        return rank(self.queue, facts)

    def worth(self, facts: Facts | None) -> Cell:
        """What the queue ranks a clip by, as the table shows it."""
        value = self.rank(facts)
        if value is None:
            return _EMPTY
        return Cell(rank_text(self.queue, value), QUEUES[self.queue][1], value)

    def why(self, facts: Facts | None) -> str:
        """Say in one line why a clip ranks where it does."""
        return why(self.queue, facts)

    # Order ----------------------------------------------------------------------

    def order(self) -> tuple[list[str], list[str]]:
        """Sort all clips, and find those that pass the filter; both the next first.

        What has no value comes last, whichever way it is sorted.
        """
        items = self.studies.items
        if self.sort in NAMES:
            keyed = [(self._value(item), item) for item in items]
            known = [pair for pair in keyed if pair[0] is not None]
            known.sort(key=lambda pair: pair[0], reverse=self.descending)  # type: ignore[arg-type,return-value]
            items = (*(i for _, i in known), *(i for value, i in keyed if value is None))
        elif self.descending:
            items = items[::-1]
        words = self.filter.text.casefold().split()
        every = self.filter == Filter()
        shown = [item.key for item in items if every or self._passes(item, words)]
        return [item.key for item in items], shown

    def _value(self, item: StudyItem) -> float | str | None:
        """What a clip sorts by; quickly, as it is asked of all."""
        if self.sort == "clip":
            return _natural(item.name)
        if self.sort == "status":
            return _PLACES[self.verdict(item).status]
        if self.sort == "worth":
            return self.rank(self.model_facts(item.key))
        if self.sort in ("ef", "dice_ed", "dice_es", "hardness"):
            facts = self.model_facts(item.key)
            return None if facts is None else getattr(facts, self.sort)
        return self.cell(item, self.sort).value

    def _passes(self, item: StudyItem, words: Sequence[str]) -> bool:
        wanted, verdict = self.filter, self.verdict(item)
        if wanted.status and verdict.status != wanted.status:
            return False
        if wanted.view and self.view(item) != wanted.view:
            return False
        if not words:
            return True
        text = _folded(item.name, item.study_id, item.split)
        said = _folded(verdict.comment, *verdict.readers)
        status = _WORDS[verdict.status]
        return all(word in text or word in said or f" {word}" in status for word in words)


def _percent(value: float | None, tip: str) -> Cell:
    if value is None or np.isnan(value):
        return _EMPTY
    text = f"{100 * value:.0f}%"
    return Cell(text, tip.format(f"{100 * value:.1f}%"), value)


@lru_cache(maxsize=50_000)
def _folded(*fields: str) -> str:
    """Texts as they are searched."""
    return "\n".join(fields).casefold()


@lru_cache(maxsize=50_000)
def _natural(text: str) -> str:
    """Text that sorts its numbers by their size."""
    return re.sub(r"\d+", lambda m: m[0].lstrip("0").rjust(12, "0"), text.casefold())


_EMPTY = Cell()
