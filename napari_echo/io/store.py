"""The label store: a folder of immutable revisions, one file each.

`REVISIONID.tif` holds the labels and, as JSON, all else. Files are only ever
added, so two stores merge by copying the files of one into the other.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from napari_echo.core.errors import EchoError
from napari_echo.core.revision import Revision, Status
from napari_echo.io import store_index
from napari_echo.io.reading import reason
from napari_echo.io.store_files import (
    ID,
    SUFFIX,
    encode_revision,
    read_revision,
    read_without_labels,
)
from napari_echo.io.store_index import Damaged
from napari_echo.io.store_row import Row
from napari_echo.io.writing import new_file

_FULL = {errno.ENOSPC, errno.EDQUOT}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


@dataclass
class LabelStore:
    """Revisions in a folder, which is made by the first commit.

    Parameters
    ----------
    path : Path
        The folder.

    Attributes
    ----------
    damaged : list of Damaged
        The files that the last search passed over, as they are no whole revisions.
    """

    path: Path
    damaged: list[Damaged] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.path = Path(self.path)
        self._was_there = self._is_there()

    def commit(self, revision: Revision) -> Path:
        """Write a revision for good.

        The file is written under a temporary name, synced to the disk and
        renamed, so it is whole whenever it is there. When this returns, a
        power cut cannot take it away.

        Raises
        ------
        EchoError
            If an id is malformed or taken, a time has no zone or is earlier
            than a parent's, the store is gone, or the disk refuses. Nothing
            is left of the revision then.
        """
        for name in (revision.revision_id, *revision.parents):
            if not ID.fullmatch(name):
                raise EchoError(f"{name!r} is no revision id: it takes 32 hexadecimal digits.")
        if revision.revision_id in revision.parents:
            raise EchoError(f"Revision {revision.revision_id} cannot be its own parent.")
        if revision.started.tzinfo is None or revision.committed.tzinfo is None:
            raise EchoError(f"The times of the revision {revision.revision_id} need a time zone.")
        self._check_parents(revision)
        return self.put(self._file(revision.revision_id).name, encode_revision(revision))

    def put(self, name: str, data: bytes) -> Path:
        """Write the bytes of a revision's file, of whose wholeness the caller is sure.

        Raises
        ------
        EchoError
            If the name is taken, the store is gone, or the disk refuses.
        """
        self._check_there()
        path = self.path / name
        try:
            with new_file(path, replace=False) as partial:
                partial.write_bytes(data)
        except EchoError as error:
            if isinstance(error.__cause__, OSError) and not path.exists():
                raise self._refusal(error.__cause__) from error
            raise
        self._was_there = True
        return path

    def read(self, revision_id: str) -> Revision:
        """Read one revision, and check its file against its checksum.

        Raises
        ------
        EchoError
            If there is none of that id, or its file is damaged.
        """
        path = self._file(revision_id)
        if not ID.fullmatch(revision_id) or not path.is_file():
            raise EchoError(f"{self.path} has no revision {revision_id}.")
        try:
            return read_revision(path)[0]
        except EchoError:
            store_index.forget(self.path, [path.name])
            raise

    def rows(
        self,
        clip_id: str | None = None,
        *,
        study_id: str | None = None,
        reader: str | None = None,
        status: Status | None = None,
        since: datetime | None = None,
    ) -> list[Row]:
        """List revisions without their labels, from the index; the oldest first.

        Files that are no whole revisions are passed over and listed in
        `damaged`. What was damaged since it was first listed is found by
        `read` and by `io.store_verify.verify`, and listed so from then on.

        Parameters
        ----------
        clip_id, study_id, reader, status : str, optional
            Only those with this.
        since : datetime, optional
            Only those committed then or later; aware.

        Raises
        ------
        EchoError
            If the store was there and is gone, or cannot be read.
        """
        self.damaged = []
        if not self._check_there():
            return []
        wanted = {"clip_id": clip_id, "study_id": study_id, "reader": reader, "status": status}
        equal = {name: value for name, value in wanted.items() if value is not None}
        rows, self.damaged = store_index.read_rows(self.path, equal, since)
        return rows

    def ids(self) -> set[str]:
        """List the ids of the revisions by the names of their files, which are not opened.

        Raises
        ------
        EchoError
            If the store was there and is gone, or cannot be read.
        """
        if not self._check_there():
            return set()
        return {name.removesuffix(SUFFIX) for name in store_index.names_in(self.path)}

    def revisions(self, clip_id: str | None = None) -> list[Revision]:
        """All revisions, or those of one clip, the oldest first.

        Files that are no whole revisions are passed over and listed in `damaged`.
        """
        found: list[Revision] = []
        for row in self.rows(clip_id):
            try:
                found.append(self.read(row.revision_id))
            except EchoError as error:
                self.damaged.append(Damaged(self._file(row.revision_id), str(error)))
        return found

    def latest(self, clip_id: str) -> Revision | None:
        """Return the clip's revision that was committed last; None where it has none."""
        revisions = self.revisions(clip_id)
        return revisions[-1] if revisions else None

    def _file(self, revision_id: str) -> Path:
        return self.path / f"{revision_id}{SUFFIX}"

    def _is_there(self) -> bool:
        try:
            return self.path.is_dir()
        except OSError:
            return False

    def _check_there(self) -> bool:
        """Whether the folder is there; an error where it was there before.

        A store on a disk that is not connected must neither look empty nor be
        begun anew in the place where the disk should be.
        """
        if self._is_there():
            self._was_there = True
        elif self._was_there or (not self.path.exists() and store_index.remembered(self.path)):
            raise self._gone("the folder is not there")
        return self._was_there

    def _check_parents(self, revision: Revision) -> None:
        for parent in revision.parents:
            try:
                committed = read_without_labels(self._file(parent)).committed
            except EchoError:
                continue  # in another store, or damaged: no reason to refuse new labels
            if committed > revision.committed:
                raise EchoError(
                    f"Revision {revision.revision_id} was not committed: the clock says it is "
                    f"{_clock(revision.committed)}, but its parent {parent} was committed at "
                    f"{_clock(committed)}. Set this computer's clock and commit again."
                )

    def _refusal(self, error: OSError) -> EchoError:
        if error.errno in _FULL:
            return EchoError(
                f"The disk of the label store {self.path} is full: free some space, and try "
                "again. Nothing was written."
            )
        if error.errno in _READ_ONLY:
            return EchoError(
                f"The label store {self.path} cannot be written: {reason(error)}. Make it writable "
                "or choose another store, and try again."
            )
        if not self._is_there() and self._was_there:
            return self._gone(reason(error))
        return EchoError(f"The label store {self.path} cannot be written: {reason(error)}.")

    def _gone(self, why: str) -> EchoError:
        return EchoError(
            f"The label store {self.path} is gone: {why}. Connect its disk or network share again; "
            "if you removed it yourself, make a folder of that name."
        )


def _clock(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
