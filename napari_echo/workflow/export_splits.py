"""Which split a study goes to: the one that it has in earlier exports and data sets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from napari_echo.core.errors import EchoError
from napari_echo.io.labelled import SPLITS, UNASSIGNED
from napari_echo.io.splits import read_split_file

MANIFEST = "manifest.json"
"""Name of an export's manifest, which `napari_echo.workflow.export_labels` writes."""


class Splits:
    """The splits of studies, each of which has one; what they are, is kept as clips come.

    A clip is told by its id, too: under another study's name it stays in its split.

    Parameters
    ----------
    default : str
        Split of the studies that nothing is known of.
    file : Path or None
        A split file (`io.splits.read_split_file`).
    folders : iterable of Path
        Earlier exports, clip data sets, or folders of EchoNet-Dynamic or CAMUS.

    Raises
    ------
    EchoError
        If a split is unknown, one of these cannot be read, or they put one
        study in two splits.
    """

    def __init__(
        self, default: str = "train", file: Path | None = None, folders: Iterable[Path] = ()
    ) -> None:
        if default not in SPLITS:
            raise EchoError(f"There is no split '{default}'; use one of {', '.join(SPLITS)}.")
        self.default = default
        self._split_of: dict[str, tuple[str, str]] = {}
        if file is not None:
            for study, split in read_split_file(file).items():
                self._keep([f"study {study}"], split, str(file))
        for folder in folders:
            for study, clip_id, split in _read(Path(folder)):
                if split != UNASSIGNED:
                    names = [f"study {study}", *([f"clip {clip_id}"] if clip_id else [])]
                    self._keep(names, split, str(folder))

    def assign(self, clip_id: str, studies: Iterable[str]) -> str:
        """Give a clip the split of its study.

        Parameters
        ----------
        clip_id : str
            The clip.
        studies : iterable of str
            The names that its study goes by.

        Raises
        ------
        EchoError
            If they are in two splits.
        """
        names = [f"clip {clip_id}", *(f"study {study}" for study in studies)]
        known = next((self._split_of[name] for name in names if name in self._split_of), None)
        split, origin = known or (self.default, "this export")
        self._keep(names, split, origin)
        return split

    def _keep(self, names: Iterable[str], split: str, origin: str) -> None:
        for name in names:
            found, where = self._split_of.setdefault(name, (split, origin))
            if found != split:
                raise EchoError(
                    f"The {name} is in the split '{found}' by {where}, but would be in '{split}' "
                    f"by {origin}: a patient belongs in one split. Give it one in a split file."
                )


def check_says_splits(folder: Path) -> None:
    """Refuse a folder that is no export and no data set, without reading it.

    Raises
    ------
    EchoError
        If it is missing, or says nothing of splits.
    """
    if not folder.is_dir():
        raise EchoError(f"There is no folder {folder}.")
    if not any((folder / name).exists() for name in _READERS):
        names = ", ".join(_READERS)
        raise EchoError(f"{folder} says nothing of splits: it has none of {names}.")


def _read(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Study, clip id ("" where the data set has none) and split of each clip of a data set."""
    check_says_splits(folder)
    yield from next(read for name, read in _READERS.items() if (folder / name).exists())(folder)


def _read_manifest(folder: Path) -> Iterator[tuple[str, str, str]]:
    path = folder / MANIFEST
    try:
        for clip in json.loads(path.read_text(encoding="utf-8"))["clips"]:
            if clip["split"] not in SPLITS:
                raise ValueError(f"an unknown split, {clip['split']!r}")
            for study in {str(clip["study_id"]), *map(str, clip.get("also_known_as", ()))}:
                yield study, str(clip["clip_id"]), str(clip["split"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EchoError(f"{path} is damaged: {error!r}.") from error


def _read_clipset(folder: Path) -> Iterator[tuple[str, str, str]]:
    from napari_echo.io.clipset import open_clipset

    for entry in open_clipset(folder).entries:
        yield entry.study_id, entry.clip_id, entry.split


def _read_echonet(folder: Path) -> Iterator[tuple[str, str, str]]:
    from napari_echo.io.echonet import list_echonet

    for source in list_echonet(folder):
        yield source.study_id, "", source.split


def _read_camus(folder: Path) -> Iterator[tuple[str, str, str]]:
    from napari_echo.io.camus_layout import read_splits

    for patient, split in read_splits(folder).items():
        yield patient, "", split


# By the file that a data set is told by; the first that is there counts.
_READERS: dict[str, Callable[[Path], Iterator[tuple[str, str, str]]]] = {
    MANIFEST: _read_manifest,
    "index.json": _read_clipset,
    "FileList.csv": _read_echonet,
    "database_split": _read_camus,
}
