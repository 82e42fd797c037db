"""A revision in the index of a label store: a line of text, decoded when it is asked for.

Of 100,000 revisions most are ruled out unread; only what is looked at is
taken apart.
"""

from __future__ import annotations

from datetime import UTC, datetime

from napari_echo.core.revision import Revision

ERRORS = "surrogatepass"  # names of files need not be proper text
_SEPARATOR = "\x1f"


class _Text:
    """A field of a row."""

    def __init__(self, place: int) -> None:
        self.place = place

    def __get__(self, row: Row, owner: type[Row]) -> str:
        return row.fields[self.place]


class Row:
    """What the index holds of a revision, decoded when it is first asked for.

    `core.ancestry` takes rows as it takes revisions.

    Parameters
    ----------
    text : bytes
        The fields; it begins with the time of commitment and the id, so that
        rows sort by it.
    """

    __slots__ = ("_fields", "text")

    committed_text = _Text(0)
    revision_id = _Text(1)
    clip_id = _Text(2)
    study_id = _Text(3)
    reader = _Text(4)
    status = _Text(5)
    base_kind = _Text(6)
    base_id = _Text(7)
    schema = _Text(8)
    comment = _Text(9)

    def __init__(self, text: bytes) -> None:
        self.text = text
        self._fields: list[str] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Row) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Row({self.text!r})"

    @property
    def fields(self) -> list[str]:
        """All of it, as text."""
        if self._fields is None:
            self._fields = self.text.decode(errors=ERRORS).split(_SEPARATOR)
        return self._fields

    @property
    def committed(self) -> datetime:
        """When it was committed; aware, UTC."""
        return datetime.fromisoformat(self.committed_text)

    @property
    def started(self) -> datetime:
        """When the work on it began; aware, UTC."""
        return datetime.fromisoformat(self.fields[10])

    @property
    def seconds(self) -> float:
        """Time spent on it."""
        return float(self.fields[11])

    @property
    def frames(self) -> tuple[int, ...]:
        """Indices of the labelled frames, ascending."""
        return tuple(map(int, self.fields[12].split()))

    @property
    def parent(self) -> str | None:
        """The revision that it supersedes."""
        return self.fields[13].split(" ")[0] or None

    @property
    def supersedes(self) -> tuple[str, ...]:
        """Heads that it replaces besides its parent."""
        return tuple(self.fields[13].split(" ")[1:])

    @property
    def blind(self) -> bool:
        """Whether the reader drew it from nothing, unswayed."""
        return "blind" in self.fields[14]

    @property
    def repeat(self) -> bool:
        """Whether it belongs to a further reading by the same reader."""
        return "repeat" in self.fields[14]

    @property
    def parents(self) -> tuple[str, ...]:
        """Every revision that it replaces."""
        return tuple(self.fields[13].split())


def utc_text(moment: datetime) -> str:
    """Write a time so that texts sort as times do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def encode_row(revision: Revision) -> bytes:
    """What the index keeps of a revision, as `Row` reads it."""
    fields = (
        utc_text(revision.committed),
        revision.revision_id,
        revision.clip_id,
        revision.study_id,
        revision.reader,
        revision.status,
        revision.base.kind,
        revision.base.id,
        revision.schema.name,
        revision.comment,
        utc_text(revision.started),
        repr(revision.seconds),
        " ".join(map(str, revision.frames)),
        " ".join((revision.parent or "", *revision.supersedes)),
        " ".join(name for name in ("blind", "repeat") if getattr(revision, name)),
    )
    return _SEPARATOR.join(text.replace(_SEPARATOR, " ") for text in fields).encode(errors=ERRORS)
