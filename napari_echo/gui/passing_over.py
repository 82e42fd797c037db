"""What is told of clips that cannot be read. No Qt."""

from __future__ import annotations

from collections.abc import Sequence

from napari_echo.workflow.studies import StudyItem


def passed_over(items: Sequence[StudyItem], problems: dict[str, str]) -> str:
    """Say which clips were passed over, and why the first was."""
    first = items[0]
    if len(items) == 1:
        return f"Passed over {first.name}: {problems[first.key]}"
    return _many(f"Passed over {len(items)} clips that cannot be read", first, problems)


def unreadable(items: Sequence[StudyItem], problems: dict[str, str]) -> str:
    """Say that none of some clips can be read, and why the first cannot."""
    first = items[0]
    if len(items) == 1:
        return problems[first.key]
    return _many(f"None of the {len(items)} clips can be read", first, problems)


def _many(what: str, first: StudyItem, problems: dict[str, str]) -> str:
    return f"{what}, {first.name} first: {problems[first.key]}"
