"""Verify a label store: every byte, every parent, and what lies in the folder besides."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

from napari_echo.core.ancestry import in_order
from napari_echo.core.errors import EchoError
from napari_echo.io import store_index
from napari_echo.io.label_tiff import has_checksum
from napari_echo.io.reading import reason
from napari_echo.io.store_files import SUFFIX, is_candidate, read_revision
from napari_echo.io.writing import PARTIAL, rename_new

SET_ASIDE = "set-aside"
"""Folder in a store where damaged files go."""

Kind = Literal[
    "damaged",
    "no checksum",
    "leftover",
    "unknown",
    "missing parent",
    "wrong parent",
    "circle",
    "clock",
    "parent set aside",
]
DAMAGE: tuple[Kind, ...] = ("damaged", "missing parent", "wrong parent", "circle")


@dataclass(frozen=True)
class Finding:
    """What is wrong or worth knowing about one file, as one sentence."""

    path: Path
    kind: Kind
    text: str

    @property
    def is_damage(self) -> bool:
        """Whether labels are lost or may be wrong, rather than worth a remark."""
        return self.kind in DAMAGE


@dataclass(frozen=True)
class Verified:
    """How many files are whole revisions, and all that was found."""

    whole: int
    findings: tuple[Finding, ...]

    @property
    def damage(self) -> tuple[Finding, ...]:
        """The findings that are damage."""
        return tuple(finding for finding in self.findings if finding.is_damage)


class _Node(NamedTuple):
    """What the checks of parents need, and none of the pixels in memory."""

    revision_id: str
    clip_id: str
    parents: tuple[str, ...]
    committed: datetime


def verify(folder: Path, on_progress: Callable[[int, int], None] | None = None) -> Verified:
    """Read every file of a store and check it.

    Each file must match its checksum, decode to labels of the size that it
    tells, and be named after its id; its parents must be there, of the same
    clip, and no revision its own ancestor.

    Parameters
    ----------
    folder : Path
        The store.
    on_progress : callable, optional
        Gets the files done and their number.

    Raises
    ------
    EchoError
        If the folder cannot be read.
    """
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise EchoError(f"The label store {folder} cannot be read: {reason(error)}.") from error
    revisions: list[_Node] = []
    findings: list[Finding] = []
    for done, path in enumerate(paths, 1):
        if is_candidate(path.name):
            try:
                revision, metadata = read_revision(path)
            except EchoError as error:
                findings.append(Finding(path, "damaged", str(error)))
            else:
                revisions.append(
                    _Node(
                        revision.revision_id,
                        revision.clip_id,
                        revision.parents,
                        revision.committed,
                    )
                )
                if not has_checksum(metadata):
                    text = "was written by an earlier version and carries no checksum."
                    findings.append(Finding(path, "no checksum", f"{path} {text}"))
        elif path.name.startswith(PARTIAL):
            text = "is left of a write that was cut off, or is being written; no revision needs it."
            findings.append(Finding(path, "leftover", f"{path} {text}"))
        elif path.name != SET_ASIDE:
            findings.append(Finding(path, "unknown", f"{path} is no file of a label store."))
        if on_progress is not None:
            on_progress(done, len(paths))
    # What the index says of them may be from a better time.
    if damaged := [finding.path.name for finding in findings if finding.is_damage]:
        store_index.forget(folder, damaged)
    findings += _check_parents(folder, revisions)
    return Verified(len(revisions), tuple(findings))


def set_aside(folder: Path, damaged: Iterable[Finding]) -> list[Path]:
    """Move damaged files into the store's folder `set-aside`, each with a note that says why.

    Nothing is deleted and nothing there is overwritten: a second file of one
    name gets a number.

    Returns
    -------
    list of Path
        Where the files are now.

    Raises
    ------
    EchoError
        If the disk refuses.
    """
    moved = []
    for finding in damaged:
        if finding.kind != "damaged":
            continue
        try:
            (folder / SET_ASIDE).mkdir(exist_ok=True)
            moved.append(_move(finding, folder / SET_ASIDE))
        except OSError as error:
            raise EchoError(
                f"{finding.path} could not be set aside: {reason(error)}. It is where it was."
            ) from error
    return moved


def _move(finding: Finding, folder: Path) -> Path:
    number = 1
    while True:
        extra = "" if number == 1 else f"-{number}"
        target = folder / f"{finding.path.stem}{extra}{finding.path.suffix}"
        try:
            # First the note, which takes the name: it must not be lost in a kill.
            with target.with_name(f"{target.name}.txt").open("x", encoding="utf-8") as note:
                note.write(f"Set aside at {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC.\n")
                note.write(f"{finding.text}\n")
            if target.exists():
                raise FileExistsError
            rename_new(finding.path, target)
            return target
        except FileExistsError:
            number += 1


def _check_parents(folder: Path, revisions: list[_Node]) -> list[Finding]:
    known = {revision.revision_id: revision for revision in revisions}
    findings = []

    def add(revision: _Node, kind: Kind, text: str) -> None:
        path = folder / f"{revision.revision_id}{SUFFIX}"
        findings.append(Finding(path, kind, f"{path} {text}"))

    for revision in revisions:
        for name in revision.parents:
            parent = known.get(name)
            if parent is None and (folder / SET_ASIDE / f"{name}{SUFFIX}").exists():
                add(revision, "parent set aside", f"has the parent {name}, which was set aside.")
            elif parent is None:
                where = "not in the store: merge the store that has it"
                add(revision, "missing parent", f"has the parent {name}, which is {where}.")
            elif parent.clip_id != revision.clip_id:
                text = f"labels the clip {revision.clip_id}, but its parent {name} labels"
                add(revision, "wrong parent", f"{text} the clip {parent.clip_id}.")
            elif parent.committed > revision.committed:
                add(
                    revision, "clock", f"was committed before its parent {name}: a clock was wrong."
                )
    try:
        in_order(revisions)
    except EchoError as error:
        findings.append(Finding(folder, "circle", str(error)))
    return findings
