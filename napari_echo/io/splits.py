"""Which studies are for training, for validation and for test.

A rule gives a split to each study, never to a clip, so that one patient's
clips are never in two splits.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from napari_echo.core.errors import EchoError
from napari_echo.io.labelled import SPLITS, UNASSIGNED
from napari_echo.io.reading import check_file
from napari_echo.io.sources import ClipSource

NAMES = tuple(split for split in SPLITS if split != UNASSIGNED)
"""The splits that a study can be given: train, val and test."""

_NAMED_AT_MOST = 5


class SplitRule(Protocol):
    """Gives studies their splits; `str` of it says which rule it is."""

    def assign(self, sources: Sequence[ClipSource]) -> list[ClipSource]:
        """Return the sources with the splits of their studies."""


@dataclass(frozen=True)
class OfficialSplit:
    """The split that the data set itself states."""

    def __str__(self) -> str:
        return "official"

    def assign(self, sources: Sequence[ClipSource]) -> list[ClipSource]:
        """Leave the splits as they are.

        Raises
        ------
        EchoError
            If the data set puts one study in two splits.
        """
        splits_of: dict[str, str] = {}
        for source in sources:
            other = splits_of.setdefault(source.study_id, source.split)
            if other != source.split:
                raise EchoError(
                    f"The data set puts clips of the study {source.study_id} in the split "
                    f"'{other}' and in '{source.split}'; split it by a file or at random."
                )
        return list(sources)


@dataclass(frozen=True)
class FileSplit:
    """The split that a file states; see `read_split_file`."""

    path: Path

    def __str__(self) -> str:
        return f"file {_digest(sorted(read_split_file(self.path).items()))[:12]}"

    def assign(self, sources: Sequence[ClipSource]) -> list[ClipSource]:
        """Give each study the split of the file.

        Raises
        ------
        EchoError
            If the file cannot be read, lacks a study that has a clip to read,
            or names one that the data set has not.
        """
        split_of = read_split_file(self.path)
        needed = {source.study_id for source in sources if not source.problem}
        faults = []
        if missing := sorted(needed - set(split_of)):
            faults.append(f"it lacks {_named(missing)}")
        if strange := sorted(set(split_of) - {source.study_id for source in sources}):
            faults.append(f"the data set has not {_named(strange)}")
        if faults:
            raise EchoError(
                f"The split file {self.path} does not fit the data set: {'; '.join(faults)}."
            )
        return _with_splits(sources, split_of)


@dataclass(frozen=True)
class RandomSplit:
    """Studies drawn at random for train, val and test.

    The draw depends on the seed and the studies' names alone: neither on their
    order nor on the machine. Only studies with a clip to read are counted.

    Parameters
    ----------
    shares : (float, float, float)
        Shares of train, val and test, which make 1.
    seed : int
        Another seed gives another draw.
    """

    shares: tuple[float, float, float]
    seed: int = 0

    def __str__(self) -> str:
        return f"random {','.join(f'{share:g}' for share in self.shares)} seed {self.seed}"

    @classmethod
    def parse(cls, text: str, seed: int) -> RandomSplit:
        """Read shares as they are typed, ``0.8,0.1,0.1``.

        Raises
        ------
        EchoError
            If they are not three numbers from 0 to 1 that make 1.
        """
        try:
            train, val, test = (float(share) for share in text.split(","))
        except ValueError:
            train = val = test = float("nan")
        shares = (train, val, test)
        if not (all(0 <= share <= 1 for share in shares) and abs(sum(shares) - 1) < 1e-6):
            raise EchoError(
                f"'{text}' is no split: give the shares of train, val and test, "
                "which make 1, as in 0.8,0.1,0.1."
            )
        return cls(shares, seed)

    def assign(self, sources: Sequence[ClipSource]) -> list[ClipSource]:
        """Draw a split for each study.

        Raises
        ------
        EchoError
            If there are fewer studies than splits to fill.
        """
        readable = {source.study_id for source in sources if not source.problem}
        return _with_splits(sources, self.draw(readable))

    def draw(self, studies: Iterable[str]) -> dict[str, str]:
        """Draw a split for each study; each split with a share gets one study or more.

        Raises
        ------
        EchoError
            If there are fewer studies than splits to fill.
        """
        drawn = sorted(set(studies), key=lambda study: _digest([self.seed, study]))
        if not drawn:
            return {}
        wanted = sum(share > 0 for share in self.shares)
        if len(drawn) < wanted:
            raise EchoError(
                f"{len(drawn)} studies cannot be split in {wanted}: give fewer splits a share."
            )
        counts = _counts(len(drawn), self.shares)
        names = [name for name, count in zip(NAMES, counts, strict=True) for _ in range(count)]
        return dict(zip(drawn, names, strict=True))


def read_split_file(path: Path) -> dict[str, str]:
    """Read a file that gives each study its split.

    A CSV file has the columns ``study`` and ``split``; a JSON file (``.json``)
    maps studies to splits, ``{"patient0001": "train"}``, or splits to studies,
    ``{"train": ["patient0001"]}``. The splits are train, val and test.

    Raises
    ------
    EchoError
        If the file cannot be read, or a study has two splits or one that is
        not among these.
    """
    path = Path(path)
    check_file(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        is_json = path.suffix.lower() == ".json"
        pairs = _json_pairs(json.loads(text)) if is_json else _csv_pairs(text)
    except (ValueError, TypeError, KeyError, AttributeError, csv.Error) as error:
        raise EchoError(
            f"{path} is no split file: give a CSV file with the columns study and split, or "
            'JSON as in {"patient0001": "train"}.'
        ) from error
    split_of: dict[str, str] = {}
    for study, given in pairs:
        split = given.lower()
        if split not in NAMES:
            raise EchoError(
                f"{path} puts the study {study} in the split '{given}'; use {', '.join(NAMES)}."
            )
        if split_of.setdefault(study, split) != split:
            raise EchoError(
                f"{path} puts the study {study} in '{split_of[study]}' and in '{split}'."
            )
    return split_of


def _json_pairs(data: Any) -> list[tuple[str, str]]:
    if not isinstance(data, dict):
        raise TypeError("not an object")
    if all(isinstance(value, str) for value in data.values()):
        return list(data.items())
    if not all(isinstance(studies, list) for studies in data.values()):
        raise TypeError("neither studies nor lists of them")
    return [(_text(study), split) for split, studies in data.items() for study in studies]


def _csv_pairs(text: str) -> list[tuple[str, str]]:
    rows = csv.DictReader(text.splitlines())
    rows.fieldnames = [name.strip().lower() for name in rows.fieldnames or ()]
    return [(row["study"].strip(), row["split"].strip()) for row in rows]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a name")
    return value


def _counts(n: int, shares: tuple[float, float, float]) -> list[int]:
    """Whole numbers nearest to the shares of `n`, none 0 where its share is not."""
    counts = [max(int(share * n + 1e-9), share > 0) for share in shares]
    while sum(counts) != n:
        step = 1 if sum(counts) < n else -1
        # To the split that is furthest from its share.
        order = [
            (step * (share * n - count), -i)
            for i, (share, count) in enumerate(zip(shares, counts, strict=True))
            if share > 0 and count + step > 0
        ]
        counts[-max(order)[1]] += step
    return counts


def _with_splits(sources: Sequence[ClipSource], split_of: Mapping[str, str]) -> list[ClipSource]:
    return [replace(s, split=split_of.get(s.study_id, UNASSIGNED)) for s in sources]


def _digest(data: Any) -> str:
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()


def _named(studies: Sequence[str]) -> str:
    shown = ", ".join(studies[:_NAMED_AT_MOST])
    more = len(studies) - _NAMED_AT_MOST
    return shown + (f" and {more} more" if more > 0 else "")
