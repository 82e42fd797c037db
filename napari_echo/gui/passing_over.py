"""Clips that cannot be read on the way to one that can, and what is told of them. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from napari_echo.workflow.studies import StudyItem


@dataclass(frozen=True)
class Way:
    """How a clip is come to that can be read.

    Parameters
    ----------
    find : callable
        Finds the clip; another one once its problem is noted.
    before : callable
        The clips that are passed over on the way to one, or to none.
    end : str
        What to say where none is left.
    failed : tuple of StudyItem
        Those that were found out to be damaged on the way.
    """

    find: Callable[[], StudyItem | None]
    before: Callable[[StudyItem | None], Sequence[StudyItem]]
    end: str = ""
    failed: tuple[StudyItem, ...] = ()


def passed_over(items: Sequence[StudyItem], problems: dict[str, str]) -> str:
    """Say which clips were passed over, and why the first was."""
    first = problems[items[0].key]
    if len(items) == 1:
        return f"Passed over {items[0].name}: {first}"
    return f"Passed over {len(items)} clips that cannot be read, {items[0].name} first: {first}"


def unreadable(items: Sequence[StudyItem], problems: dict[str, str]) -> str:
    """Say that none of some clips can be read, and why the first cannot."""
    first = problems[items[0].key]
    if len(items) == 1:
        return first
    return f"None of the {len(items)} clips can be read, {items[0].name} first: {first}"
