"""The dialog of an export: whose labels, in which format and splits, and where to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from qtpy.QtWidgets import QWidget

from napari_echo.core.errors import EchoError
from napari_echo.gui.exporting import Exchange, ExportChoice
from napari_echo.gui.panels.dialog import FormDialog, PathField, PathsField
from napari_echo.io.labelled import SPLITS
from napari_echo.workflow.export_formats import FORMATS
from napari_echo.workflow.export_splits import check_says_splits

SESSION, STORE = "session", "store"


class ExportDialog(FormDialog):
    """Asks for all that `napari-echo labels export` asks for."""

    def __init__(self, exchange: Exchange, parent: QWidget | None = None) -> None:
        super().__init__("Export labels", "Export", "Write the labels to the new folder.", parent)
        self._session_clips = exchange.session_clips()
        self._obstacles = {
            SESSION: exchange.export_obstacle(whole_store=False),
            STORE: exchange.export_obstacle(whole_store=True),
        }
        store = exchange.session.corrections.store
        where = f" in {store.path}" if store is not None else ""
        self.clips = PathsField(files=True)
        self.split_file, self.splits_from = PathField("file"), PathsField(files=False)
        self.split_file.edit.setPlaceholderText("none")
        self.out = PathField("new folder")
        self.what = self.add_choice(
            "Labels of",
            (
                ("this session's clips", SESSION, "Clips that were open since the start."),
                ("the whole label store", STORE, f"Every clip with a revision{where}."),
            ),
            "Whose committed labels are exported.",
            "export/what",
        )
        self.add_field(
            "Clips lie in",
            self.clips,
            "Where the labelled clips are: folders are searched to the bottom, and clips are "
            "known by their pixels. This session's clips need not be named. (--clips)",
        )
        self.format = self.add_choice(
            "Format",
            ((form.title, form.name, form.carries) for form in FORMATS.values()),
            "What the data set is written as. (--format)",
            "export/format",
        )
        self.fork = self.add_choice(
            "Rival labels",
            (
                ("leave the clip out", "leave", "Until a reader has resolved the fork."),
                ("let the latest count", "latest", "Of the rivals, what was committed last."),
            ),
            "What becomes of a clip with two revisions of one parent that nobody chose from. "
            "Of all other clips each frame's latest revision is taken. (--fork)",
            "export/fork",
        )
        self.split = self.add_choice(
            "Split",
            ((split, split, "") for split in SPLITS),
            "Where studies go that are in no split yet. A study is never in two. (--split)",
            "export/split",
        )
        self.add_field(
            "Split file",
            self.split_file,
            "The studies' splits, if there is a list of them: a CSV file with the columns study "
            "and split, or JSON. (--split-file)",
        )
        self.add_field(
            "Earlier exports",
            self.splits_from,
            "Exports or data sets that there are already: their studies stay in their splits. "
            "(--splits-from)",
        )
        self.view = self.add_choice(
            "View if unknown",
            (("unknown", "unknown", ""), ("A4C", "A4C", ""), ("A2C", "A2C", "")),
            "View of the clips whose files do not say theirs; CAMUS holds no clip of an unknown "
            "view. (--view)",
            "export/view",
        )
        self.add_field(
            "New folder",
            self.out,
            "The folder to make, with all its path. It comes whole or not at all. (--out)",
        )
        # What cannot be exported is not offered first.
        if self._obstacles[self._source()]:
            other = STORE if self._source() == SESSION else SESSION
            if not self._obstacles[other]:
                self.what.setCurrentIndex(self.what.findData(other))
        if exchange.unfinished is not None:
            self._take_up(exchange.unfinished)
        for field in (self.clips, self.split_file, self.splits_from, self.out):
            field.changed.connect(self.check)
        self.check()

    def _take_up(self, choice: ExportChoice) -> None:
        """Begin with the paths of an export that was not done."""
        self.clips.add(choice.clips)
        self.splits_from.add(choice.splits_from)
        self.split_file.edit.setText(str(choice.split_file or ""))
        self.out.edit.setText(str(choice.out))

    def _source(self) -> str:
        return str(self.what.currentData())

    def check(self) -> None:
        """Show what the source needs, and let OK be pressed or say why it cannot be."""
        self.show_field(self.clips, self._source() == STORE)
        format = FORMATS[str(self.format.currentData())]
        self.format.setToolTip(f"{format.carries} (--format {format.name})")
        named = "labelled-set" if format.name == "clips" else f"labelled-set-{format.name}"
        self.out.suggested = named
        super().check()

    def obstacle(self) -> str:
        """Say in one sentence what is missing; empty where nothing is."""
        reason = self._obstacles[self._source()]
        found = self._session_clips or self.clips.paths()
        if not reason and self._source() == STORE and not found:
            reason = "Say where the labelled clips lie: add a folder or files."
        file = self.split_file.path()
        if not reason and file is not None and not file.is_file():
            reason = f"There is no split file {file}."
        reason = reason or _splits_obstacle(self.splits_from.paths())
        return reason or new_folder_obstacle(self.out.path())

    def choice(self) -> ExportChoice:
        """Return what was chosen."""
        out = self.out.path()
        assert out is not None
        whole_store = self._source() == STORE
        return ExportChoice(
            out,
            whole_store,
            self.clips.paths() if whole_store else (),
            str(self.format.currentData()),
            str(self.split.currentData()),
            self.split_file.path(),
            self.splits_from.paths(),
            self.fork.currentData(),
            str(self.view.currentData()),
        )


def _splits_obstacle(folders: Iterable[Path]) -> str:
    """Say in one sentence which folder is no earlier export; empty where all are, it seems."""
    try:
        for folder in folders:
            check_says_splits(folder)
    except EchoError as error:
        return str(error)
    return ""


def new_folder_obstacle(path: Path | None) -> str:
    """Say in one sentence why a folder cannot be made; empty where it can, it seems."""
    if path is None:
        return "Choose the new folder."
    if not path.is_absolute():
        return "Give the new folder with all its path."
    if path.exists():
        return f"{path} exists already; give the name of a new folder."
    if not path.parent.is_dir():
        return f"There is no folder {path.parent} to make the new one in."
    return ""
