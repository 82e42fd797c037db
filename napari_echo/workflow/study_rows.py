"""What the table of clips shows, how it is filtered, and which clip to look at next."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from napari_echo.workflow.study_facts import Facts, FactsStore

if TYPE_CHECKING:
    from napari_echo.io.store_row import Row
    from napari_echo.workflow.studies import Studies, StudyItem

Status = Literal["unreviewed", "accepted", "corrected", "rejected", "second reader"]
STATUSES: Mapping[Status, str] = {
    "unreviewed": "unreviewed",
    "accepted": "accepted",
    "corrected": "corrected",
    "rejected": "rejected",
    "second reader": "needs a second reader",
}
"""What a status is called in the table."""

Queue = Literal["list", "hardness", "disagreement", "time", "ef change", "ef crossing"]
QUEUES: Mapping[Queue, tuple[str, str]] = {
    "list": ("List order", "As the clips were listed."),
    "hardness": (
        "Hardness",
        "How unsure the model is of its borders at ED and ES, from 0 to 1; the hardest first.",
    ),
    "disagreement": (
        "Model disagreement",
        "One less the Dice of the LV of two models at ED and ES; tick two models and scan.",
    ),
    "time": (
        "Inconsistent in time",
        "Jumps and drifts from frame to frame that no heart makes, in multiples of what passes.",
    ),
    "ef change": (
        "Expected EF change",
        "By how many points a correction within the model's doubt would change the EF.",
    ),
    "ef crossing": (
        "EF crossing a limit",
        "The chance that a correction brings the EF across 35, 40 or 50%.",
    ),
}
"""Title and explanation of each way to rank the clips."""


@dataclass(frozen=True)
class Column:
    """A column of the table."""

    name: str
    title: str
    tip: str
    numeric: bool = False
    of_model: bool = False


COLUMNS = (
    Column("clip", "Clip", "The clip's name in its data set or folder."),
    Column("view", "View", "Which view of the heart it is, where that is known."),
    Column("status", "Status", "What the readers made of the clip, by the label store."),
    Column("frames", "Frames", "Number of frames, where it is known.", True),
    Column("ef", "EF", "Ejection fraction as the model segments it.", True, True),
    Column("true_ef", "True EF", "Ejection fraction of the data set or its ground truth.", True),
    Column("worth", "Rank", "What the queue ranks the clips by.", True, True),
    Column("why", "Why look", "Why the clip ranks where it does.", False, True),
    Column("dice_ed", "Dice ED", "Overlap of the LV with the ground truth at ED.", True, True),
    Column("dice_es", "Dice ES", "Overlap of the LV with the ground truth at ES.", True, True),
    Column("hardness", "Hardness", QUEUES["hardness"][1], True, True),
    Column("reader", "Reader", "Who committed labels of it, the last one first."),
    Column("comment", "Comment", "The comment of the last commit."),
)
NAMES = tuple(column.name for column in COLUMNS)


@dataclass(frozen=True)
class Verdict:
    """What the label store says of a clip."""

    status: Status = "unreviewed"
    readers: tuple[str, ...] = ()
    comment: str = ""


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
        Whether what models, truth and readers say is not shown.
    hidden : bool
        Whether the open clip is read blind now: nothing tells it from the others.
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
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    queue: Queue = "list"
    filter: Filter = field(default_factory=Filter)
    sort: str = ""
    descending: bool = False

    def verdict(self, key: str) -> Verdict:
        """What the label store says of a clip."""
        return self.verdicts.get(key, _NO_VERDICT)

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
        verdict = self.verdict(item.key)
        if self.hidden and item is self.studies.current:
            verdict = _NO_VERDICT
        if column == "status":
            return Cell(STATUSES[verdict.status], "", str(list(STATUSES).index(verdict.status)))
        text = ", ".join(verdict.readers) if column == "reader" else verdict.comment
        return Cell(text, text, _natural(text) if text else None)

    def rank(self, facts: Facts | None) -> float | None:
        """What the queue ranks a clip by: the larger, the sooner it is to be looked at.

        A clip in which the model finds no ventricle is worth a look before all
        others, where the EF is asked for: infinity.
        """
        if facts is None or facts.hardness is None or self.queue == "list":
            return None
        if self.queue == "hardness":
            return facts.hardness
        if self.queue == "time":
            return facts.inconsistency
        if self.queue == "disagreement":
            return facts.disagreement
        if facts.expected_change is None:
            return float("inf")
        return facts.expected_change if self.queue == "ef change" else max(facts.crossing)

    def worth(self, facts: Facts | None) -> Cell:
        """What the queue ranks a clip by, as the table shows it."""
        rank = self.rank(facts)
        if rank is None:
            return _EMPTY
        formats = {
            "hardness": "{:.2f}",
            "time": "{:.1f}×",
            "disagreement": "{:.3f}",
            "ef change": "{:.1f} pts",
            "ef crossing": "{:.0%}",
        }
        shown = 100 * rank if self.queue == "ef change" else rank
        text = "no LV" if np.isinf(rank) else formats[self.queue].format(shown)
        return Cell(text, QUEUES[self.queue][1], rank)

    def why(self, facts: Facts | None) -> str:
        """Say in one line why a clip ranks where it does."""
        doubt = facts.doubt if facts is not None else None
        if facts is None or self.queue == "list":
            return ""
        if doubt is None:
            return "No beat was found in it."
        if self.queue == "time":
            return _explain_time(facts)
        if self.queue == "disagreement":
            if not facts.disagreements:
                return ""
            name, value = max(facts.disagreements, key=lambda pair: pair[1])
            return f"Its LV and that of {name} overlap by a Dice of {1 - value:.3f}."
        return doubt.explain("entropy" if self.queue == "hardness" else self.queue)

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
        if self.sort == "worth":
            return self.rank(self.model_facts(item.key))
        if self.sort in ("ef", "dice_ed", "dice_es", "hardness"):
            facts = self.model_facts(item.key)
            return None if facts is None else getattr(facts, self.sort)
        return self.cell(item, self.sort).value

    def _passes(self, item: StudyItem, words: Sequence[str]) -> bool:
        wanted = self.filter
        if wanted.status and self.verdict(item.key).status != wanted.status:
            return False
        if wanted.view and self.view(item) != wanted.view:
            return False
        if not words:
            return True
        verdict = self.verdict(item.key)
        fields = (item.name, item.study_id, item.split, verdict.comment, *verdict.readers)
        text = "\n".join(fields).casefold()
        return all(word in text for word in words)


def verdicts(
    rows: Iterable[Row], items: Sequence[StudyItem], facts: FactsStore
) -> dict[str, Verdict]:
    """What a label store says of clips.

    Parameters
    ----------
    rows : iterable of Row
        The store's revisions, the oldest first.
    items : sequence of StudyItem
        The clips. One whose id is not known before it is decoded goes by its
        study, where that has no other clip.
    facts : FactsStore
        Knows the ids of clips that were decoded.
    """
    by_clip: dict[str, list[Row]] = {}
    by_study: dict[str, list[Row]] = {}
    for row in rows:
        by_clip.setdefault(row.clip_id, []).append(row)
        by_study.setdefault(row.study_id, []).append(row)
    if not by_clip:
        return {}
    clips_of_study = Counter(item.study_id for item in items)
    found = {}
    for item in items:
        known = facts.clip(item.key)
        clip_id = item.clip_id or (known.clip_id if known is not None else "")
        if clip_id:
            its = by_clip.get(clip_id)
        else:
            alone = item.study_id and clips_of_study[item.study_id] == 1
            its = by_study.get(item.study_id) if alone else None
        if its:
            found[item.key] = _verdict(its)
    return found


def _verdict(rows: Sequence[Row]) -> Verdict:
    last = rows[-1]
    readers = tuple(dict.fromkeys(row.reader for row in reversed(rows)))
    status = next((s for s in STATUSES if s == last.status), "unreviewed")
    return Verdict(cast(Status, status), readers, last.comment)


def _explain_time(facts: Facts) -> str:
    from napari_echo.metrics.temporal_checks import limits

    if not facts.findings:
        return "Nothing jumps from frame to frame."
    passing: dict[str, float] = {str(check): limit for check, limit in limits().items()}
    check, frame, value = max(facts.findings, key=lambda f: f[2] / passing.get(f[0], 1.0))
    more = f", and {len(facts.findings) - 1} more" if len(facts.findings) > 1 else ""
    return f"{check[0].upper()}{check[1:]} of {value:.0f}% at frame {frame}{more}."


def _percent(value: float | None, tip: str) -> Cell:
    if value is None or np.isnan(value):
        return _EMPTY
    text = f"{100 * value:.0f}%"
    return Cell(text, tip.format(f"{100 * value:.1f}%"), value)


@lru_cache(maxsize=50_000)
def _natural(text: str) -> str:
    """Text that sorts its numbers by their size."""
    return re.sub(r"\d+", lambda m: m[0].lstrip("0").rjust(12, "0"), text.casefold())


_NO_VERDICT = Verdict()
_EMPTY = Cell()
